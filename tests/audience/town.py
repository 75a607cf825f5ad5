"""A small made-up world for the tests of joining and leaving: one database, one clock, its links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from newsletter.audience import joining
from newsletter.links import KEY_PURPOSE, Purpose, Token, sign, verify
from newsletter.models import Address, DeliveryState, OutboxKind, OutboxMail, Outcome, Shown
from newsletter.store import Store
from tests.store.samples import Clock

HOUR = 3_600_000
DAY = 24 * HOUR


def address(local: str) -> Address:
    return Address(text=f"{local}@example.org", key=f"{local}@example.org")


@dataclass
class Town:
    """What happens to it is told in one word each; `sent` is every mail that left, with its time."""

    store: Store
    clock: Clock
    sent: list[tuple[int, str, OutboxMail]] = field(default_factory=list)

    def ask(
        self,
        local: str = "ana",
        *lists: str,
        language: str = "fr",
        page_language: str = "fr",
        settle: bool = True,
    ) -> None:
        joining.request_join(
            self.store,
            address=address(local),
            list_names=lists or ("dentists",),
            language=language,
            shown=Shown(wording="Yes, send me the newsletter.", language=page_language, page="/join"),
            channel="forward",
            issue="first",
            now=self.clock(),
        )
        if settle:
            joining.settle_requests(self.store, self.clock())

    def post(self) -> list[OutboxMail]:
        """Send everything that is due -> what went out."""
        journal = self.store.outbox.journal("relay")
        gone: list[OutboxMail] = []
        outcomes: list[Outcome] = []
        while True:
            answer = journal.exchange(outcomes, 10)
            if not answer.claims:
                return gone
            outcomes = [Outcome(delivery=claim.delivery, state=DeliveryState.SENT) for claim in answer.claims]
            for claim in answer.claims:
                mail = self.store.outbox.get(claim.delivery)
                gone.append(mail)
                self.sent.append((self.clock(), claim.profile.address.key, mail))

    def kinds(self) -> list[str]:
        return [mail.kind.value for mail in self.post()]

    def subject(self, local: str = "ana") -> bytes:
        person = self.store.people.get(address(local).key)
        assert person is not None
        return person.subject

    def state(self, local: str = "ana") -> str:
        person = self.store.people.get(address(local).key)
        return person.state if person else ""

    def language(self, local: str = "ana") -> str:
        person = self.store.people.get(address(local).key)
        return person.profile.language if person else ""

    def lists(self, local: str = "ana") -> dict[str, str]:
        person = self.store.people.get(address(local).key)
        return {m.list_name: m.state.value for m in person.memberships} if person else {}

    def token(self, purpose: Purpose, about: int, local: str = "ana") -> Token:
        key = self.store.keys.current(KEY_PURPOSE)
        text = sign(key, purpose=purpose, subject=self.subject(local), about=about)
        return verify(self.store.keys.all(KEY_PURPOSE), text)

    def link(self, local: str = "ana") -> Token:
        """The token of a confirmation mail that is written now."""
        waiting = self.store.joinings.of(self.subject(local))
        return self.token(Purpose.CONFIRM, waiting[-1].event, local)

    def confirm(self, token: Token, name: str = "", page_language: str = "fr") -> joining.Confirmation:
        return joining.confirm(
            self.store,
            token,
            name=name,
            shown=Shown(wording="I confirm.", language=page_language, page="/c"),
            now=self.clock(),
        )

    def join(self, local: str = "ana", *lists: str) -> None:
        """Ask and confirm."""
        self.ask(local, *lists)
        self.confirm(self.link(local))

    def pass_time(self, milliseconds: int) -> None:
        self.clock.at += milliseconds


def broken_off(town: Town, number: int, after: int) -> None:
    """Undo an import until so many people are done, and break off there."""

    def stop(done: int) -> None:
        if done >= after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        town.store.import_log.undo(number, town.clock(), progress=stop)


def of_kind(mails: Sequence[OutboxMail], kind: OutboxKind) -> list[OutboxMail]:
    return [mail for mail in mails if mail.kind is kind]
