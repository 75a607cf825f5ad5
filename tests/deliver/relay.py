"""A mail server that does as it is told, above all wrong: for tests of the courier and of whole sends.

async with ScriptedRelay(lambda step: "451 4.3.0 later" if step.verb == "RCPT" else None) as relay:
    ... connect to relay.port; relay.taken holds what it took

with ScriptedRelay(...).in_thread() as relay:
    ... the same for programs and tests without an event loop
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType
from typing import cast

EXTENSIONS = ("PIPELINING", "SIZE 10000000", "8BITMIME", "ENHANCEDSTATUSCODES")
DEFAULTS = {
    "CONNECT": "220 relay.example.org ESMTP",
    "MAIL": "250 2.1.0 Ok",
    "RCPT": "250 2.1.5 Ok",
    "DATA": "354 End data with <CR><LF>.<CR><LF>",
    "END": "250 2.0.0 Ok: queued",
    "RSET": "250 2.0.0 Ok",
    "NOOP": "250 2.0.0 Ok",
    "QUIT": "221 2.0.0 Bye",
}


class Do(Enum):
    """What a script may return instead of a reply's text."""

    HANG_UP = 1
    TAKE_AND_HANG_UP = 2  # at END: the message was taken, and nobody is told
    SILENCE = 3  # from here on
    TAKE_AND_VANISH = 4  # at END: the message was taken, and the line is cut without a farewell of TLS


@dataclass(frozen=True, kw_only=True)
class Step:
    """A command as it reaches the relay. `session` counts connections, `message` the DATAs of all, from 1."""

    session: int
    verb: str
    argument: str
    message: int
    rcpt_to: str = ""


@dataclass(frozen=True, kw_only=True)
class Taken:
    mail_from: str
    rcpt_to: tuple[str, ...]
    data: bytes


Script = Callable[[Step], "str | bytes | Do | None"]


@dataclass(eq=False)
class ScriptedRelay:
    """`script` gives the reply to a step, or None for the usual one. A reply that is bytes goes out as it is.

    `drip` writes one byte at a time; `deaf` throws away what was pipelined behind a command, as a server does
    that offers PIPELINING and cannot do it.
    """

    script: Script = lambda step: None
    extensions: Sequence[str] = EXTENSIONS
    login: tuple[str, str] | None = None
    drip: bool = False
    deaf: bool = False
    tls: ssl.SSLContext | None = None
    port: int = 0
    taken: list[Taken] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    sessions: int = 0
    messages: int = 0
    open: set[_Session] = field(default_factory=set)
    most_open: int = 0

    async def __aenter__(self) -> ScriptedRelay:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Session(self), "127.0.0.1", self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for session in list(self.open):
            session.transport.abort()

    @property
    def recipients(self) -> list[str]:
        """Who was given a message, in order, with repeats."""
        return [address for taken in self.taken for address in taken.rcpt_to]

    @contextmanager
    def in_thread(self) -> Iterator[ScriptedRelay]:
        """Run on a loop of its own."""
        ready, done = threading.Event(), asyncio.Event()

        async def serve() -> None:
            async with self:
                ready.set()
                await done.wait()

        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
        thread.start()
        try:
            assert ready.wait(10)
            yield self
        finally:
            loop.call_soon_threadsafe(done.set)
            thread.join(10)
            loop.close()


class _Session(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self, relay: ScriptedRelay) -> None:
        self.relay = relay
        self.buffer = b""
        self.body: list[bytes] | None = None
        self.mail_from = ""
        self.rcpt_to: list[str] = []
        self.secrets: list[bytes] | None = None
        self.logged_in = False
        self.mute = False
        self.dripping: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.relay.sessions += 1
        self.number = self.relay.sessions
        self.relay.open.add(self)
        self.relay.most_open = max(self.relay.most_open, len(self.relay.open))
        self.answer("CONNECT", "", DEFAULTS["CONNECT"])

    def connection_lost(self, exc: Exception | None) -> None:
        self.relay.open.discard(self)
        if self.dripping:
            self.dripping.cancel()

    def data_received(self, data: bytes) -> None:
        *lines, self.buffer = (self.buffer + data).split(b"\n")
        for line in lines:
            if self.mute or self.transport.is_closing():
                return
            self.line(line.removesuffix(b"\r"))
            if self.relay.deaf and self.body is None:
                self.buffer = b""
                return

    def line(self, line: bytes) -> None:
        if self.body is not None:
            if line == b".":
                self.end()
            else:
                self.body.append(line.removeprefix(b"."))
        elif self.secrets is not None:
            self.login_line(line)
        else:
            verb, _, argument = line.decode("utf-8", "replace").partition(" ")
            self.relay.commands.append(line.decode("utf-8", "replace"))
            self.command(verb.upper(), argument)

    def command(self, verb: str, argument: str) -> None:
        if verb in ("EHLO", "HELO"):
            self.answer(verb, argument, self.hello() if verb == "EHLO" else "250 relay.example.org")
        elif verb == "AUTH":
            self.login(argument)
        elif verb == "MAIL":
            if self.answer(verb, argument, DEFAULTS[verb]):
                self.mail_from, self.rcpt_to = path(argument), []
        elif verb == "RCPT":
            usual = DEFAULTS[verb] if self.mail_from else "503 5.5.1 need MAIL"
            if self.answer(verb, argument, usual):
                self.rcpt_to.append(path(argument))
        elif verb == "DATA":
            usual = DEFAULTS[verb] if self.rcpt_to else "554 5.5.1 no valid recipients"
            if self.answer(verb, argument, usual):
                self.body = []
        else:
            if verb in ("RSET", "QUIT"):
                self.mail_from, self.rcpt_to = "", []
            self.answer(verb, argument, DEFAULTS.get(verb, "502 5.5.2 what?"))
            if verb == "QUIT":
                self.relay.open.discard(self)
                self.transport.close()

    def hello(self) -> str:
        lines = ["relay.example.org", *self.relay.extensions]
        if self.relay.login:
            lines.append("AUTH PLAIN LOGIN")
        return "\r\n".join(
            f"250{' ' if index == len(lines) - 1 else '-'}{line}" for index, line in enumerate(lines)
        )

    def end(self) -> None:
        data = b"".join(line + b"\r\n" for line in self.body or [])
        self.body = None
        self.relay.messages += 1
        taken = Taken(mail_from=self.mail_from, rcpt_to=tuple(self.rcpt_to), data=data)
        usual = DEFAULTS["END"] if self.rcpt_to else "554 5.5.1 no valid recipients"
        if self.answer("END", "", usual):
            self.relay.taken.append(taken)
        self.mail_from, self.rcpt_to = "", []

    def login(self, argument: str) -> None:
        mechanism, _, initial = argument.partition(" ")
        if self.relay.login is None:
            self.answer("AUTH", argument, "504 5.5.4 no such mechanism")
        elif mechanism == "PLAIN":
            self.check(*b64decode(initial).split(b"\0")[1:])
        elif mechanism == "LOGIN":
            self.secrets = []
            self.say("334 VXNlcm5hbWU6")

    def login_line(self, line: bytes) -> None:
        assert self.secrets is not None
        self.secrets.append(b64decode(line))
        if len(self.secrets) == 2:
            secrets, self.secrets = self.secrets, None
            self.check(*secrets)
        else:
            self.say("334 UGFzc3dvcmQ6")

    def check(self, user: bytes, password: bytes) -> None:
        assert self.relay.login
        self.logged_in = (user.decode(), password.decode()) == self.relay.login
        usual = "235 2.7.0 ok" if self.logged_in else "535 5.7.8 bad user name or password"
        self.answer("AUTH", user.decode(), usual)

    def answer(self, verb: str, argument: str, usual: str) -> bool:
        """Say what the script says; whether that was a yes."""
        step = Step(
            session=self.number,
            verb=verb,
            argument=argument,
            message=self.relay.messages,
            rcpt_to=self.rcpt_to[-1] if self.rcpt_to else "",
        )
        reply = self.relay.script(step)
        if reply is None:
            reply = usual
        if isinstance(reply, Do):
            if reply is Do.SILENCE:
                self.mute = True
            elif reply is Do.TAKE_AND_VANISH:
                encrypted = getattr(self.transport, "_ssl_protocol", None)
                (encrypted._transport if encrypted else self.transport).abort()
            else:
                self.transport.close()
            return reply in (Do.TAKE_AND_HANG_UP, Do.TAKE_AND_VANISH)
        self.say(reply)
        text = reply if isinstance(reply, str) else reply.decode("latin-1")
        if text.startswith("421"):
            self.transport.close()
        return text.startswith("250" if verb == "END" else ("2", "3"))

    def say(self, reply: str | bytes) -> None:
        data = reply if isinstance(reply, bytes) else reply.encode() + b"\r\n"
        if not self.relay.drip:
            self.transport.write(data)
            return
        before = self.dripping

        async def drip() -> None:
            if before:
                await before
            for byte in data:
                self.transport.write(bytes([byte]))
                await asyncio.sleep(0)

        self.dripping = asyncio.get_running_loop().create_task(drip())


def path(argument: str) -> str:
    """The address inside the angle brackets."""
    return argument.partition("<")[2].partition(">")[0]
