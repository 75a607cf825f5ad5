"""A restore between databases of this program and of older ones: who left since the backup stays out."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsletter.errors import StoreError
from newsletter.store import Carried, open_store, restore
from newsletter.store.database import Connection
from newsletter.store.schema import STEPS, migrate
from tests.store.samples import START, Clock

NEWEST = len(STEPS)
PAIRS = [
    *((number, NEWEST) for number in range(1, NEWEST + 1)),
    *((NEWEST, number) for number in range(1, NEWEST)),
    *((number, number) for number in range(1, 4)),
    (1, 2),
    (2, 1),
]


def made_by(path: Path, steps: int) -> Connection:
    """The database of a program that knew so many steps: three people in a list."""
    connection = Connection(path)
    migrate(connection, {name: STEPS[name] for name in list(STEPS)[:steps]})
    connection.run("UPDATE meta SET value = 'p' WHERE key = 'project_id'")
    connection.run("INSERT INTO keys (purpose, secret, created) VALUES ('suppression', ?, 1)", [b"k" * 32])
    connection.run("INSERT INTO lists (name, created) VALUES ('dentists', 1)")
    connection.run("INSERT INTO grounds (list) VALUES ('dentists')")
    for number in range(3):
        subject, address = bytes([number]) * 12, f"p{number}@example.org"
        connection.run(
            "INSERT INTO subscribers (subject, address_mac, address, address_key, created, updated) "
            "VALUES (?, ?, ?, ?, 1, 1)",
            [subject, bytes([number]) * 32, address, address],
        )
        event = connection.insert(
            "INSERT INTO consent_events (subject, kind, at, ground) VALUES (?, 'added', 1, 1)", [subject]
        )
        connection.run("INSERT INTO memberships VALUES (?, 1, 'active', 1, ?)", [subject, event])
    return connection


def go_on(connection: Connection, steps: int) -> None:
    """The first one leaves, and the second is mailed, where such a program can send."""
    event = connection.insert(
        "INSERT INTO consent_events (subject, kind, at, ground) VALUES (?, 'left', 9, 1)", [bytes(12)]
    )
    connection.run(
        "UPDATE memberships SET state = 'left', since = 9, event = ? WHERE subject = ?", [event, bytes(12)]
    )
    if steps > 1:
        connection.run("INSERT INTO issues (slug, created) VALUES ('i', 1)")
        connection.run("INSERT INTO stencils (digest, data) VALUES (?, x'00')", [b"d" * 32])
        connection.run(
            "INSERT INTO sends (issue, audience, state, seed, created) "
            "VALUES (1, 'dentists', 'running', ?, 1)",
            [b"s" * 32],
        )
        connection.run(
            "INSERT INTO deliveries (issue, subscriber, send, stencil, state, attempts, updated) "
            "VALUES (1, ?, 1, 1, 'sent', 1, 5)",
            [b"\1" * 12],
        )


@pytest.mark.parametrize(("backup", "replaced"), PAIRS)
def test_what_happened_since_is_carried_between_any_two_programs(
    tmp_path: Path, clock: Clock, backup: int, replaced: int
) -> None:
    copy, path = tmp_path / "copy.db", tmp_path / "subscribers.db"
    made_by(copy, backup).close()
    old = made_by(path, replaced)
    go_on(old, replaced)
    old.close()
    mailed = int(replaced > 1)
    assert restore(copy, path, now=clock).carried == Carried(gone=1, mailed=mailed)
    assert not [one.name for one in tmp_path.iterdir() if "restoring" in one.name]
    with open_store(path, now=clock) as store:
        rows = store._connection.rows
        assert rows("SELECT state FROM memberships ORDER BY subject") == [("left",), ("active",), ("active",)]
        assert rows("SELECT state FROM deliveries") == [("sent",)] * mailed
        assert rows("PRAGMA foreign_key_check") == []


def test_a_mistake_in_carrying_is_not_taken_for_damage(tmp_path: Path, clock: Clock) -> None:
    """Nothing is replaced then: whoever left since would be mailed again."""
    copy, path = tmp_path / "copy.db", tmp_path / "subscribers.db"
    made_by(copy, NEWEST).close()
    old = made_by(path, NEWEST)
    go_on(old, NEWEST)
    old.run("ALTER TABLE joins RENAME COLUMN asked TO asked_for")
    old.close()
    with pytest.raises(StoreError, match="asked"):
        restore(copy, path, now=lambda: START)
    with open_store(path, now=clock) as store:
        assert store._connection.value("SELECT count(*) FROM memberships WHERE state = 'left'") == 1
