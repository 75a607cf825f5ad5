"""Bytes out and replies in: reading with timeouts, and knowing what has truly been written."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from typing import cast

from newsletter.deliver.smtp.replies import ReplyReader
from newsletter.models import Reply


class WireError(Exception):
    """The connection cannot be used any more; the text says what happened."""


class Wire(asyncio.Protocol):
    """One TCP connection, later perhaps with TLS. One coroutine at a time waits on it."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.reader = ReplyReader()
        self.broken = ""  # why nothing more can be read or written
        self._replies: deque[Reply] = deque()
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None

    # --- called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Read replies, and wake whoever waits for one."""
        replies = self.reader.feed(data)
        if replies:
            self._replies.extend(replies)
            self._wake()
        if self.reader.nonsense:
            self.abort(f"the relay sent {self.reader.nonsense}")

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more will come."""
        self._break("the relay closed the connection" if exc is None else f"the connection broke: {exc}")

    def pause_writing(self) -> None:
        """More is buffered than may be: the end of the message is not out yet."""
        self._paused = True

    def resume_writing(self) -> None:
        """All but the tail is with the operating system."""
        self._paused = False
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

    def write(self, data: bytes, *, tail: int = 0) -> bool:
        """Send `data`; whether all but its last `tail` bytes are out of our hands already."""
        if self.broken:
            raise WireError(self.broken)
        self.transport.set_write_buffer_limits(high=tail, low=tail)
        self.transport.write(data)
        return not self._paused

    async def flush(self, timeout: float) -> None:
        """Wait until all but the tail is out. Raises WireError where it never got that far."""
        while self._paused:
            await self._wait(timeout)

    def take(self) -> Reply | None:
        """A reply that is here already."""
        return self._replies.popleft() if self._replies else None

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
        loop = asyncio.get_running_loop()
        transport = await loop.start_tls(
            self.transport, self, context, server_hostname=host, ssl_handshake_timeout=timeout
        )
        self.transport = cast(asyncio.Transport, transport)

    def abort(self, why: str) -> None:
        """Hang up at once."""
        self._break(why)
        self.transport.abort()

    async def _wait(self, timeout: float) -> None:
        if self.broken:
            raise WireError(self.broken)
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        timer = loop.call_later(timeout, self.abort, f"the relay did not answer within {timeout:g} seconds")
        try:
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None

    def _address(self, end: str) -> str:
        info = self.transport.get_extra_info(end)
        return str(info[0]) if info else ""

    def _break(self, why: str) -> None:
        self.broken = self.broken or why
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
