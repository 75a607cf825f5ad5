"""What stands before every page: whose host is asked for, how often, how much, how long; and the log line."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping

from msgspec import Struct, field
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from newsletter.web.allowance import Allowance, client_name, kind_of
from newsletter.web.headers import guard_headers

MOST_BODY = 16 * 1024
BODY_SECONDS = 10.0
MOST_PATH = 2_000
MOST_HEAD = 16 * 1024
METHODS = {"GET", "HEAD", "POST"}

Refuse = Callable[[Request, int, Mapping[str, str]], Response]
"""Makes the page for a request that is not let in: status and headers are given."""


class _RefusedError(Exception):
    def __init__(self, status: int, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status)
        self.status, self.headers = status, headers or {}


class Door(Struct, frozen=True, kw_only=True):
    """Whom the guard lets in: `hosts` are Host headers in lower case, `prefix` is base_url's path."""

    hosts: frozenset[str]
    secure: bool
    prefix: str = ""


class Guard(Struct):
    """The outermost part of the app. `log` gets one line a request, without addresses, paths or tokens."""

    app: ASGIApp
    door: Door
    refuse: Refuse
    log: Callable[[str], None]
    allowance: Allowance = field(default_factory=Allowance)
    clock: Callable[[], float] = time.monotonic
    body_seconds: float = BODY_SECONDS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = self.clock(), 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                guard_headers(MutableHeaders(raw=message["headers"]), secure=self.door.secure)
            await send(message)

        scope["headers"] = list(scope["headers"])
        try:
            self._examine(scope)
            body = await self._body(scope, receive)
        except _RefusedError as error:
            headers = {**error.headers, "Connection": "close"}
            response = self.refuse(Request(scope), error.status, headers)
            await response(scope, receive, sending)
        else:
            await self.app(scope, _replaying(body, receive), sending)
        finally:
            self._tell(scope, status, self.clock() - began)

    def _examine(self, scope: Scope) -> None:
        """Raise for a request that no page is asked about."""
        path = _without(self.door.prefix, scope["path"])
        scope["path"] = path = path.removesuffix("/") or "/"
        host = Headers(raw=scope["headers"]).get("host", "").lower()
        if path != "/healthz" and host not in self.door.hosts:
            raise _RefusedError(421)
        if scope["method"] not in METHODS:
            raise _RefusedError(405, {"Allow": "GET, HEAD, POST"})
        if len(path) > MOST_PATH or len(scope["query_string"]) > MOST_PATH:
            raise _RefusedError(414)
        if sum(len(name) + len(value) for name, value in scope["headers"]) > MOST_HEAD:
            raise _RefusedError(431)
        client = client_name(scope["client"][0]) if scope.get("client") else ""
        wait = self.allowance.wait(kind_of(scope["method"], path), client, self.clock())
        if wait:
            raise _RefusedError(429, {"Retry-After": str(math.ceil(wait))})

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """The whole body, which is small and comes soon, or is not wanted."""
        announced = Headers(raw=scope["headers"]).get("content-length", "0")
        if not announced.isdecimal() or int(announced[:20]) > MOST_BODY:
            raise _RefusedError(413)
        body = b""
        try:
            async with asyncio.timeout(self.body_seconds):
                more = True
                while more:
                    message = await receive()
                    if message["type"] != "http.request":
                        raise _RefusedError(400)  # it hung up: half a form is no form
                    body += message.get("body", b"")
                    more = message.get("more_body", False)
                    if len(body) > MOST_BODY:
                        raise _RefusedError(413)
        except TimeoutError:
            raise _RefusedError(408) from None
        return body

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in METHODS else "other"
        endpoint = scope.get("endpoint")
        page = getattr(endpoint, "__name__", "") or "-"
        self.log(f"{method} {page} {status or 'aborted'} {seconds * 1000:.0f}ms")


def _without(prefix: str, path: str) -> str:
    """The path below base_url's own path, whether or not the proxy has taken that away already."""
    if prefix and (path == prefix or path.startswith(f"{prefix}/")):
        return path[len(prefix) :] or "/"
    return path


def _replaying(body: bytes, receive: Receive) -> Receive:
    """Gives the body that was read already, then what else happens on the connection."""
    waiting = [body]

    async def again() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return again
