"""uvicorn's HTTP/1.1 with an end to every wait: slow heads, bodies and readers; and not too many of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from newsletter.errors import UsageError
from newsletter.web.allowance import client_name

HEAD_SECONDS = 10.0
BODY_SECONDS = 10.0
ANSWER_SECONDS = 60.0
MOST_CONNECTIONS = 64  # of one client that is no trusted proxy
SECONDS = {"head": HEAD_SECONDS, "body": BODY_SECONDS, "answer": ANSWER_SECONDS, "idle": ANSWER_SECONDS}


class BoundedProtocol(H11Protocol):
    """One connection. `trusted` holds the proxies' addresses, who speak for many clients."""

    trusted: Sequence[IPv4Network | IPv6Network] = ()
    seconds: Mapping[str, float] = SECONDS
    open: ClassVar[Counter[str]] = Counter()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin the wait for a head, or hang up on a client that holds too many connections."""
        super().connection_made(transport)
        self._deadline: asyncio.TimerHandle | None = None
        self._phase = ""
        self._name = client_name(self.client[0]) if self.client else ""
        self.open[self._name] += 1
        if self.open[self._name] > MOST_CONNECTIONS and not self._is_proxy():
            transport.abort()
            return
        self._enter("head")

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self._deadline is not None:
            self._deadline.cancel()
        self.open[self._name] -= 1
        if self.open[self._name] <= 0:
            del self.open[self._name]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came; the time for a head or body runs on, however slowly it drips."""
        super().data_received(data)
        state = self.conn.their_state
        self._enter("head" if state is h11.IDLE else "body" if state is h11.SEND_BODY else "answer")

    def on_response_complete(self) -> None:
        """The next request may come; an answer that nobody fetches is thrown away after a while."""
        super().on_response_complete()
        self._enter("idle")

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """There are no websockets here (uvicorn is told so, and never calls this)."""
        raise AssertionError(event)

    def _is_proxy(self) -> bool:
        if not self.client:
            return False
        address = ip_address(self.client[0].partition("%")[0])
        return any(address in network for network in self.trusted)

    def _enter(self, phase: str) -> None:
        if phase == self._phase:
            return
        self._phase = phase
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self.loop.call_later(self.seconds[phase], self.transport.abort)


def protocol(trusted: Iterable[str], seconds: Mapping[str, float] | None = None) -> type[Any]:
    """The protocol class of one server. Raises UsageError for a proxy that is neither address nor network."""
    try:
        networks = tuple(ip_network(text, strict=False) for text in trusted)
    except ValueError as error:
        raise UsageError(f"--trust: {error}", hint="write an address or a network, like 10.0.0.0/8") from None
    bounds = SECONDS | dict(seconds or {})
    return type("Bounded", (BoundedProtocol,), {"trusted": networks, "seconds": bounds, "open": Counter()})
