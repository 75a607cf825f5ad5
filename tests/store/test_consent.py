"""Consent events that stay, suppressions that stand, keys that turn, names that are shared."""

from __future__ import annotations

import hmac
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlite_utils import Database

from newsletter.errors import NotFoundError, StoreError, UsageError
from newsletter.mac import Mac
from newsletter.models import ConsentEvent, ConsentKind, SuppressionKind
from newsletter.store import Store
from newsletter.store.keys import SUPPRESSION
from tests.store.samples import Clock, profile, take_in

ANA = b"a" * 12


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE consent_events SET kind = 'left'",
        "UPDATE consent_events SET at = 0 WHERE id = 1",
        "DELETE FROM consent_events",
        "INSERT OR REPLACE INTO consent_events (id, subject, kind, at, ground) "
        "VALUES (1, x'616161616161616161616161', 'left', 0, 1)",
        "UPDATE grounds SET wording = 'I agree to everything'",
        "DELETE FROM grounds",
        "INSERT OR REPLACE INTO grounds (id, wording) VALUES (1, 'I agree to everything')",
    ],
)
@pytest.mark.parametrize("recursive", ["on", "off"])
def test_consent_events_are_only_ever_added(store: Store, sql: str, recursive: str) -> None:
    event = ConsentEvent(
        subject=ANA, kind=ConsentKind.JOINED, at=5, list_name="dentists", wording="Yes, send me it."
    )
    store.consent.append(event)
    store._connection.raw.execute(f"PRAGMA recursive_triggers = {recursive}")
    with pytest.raises(StoreError, match="only ever added|never changed"):
        store._connection.run(sql)
    assert store.consent.of(ANA) == [event]


def test_events_come_back_as_they_were_in_their_order(store: Store) -> None:
    events = [
        ConsentEvent(
            subject=ANA,
            kind=kind,
            at=n,
            list_name="dentists",
            source="form",
            wording="Oui",
            language="fr",
            page="/join",
        )
        for n, kind in enumerate(ConsentKind)
    ]
    for event in events:
        store.consent.append(event)
    store.consent.append(ConsentEvent(subject=b"b" * 12, kind=ConsentKind.ADDED, at=0))
    assert store.consent.of(ANA) == events
    assert [event.subject for event in store.consent.all()] == [ANA] * len(events) + [b"b" * 12]
    assert store._connection.value("SELECT count(*) FROM grounds") == 2


def test_suppressions_are_found_by_address_and_the_strongest_comes_first(store: Store, clock: Clock) -> None:
    key = "ana@example.org"
    assert store.suppressions.add(key, SuppressionKind.BOUNCED, "550")
    clock.at += 5
    assert not store.suppressions.add(key, SuppressionKind.BOUNCED, "551")
    assert store.suppressions.add(key, SuppressionKind.COMPLAINED)
    found = store.suppressions.of(key)
    assert [one.kind for one in found] == [SuppressionKind.COMPLAINED, SuppressionKind.BOUNCED]
    assert found[1].reason == "550"
    assert store.suppressions.lift(key, SuppressionKind.COMPLAINED)
    assert not store.suppressions.lift(key, SuppressionKind.COMPLAINED)
    assert [one.kind for one in store.suppressions.of(key)] == [SuppressionKind.BOUNCED]
    assert store.suppressions.of("other@example.org") == []


def test_a_key_is_made_once_turned_and_revoked(store: Store, clock: Clock) -> None:
    first = store.keys.current("token")
    assert store.keys.current("token") == first
    assert len(first.secret) == 32
    clock.at += 1
    second = store.keys.rotate("token")
    assert store.keys.current("token") == second
    assert second.secret != first.secret
    assert set(store.keys.all("token")) == {first.id, second.id}
    assert store.keys.all("token")[first.id].retired == clock.at
    store.keys.revoke(first.id)
    assert set(store.keys.all("token")) == {second.id}
    store.keys.revoke(second.id)
    (third,) = store.keys.all("token")
    assert third not in {first.id, second.id}, "whoever only reads finds a current key"
    assert store.keys.current("token").id == third
    assert store.keys.all("other") == {}
    with pytest.raises(NotFoundError):
        store.keys.revoke(99)


def test_the_key_of_the_suppressions_never_changes(store: Store) -> None:
    store.suppressions.add("ana@example.org", SuppressionKind.UNSUBSCRIBED)
    for change in (
        lambda: store.keys.rotate(SUPPRESSION),
        lambda: store.keys.revoke(store.keys.current(SUPPRESSION).id),
    ):
        with pytest.raises(StoreError, match="never changes"):
            change()
    assert store.suppressions.of("ana@example.org")


@given(st.binary(min_size=0, max_size=200), st.binary(max_size=300))
def test_the_prepared_hmac_is_hmac(secret: bytes, text: bytes) -> None:
    mac = Mac(secret)
    assert mac(text) == hmac.digest(secret, text, "sha256") == mac(text)


def test_lists_and_segments_share_their_names(store: Store) -> None:
    store.lists.create("dentists", "Dentists")
    store.segments.save("french", "language:fr")
    with pytest.raises(UsageError, match="list 'Dentists' already"):
        store.segments.save("Dentists", "country:FR")
    with pytest.raises(UsageError, match="segment 'FRENCH' already"):
        store.lists.create("FRENCH")
    with pytest.raises(UsageError, match="list 'dentists' already"):
        store.lists.create("dentists")
    for sql in (
        "INSERT INTO lists (name, created) VALUES ('French', 1)",
        "INSERT INTO segments (name, expression, created) VALUES ('DENTISTS', 'x:y', 1)",
        "UPDATE lists SET name = 'french'",
        "UPDATE segments SET name = 'dentists'",
    ):
        with pytest.raises(StoreError, match="this name already"):
            store._connection.run(sql)
    store.segments.save("french", "language:fr,wo")
    assert store.segments.expressions() == {"french": "language:fr,wo"}
    store.segments.remove("french")
    with pytest.raises(NotFoundError):
        store.segments.remove("french")


@pytest.mark.parametrize("name", ["", " ", "a b", "list:x", "a,b", "-x", '"x"', "x" * 65, "a\nb"])
def test_names_that_nobody_could_type_are_refused(store: Store, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name"):
        store.lists.create(name)
    with pytest.raises(UsageError, match="cannot be the name"):
        store.segments.save(name, "country:FR")


def test_lists_count_their_members(store: Store) -> None:
    take_in(store, profile("ana"), profile("ben"))
    take_in(store, profile("cleo"), source="")
    info = store.lists.get("Dentists")
    assert info is not None
    assert (info.active, info.pending, info.left) == (2, 1, 0)
    assert store.lists.get("nobody") is None


def test_personal_data_stands_in_one_table_only(store: Store) -> None:
    secret_word = f"zebra{os.getpid()}"
    take_in(store, profile(secret_word, name=secret_word, attributes={"note": secret_word}))
    dump = [
        (table.name, row)
        for table in Database(store._connection.raw).tables
        for row in table.rows
        if secret_word in repr(row)
    ]
    assert {name for name, _ in dump} == {"subscribers"}
