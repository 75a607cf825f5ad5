"""A backup is restored, and whoever left, was erased or was mailed since then stays so."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.audience import departures
from newsletter.models import (
    ConsentEvent,
    ConsentKind,
    DeliveryState,
    MembershipState,
    Outcome,
    SendState,
    SuppressionKind,
)
from newsletter.store import Carried, Store, open_store, restore
from tests.store.samples import START, STENCIL, Clock, planned, profile, segment, take_in

LATER = START + 60_000
SENT, UNKNOWN, FAILED, DEFERRED = (
    DeliveryState.SENT,
    DeliveryState.UNKNOWN,
    DeliveryState.FAILED,
    DeliveryState.DEFERRED,
)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "copy.db"


@pytest.fixture
def store(path: Path, clock: Clock) -> Iterator[Store]:
    with open_store(path, now=clock) as opened:
        yield opened


def brought_back(store: Store, copy: Path, clock: Clock) -> Carried:
    """Close the database and restore the backup over it."""
    store.close()
    carried = restore(copy, store.path, now=clock).carried
    assert carried is not None
    return carried


def leave_list(store: Store, local: str, list_name: str = "dentists") -> None:
    found = store.people.get(f"{local}@example.org")
    assert found is not None
    with store.transaction():
        event = store.consent.append(
            ConsentEvent(subject=found.subject, kind=ConsentKind.LEFT, at=LATER, list_name=list_name)
        )
        store.people.join(found.subject, list_name, MembershipState.LEFT, event, LATER)


def states(store: Store, slug: str) -> dict[str, str]:
    return {d.address.partition("@")[0]: d.state.value for d in store.sends.deliveries(slug)}


def send_on(store: Store, slug: str, *outcomes: DeliveryState, claim_more: int = 0) -> list[str]:
    """Make a send and finish some of its deliveries; further ones stay claimed -> who, in order."""
    running = planned(store, slug)
    journal = store.journal(running.id, "relay")
    claims = journal.exchange([], len(outcomes) + claim_more).claims
    journal.exchange(
        [Outcome(delivery=c.delivery, state=s) for c, s in zip(claims, outcomes, strict=False)], 0
    )
    return [c.profile.address.text.partition("@")[0] for c in claims]


def test_who_left_or_was_erased_since_the_backup_stays_out(store: Store, copy: Path, clock: Clock) -> None:
    take_in(store, *(profile(name, name="Sample") for name in ("ana", "ben", "cleo", "dan", "eve", "fay")))
    before = {p.profile.address.text: p.subject for p in store.people.select()}
    store.backup(copy)
    clock.at = LATER
    departures.unsubscribe_address(store, profile("ana").address, source="mail of 3 May", now=LATER)
    departures.erase_person(
        store, next(p for p in store.people.select() if "ben" in p.profile.address.text), now=LATER
    )
    store.suppressions.add("cleo@example.org", SuppressionKind.BOUNCED, "5.1.1")
    leave_list(store, "dan")
    departures.unsubscribe_address(store, profile("stranger").address, source="mail", now=LATER)
    take_in(store, profile("new"))
    assert brought_back(store, copy, clock) == Carried(gone=5)
    with open_store(store.path, now=clock) as found:
        people = {p.profile.address.text.partition("@")[0]: p for p in found.people.select()}
        assert {name: p.state for name, p in people.items()} == {
            "ana": "unsubscribed",
            "cleo": "bounced",
            "dan": "unsubscribed",
            "eve": "active",
            "fay": "active",
        }
        ana, ben = (before[f"{name}@example.org"] for name in ("ana", "ben"))
        assert [(e.kind, e.at, e.source) for e in found.consent.of(ana)][1:] == [
            (ConsentKind.UNSUBSCRIBED, LATER, "mail of 3 May")
        ]
        assert found.consent.of(ben)[-1].kind is ConsentKind.ERASED
        assert [e.kind for e in found.consent.of(people["dan"].subject)] == [
            ConsentKind.IMPORTED,
            ConsentKind.LEFT,
        ]
        report = take_in(found, *(profile(name) for name in ("ana", "ben", "cleo", "dan", "stranger", "new")))
        assert (report.added, report.suppressed) == (1, 5)
        assert found._connection.rows("PRAGMA foreign_key_check") == []
    assert b"ben@example.org" not in store.path.read_bytes()


def test_a_list_that_was_renamed_since_is_known_by_its_number(store: Store, copy: Path, clock: Clock) -> None:
    take_in(store, profile("ana"), profile("ben"))
    store.backup(copy)
    store.lists.rename("dentists", "dental")
    store.lists.ensure("dentists")
    store.lists.hide("dental", hidden=True)
    clock.at = LATER
    leave_list(store, "ana", "dental")
    send = planned(store, "issue", "dental")
    (claim,) = store.journal(send.id, "relay").exchange([], 64).claims
    assert claim.profile.address.text == "ben@example.org"
    assert brought_back(store, copy, clock) == Carried(gone=1, mailed=1)
    with open_store(store.path, now=clock) as back:
        people = {p.profile.address.text: p.state for p in back.people.select()}
        assert people == {"ana@example.org": "unsubscribed", "ben@example.org": "active"}
        assert back.lists.names() == ["dentists"]
        assert back.lists.offered() == []


def test_who_came_back_since_an_older_loss_is_not_thrown_out(store: Store, copy: Path, clock: Clock) -> None:
    """A membership that is newer in the backup than the leaving elsewhere stands."""
    take_in(store, profile("ana"))
    store.backup(copy)
    leave_list(store, "ana")
    store.close()
    with open_store(copy, now=clock) as newer:
        found = newer.people.get("ana@example.org")
        assert found is not None
        with newer.transaction():
            event = newer.consent.append(
                ConsentEvent(subject=found.subject, kind=ConsentKind.CONFIRMED, at=LATER + 1)
            )
            newer.people.join(found.subject, "dentists", MembershipState.ACTIVE, event, LATER + 1)
    assert brought_back(store, copy, clock).gone == 0
    with open_store(store.path, now=clock) as back:
        assert [p.state for p in back.people.select()] == ["active"]


def test_restoring_twice_carries_the_same_and_doubles_nothing(store: Store, copy: Path, clock: Clock) -> None:
    take_in(store, *(profile(f"p{n}") for n in range(4)))
    store.backup(copy)
    departures.unsubscribe_address(store, profile("p0").address, source="mail", now=LATER)
    send_on(store, "issue", SENT, SENT)
    store.close()
    for cut_short in ((("issue", "dentists", 1),), ()):
        carried = restore(copy, store.path, now=clock).carried
        assert carried == Carried(gone=1, mailed=2, cut_short=cut_short)
    with open_store(store.path, now=clock) as found:
        assert len(list(found.consent.all())) == 5
        assert len(found.sends.all()) == 1


@pytest.mark.parametrize("broken_off", [True, False])
def test_a_plan_that_the_backup_caught_unfinished_takes_nobody_with_it(
    store: Store, copy: Path, clock: Clock, broken_off: bool
) -> None:
    take_in(store, *(profile(f"p{n}") for n in range(5)))
    dentists = segment(store, "dentists")
    send = store.sends.create("issue", "dentists", START)
    store.sends.approve(send.id, {STENCIL: ("en", 0, b"stencil bytes")})
    if broken_off:
        store.sends.plan(send.id, dentists, [], lambda language, mask: STENCIL)
        store._connection.raw.execute("DROP TRIGGER sends_are_not_planned_again")
        store._connection.run("UPDATE sends SET state = 'planning'")
    store.backup(copy)
    if broken_off:
        store.sends.discard_plans("issue")
        send = planned(store, "issue")
    else:
        store.sends.plan(send.id, dentists, [], lambda language, mask: STENCIL)
        store.sends.set_state(send.id, SendState.RUNNING)
    journal = store.journal(send.id, "relay")
    claims = journal.exchange([], 64).claims
    journal.exchange([Outcome(delivery=claim.delivery, state=SENT) for claim in claims], 0)
    assert brought_back(store, copy, clock).mailed == 5
    with open_store(store.path, now=clock) as back:
        back.sends.discard_plans("issue")
        assert set(states(back, "issue").values()) == {"sent"}
        assert back.sends.newcomers("issue", segment(back, "dentists")) == 0
        assert back._connection.rows("PRAGMA foreign_key_check") == []


@pytest.mark.parametrize("sends_before", [True, False])
def test_who_was_mailed_since_the_backup_is_not_mailed_again(
    store: Store, copy: Path, clock: Clock, sends_before: bool
) -> None:
    take_in(store, *(profile(f"p{n}") for n in range(6)))
    if sends_before:
        planned(store, "issue")
        store.sends.issue_number("other")
    store.backup(copy)
    if sends_before:
        running = store.sends.all()[0]
        journal = store.journal(running.id, "relay")
        claims = journal.exchange([], 5).claims
        wanted = [SENT, UNKNOWN, FAILED, DEFERRED]
        journal.exchange(
            [Outcome(delivery=c.delivery, state=s) for c, s in zip(claims, wanted, strict=False)], 0
        )
        who = [c.profile.address.text.partition("@")[0] for c in claims]
    else:
        who = send_on(store, "issue", SENT, UNKNOWN, FAILED, DEFERRED, claim_more=1)
    number = store.sends.issue_number("issue")
    assert brought_back(store, copy, clock).mailed == 3
    with open_store(store.path, now=clock) as found:
        assert found.sends.issue_number("issue") == number
        seen = states(found, "issue")
        assert [seen[who[n]] for n in (0, 1, 4)] == ["sent", "unknown", "unknown"]
        rest = {f"p{n}" for n in range(6)} - {who[0], who[1], who[4]}
        assert {seen.get(name, "planned") for name in rest} == {"planned"}
        assert found.usage.sent_since("relay", 0) == 3
        reasons = {d.reason for d in found.sends.deliveries("issue") if d.state is SENT}
        assert reasons == {"known from the database that was replaced"}
        send = found.sends.all()[0]
        assert send.state is (SendState.PAUSED if sends_before else SendState.DONE)
        if sends_before:
            found.sends.set_state(send.id, SendState.RUNNING)
        else:
            send = planned(found, "issue")
        claims = found.journal(send.id, "relay").exchange([], 64).claims
        assert {c.profile.address.text.partition("@")[0] for c in claims} == rest
        assert found._connection.rows("PRAGMA foreign_key_check") == []
        assert found._connection.rows("PRAGMA integrity_check") == [("ok",)]


def test_an_unknown_one_of_a_taken_over_send_can_be_sent_again(
    store: Store, copy: Path, clock: Clock
) -> None:
    """The send needs its stencil and the list whose consent carries it, under the numbers that hold here."""
    take_in(store, profile("ana"))
    store.backup(copy)
    store.lists.create("another")
    send_on(store, "issue", UNKNOWN)
    assert brought_back(store, copy, clock).mailed == 1
    with open_store(store.path, now=clock) as found:
        assert found.sends.resolve("issue", resend=True, now=LATER) == 1
        send = found.sends.all()[0]
        found.sends.set_state(send.id, SendState.RUNNING)
        (claim,) = found.journal(send.id, "relay").exchange([], 1).claims
        assert found.sends.stencil(claim.stencil) == b"stencil bytes"
        assert [len(group) for group in found._connection.rows("SELECT consents FROM sends")] == [1]


def test_a_list_that_the_backup_does_not_know_lets_nobody_consent(
    store: Store, copy: Path, clock: Clock
) -> None:
    take_in(store, profile("ana"), to="old")
    store.backup(copy)
    take_in(store, profile("ana"), to="dentists")
    send_on(store, "issue", UNKNOWN)
    brought_back(store, copy, clock)
    with open_store(store.path, now=clock) as found:
        assert found._connection.value("SELECT consents FROM sends") == "[[]]"
        found.sends.resolve("issue", resend=True, now=LATER)
        send = found.sends.all()[0]
        found.sends.set_state(send.id, SendState.RUNNING)
        exchange = found.journal(send.id, "relay").exchange([], 1)
        assert (exchange.claims, exchange.skipped) == ([], 1)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("UPDATE meta SET value = 'another' WHERE key = 'project_id'", "another project"),
        ("UPDATE keys SET secret = randomblob(32) WHERE purpose = 'suppression'", "another key"),
        ("DROP TABLE suppressions", "damaged"),
    ],
)
def test_a_stranger_is_kept_and_nothing_is_taken_from_it(
    store: Store, copy: Path, clock: Clock, change: str, why: str
) -> None:
    take_in(store, profile("ana"))
    store.backup(copy)
    departures.unsubscribe_address(store, profile("ana").address, source="mail", now=LATER)
    store.close()
    with closing(sqlite3.connect(store.path)) as raw, raw:
        raw.execute(change)
    carried = brought_back(store, copy, clock)
    assert why in carried.why_not
    assert (carried.gone, carried.mailed) == (0, 0)
    with open_store(store.path, now=clock) as found:
        assert found.people.count(state="active") == 1


def test_a_backup_from_before_the_first_person_takes_the_fingerprints_and_their_key(
    store: Store, copy: Path, clock: Clock
) -> None:
    store.backup(copy)
    take_in(store, profile("ana"))
    departures.unsubscribe_address(store, profile("ana").address, source="mail", now=LATER)
    assert brought_back(store, copy, clock) == Carried(gone=1)
    with open_store(store.path, now=clock) as found:
        assert take_in(found, profile("ana")).suppressed == 1


def test_who_came_since_the_backup_and_was_mailed_is_known_still_and_mailed_once(
    store: Store, copy: Path, clock: Clock
) -> None:
    take_in(store, profile("ana"))
    store.backup(copy)
    take_in(store, *(profile(name, name="Sample") for name in ("ben", "cleo", "dan", "eve")))
    subjects = {p.profile.address.text: p.subject for p in store.people.select()}
    who = send_on(store, "issue", SENT, SENT, SENT, UNKNOWN, FAILED)
    departures.unsubscribe_address(store, profile("dan").address, source="mail", now=LATER)
    mailed = {name for name in who[:4] if name != "ana"}
    assert brought_back(store, copy, clock) == Carried(gone=1, known=len(mailed), mailed=4)
    with open_store(store.path, now=clock) as found:
        assert {d.address.partition("@")[0] for d in found.sends.deliveries("issue")} == set(who[:4])
        for name in mailed:
            person = found.people.get(f"{name}@example.org")
            assert person is not None and person.subject == subjects[f"{name}@example.org"]
            assert not person.memberships
        again = take_in(found, *(profile(name) for name in ("ben", "cleo", "dan", "eve")))
        assert again.suppressed == 1
        assert found.sends.newcomers("issue", segment(found, "dentists")) == len({who[4]} - {"dan"})


def test_who_was_erased_since_is_not_known_again(store: Store, copy: Path, clock: Clock) -> None:
    store.backup(copy)
    take_in(store, profile("ben"))
    send_on(store, "issue", SENT)
    ben = store.people.get("ben@example.org")
    assert ben is not None
    departures.erase_person(store, ben, now=LATER)
    assert brought_back(store, copy, clock) == Carried(gone=1)
    with open_store(store.path, now=clock) as found:
        assert found.people.get("ben@example.org") is None


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.lists(st.sampled_from([None, SENT, UNKNOWN, FAILED, DEFERRED]), min_size=5, max_size=5),
    after=st.lists(st.sampled_from([None, SENT, UNKNOWN, FAILED, DEFERRED]), min_size=5, max_size=5),
    leaving=st.sets(st.integers(0, 4)),
    erased=st.sets(st.integers(0, 4)),
)
def test_nobody_who_left_or_was_mailed_is_ever_claimed_after_a_restore(
    tmp_path_factory: pytest.TempPathFactory,
    before: list[DeliveryState | None],
    after: list[DeliveryState | None],
    leaving: set[int],
    erased: set[int],
) -> None:
    folder = tmp_path_factory.mktemp("carry")
    path, copy, clock = folder / "subscribers.db", folder / "copy.db", Clock()

    def go_on(store: Store, send: int, wanted: list[DeliveryState | None]) -> None:
        journal = store.journal(send, "relay")
        for claim in journal.exchange([], 64).claims:
            outcome = wanted[int(claim.profile.address.text[1])]
            if outcome is not None:
                journal.exchange([Outcome(delivery=claim.delivery, state=outcome)], 0)

    with open_store(path, now=clock) as store:
        take_in(store, *(profile(f"p{n}") for n in range(5)))
        send = planned(store, "issue").id
        go_on(store, send, before)
        store.backup(copy)
        store.sends.unknown_from_crash(send)
        go_on(store, send, after)
        for n in leaving:
            departures.unsubscribe_address(store, profile(f"p{n}").address, source="mail", now=LATER)
        for n in erased:
            found = store.people.get(f"p{n}@example.org")
            assert found is not None
            departures.erase_person(store, found, now=LATER)
        touched = {
            d.address
            for d in store.sends.deliveries("issue")
            if d.state in {SENT, UNKNOWN, DeliveryState.CLAIMED}
        }
    carried = restore(copy, path, now=clock).carried
    assert carried is not None
    assert carried.gone == len(leaving | erased)
    with open_store(path, now=clock) as store:
        store.sends.unknown_from_crash(send)
        store.sends.set_state(send, SendState.RUNNING)
        claimed = {c.profile.address.text for c in store.journal(send, "relay").exchange([], 64).claims}
        assert claimed.isdisjoint(touched)
        assert claimed.isdisjoint({f"p{n}@example.org" for n in leaving | erased})
        assert store.sends.tally("issue").total == 5
