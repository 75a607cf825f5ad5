"""What goes to a relay is counted, and all who send through it keep to its limits together."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from newsletter.deliver.limits import Meter
from newsletter.errors import StoreError
from newsletter.models import Claim, DeliveryState, Outcome, Send
from newsletter.relay import Rate
from newsletter.store import Store, open_store
from newsletter.store.journal import Journal
from tests.store.samples import START, Clock, planned, profile, take_in

DAY = 86_400_000
LONGEST_FLIGHT = 600_000
SENT = DeliveryState.SENT


def everybody(store: Store, count: int) -> None:
    take_in(store, *(profile(f"p{n:03}") for n in range(count)))


def test_usage_is_kept_by_the_minute(store: Store, clock: Clock) -> None:
    store.sends.note_usage("relay", 3, START)
    store.sends.note_usage("relay", 0, START)
    store.sends.note_usage("relay", 2, START + 120_000)
    store.sends.note_usage("other", 9, START)
    clock.at = START + 120_000
    used = store.sends.usage("relay", START)
    assert [count for _, count in used] == [3, 2]
    assert all(START <= at < START + 180_000 for at, _ in used)
    assert store.sends.sent_since("relay", START) == 5
    assert store.sends.sent_since("relay", START + 60_000) == 2
    store.sends.note_usage("relay", 1, START + 9 * 86_400_000)
    assert store.sends.sent_since("relay", 0) == 1


def test_an_exchange_tells_what_others_sent_through_the_relay_since_the_last(
    store: Store, clock: Clock
) -> None:
    everybody(store, 20)
    store.sends.note_usage("relay", 3, START)
    journal = store.journal(planned(store).id, "relay", shared=True)
    outcomes: list[Outcome] = []
    told = []
    for minutes, elsewhere in ((0, 2), (0, 0), (1, 5), (3, 0), (0, 1), (-4, 2), (0, 0)):
        clock.at += minutes * 60_000
        if elsewhere:
            store.sends.note_usage("relay", elsewhere, clock())
            store.sends.note_usage("another", 9, clock())
        given = journal.exchange(outcomes, 2)
        told.append(given.elsewhere)
        outcomes = [Outcome(delivery=c.delivery, state=SENT) for c in given.claims]
    assert told[:5] == [2, 0, 5, 0, 1]
    assert told[6] == 0, "a clock that stepped back makes nobody count twice"
    assert store.journal(planned(store, "issue-2").id, "relay").exchange([], 1).elsewhere == 0


def test_what_a_failed_exchange_saw_elsewhere_is_told_by_the_next(store: Store) -> None:
    everybody(store, 3)
    journal = store.journal(planned(store).id, "relay", shared=True)
    (claim,) = journal.exchange([], 1).claims
    store.sends.note_usage("relay", 4, START)
    sent = Outcome(delivery=claim.delivery, state=SENT)
    with pytest.raises(StoreError):
        journal.exchange([sent, Outcome(delivery=99, state=SENT)], 1)
    assert journal.exchange([sent], 1).elsewhere == 4


def test_the_outbox_is_told_what_a_send_sent(store: Store) -> None:
    everybody(store, 5)
    outbox = store.outbox.journal("relay", shared=True)
    journal = store.journal(planned(store).id, "relay")
    claims = journal.exchange([], 5).claims
    assert outbox.exchange([], 1).elsewhere == 5
    journal.exchange([Outcome(delivery=c.delivery, state=SENT) for c in claims[:3]], 0)
    assert outbox.exchange([], 1).elsewhere == 0
    journal.exchange([Outcome(delivery=c.delivery, state=DeliveryState.FAILED) for c in claims[3:]], 0)
    assert outbox.exchange([], 1).elsewhere == -2
    assert outbox.exchange([], 1).elsewhere == 0


def test_what_is_on_its_way_counts_and_stays_counted_where_the_program_dies(store: Store) -> None:
    everybody(store, 10)
    send = planned(store)
    journal = store.journal(send.id, "relay")
    claims = journal.exchange([], 4).claims
    assert (store.sends.sent_since("relay", 0), store.sends.taken_since("relay", 0)) == (4, 0)
    journal.exchange([Outcome(delivery=claims[0].delivery, state=SENT)], 0)
    assert store.sends.taken_since("relay", 0) == 1
    store.sends.unknown_from_crash(send.id)
    assert store.sends.sent_since("relay", 0) == 4


def test_what_comes_back_goes_from_the_minute_of_its_claim(store: Store, clock: Clock) -> None:
    """Else it would make room for others a day later, before the rest of that minute is over."""
    everybody(store, 10)
    journal = store.journal(planned(store).id, "relay")
    claims = journal.exchange([], 4).claims
    clock.at += 5 * 60_000
    journal.exchange([Outcome(delivery=c.delivery, state=DeliveryState.DEFERRED) for c in claims[:3]], 0)
    assert [count for _, count in store.sends.usage("relay", 0)] == [1]


def test_an_exchange_claims_no_more_than_what_others_sent_meanwhile_leaves(store: Store) -> None:
    everybody(store, 10)
    journal = store.journal(planned(store).id, "relay", shared=True)
    store.sends.note_usage("relay", 4, START)
    given = journal.exchange([], 6)
    assert (len(given.claims), given.next_due) == (2, START), "and says that there is more"
    store.sends.note_usage("relay", 9, START)
    given = journal.exchange([], 6)
    assert (len(given.claims), given.next_due) == (0, START)
    given = journal.exchange([], 20)
    assert (len(given.claims), given.next_due) == (8, None)


def test_who_slept_sets_nothing_off_against_what_came_back_meanwhile(store: Store, clock: Clock) -> None:
    everybody(store, 10)
    sleeper = store.journal(planned(store).id, "relay", shared=True)
    other = store.journal(planned(store, "issue-2").id, "relay", shared=True)
    claims = other.exchange([], 3).claims
    assert sleeper.exchange([], 0).elsewhere == 3
    other.exchange([Outcome(delivery=c.delivery, state=DeliveryState.PLANNED) for c in claims], 0)
    clock.at += 2 * 3_600_000
    assert len(other.exchange([], 3).claims) == 3
    assert sleeper.exchange([], 0).elsewhere == 3


@dataclass
class Program:
    """One that sends: its meter, the room that it reckoned some time ago, and what is on its way."""

    send: Send
    journal: Journal
    meter: Meter
    room: int = 0
    flying: list[Claim] = field(default_factory=list)


class CeilingMachine(RuleBasedStateMachine):
    """Three programs send through one relay, each with a meter of its own, in any order."""

    PEOPLE = 150

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.clock = Clock()
        self.store = open_store(Path(self.folder.name) / "subscribers.db", now=self.clock)
        everybody(self.store, self.PEOPLE)
        self.longest = 0  # milliseconds that something can be on its way by now
        self.left: dict[tuple[int, int], int] = {}  # when each row was claimed that did not come back

    @initialize(count=st.integers(1, 40), seconds=st.sampled_from([3_600, 86_400]))
    def begin(self, count: int, seconds: int) -> None:
        self.rate = Rate(count=count, seconds=seconds)
        self.programs = [self.started(planned(self.store, f"issue-{n}")) for n in range(3)]

    def started(self, send: Send) -> Program:
        journal = self.store.journal(send.id, "relay", shared=True)
        history = self.store.sends.usage("relay", self.clock.at - DAY)
        return Program(send=send, journal=journal, meter=Meter([self.rate], history=history))

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    @rule(who=st.integers(0, 2), most=st.integers(0, 64))
    def reckons(self, who: int, most: int) -> None:
        one = self.programs[who]
        one.room = one.meter.room(self.clock.at, most)

    @rule(
        who=st.integers(0, 2),
        states=st.lists(st.sampled_from([SENT, DeliveryState.FAILED, DeliveryState.PLANNED]), max_size=20),
    )
    def exchanges(self, who: int, states: list[DeliveryState]) -> None:
        one = self.programs[who]
        ended = list(zip(one.flying, states, strict=False))
        given = one.journal.exchange([Outcome(delivery=c.delivery, state=s) for c, s in ended], one.room)
        for claim, state in ended:
            if state is not SENT:
                del self.left[one.send.id, claim.delivery]
        one.flying = one.flying[len(ended) :] + list(given.claims)
        one.meter.note(given.elsewhere, self.clock.at)
        one.meter.take(len(given.claims), self.clock.at)
        one.room = 0
        self.left |= {(one.send.id, claim.delivery): self.clock.at for claim in given.claims}

    @rule(who=st.integers(0, 2))
    def dies_and_begins_anew(self, who: int) -> None:
        one = self.programs[who]
        assert self.store.sends.unknown_from_crash(one.send.id) == len(one.flying)
        self.programs[who] = self.started(one.send)

    @rule(seconds=st.sampled_from([1, 7, 30, 61, 200]))
    def time_passes(self, seconds: int) -> None:
        self.clock.at += seconds * 1000
        self.longest += seconds * 1000
        if self.longest > LONGEST_FLIGHT:
            self.all_come_back()

    @rule(seconds=st.sampled_from([1_000, 1_900, 3_700, 40_000]))
    def everybody_sleeps(self, seconds: int) -> None:
        self.all_come_back()
        self.clock.at += seconds * 1000

    def all_come_back(self) -> None:
        for who, one in enumerate(self.programs):
            if one.flying:
                self.exchanges(who, [DeliveryState.PLANNED] * len(one.flying))
        self.longest = 0

    @invariant()
    def no_more_left_than_the_relay_allows(self) -> None:
        times = list(self.left.values())
        span = self.rate.seconds * 1000 if self.left else 0
        assert all(sum(begin <= at < begin + span for at in times) <= self.rate.count for begin in set(times))


CeilingMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)
test_the_ceiling_holds_in_any_order = CeilingMachine.TestCase
