"""Bytes out and replies in: reading with timeouts, and knowing what has truly been written."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from typing import cast

from newsletter.deliver.smtp.replies import ReplyReader
from newsletter.models import Reply

LAST_LOOK = 0.05  # seconds: after a sleep the time is up at once, and what came meanwhile is not read yet


class WireError(Exception):
    """The connection cannot be used any more; the text says what happened."""


class Wire(asyncio.Protocol):
    """One TCP connection, later perhaps with TLS. One coroutine at a time waits on it."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.reader = ReplyReader()
        self.broken = ""  # why nothing more can be read or written
        self._replies: deque[Reply] = deque()
        self.paused = False  # more is buffered than the tail of what was written last
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._patience = 0.0  # seconds that the wait of now may take
        self._until = 0.0  # and when it is over, by the loop's clock
        self._timer: asyncio.TimerHandle | None = None

    # --- called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self._use(transport)

    def data_received(self, data: bytes) -> None:
        """Read replies, and wake whoever waits for one."""
        replies = self.reader.feed(data)
        if replies:
            self._replies.extend(replies)
            self._wake()
        if self.reader.nonsense:
            self.abort(f"your mail server sent {self.reader.nonsense}")

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more will come."""
        if self._timer is not None:
            self._timer.cancel()
        self._break(
            "your mail server closed the connection" if exc is None else f"the connection broke: {exc}"
        )

    def pause_writing(self) -> None:
        """More is buffered than may be: the end of the message is not out yet."""
        self.paused = True

    def resume_writing(self) -> None:
        """All but the tail is with the operating system."""
        self.paused = False
        self._wake()

    # --- called by a connection

    @property
    def waiting(self) -> bool:
        """Whether a reply is here that nobody has asked for yet."""
        return bool(self._replies)

    @property
    def peer(self) -> str:
        """The relay's IP address, empty where the connection is gone."""
        return self._address("peername")

    @property
    def local(self) -> str:
        """Our own IP address towards the relay, empty where the connection is gone."""
        return self._address("sockname")

    def write(self, *pieces: bytes, tail: int = 0) -> bool:
        """Send the pieces; whether all but the last `tail` bytes are out of our hands already.

        Encrypted transports pause as soon as `high` is reached, plain ones only past it: with `tail + 1` both
        never call something unsent that may be out, which would let a message go twice.
        """
        if self.broken:
            raise WireError(self.broken)
        self.transport.set_write_buffer_limits(high=tail + 1, low=tail)
        if self._gathers:
            self.transport.writelines(pieces)
        else:
            self.transport.write(b"".join(pieces))
        return not self.paused

    async def flush(self, timeout: float) -> None:
        """Wait until all but the tail is out. Raises WireError where it never got that far."""
        while self.paused:
            await self._wait(timeout)

    def take(self) -> Reply | None:
        """A reply that is here already."""
        return self._replies.popleft() if self._replies else None

    def take_go(self) -> bool:
        """Take the answers to MAIL, RCPT and DATA where all three are here and let the message through."""
        replies = self._replies
        if len(replies) < 3 or replies[2].code != 354 or replies[0].code >= 300 or replies[1].code >= 300:
            return False
        for _ in range(3):
            replies.popleft()
        return True

    async def reply(self, timeout: float) -> Reply:
        """The next reply, within `timeout` seconds. Raises WireError."""
        while not self._replies:
            await self._wait(timeout)
        return self._replies.popleft()

    async def ask(self, command: bytes, timeout: float) -> Reply:
        """Send one command and read its reply. Raises WireError."""
        self.write(command + b"\r\n")
        return await self.reply(timeout)

    async def start_tls(self, context: ssl.SSLContext, host: str, timeout: float) -> None:
        """Encrypt from here on. Raises ssl.SSLError, OSError."""
        transport = await self._loop.start_tls(
            self.transport, self, context, server_hostname=host, ssl_handshake_timeout=timeout
        )
        self._use(transport)

    def abort(self, why: str) -> None:
        """Hang up at once."""
        self._break(why)
        self.transport.abort()

    async def _wait(self, timeout: float) -> None:
        if self.broken:
            raise WireError(self.broken)
        self._patience, self._until = timeout, self._loop.time() + timeout
        if self._timer is None or self._timer.when() > self._until:
            self._watch()
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _watch(self) -> None:
        """Set the one timer, which looks whether the wait of then takes too long: one a wait costs more."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._until, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._waiter is None:
            return
        if self._loop.time() < self._until:
            self._watch()
        else:
            self._timer = self._loop.call_later(LAST_LOOK, self._give_up, self._until)

    def _give_up(self, until: float) -> None:
        if self._waiter is not None and self._until == until:
            self.abort(f"your mail server did not answer within {self._patience:g} seconds")
        else:
            self._look()

    def _use(self, transport: asyncio.BaseTransport | None) -> None:
        """Where pieces can go to the system as they are they need not be joined: uvloop without TLS."""
        self.transport = cast(asyncio.Transport, transport)
        plain = self.transport.get_extra_info("sslcontext") is None
        self._gathers = plain and not isinstance(self._loop, asyncio.BaseEventLoop)

    def _address(self, end: str) -> str:
        info = self.transport.get_extra_info(end)
        return str(info[0]) if info else ""

    def _break(self, why: str) -> None:
        self.broken = self.broken or why
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
