"""What goes to a relay is counted, and all who send through it keep to its limits together."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from newsletter.errors import StoreError
from newsletter.models import Claim, DeliveryState, OutboxKind, Outcome, Send
from newsletter.relay import Rate
from newsletter.store import MOST_IN_FLIGHT, Store, open_store
from newsletter.store.journal import Journal
from tests.store.samples import START, Clock, planned, profile, take_in

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
A_MINUTE = Rate(count=25, seconds=60)
A_DAY_AND_AN_HOUR = (Rate(count=12, seconds=86_400), Rate(count=8, seconds=3_600))
SENT = DeliveryState.SENT


def everybody(store: Store, count: int) -> None:
    take_in(store, *(profile(f"p{n:03}") for n in range(count)))


def test_usage_is_kept_by_the_minute(store: Store, clock: Clock) -> None:
    store.usage.note("relay", 3, START)
    store.usage.note("relay", 0, START)
    store.usage.note("relay", 2, START + 120_000)
    store.usage.note("other", 9, START)
    clock.at = START + 120_000
    used = store.usage.history("relay", START)
    assert [count for _, count in used] == [3, 2]
    assert all(START <= at < START + 180_000 for at, _ in used)
    assert store.usage.sent_since("relay", START) == 5
    assert store.usage.sent_since("relay", START + 60_000) == 2
    store.usage.note("relay", 1, START + 9 * 86_400_000)
    assert store.usage.sent_since("relay", 0) == 1


def test_an_exchange_tells_what_others_sent_through_the_relay_since_the_last(
    store: Store, clock: Clock
) -> None:
    everybody(store, 20)
    store.usage.note("relay", 3, START)
    journal = store.journal(planned(store).id, "relay", [A_MINUTE])
    outcomes: list[Outcome] = []
    told = []
    for minutes, elsewhere in ((0, 2), (0, 0), (1, 5), (3, 0), (0, 1), (-4, 2), (0, 0)):
        clock.at += minutes * 60_000
        if elsewhere:
            store.usage.note("relay", elsewhere, clock())
            store.usage.note("another", 9, clock())
        given = journal.exchange(outcomes, 2)
        told.append(given.elsewhere)
        outcomes = [Outcome(delivery=c.delivery, state=SENT) for c in given.claims]
    assert told[:5] == [2, 0, 5, 0, 1]
    assert told[6] == 0, "a clock that stepped back makes nobody count twice"
    assert store.journal(planned(store, "issue-2").id, "relay").exchange([], 1).elsewhere == 0


def test_what_a_failed_exchange_saw_elsewhere_is_told_by_the_next(store: Store) -> None:
    everybody(store, 3)
    journal = store.journal(planned(store).id, "relay", [A_MINUTE])
    (claim,) = journal.exchange([], 1).claims
    store.usage.note("relay", 4, START)
    sent = Outcome(delivery=claim.delivery, state=SENT)
    with pytest.raises(StoreError):
        journal.exchange([sent, Outcome(delivery=99, state=SENT)], 1)
    assert journal.exchange([sent], 1).elsewhere == 4


def test_the_outbox_is_told_what_a_send_claims(store: Store) -> None:
    everybody(store, 5)
    outbox = store.outbox.journal("relay", [A_MINUTE])
    journal = store.journal(planned(store).id, "relay")
    claims = journal.exchange([], 5).claims
    assert outbox.exchange([], 1).elsewhere == 5
    journal.exchange([Outcome(delivery=c.delivery, state=SENT) for c in claims[:3]], 0)
    assert outbox.exchange([], 1).elsewhere == 0
    journal.exchange([Outcome(delivery=c.delivery, state=DeliveryState.FAILED) for c in claims[3:]], 0)
    assert outbox.exchange([], 1).elsewhere == 0


def test_what_comes_back_a_minute_later_did_not_leave_elsewhere(store: Store, clock: Clock) -> None:
    everybody(store, 10)
    journal = store.journal(planned(store).id, "relay", [A_MINUTE])
    claims = journal.exchange([], 10).claims
    clock.at += MINUTE
    journal.exchange([], 0)
    later = DeliveryState.DEFERRED
    back = [Outcome(delivery=c.delivery, state=later, not_before=clock.at) for c in claims]
    assert journal.exchange(back, 0).elsewhere == 0


def test_what_is_on_its_way_counts_and_stays_counted_where_the_program_dies(store: Store) -> None:
    everybody(store, 10)
    send = planned(store)
    journal = store.journal(send.id, "relay")
    claims = journal.exchange([], 4).claims
    assert (store.usage.sent_since("relay", 0), store.usage.taken_since("relay", 0)) == (4, 0)
    journal.exchange([Outcome(delivery=claims[0].delivery, state=SENT)], 0)
    assert store.usage.taken_since("relay", 0) == 1
    store.sends.unknown_from_crash(send.id)
    assert store.usage.sent_since("relay", 0) == 4


def test_what_comes_back_goes_from_the_minute_of_its_claim(store: Store, clock: Clock) -> None:
    """Else it would make room for others a day later, before the rest of that minute is over."""
    everybody(store, 10)
    journal = store.journal(planned(store).id, "relay")
    claims = journal.exchange([], 4).claims
    clock.at += 5 * 60_000
    journal.exchange([Outcome(delivery=c.delivery, state=DeliveryState.DEFERRED) for c in claims[:3]], 0)
    assert [count for _, count in store.usage.history("relay", 0)] == [1]


def test_an_exchange_claims_no_more_than_the_ceilings_leave(store: Store) -> None:
    everybody(store, 10)
    journal = store.journal(planned(store).id, "relay", [Rate(count=1, seconds=1), *A_DAY_AND_AN_HOUR])
    store.usage.note("relay", 4, START)
    given = journal.exchange([], 6)
    free_at = (START // MINUTE + 1) * MINUTE + HOUR
    assert (len(given.claims), given.next_due, given.free_at) == (4, START, free_at), "there is more"
    back = [Outcome(delivery=given.claims[0].delivery, state=DeliveryState.DEFERRED, not_before=START + 9)]
    given = journal.exchange(back, 6)
    assert (len(given.claims), given.free_at) == (1, free_at), "what came back makes room at once"
    given = journal.exchange([], 0)
    assert (given.claims, given.next_due, given.free_at) == ([], START, free_at)


def test_the_outbox_claims_no_more_than_the_ceilings_leave(store: Store) -> None:
    everybody(store, 5)
    for person in store.people.select():
        store.outbox.add(OutboxKind.DATA, person.subject, language="en", now=START)
    store.usage.note("relay", 6, START)
    given = store.outbox.journal("relay", A_DAY_AND_AN_HOUR).exchange([], 5)
    assert (len(given.claims), given.free_at > START + HOUR) == (2, True)


def test_the_longest_wait_counts(store: Store, clock: Clock) -> None:
    store.usage.note("relay", 12, START)
    clock.at += 3 * HOUR
    assert store.usage.free_at("relay", A_DAY_AND_AN_HOUR) == (START // MINUTE + 1) * MINUTE + DAY
    assert store.usage.free_at("relay", A_DAY_AND_AN_HOUR[1:]) == 0
    assert store.usage.free_at("another", A_DAY_AND_AN_HOUR) == 0
    clock.at = store.usage.free_at("relay", A_DAY_AND_AN_HOUR)
    assert store.usage.free_at("relay", A_DAY_AND_AN_HOUR) == 0


def test_what_a_clock_that_was_ahead_counted_holds_a_ceiling_up_for_a_day_at_most(
    store: Store, clock: Clock
) -> None:
    store.usage.note("relay", 7, START)
    clock.at += 400 * DAY
    store.usage.note("relay", 5, clock.at)
    store.usage.note("relay", 7, clock.at + MINUTE)
    clock.at = START
    assert 0 < store.usage.free_at("relay", A_DAY_AND_AN_HOUR) <= START + DAY + MINUTE
    assert store.usage.sent_since("relay", 0) == 12, "older than eight days ahead of then, the first are gone"
    clock.at += DAY + 2 * MINUTE
    assert store.usage.free_at("relay", A_DAY_AND_AN_HOUR) == 0


def test_a_clock_that_is_behind_for_a_moment_makes_no_room(store: Store, clock: Clock) -> None:
    """As before the network has set it, where the battery is empty."""
    store.usage.note("relay", 12, START)
    for back in (30 * DAY, 20_000 * DAY):
        clock.at = START - back
        assert clock.at < store.usage.free_at("relay", A_DAY_AND_AN_HOUR) <= clock.at + DAY + MINUTE
    clock.at = START + 2 * HOUR
    assert store.usage.free_at("relay", A_DAY_AND_AN_HOUR) == (START // MINUTE + 1) * MINUTE + DAY
    assert store._connection.rows("SELECT key FROM meta WHERE key LIKE 'counted ahead%'") == []


def test_a_journal_too_minds_what_was_counted_ahead(store: Store, clock: Clock) -> None:
    everybody(store, 1)
    journal = store.journal(planned(store).id, "relay", A_DAY_AND_AN_HOUR)
    clock.at += 400 * DAY
    journal.exchange([], 0)
    store.usage.note("relay", 50, clock.at)
    clock.at = START
    given = journal.exchange([], 1)
    assert (given.claims, given.free_at <= START + DAY + MINUTE) == ([], True)
    clock.at = given.free_at
    assert len(journal.exchange([], 1).claims) == 1


@dataclass
class Program:
    """One that sends, and what it has on its way."""

    send: Send
    journal: Journal
    flying: list[Claim] = field(default_factory=list)


class CeilingMachine(RuleBasedStateMachine):
    """Three programs send through one relay, in any order."""

    PEOPLE = 150

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.clock = Clock()
        self.store = open_store(Path(self.folder.name) / "subscribers.db", now=self.clock)
        everybody(self.store, self.PEOPLE)
        self.left: dict[tuple[int, int], int] = {}  # when each row was claimed that did not come back

    @initialize(count=st.integers(1, 40), seconds=st.sampled_from([3_600, 86_400]))
    def begin(self, count: int, seconds: int) -> None:
        self.rate, self.span = Rate(count=count, seconds=seconds), seconds * 1000
        self.programs = [self.started(planned(self.store, f"issue-{n}")) for n in range(3)]

    def started(self, send: Send) -> Program:
        return Program(send=send, journal=self.store.journal(send.id, "relay", [self.rate]))

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    def room(self, now: int) -> int:
        """Of the ceiling; the minute in which its window begins counts whole."""
        begin = (now - self.span) // MINUTE
        return self.rate.count - sum(at // MINUTE >= begin for at in self.left.values())

    @rule(
        who=st.integers(0, 2),
        asked=st.integers(0, 64),
        states=st.lists(st.sampled_from([SENT, DeliveryState.FAILED, DeliveryState.PLANNED]), max_size=20),
    )
    def exchanges(self, who: int, asked: int, states: list[DeliveryState]) -> None:
        one, now = self.programs[who], self.clock.at
        ended = list(zip(one.flying, states, strict=False))
        for claim, state in ended:
            if state is not SENT:
                del self.left[one.send.id, claim.delivery]
        room, one.flying = self.room(now), one.flying[len(ended) :]
        free = MOST_IN_FLIGHT - len(one.flying)
        given = one.journal.exchange([Outcome(delivery=c.delivery, state=s) for c, s in ended], asked)
        claims = list(given.claims)
        waiting = self.store.sends.tally_of(one.send.id).planned
        assert len(claims) == min(asked, free, room, waiting + len(claims)), "what is free is used"
        one.flying += claims
        self.left |= {(one.send.id, claim.delivery): now for claim in claims}
        assert (given.free_at > now) == (self.room(now) == 0)
        if given.free_at:
            assert self.room(given.free_at - 1) == 0 < self.room(given.free_at)

    @rule(who=st.integers(0, 2))
    def dies_and_begins_anew(self, who: int) -> None:
        one = self.programs[who]
        assert self.store.sends.unknown_from_crash(one.send.id) == len(one.flying)
        self.programs[who] = self.started(one.send)

    @rule(seconds=st.sampled_from([1, 7, 30, 61, 1_800, 3_700, 40_000]))
    def time_passes(self, seconds: int) -> None:
        self.clock.at += seconds * 1000

    @invariant()
    def no_more_left_than_the_relay_allows(self) -> None:
        times = list(self.left.values())
        for begin in set(times):
            assert sum(begin <= at < begin + self.span for at in times) <= self.rate.count


CeilingMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)
test_the_ceiling_holds_in_any_order = CeilingMachine.TestCase
