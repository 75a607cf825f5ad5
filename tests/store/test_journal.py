"""The journal: claims, outcomes, and that the seven states always add up."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec.structs import asdict, replace

from newsletter.audience import departures
from newsletter.errors import StoreError
from newsletter.models import (
    LONGEST_WAIT,
    Address,
    Claim,
    ConsentKind,
    DeliveryState,
    Outcome,
    Reply,
    SendState,
    Tally,
)
from newsletter.store import MOST_IN_FLIGHT, Store, open_store
from newsletter.store.journal import LEFT, SUPPRESSED
from newsletter.store.outcomes import GONE
from tests.store.samples import START, Clock, planned, profile, take_in

HOUR, DAY = 3_600_000, 86_400_000
SENT = DeliveryState.SENT
OK = Reply(code=250, enhanced="2.0.0", text="Ok: queued as 4B2C")


def everybody(store: Store, count: int) -> None:
    take_in(store, *(profile(f"p{n:03}", name=f"Person {n}") for n in range(count)))


def sent(*claims: Claim) -> list[Outcome]:
    return [Outcome(delivery=claim.delivery, state=SENT, reply=OK) for claim in claims]


def test_a_send_from_the_first_claim_to_the_last_outcome(store: Store) -> None:
    everybody(store, 150)
    send = planned(store)
    journal = store.journal(send.id, "relay.example.org")
    outcomes: list[Outcome] = []
    mailed: list[str] = []
    while claims := (given := journal.exchange(outcomes, 64)).claims:
        mailed += [claim.profile.address.text for claim in claims]
        outcomes = sent(*claims)
    assert (given.next_due, given.skipped, given.state) == (None, 0, SendState.RUNNING)
    assert len(mailed) == len(set(mailed)) == 150
    assert store.sends.tally("issue-1") == Tally(sent=150)
    one = next(iter(store.sends.deliveries("issue-1")))
    assert (one.attempts, one.reply, one.first_claimed, one.send) == (1, OK, START, send.id)
    assert store.usage.sent_since("relay.example.org", START - 60_000) == 150
    assert store.usage.sent_since("relay.example.org", START + 60_000) == 0


def test_a_claim_carries_the_values_of_now(store: Store) -> None:
    take_in(store, profile("ana", name="Ana"))
    send = planned(store)
    take_in(store, profile("ana", name="Ana Maria", attributes={"city": "Lyon"}))
    (claim,) = store.journal(send.id, "relay").exchange([], 5).claims
    assert claim.profile.name == "Ana Maria"
    assert claim.profile.attributes == {"city": "Lyon"}
    assert (claim.attempts, claim.first_claimed) == (0, START)
    assert store.sends.stencil(claim.stencil) == b"stencil bytes"


def test_never_more_than_64_are_on_their_way(store: Store) -> None:
    everybody(store, 100)
    send = planned(store)
    journal, other = store.journal(send.id, "relay"), store.journal(send.id, "relay")
    assert len(journal.exchange([], 1_000).claims) == MOST_IN_FLIGHT
    assert other.exchange([], 1_000).claims == []
    assert store.sends.tally_of(send.id) == Tally(planned=36, claimed=64)


def put_off(store: Store, send: int, count: int, wait: int = HOUR) -> None:
    journal = store.journal(send, "relay")
    claims = journal.exchange([], count).claims
    until = max(claim.first_claimed for claim in claims) + wait
    later = DeliveryState.DEFERRED
    journal.exchange([Outcome(delivery=c.delivery, state=later, not_before=until) for c in claims], 0)


def test_who_was_put_off_by_a_clock_that_was_ahead_does_not_wait_for_it(store: Store, clock: Clock) -> None:
    everybody(store, 3)
    send = planned(store)
    clock.at = START + 400 * DAY
    put_off(store, send.id, 2)
    clock.at = START
    put_off(store, send.id, 1)
    given = store.journal(send.id, "relay").exchange([], 5)
    assert (given.claims, given.next_due) == ([], START + HOUR)
    clock.at = START + LONGEST_WAIT
    claims = store.journal(send.id, "relay").exchange([], 5).claims
    assert [claim.first_claimed for claim in claims] == [START, START + LONGEST_WAIT, START + LONGEST_WAIT]
    assert max(row.first_claimed or 0 for row in store.sends.deliveries("issue-1")) == START + LONGEST_WAIT


def test_a_clock_that_is_set_back_while_a_send_runs(store: Store, clock: Clock) -> None:
    everybody(store, 1)
    journal = store.journal(planned(store).id, "relay")
    clock.at = START + 400 * DAY
    (claim,) = journal.exchange([], 5).claims
    later = Outcome(delivery=claim.delivery, state=DeliveryState.DEFERRED, not_before=clock.at + HOUR)
    assert journal.exchange([later], 5).next_due == START + 400 * DAY + HOUR
    clock.at = START
    assert journal.exchange([], 5).next_due == START + LONGEST_WAIT


@pytest.mark.parametrize("state", [SendState.READY, SendState.PAUSED, SendState.DONE, SendState.CANCELLED])
def test_nothing_is_claimed_unless_the_send_runs(store: Store, state: SendState) -> None:
    everybody(store, 10)
    send = planned(store)
    journal = store.journal(send.id, "relay")
    claims = journal.exchange([], 2).claims
    store.sends.set_state(send.id, state)
    given = journal.exchange(sent(*claims), 10)
    assert (given.claims, given.state) == ([], state)
    assert store.sends.tally_of(send.id) == Tally(planned=8, sent=2)


def test_a_deferred_one_waits_and_then_goes_first(store: Store, clock: Clock) -> None:
    everybody(store, 3)
    send = planned(store)
    journal = store.journal(send.id, "relay")
    (claim,) = journal.exchange([], 1).claims
    later = Outcome(
        delivery=claim.delivery,
        state=DeliveryState.DEFERRED,
        reply=Reply(code=451, enhanced="4.7.1", text="greylisted"),
        not_before=START + 5_000,
    )
    clock.at += 1_000
    given = journal.exchange([later], 1)
    assert given.next_due == START + 5_000
    assert given.claims[0].delivery != claim.delivery
    clock.at = START + 5_000
    given = journal.exchange(sent(*given.claims), 1)
    assert [(c.delivery, c.attempts, c.first_claimed) for c in given.claims] == [(claim.delivery, 1, START)]
    assert given.next_due is None
    journal.exchange(sent(*given.claims), 0)
    row = next(d for d in store.sends.deliveries("issue-1") if d.id == claim.delivery)
    assert (row.state, row.attempts, row.not_before) == (SENT, 2, 0)
    assert (row.first_claimed, row.updated) == (START, clock.at)


def test_one_that_is_given_back_is_as_it_was(store: Store) -> None:
    everybody(store, 1)
    send = planned(store)
    journal = store.journal(send.id, "relay")
    (claim,) = journal.exchange([], 1).claims
    (again,) = journal.exchange([Outcome(delivery=claim.delivery, state=DeliveryState.PLANNED)], 1).claims
    assert again == claim
    assert store.usage.sent_since("relay", 0) == 1
    journal.exchange([Outcome(delivery=claim.delivery, state=DeliveryState.PLANNED)], 0)
    assert store.usage.sent_since("relay", 0) == 0


def test_who_only_waits_was_not_tried(store: Store) -> None:
    everybody(store, 1)
    journal = store.journal(planned(store).id, "relay")
    (claim,) = journal.exchange([], 1).claims
    told = Reply(code=451, enhanced="4.7.0", text="slow down")
    later = Outcome(delivery=claim.delivery, state=DeliveryState.DEFERRED, reply=told, not_before=1)
    (claim,) = journal.exchange([later], 1).claims
    waits = Outcome(delivery=claim.delivery, state=DeliveryState.DEFERRED, not_before=2**50, tried=False)
    given = journal.exchange([waits], 1)
    assert (given.claims, given.next_due) == ([], 2**50)
    (row,) = store.sends.deliveries("issue-1")
    assert (row.state, row.attempts, row.reply) == (DeliveryState.DEFERRED, 1, told)
    with pytest.raises(StoreError, match="not on its way"):
        journal.exchange([waits], 1)


@pytest.mark.parametrize(
    "state", [s for s in DeliveryState if s not in {DeliveryState.CLAIMED, DeliveryState.PLANNED}]
)
def test_an_outcome_comes_once_and_only_for_what_is_on_its_way(store: Store, state: DeliveryState) -> None:
    everybody(store, 5)
    send, other = planned(store), planned(store, "issue-2")
    journal = store.journal(send.id, "relay")
    first, second = journal.exchange([], 2).claims
    (foreign,) = store.journal(other.id, "relay").exchange([], 1).claims
    journal.exchange([Outcome(delivery=first.delivery, state=state)], 0)
    before = store.sends.all_tallies()
    good = sent(second)
    for bad in (
        Outcome(delivery=first.delivery, state=SENT),
        Outcome(delivery=foreign.delivery, state=SENT),
        Outcome(delivery=9_999, state=SENT),
        good[0],
        Outcome(delivery=second.delivery, state=DeliveryState.CLAIMED),
    ):
        with pytest.raises(StoreError, match="not on its way"):
            journal.exchange([*good, bad], 5)
        assert store.sends.all_tallies() == before
    on_their_way = 2
    assert store.usage.sent_since("relay", 0) == on_their_way + int(state in {SENT, DeliveryState.UNKNOWN})


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE deliveries SET state = 'planned' WHERE state = 'sent'",
        "UPDATE deliveries SET state = 'claimed' WHERE state = 'sent'",
        "UPDATE deliveries SET state = 'sent' WHERE state = 'planned'",
        "UPDATE deliveries SET state = 'whatever'",
        "UPDATE deliveries SET subscriber = randomblob(12)",
        "UPDATE deliveries SET send = send + 0",
        "DELETE FROM deliveries WHERE state = 'sent'",
        "INSERT INTO deliveries (issue, subscriber, send, stencil, state, updated) "
        "SELECT issue, subscriber, send, stencil, 'planned', 1 FROM deliveries",
    ],
)
def test_the_database_itself_keeps_the_journal_honest(store: Store, sql: str) -> None:
    everybody(store, 3)
    send = planned(store)
    journal = store.journal(send.id, "relay")
    journal.exchange(sent(*journal.exchange([], 1).claims), 0)
    with pytest.raises(StoreError):
        store._connection.run(sql)
    assert store.sends.tally("issue-1") == Tally(planned=2, sent=1)


def leave(store: Store, local: str, how: str) -> None:
    address = Address(text=f"{local}@example.org", key=f"{local}@example.org")
    person = store.people.get(address.key)
    assert person is not None
    if how == "unsubscribed":
        departures.unsubscribe_address(store, address, source="mail", now=START)
    elif how == "erased":
        departures.erase_person(store, person, now=START)
    elif how == "bounced":
        from newsletter.models import SuppressionKind

        store.suppressions.add(address.key, SuppressionKind.BOUNCED)
    else:
        store._connection.run("UPDATE memberships SET state = 'left' WHERE subject = ?", [person.subject])


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("unsubscribed", SUPPRESSED["unsubscribed"]),  # type: ignore[index]
        ("bounced", SUPPRESSED["bounced"]),  # type: ignore[index]
        ("erased", GONE),
        ("left", LEFT),
    ],
)
def test_who_leaves_while_it_runs_gets_nothing_more(store: Store, how: str, reason: str) -> None:
    everybody(store, 10)
    send = planned(store)
    journal = store.journal(send.id, "relay")
    first = journal.exchange([], 1).claims
    gone = f"p{9 if first[0].profile.address.text != 'p009@example.org' else 8:03}"
    leave(store, gone, how)
    given = journal.exchange(sent(*first), 64)
    assert given.skipped == 1
    assert len(given.claims) == 8
    assert f"{gone}@example.org" not in {claim.profile.address.text for claim in given.claims}
    (skipped,) = store.sends.deliveries("issue-1", DeliveryState.SKIPPED)
    assert (skipped.reason, skipped.attempts) == (reason, 0)
    assert skipped.address == ("" if how == "erased" else f"{gone}@example.org")


def test_consent_is_that_of_the_lists_that_were_named(store: Store) -> None:
    everybody(store, 2)
    take_in(store, profile("p000"), profile("p001"), to="radiologists")
    store.segments.save("mine", "list:dentists")
    send = planned(store, to="mine")
    store.segments.remove("mine")
    person = store.people.get("p000@example.org")
    assert person is not None
    store._connection.run(
        "UPDATE memberships SET state = 'left' WHERE subject = ? AND list = "
        "(SELECT id FROM lists WHERE name = 'dentists')",
        [person.subject],
    )
    given = store.journal(send.id, "relay").exchange([], 5)
    assert [claim.profile.address.text for claim in given.claims] == ["p001@example.org"]


def test_without_a_list_any_membership_is_consent(store: Store) -> None:
    take_in(store, profile("ana", country="FR"), to="a")
    take_in(store, profile("ben", country="FR"), to="b", source="")
    send = planned(store, to="country:FR")
    assert [c.profile.address.text for c in store.journal(send.id, "relay").exchange([], 5).claims] == [
        "ana@example.org"
    ]


def test_very_many_who_left_do_not_end_a_send(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("newsletter.store.journal._MOST_LOOKED", 100)
    everybody(store, 350)
    send = planned(store)
    journal = store.journal(send.id, "relay")
    rows = store._connection.rows("SELECT subscriber FROM deliveries ORDER BY id LIMIT 340")
    store._connection.run_many("DELETE FROM subscribers WHERE subject = ?", rows)
    exchanges, skipped, claims = 0, 0, 0
    while True:
        given = journal.exchange([], 64)
        exchanges, skipped, claims = exchanges + 1, skipped + given.skipped, claims + len(given.claims)
        if given.next_due is None:
            break
        assert given.next_due == START
    assert (skipped, claims) == (340, 10)
    assert exchanges == 3


def test_a_bounced_address_is_suppressed_at_once_with_the_reason(store: Store) -> None:
    everybody(store, 2)
    send = planned(store)
    journal = store.journal(send.id, "relay")
    first, second = journal.exchange([], 2).claims
    who = first.profile.address.text
    journal.exchange(
        [
            Outcome(
                delivery=first.delivery,
                state=DeliveryState.FAILED,
                bounced=True,
                reply=Reply(
                    code=550, enhanced="5.1.1", text=f"<{who}>: unknown user {who.partition('@')[0]}"
                ),
            ),
            Outcome(delivery=second.delivery, state=DeliveryState.FAILED, reply=Reply(code=554, text="spam")),
        ],
        0,
    )
    person = store.people.by_subject(first.subject)
    assert person is not None
    assert person.state == "bounced"
    (suppression,) = store.suppressions.of(person.profile.address.key)
    assert suppression.reason == "550 5.1.1 <address>: unknown user <address>"
    assert store.consent.of(first.subject)[-1].kind is ConsentKind.BOUNCED
    failed = {d.id: d for d in store.sends.deliveries("issue-1", DeliveryState.FAILED)}
    assert failed[first.delivery].reply == Reply(
        code=550, enhanced="5.1.1", text="<address>: unknown user <address>"
    )
    other = store.people.by_subject(second.subject)
    assert other is not None
    assert other.state == "active"


def test_who_was_put_off_in_doubt_fails_after_all(store: Store, clock: Clock) -> None:
    everybody(store, 5)
    send = planned(store)
    journal = store.journal(send.id, "relay")
    gone, refused, other = journal.exchange([], 3).claims
    words = Reply(code=550, enhanced="5.1.1", text="no such user")
    doubted = [
        Outcome(
            delivery=claim.delivery,
            state=DeliveryState.DEFERRED,
            reply=words,
            not_before=clock.at + 7,
            reason="in doubt",
        )
        for claim in (gone, refused, other)
    ]
    failed = [
        Outcome(delivery=one.delivery, state=DeliveryState.FAILED, reply=words, bounced=mark, revised=True)
        for one, mark in ((gone, True), (refused, False))
    ]
    journal.exchange([*failed, *doubted], 0)
    assert store.sends.tally("issue-1") == Tally(planned=2, failed=2, deferred=1)
    states = {who.subject: store.people.by_subject(who.subject) for who in (gone, refused, other)}
    assert [person and person.state for person in states.values()] == ["bounced", "active", "active"]
    rows = {d.id: d for d in store.sends.deliveries("issue-1")}
    assert (rows[refused.delivery].reply, rows[refused.delivery].reason) == (words, "")
    assert (rows[other.delivery].reply, rows[other.delivery].reason) == (words, "in doubt")
    clock.at += 7
    assert other.delivery in {claim.delivery for claim in journal.exchange([], 64).claims}
    late = replace(failed[0], delivery=other.delivery)
    journal.exchange([late], 0)
    assert store.sends.tally("issue-1") == Tally(claimed=3, failed=2), "what is on its way has its own end"
    person = store.people.by_subject(other.subject)
    assert person is not None
    assert person.state == "active"


def test_a_bounce_of_somebody_erased_meanwhile_is_only_an_outcome(store: Store) -> None:
    everybody(store, 1)
    send = planned(store)
    journal = store.journal(send.id, "relay")
    (claim,) = journal.exchange([], 1).claims
    leave(store, "p000", "erased")
    journal.exchange([Outcome(delivery=claim.delivery, state=DeliveryState.FAILED, bounced=True)], 0)
    assert store.sends.tally("issue-1") == Tally(failed=1)


def test_what_a_dead_run_left_is_unknown_until_somebody_decides(store: Store) -> None:
    everybody(store, 10)
    send = planned(store)
    journal = store.journal(send.id, "relay")
    journal.exchange([], 4)
    assert store.sends.unknown_from_crash(send.id) == 4
    assert store.sends.unknown_from_crash(send.id) == 0
    (row, *_) = store.sends.deliveries("issue-1", DeliveryState.UNKNOWN)
    assert "stopped" in row.reason
    rest = journal.exchange([], 64).claims
    assert len(rest) == 6
    journal.exchange(sent(*rest), 0)
    store.sends.set_state(send.id, SendState.DONE)
    assert store.sends.resolve("issue-1", resend=True, now=START) == 4
    assert store.sends.get(send.id).state is SendState.READY
    store.sends.set_state(send.id, SendState.RUNNING)
    assert len(journal.exchange([], 64).claims) == 4
    store.sends.unknown_from_crash(send.id)
    store.sends.set_state(send.id, SendState.DONE)
    assert store.sends.resolve("issue-1", resend=False, now=START) == 4
    assert store.sends.get(send.id).state is SendState.DONE
    assert store.sends.tally("issue-1") == Tally(sent=10)


def test_another_thread_may_exchange_while_this_one_reads_and_writes(path: Path) -> None:
    with open_store(path, now=Clock()) as store:
        everybody(store, 300)
        send = planned(store)
        failures: list[BaseException] = []

        def run() -> None:
            try:
                journal = store.journal(send.id, "relay")
                outcomes: list[Outcome] = []
                while claims := journal.exchange(outcomes, 10).claims:
                    outcomes = sent(*claims)
            except BaseException as error:  # noqa: BLE001
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        while thread.is_alive():
            assert store.sends.tally("issue-1").total == 300
            store.suppressions.add("x@example.org", "bounced")  # type: ignore[arg-type]
        thread.join()
        assert failures == []
        assert store.sends.tally("issue-1") == Tally(sent=300)


# --- the property -------------------------------------------------------------


ENDS = st.tuples(
    st.integers(0, MOST_IN_FLIGHT - 1),
    st.sampled_from([state for state in DeliveryState if state is not DeliveryState.CLAIMED]),
    st.booleans(),
)


class JournalMachine(RuleBasedStateMachine):
    """Any order of claims, outcomes, departures, crashes and pauses; a plain model beside it."""

    PEOPLE = 90

    def __init__(self) -> None:
        super().__init__()
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.store = open_store(Path(self.folder.name) / "subscribers.db", now=self.clock)
        everybody(self.store, self.PEOPLE)
        self.send = planned(self.store)
        self.journal = self.store.journal(self.send.id, "relay")
        self.flying: dict[int, Claim] = {}
        self.mailed: set[str] = set()  # what reached the final dot
        self.left: set[str] = set()
        self.deferred: set[int] = set()
        self.may_repeat: set[str] = set()

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    def take(self, outcomes: list[Outcome], room: int) -> None:
        given = self.journal.exchange(outcomes, room)
        assert given.put_off == self.store.sends.tally_of(self.send.id).deferred
        for outcome in outcomes:
            if not outcome.revised:
                del self.flying[outcome.delivery]
        for claim in given.claims:
            who = claim.profile.address.text
            assert claim.delivery not in self.flying
            assert who not in self.left, "mailed after leaving"
            assert who not in self.mailed or who in self.may_repeat, "a second copy"
            self.flying[claim.delivery] = claim
        if given.state is not SendState.RUNNING:
            assert not given.claims
        if (
            len(given.claims) < room
            and len(self.flying) < MOST_IN_FLIGHT
            and given.state is SendState.RUNNING
        ):
            due = [
                d
                for d in self.store.sends.deliveries("issue-1")
                if d.state is DeliveryState.PLANNED
                or (d.state is DeliveryState.DEFERRED and d.not_before <= self.clock.at)
            ]
            assert not due, "nobody is forgotten"

    @rule(room=st.integers(0, 100))
    def claim(self, room: int) -> None:
        self.take([], room)

    @rule(ends=st.lists(ENDS, min_size=1, max_size=10), room=st.integers(0, 20))
    def finish(self, ends: list[tuple[int, DeliveryState, bool]], room: int) -> None:
        """Who is drawn by place: ids are random, and what is drawn must not depend on them."""
        flying, outcomes = sorted(self.flying), []
        for place, state, bounced in ends:
            if not flying:
                break
            delivery = flying.pop(place % len(flying))
            who = self.flying[delivery].profile.address.text
            if state in {DeliveryState.SENT, DeliveryState.UNKNOWN}:
                self.mailed.add(who)
                self.may_repeat.discard(who)
            bounces = bounced and state is DeliveryState.FAILED
            if bounces:
                self.left.add(who)
            if state is DeliveryState.DEFERRED:
                self.deferred.add(delivery)
            outcomes.append(
                Outcome(delivery=delivery, state=state, not_before=self.clock.at + 7, bounced=bounces)
            )
        self.take(outcomes, room)

    @rule(place=st.integers(0, PEOPLE), bounced=st.booleans(), room=st.integers(0, 20))
    def who_was_put_off_fails_after_all(self, place: int, bounced: bool, room: int) -> None:
        deferred = sorted(self.deferred - self.flying.keys())
        if not deferred:
            return
        delivery = deferred[place % len(deferred)]
        self.deferred.remove(delivery)
        rows = self.store.sends.deliveries("issue-1", DeliveryState.DEFERRED)
        if bounced:
            self.left |= {d.address for d in rows if d.id == delivery}
        failed = DeliveryState.FAILED
        self.take([Outcome(delivery=delivery, state=failed, bounced=bounced, revised=True)], room)

    @rule(
        number=st.integers(0, PEOPLE - 1), how=st.sampled_from(["unsubscribed", "erased", "bounced", "left"])
    )
    def somebody_leaves(self, number: int, how: str) -> None:
        who = f"p{number:03}"
        if self.store.people.get(f"{who}@example.org") is not None:
            leave(self.store, who, how)
            self.left.add(f"{who}@example.org")

    @rule(state=st.sampled_from([SendState.RUNNING, SendState.PAUSED, SendState.RUNNING]))
    def pause_or_resume(self, state: SendState) -> None:
        self.store.sends.set_state(self.send.id, state)

    @rule(step=st.integers(0, 20))
    def time_passes(self, step: int) -> None:
        self.clock.at += step

    @rule()
    def the_program_dies(self) -> None:
        self.store.close()
        self.store = open_store(Path(self.folder.name) / "subscribers.db", now=self.clock)
        self.journal = self.store.journal(self.send.id, "relay")
        lost = self.store.sends.unknown_from_crash(self.send.id)
        assert lost == len(self.flying) <= MOST_IN_FLIGHT
        self.mailed |= {claim.profile.address.text for claim in self.flying.values()}
        self.flying.clear()

    @rule(resend=st.booleans())
    def somebody_decides(self, resend: bool) -> None:
        unknown = {d.address for d in self.store.sends.deliveries("issue-1", DeliveryState.UNKNOWN)}
        self.store.sends.resolve("issue-1", resend=resend, now=self.clock.at)
        if resend:
            self.may_repeat |= unknown

    @rule()
    def a_second_send_to_the_same_people(self) -> None:
        second = planned(self.store, run=False)
        assert self.store.sends.tally_of(second.id).total == 0
        self.store.sends.set_state(second.id, SendState.DONE)

    @invariant()
    def the_seven_states_add_up(self) -> None:
        tally = self.store.sends.tally("issue-1")
        assert tally.total == self.PEOPLE == sum(asdict(tally).values())
        assert tally.claimed == len(self.flying) <= MOST_IN_FLIGHT


JournalMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
test_the_journal_in_any_order = JournalMachine.TestCase


def test_a_clock_that_was_put_back_is_minded_although_an_exchange_failed(store: Store, clock: Clock) -> None:
    everybody(store, 3)
    send = planned(store)
    journal = store.journal(send.id, "relay")
    clock.at = START + 400 * DAY
    (claim,) = journal.exchange([], 1).claims
    put_off = Outcome(delivery=claim.delivery, state=DeliveryState.DEFERRED, not_before=clock.at + HOUR)
    journal.exchange([put_off], 0)
    clock.at = START
    store._connection.row(
        "CREATE TEMP TRIGGER full BEFORE UPDATE OF state ON main.deliveries "
        "BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
    )
    with pytest.raises(StoreError):
        journal.exchange([], 1)
    store._connection.row("DROP TRIGGER temp.full")
    journal.exchange([], 0)
    assert (store.sends.next_due(send.id) or 0) <= START + LONGEST_WAIT


def test_a_send_to_somebody_is_not_done_whatever_was_counted_before(store: Store) -> None:
    """Another terminal decided the unknown ones between the count and the end."""
    everybody(store, 2)
    send = planned(store)
    assert store.sends.end_run(send.id, SendState.DONE).state is SendState.READY
    journal = store.journal(send.id, "relay")
    store.sends.set_state(send.id, SendState.RUNNING)
    journal.exchange(sent(*journal.exchange([], 64).claims), 0)
    assert store.sends.end_run(send.id, SendState.DONE).state is SendState.DONE
