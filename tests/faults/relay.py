"""A relay that misbehaves at random, from a seed, and keeps the books for the property."""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum

from tests.deliver.relay import Do, ScriptedRelay, Step, _Session

GARBAGE = b"\x00\xffwhat is this?\r\n"
CRAWL = 0.02  # seconds, at most, that a slow relay takes over a message


class Wrong(Enum):
    """What may go wrong beyond an answer."""

    HALF = "half an answer, then it hangs up"
    MID_BODY = "it hangs up while the message arrives"
    TWO_ANSWERS = "250 to the dot, and 421 in the same packet"
    GARBAGE = "no SMTP"


Act = str | Do | Wrong
Table = Mapping[str, Sequence[Act]]

ANSWERS: Table = {
    "MAIL": ("421 4.3.2 going down", "450 4.3.2 busy", "451 4.3.0 later", "452 4.3.1 no space"),
    "RCPT": (
        "421 4.3.2 going down",
        "450 4.2.1 busy",
        "451 4.7.1 greylisted",
        "452 4.2.2 mailbox full",
        "550 5.1.1 no such user",
        "552 5.2.2 mailbox full",
        "554 5.4.4 no route",
    ),
    "DATA": ("421 4.3.2 going down", "451 4.3.0 later", "452 4.3.1 no space", "554 5.5.0 no"),
    "END": (
        "421 4.3.2 going down",
        "450 4.3.2 busy",
        "451 4.3.0 later",
        "452 4.3.1 no space",
        "552 5.3.4 too large",
        "554 5.6.0 no",
        "535 5.7.8 who are you?",
    ),
}
BREAKS: Table = {
    "MAIL": (Do.HANG_UP, Wrong.HALF, Wrong.GARBAGE),
    "RCPT": (Do.HANG_UP, Wrong.HALF, Wrong.GARBAGE),
    "DATA": (Do.HANG_UP, Wrong.MID_BODY, Wrong.HALF),
    "END": (Do.HANG_UP, Do.TAKE_AND_HANG_UP, Wrong.HALF, Wrong.GARBAGE, Wrong.TWO_ANSWERS),
}
DOORS: Table = {
    "CONNECT": ("421 4.3.2 too many connections", Do.HANG_UP, Wrong.GARBAGE),
    "EHLO": ("421 4.3.2 too many connections", Do.HANG_UP),
}
SILENCE: Table = dict.fromkeys(("CONNECT", "MAIL", "RCPT", "DATA", "END"), (Do.SILENCE,))


def together(*tables: Table) -> dict[str, list[Act]]:
    acts: dict[str, list[Act]] = {}
    for table in tables:
        for verb, some in table.items():
            acts.setdefault(verb, []).extend(some)
    return acts


@dataclass
class Mischief:
    """The script of a relay: each step goes wrong by `chance`, in one of the ways of `acts`.

    `accepted` counts the messages that were answered 250; `lost` the connections that broke while the sender
    could not know what had become of a message; `slow` is the longest that a message takes, in seconds.
    """

    seed: int = 0
    chance: float = 0.0
    acts: Table = field(default_factory=dict)
    slow: float = 0.0
    torn: bool = False  # answers are written so slowly that any broken connection may lose one
    accepted: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    wrong: Counter[str] = field(default_factory=Counter)
    endings: dict[int, Wrong] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def __call__(self, step: Step) -> str | bytes | Do | None:
        if self.slow and step.verb == "END":
            time.sleep(self.random.uniform(0, self.slow))
        act = self._choose(step)
        if act is not None:
            self.wrong[step.verb] += 1
        if step.verb == "END" and step.rcpt_to:
            self._keep_books(step, act)
        elif act is Wrong.MID_BODY or (self.torn and _ends_it(act)):
            self.lost += 1
        if isinstance(act, Wrong):
            return self._wrong(step, act)
        return act

    def be_good(self) -> None:
        """From here on everything is taken at once."""
        self.chance = self.slow = 0.0

    def _choose(self, step: Step) -> Act | None:
        acts = self.acts.get(step.verb)
        return self.random.choice(acts) if acts and self.random.random() < self.chance else None

    def _keep_books(self, step: Step, act: Act | None) -> None:
        if act is None or act is Wrong.TWO_ANSWERS:
            self.accepted[step.rcpt_to] += 1
        elif not isinstance(act, str) or (self.torn and _ends_it(act)):
            self.lost += 1

    def _wrong(self, step: Step, act: Wrong) -> str | bytes | None:
        if act is Wrong.TWO_ANSWERS:
            return b"250 2.0.0 queued\r\n421 4.3.2 and goodbye\r\n"
        if act is Wrong.GARBAGE:
            return GARBAGE
        self.endings[step.session] = act
        return b"45" if act is Wrong.HALF else None


def _ends_it(act: Act | None) -> bool:
    return act.startswith("421") if isinstance(act, str) else act is not None


class _FaultySession(_Session):
    """Hangs up where the mischief says so, and puts several answers into one packet where it is `corked`."""

    relay: FaultyRelay
    early: bytes | None = None  # what came encrypted before we knew that we were

    def command(self, verb: str, argument: str) -> None:
        if verb == "STARTTLS" and self.relay.starttls is not None:
            self.say("220 2.0.0 go ahead")
            self.early = b""
            self.encrypting = asyncio.get_running_loop().create_task(self._encrypt(self.relay.starttls))
        else:
            super().command(verb, argument)

    async def _encrypt(self, context: ssl.SSLContext) -> None:
        with suppress(OSError):  # as where the other side does not trust us
            encrypted = await asyncio.get_running_loop().start_tls(
                self.transport, self, context, server_side=True
            )
            assert encrypted is not None
            self.transport, early, self.early = encrypted, self.early, None
            self.data_received(early or b"")

    def data_received(self, data: bytes) -> None:
        if self.early is not None:
            self.early += data
            return
        ending = self.relay.mischief.endings
        if ending.get(self.number) is Wrong.MID_BODY and self.body is not None:
            del ending[self.number]
            self.transport.close()
            return
        self._cork(True)
        super().data_received(data)
        self._cork(False)

    def tire(self) -> None:
        """Leave, as a relay does after minutes of silence. Call it in the relay's own loop."""
        self.say("421 4.4.2 timeout exceeded")
        self.transport.close()

    def say(self, reply: str | bytes) -> None:
        super().say(reply)
        if self.relay.mischief.endings.get(self.number) is Wrong.HALF:
            del self.relay.mischief.endings[self.number]
            self.transport.close()

    def _cork(self, on: bool) -> None:
        wire = self.transport.get_extra_info("socket")
        if self.relay.corked and hasattr(socket, "TCP_CORK") and wire is not None and wire.fileno() >= 0:
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, on)


@dataclass(eq=False)
class FaultyRelay(ScriptedRelay):
    """A ScriptedRelay whose script is a Mischief. `corked` writes the answers to one packet as one packet.

    `starttls` is what it encrypts with when asked to.
    """

    corked: bool = False
    starttls: ssl.SSLContext | None = None
    mischief: Mischief = field(default_factory=Mischief)

    def __post_init__(self) -> None:
        self.script = self.mischief
        self.mischief.torn = self.drip
        if self.starttls is not None:
            self.extensions = (*self.extensions, "STARTTLS")

    def tire(self) -> None:
        """Every connection is left, because nothing has come for long; from any thread."""
        for session in list(self.open):
            assert isinstance(session, _FaultySession)
            self._loop.call_soon_threadsafe(session.tire)

    async def __aenter__(self) -> FaultyRelay:
        self._loop = loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _FaultySession(self), "127.0.0.1", ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self
