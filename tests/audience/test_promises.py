"""Whatever people do in whatever order: nobody who waits, left or is suppressed is ever in an audience."""

from __future__ import annotations

import shutil
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from newsletter.audience import departures, joining
from newsletter.audience.preferences import change
from newsletter.links import Purpose, Token
from newsletter.models import MembershipState, OutboxKind, Shown, SuppressionKind
from newsletter.segments import parse
from newsletter.store import open_store
from tests.audience.town import DAY, HOUR, Town, address
from tests.store.samples import Clock, profile, segment, take_in

LISTS = ("dentists", "radiologists")
who = st.sampled_from(("ana", "ben", "cleo"))
where = st.sampled_from(LISTS)


class Streets(RuleBasedStateMachine):
    """A town in which everybody acts at random; `agreed` is who may be mailed by which list, as we reckon."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.clock = Clock()
        self.town = Town(open_store(self.folder / "subscribers.db", now=self.clock), self.clock)
        self.agreed: set[tuple[str, str]] = set()
        self.out: set[str] = set()
        self.complained: set[str] = set()
        self.tokens: list[tuple[str, Token]] = []

    @initialize()
    def lists(self) -> None:
        for name in LISTS:
            self.town.store.lists.create(name)

    def teardown(self) -> None:
        self.town.store.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def token(self, local: str, purpose: Purpose, about: int) -> None:
        self.tokens.append((local, self.town.token(purpose, about, local)))

    @rule(local=who, name=where)
    def ask(self, local: str, name: str) -> None:
        self.town.ask(local, name)
        waiting = self.town.store.joinings.of(self.town.subject(local))
        if waiting:
            self.token(local, Purpose.CONFIRM, waiting[-1].event)

    @rule(local=who, name=where, consenting=st.booleans())
    def bring_in(self, local: str, name: str, consenting: bool) -> None:
        person = self.town.store.people.get(address(local).key)
        free = local not in self.out and self.town.lists(local).get(name) != "left"
        take_in(self.town.store, profile(local), to=name, source="sheet" if consenting else "")
        if consenting and free and (person is None or self.town.lists(local).get(name) == "active"):
            self.agreed.add((local, name))

    @rule(local=who)
    def leave(self, local: str) -> None:
        person = self.town.store.people.get(address(local).key)
        if person is None:
            return
        left = departures.leave(self.town.store, person.subject, source="link", page="", now=self.clock())
        self.agreed = {pair for pair in self.agreed if pair[0] != local}
        self.out.add(local)
        if left is not None:
            self.token(local, Purpose.UNDO, left)
            self.token(local, Purpose.UNDO_ON_PAGE, left)

    @rule(local=who, kept=st.sets(where))
    def choose(self, local: str, kept: set[str]) -> None:
        person = self.town.store.people.get(address(local).key)
        if person is None:
            return
        before = {name for name, state in self.town.lists(local).items() if state == "active"}
        left = change(
            self.town.store,
            person.subject,
            language="",
            keep=kept,
            join=[],
            shown=Shown(wording="", language="", page=""),
            now=self.clock(),
        )
        self.agreed = {pair for pair in self.agreed if pair[0] != local or pair[1] in kept}
        if before and not before & kept:
            self.out.add(local)
        if left is not None:
            self.token(local, Purpose.UNDO, left)

    @rule(data=st.data())
    def use_a_link(self, data: Any) -> None:
        """Any link ever mailed, by anybody, as often as one likes: it acts on its own person only."""
        if not self.tokens:
            return
        local, token = data.draw(st.sampled_from(self.tokens))
        people = self.town.store.people
        others = {p.subject: p for p in people.select() if p.subject != token.subject}
        if token.purpose is Purpose.CONFIRM:
            was = joining.confirmation(self.town.store, token, self.clock()).state
            done = self.town.confirm(token)
            if was == "open":
                if local in self.complained:
                    self.agreed = {pair for pair in self.agreed if pair[0] != local}
                    self.complained.discard(local)
                self.agreed |= {(local, name) for name in done.list_names}
                self.out.discard(local)
        elif departures.undo(self.town.store, token, page="", now=self.clock()):
            lists = self.town.lists(local)
            self.agreed |= {(local, name) for name, state in lists.items() if state == "active"}
            if not self.town.store.suppressions.of(address(local).key):
                self.out.discard(local)
        assert {p.subject: p for p in people.select() if p.subject != token.subject} == others

    @rule(local=who)
    def erase(self, local: str) -> None:
        person = self.town.store.people.get(address(local).key)
        if person is not None:
            departures.erase_person(self.town.store, person, now=self.clock())
            self.agreed = {pair for pair in self.agreed if pair[0] != local}
            self.out.add(local)

    @rule(local=who)
    def complain(self, local: str) -> None:
        self.town.store.suppressions.add(address(local).key, SuppressionKind.COMPLAINED)
        self.out.add(local)
        self.complained.add(local)

    @rule(time=st.sampled_from((HOUR // 2, DAY, 20 * DAY)))
    def wait(self, time: int) -> None:
        self.town.pass_time(time)
        joining.expire_pending(self.town.store, self.clock())
        departures.forget_leavings(self.town.store, self.clock())

    @rule()
    def post(self) -> None:
        self.town.post()

    @invariant()
    def only_who_agreed_is_in_an_audience(self) -> None:
        store = self.town.store
        for name in store.lists.names():
            for person in store.people.select(segment(store, f"list:{name}")):
                local = person.profile.address.text.partition("@")[0]
                alone = parse(f"list:{name} email:{person.profile.address.text}", lists=LISTS, segments={})
                if store.people.audience_count(alone):
                    assert (local, name) in self.agreed
                    assert local not in self.out

    @invariant()
    def nobody_gets_more_than_one_of_these_mails_an_hour(self) -> None:
        times: dict[str, list[int]] = {}
        for at, key, mail in self.town.sent:
            if mail.kind in (OutboxKind.CONFIRM, OutboxKind.ALREADY):
                times.setdefault(key, []).append(at)
        for one in times.values():
            assert all(later - earlier >= HOUR for earlier, later in pairwise(one))

    @invariant()
    def everybody_who_waits_is_known_to_wait(self) -> None:
        for person in self.town.store.people.select():
            for joined in self.town.store.joinings.of(person.subject):
                states = {m.list_name: m.state for m in person.memberships}
                assert states[joined.list_name] in set(MembershipState)


Streets.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestStreets = Streets.TestCase
