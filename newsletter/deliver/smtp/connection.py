"""Sending messages over one connection, pipelined where the relay offers it (RFC 2920)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NoReturn

from newsletter.deliver.ports import Attempt, Parcel, Stage
from newsletter.deliver.smtp.session import Session, Timeouts
from newsletter.deliver.smtp.wire import WireError
from newsletter.models import Reply

Follow = Callable[[], Parcel | None]

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CONFUSED = frozenset({500, 502, 503})
_BEFORE_THE_DOT = frozenset({Stage.MAIL, Stage.RCPT, Stage.DATA})


def nothing() -> Parcel | None:
    """No parcel follows."""
    return None


class Connection:
    """Carries one parcel after the other; `usable` turns false when the next must take another connection.

    With PIPELINING the commands of the next parcel travel together with the end of this one's message, so
    that a message costs one round trip. `ahead` is that next parcel: the next call of `send` must be for it;
    when the connection ends it has not begun, as no dot of its own was written.
    """

    def __init__(
        self, session: Session, timeouts: Timeouts, *, pipelining: bool = True, most: int = 100
    ) -> None:
        self.session = session
        self.sent = 0
        self.ahead: Parcel | None = None
        self.lost_step = False  # the relay offers PIPELINING and cannot do it
        self._wire = session.wire
        self._timeouts = timeouts
        self._pipelining = pipelining and "PIPELINING" in session.extensions
        self._most = most
        self._size = "SIZE" in session.extensions
        self._largest = session.max_size
        self._notices = "DSN" in session.extensions
        self._written: Parcel | None = None  # whose commands went ahead
        self._stage = Stage.CONNECT  # how far the parcel is that is being sent; CONNECT while none is
        self._ended = False
        self._flushing = False  # the body is written, and not all of it may be out of our hands

    @property
    def usable(self) -> bool:
        """Whether another parcel may be sent here; a reply nobody asked for means goodbye or confusion."""
        done = self.sent >= self._most and self.ahead is None
        noisy = self._wire.waiting and self.ahead is None
        return not (self._ended or self._wire.broken or done or noisy)

    @property
    def handed_over(self) -> bool:
        """Whether the relay may have the parcel that is being sent: its final dot is out of our hands."""
        return self._stage is Stage.END or (self._flushing and not self._wire.paused)

    async def send(self, parcel: Parcel, follow: Follow = nothing) -> Attempt:
        """Try to hand over one parcel. Never raises for what the relay does.

        `follow` is asked, when the message is about to be written, for a parcel that can go ahead with it.
        """
        commands = b"" if self._written is parcel else self._commands(parcel)
        if isinstance(commands, Attempt):
            self.ahead = None
            return commands
        self.ahead = self._written = None
        self._stage = Stage.MAIL
        try:
            refusal: Reply | None = None
            if not commands and self._wire.take_go():
                self._stage = Stage.DATA
            else:
                refusal = await self._envelope(commands)
            reply = refusal or await self._body(parcel, follow)
        except WireError as error:
            self._ended = True
            return Attempt(delivery=parcel.delivery, stage=self._stage, error=str(error))
        except asyncio.CancelledError:
            self._end("given up")
            raise
        if reply.code == 421:
            self._ended = True
        stage, self._stage = self._stage, Stage.CONNECT
        accepted = stage is Stage.END and reply.code < 300
        return Attempt(delivery=parcel.delivery, stage=stage, reply=reply, accepted=accepted)

    def recall(self) -> Parcel | None:
        """Begin nothing more here -> the parcel that was to follow.

        A parcel whose dot is not written is broken off, as the relay cannot have it; one whose dot is written
        goes on waiting for its answer.
        """
        ahead, self.ahead = self.ahead, None
        if self._stage in _BEFORE_THE_DOT and not self.handed_over:
            self._end("given up")
        elif ahead is not None:
            self._ended = True  # the relay expects a message that will not come
        return ahead

    async def close(self) -> None:
        """Say QUIT where it will be understood, and hang up."""
        try:
            if not self._ended and self.ahead is None:
                with suppress(WireError):
                    await self._wire.ask(b"QUIT", self._timeouts.quit)
        finally:
            self._end("closed")

    async def _envelope(self, commands: bytes) -> Reply | None:
        """MAIL, RCPT and DATA, written already where `commands` is empty; the first refusal, if any."""
        if self._pipelining and commands:
            self._wire.write(commands)
        lines = iter(commands.splitlines(keepends=True))
        refusal: Reply | None = None
        reply = Reply(code=0)
        for stage in (Stage.MAIL, Stage.RCPT, Stage.DATA):
            if not self._pipelining:
                self._wire.write(next(lines))
            if refusal is None:
                self._stage = stage
            reply = await self._step(stage)
            if reply.code == 421:
                return refusal or reply
            if reply.code >= 400 and refusal is None:
                refusal = reply
                self._keep_step(stage, reply)
                if not self._pipelining:
                    break
        if refusal is not None and reply.code == 354:
            await self._mend(b".", self._timeouts.end)
        elif refusal is not None and self._stage is not Stage.MAIL:
            await self._mend(b"RSET", self._timeouts.command)
        return refusal

    async def _step(self, stage: Stage) -> Reply:
        """The reply to one command of the envelope; one that cannot belong to it ends the connection."""
        timeout = self._timeouts.data if stage is Stage.DATA else self._timeouts.command
        untried = self._pipelining and self.sent == 0
        try:
            reply = await self._wire.reply(min(timeout, self._timeouts.first) if untried else timeout)
        except WireError:
            self.lost_step = untried
            raise
        fits = reply.code == 354 if stage is Stage.DATA else reply.code < 300
        if not fits and reply.code < 400:
            self._lose_step()
        return reply

    def _keep_step(self, stage: Stage, reply: Reply) -> None:
        """A relay that calls a good command wrong has not understood that it was pipelined."""
        confused = stage is not Stage.MAIL and reply.code in _CONFUSED
        if self._pipelining and (confused or "synchroni" in reply.text.lower()):
            self._lose_step()

    def _lose_step(self) -> NoReturn:
        self.lost_step = self._pipelining
        why = "your mail server's answers do not fit the commands"
        self._end(why)
        raise WireError(why)

    async def _mend(self, command: bytes, timeout: float) -> None:
        """End a refused transaction: RSET, or after an unwanted 354 the lone dot of RFC 2920 3.1."""
        try:
            reply = await self._wire.ask(command, timeout)
        except WireError:
            self._ended = True
            return
        if reply.code >= 300 and command == b"RSET":
            self._ended = True

    async def _body(self, parcel: Parcel, follow: Follow) -> Reply:
        """The message and its dot, and with it what may go ahead; the reply to the dot."""
        early = self._wire.take()
        if early is not None:
            return self._cut_short(early)
        tail = b""
        if self._pipelining and self.sent + 1 < self._most:
            self.ahead = follow()
            commands = self._commands(self.ahead) if self.ahead is not None else None
            if isinstance(commands, bytes):
                self._written, tail = self.ahead, commands
        if not self._wire.write(*_whole_lines(parcel), b".\r\n" + tail, tail=len(tail)):
            self._flushing = True
            try:
                await self._wire.flush(self._timeouts.body)
            except WireError:
                told = self._wire.take()
                if told is None:
                    raise
                return self._cut_short(told)
        self._stage, self._flushing = Stage.END, False
        reply = await self._wire.reply(self._timeouts.end)
        if 300 <= reply.code < 400:
            self._lose_step()
        self.sent += 1
        return reply

    def _cut_short(self, early: Reply) -> Reply:
        """An answer before the dot was written: it can be a refusal, and never a yes."""
        if early.code < 400:
            self._lose_step()
        self._ended = True
        return early

    def _commands(self, parcel: Parcel) -> bytes | Attempt:
        """MAIL, RCPT and DATA, each on its line, or the attempt that ends where this relay cannot take it."""
        refusal = self._refusal(parcel)
        if refusal is not None:
            return refusal
        size = f" SIZE={parcel.size}" if self._size else ""
        letters = " BODY=8BITMIME SMTPUTF8" if parcel.smtputf8 else ""
        about, notify = _notices(parcel) if self._notices else ("", "")
        mail = f"MAIL FROM:<{parcel.mail_from}>{size}{letters}{about}"
        return f"{mail}\r\nRCPT TO:<{parcel.rcpt_to}>{notify}\r\nDATA\r\n".encode()

    def _refusal(self, parcel: Parcel) -> Attempt | None:
        """Why this relay can never take this parcel: its letters (RFC 6531), its size (RFC 1870)."""
        unfit = _unfit(parcel, self.session)
        if unfit:
            return Attempt(delivery=parcel.delivery, stage=Stage.MAIL, unfit=unfit)
        if self._largest and parcel.size > self._largest:
            text = f"the message has {parcel.size:,} bytes, and your mail server takes {self._largest:,}"
            reply = Reply(code=552, enhanced="5.3.4", text=text)
            return Attempt(delivery=parcel.delivery, stage=Stage.MAIL, reply=reply)
        return None

    def _end(self, why: str) -> None:
        self._ended = True
        self._wire.abort(why)


def _whole_lines(parcel: Parcel) -> Sequence[bytes]:
    """The message in whole lines, its leading dots doubled (RFC 5321 4.5.2)."""
    if parcel.dotless:
        return parcel.pieces
    data = b"".join(parcel.pieces)
    if not data.endswith(b"\r\n"):
        data += b"\r\n"
    if data.startswith(b".") or b"\r\n." in data:
        data = re.sub(rb"(?m)^\.", b"..", data)
    return (data,)


def _notices(parcel: Parcel) -> tuple[str, str]:
    """What MAIL and RCPT say of notifications (RFC 3461): of failures only, with headers and the address.

    ORCPT is xtext: no `+` and no `=`; an address beyond ASCII goes without, as few could read it (RFC 6533).
    """
    envid = f" ENVID={parcel.envelope_id}" if parcel.envelope_id else ""
    to = parcel.rcpt_to
    if not to.isascii():
        return f" RET=HDRS{envid}", " NOTIFY=FAILURE"
    if "+" in to or "=" in to:
        to = to.replace("+", "+2B").replace("=", "+3D")
    return f" RET=HDRS{envid}", f" NOTIFY=FAILURE ORCPT=rfc822;{to}"


def _unfit(parcel: Parcel, session: Session) -> str:
    envelope = parcel.mail_from + parcel.rcpt_to
    if not parcel.smtputf8 and envelope.isascii() and envelope.isprintable():
        return ""
    if _CONTROL.search(envelope):
        return "the address holds a control character"
    if not parcel.smtputf8:
        return "" if envelope.isascii() else "the address has letters that only SMTPUTF8 can carry"
    if "SMTPUTF8" not in session.extensions:
        return "your mail server cannot write to an address with these letters (it does not offer SMTPUTF8)"
    return ""
