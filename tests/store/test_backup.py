"""Backups while the database is in use, and restores that mail nobody twice by themselves."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from newsletter.audience import departures
from newsletter.errors import DatabaseBusyError, DatabaseVersionError, NotFoundError, StoreError
from newsletter.models import DeliveryState, Outcome, SendState
from newsletter.store import Restored, Store, open_store, restore
from newsletter.store.failures import translated
from newsletter.store.schema import MIGRATION_SET
from tests.store.samples import START, Clock, planned, profile, take_in


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "copy.db"


def files(path: Path) -> set[str]:
    return {one.name for one in path.parent.iterdir()}


def contents(path: Path) -> list[str]:
    """What stands in a database, whatever way it is written down."""
    with closing(sqlite3.connect(path)) as raw:
        return list(raw.iterdump())


def test_a_backup_while_others_read_and_write(store: Store, path: Path, copy: Path, clock: Clock) -> None:
    take_in(store, profile("ana"))
    token = store.keys.current("token")
    project = store.project_id
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("INSERT INTO usage (relay, minute, sent) VALUES ('x', 1, 1)")
        store.backup(copy)
        other.execute("COMMIT")
    assert files(copy) == {"subscribers.db", "subscribers.db-wal", "subscribers.db-shm", "copy.db"}
    with open_store(copy, now=clock) as found:
        assert found.project_id == project
        assert found.keys.current("token") == token
        assert [p.profile.address.text for p in found.people.select()] == ["ana@example.org"]


@pytest.fixture
def open_umask() -> Iterator[None]:
    """Whatever is made without saying more can be read and written by everybody."""
    before = os.umask(0)
    yield
    os.umask(before)


def modes(path: Path) -> dict[str, int]:
    return {one.name: one.stat().st_mode & 0o777 for one in path.parent.iterdir()}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
@pytest.mark.usefixtures("open_umask")
def test_only_the_owner_can_read_what_is_made(path: Path, copy: Path, clock: Clock) -> None:
    with open_store(path, now=clock) as store:
        take_in(store, profile("ana"))
        store.backup(copy)
        found = modes(path)
        assert len(found) == 4
        assert set(found.values()) == {0o600}
    restore(copy, path, now=clock)
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("DELETE FROM _sqlite_migrations WHERE name = '005_left_anew'")
    with suppress(StoreError), open_store(path, now=clock):
        pass
    found = modes(path)
    assert sum(".before-" in name for name in found) == 2
    assert set(found.values()) == {0o600}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_database_that_its_owner_opened_to_others_stays_so(path: Path, copy: Path, clock: Clock) -> None:
    with open_store(path, now=clock) as store:
        store.backup(copy)
    path.chmod(0o664)
    with open_store(path, now=clock) as store:
        take_in(store, profile("ana"))
        assert modes(path)["subscribers.db-wal"] == 0o664
    kept = restore(copy, path, now=clock).kept
    assert kept is not None
    assert modes(path) == {"subscribers.db": 0o664, "copy.db": 0o600, kept.name: 0o600}


def test_a_backup_overwrites_nothing(store: Store, copy: Path) -> None:
    copy.write_text("precious")
    with pytest.raises(StoreError, match="never overwrites"):
        store.backup(copy)
    assert copy.read_text() == "precious"


def test_a_backup_that_cannot_be_written_says_so(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be"):
        store.backup(tmp_path / "no such folder" / "copy.db")


def test_restoring_keeps_what_stood_there_and_pauses_sends(path: Path, copy: Path, clock: Clock) -> None:
    with open_store(path, now=clock) as store:
        take_in(store, *(profile(f"p{n}") for n in range(5)))
        running = planned(store, "running")
        ready = planned(store, "ready", run=False)
        done = planned(store, "done")
        store.sends.set_state(done.id, SendState.DONE)
        store.backup(copy)
        journal = store.journal(running.id, "relay")
        claims = journal.exchange([], 5).claims
        journal.exchange([Outcome(delivery=c.delivery, state=DeliveryState.SENT) for c in claims], 0)
    kept = restore(copy, path, now=clock).kept
    assert kept is not None
    assert files(path) == {"subscribers.db", "copy.db", kept.name}
    with closing(sqlite3.connect(kept)) as raw:
        assert raw.execute("SELECT count(*) FROM deliveries WHERE state = 'sent'").fetchone() == (5,)
    with open_store(path, now=clock) as store:
        states = {send.id: send for send in store.sends.all()}
        assert states[done.id].state is SendState.DONE
        for send in (running, ready):
            assert states[send.id].state is SendState.PAUSED
            assert "restored from a backup made at 2026-09-2" in states[send.id].reason
        assert store.journal(running.id, "relay").exchange([], 64).claims == []
        assert store.sends.tally("running").sent == 5
        assert store.sends.tally("ready").planned == 5
    again = restore(copy, path, now=clock).kept
    assert again is not None
    assert again != kept


def test_restoring_where_nothing_stood(store: Store, copy: Path, tmp_path: Path, clock: Clock) -> None:
    take_in(store, profile("ana"))
    target = tmp_path / "elsewhere" / "subscribers.db"
    target.parent.mkdir()
    planned(store)
    store.backup(copy.with_name("sends.db"))
    assert restore(copy.with_name("sends.db"), target, now=clock) == Restored(kept=None, carried=None)
    with open_store(target, now=clock) as found:
        assert found.people.count() == 1
        assert "is not known here" in found.sends.all()[0].reason


def test_a_database_in_use_is_not_replaced(store: Store, path: Path, copy: Path, clock: Clock) -> None:
    take_in(store, profile("ana"))
    store.backup(copy)
    take_in(store, profile("ben"))
    with pytest.raises(DatabaseBusyError, match="another program holds"):
        restore(copy, path, now=clock)
    take_in(store, profile("cleo"))
    assert store.people.count() == 3
    assert not [name for name in files(path) if "restor" in name]


def test_a_leaving_while_a_restore_runs_waits_for_it_and_is_kept(
    path: Path, copy: Path, clock: Clock
) -> None:
    with open_store(path, now=clock) as store:
        take_in(store, profile("ana"), profile("ben"))
        store.backup(copy)

    def leave() -> None:
        with open_store(path, now=clock) as other:
            departures.unsubscribe_address(other, profile("ana").address, source="link", now=START)

    leaving = threading.Thread(target=leave)

    def in_the_middle(_: int) -> str:
        leaving.start()
        leaving.join(0.3)
        return "noon"

    restore(copy, path, now=clock, moment=in_the_middle)
    leaving.join()
    with open_store(path, now=clock) as store:
        states = {person.profile.address.text: person.state for person in store.people.select()}
        assert states == {"ana@example.org": "unsubscribed", "ben@example.org": "active"}


@pytest.mark.skipif(os.name == "nt", reason="Windows renames over no open file: the restore is refused")
def test_who_opened_a_database_that_is_replaced_cannot_write_into_it(
    path: Path, copy: Path, clock: Clock
) -> None:
    with open_store(path, now=clock) as store:
        store.backup(copy)
    opened: list[sqlite3.Connection] = []

    def in_the_middle(_: int) -> str:
        opened.append(sqlite3.connect(path, timeout=0))
        return "noon"

    restore(copy, path, now=clock, moment=in_the_middle)
    with (
        closing(opened[0]) as other,
        pytest.raises(StoreError, match="took this one's place"),
        translated(path),
    ):
        other.execute("INSERT INTO usage (relay, minute, sent) VALUES ('x', 1, 1)")


@pytest.mark.parametrize("what", ["no database", "damaged", "newer", "foreign", "empty", "missing"])
def test_what_is_no_good_backup_changes_nothing(path: Path, copy: Path, clock: Clock, what: str) -> None:
    with open_store(path, now=clock) as store:
        take_in(store, *(profile(f"p{n:04}", name="n" * 100) for n in range(500)))
        if what != "missing":
            store.backup(copy)
    if what == "no database":
        copy.write_bytes(b"email\nana@example.org\n" * 100)
    elif what == "damaged":
        data = bytearray(copy.read_bytes())
        for page in range(20, len(data) // 4096, 2):
            data[page * 4096 : page * 4096 + 2048] = b"\xa5" * 2048
        copy.write_bytes(data)
    elif what == "empty":
        copy.write_bytes(b"")
    elif what == "foreign":
        copy.unlink()
        with closing(sqlite3.connect(copy)) as raw:
            raw.execute("CREATE TABLE recipes (name TEXT)")
    elif what == "newer":
        with closing(sqlite3.connect(copy)) as raw, raw:
            raw.execute(
                "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES (?, '999', '')",
                [MIGRATION_SET],
            )
    before = contents(path)
    with pytest.raises((StoreError, NotFoundError)) as caught:
        restore(copy, path, now=clock)
    assert isinstance(caught.value, DatabaseVersionError) is (what == "newer")
    assert contents(path) == before
    assert files(path) <= {"subscribers.db", "copy.db"}


def test_a_damaged_database_can_be_replaced(path: Path, copy: Path, clock: Clock) -> None:
    with open_store(path, now=clock) as store:
        take_in(store, profile("ana"))
        store.backup(copy)
    path.write_bytes(b"\xa5" * 40_000)
    path.with_name("subscribers.db-wal").write_bytes(b"left over")
    restored = restore(copy, path, now=clock)
    assert restored.kept is not None
    assert restored.carried is not None
    assert "damaged" in restored.carried.why_not
    assert restored.kept.read_bytes() == b"\xa5" * 40_000
    with open_store(path, now=clock) as store:
        assert store.people.count() == 1


def test_the_time_of_the_backup_is_not_carried_on(store: Store, path: Path, copy: Path, clock: Clock) -> None:
    store.backup(copy)
    store.close()
    restore(copy, path, now=clock)
    with open_store(path, now=clock) as found:
        assert found._connection.rows("SELECT key FROM meta") == [("project_id",)]
        assert found.keys.current("token").created == START
