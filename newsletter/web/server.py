"""uvicorn, in this process: a bound socket, one app, limits for every wait, and a graceful end."""

from __future__ import annotations

import errno
import logging
import socket
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from newsletter.errors import RefusedError, UsageError
from newsletter.web.guard import MOST_HEAD
from newsletter.web.protocol import protocol

LOOPBACK = ("127.0.0.1", "::1")
MOST_CONNECTIONS = 600
KEEP_ALIVE = 15
GRACE = 10
BACKLOG = 256
SWITCH = 0.001  # seconds that another thread may go on while a visitor waits
_PACKAGE = Path(__file__).parent.parent


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises RefusedError where the port is taken, UsageError for no address of ours."""
    try:
        family, kind, number, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise UsageError("is no address of this machine", where=host, hint="leave --host out") from error
    listener = socket.socket(family, kind, number)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _unusable(host, port, error) from error
    return listener


def _unusable(host: str, port: int, error: OSError) -> RefusedError:
    where = f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        return RefusedError("this port is taken", where=where, hint=f"choose another: --port {port + 1}")
    if error.errno == errno.EACCES:
        return RefusedError(
            "this port is only for administrators", where=where, hint="choose one over 1024: --port 8000"
        )
    return RefusedError(f"cannot listen here: {error.strerror}", where=where, hint="leave --host out")


class _Server(uvicorn.Server):
    """Ends when `stop` says so; the signals are the caller's."""

    stop: Callable[[], bool]
    ready: Callable[[], None]

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready()

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or self.stop()


def run(
    app: ASGIApp,
    listener: socket.socket,
    *,
    trust: Sequence[str] = (),
    stop: Callable[[], bool],
    ready: Callable[[], None] = lambda: None,
    log: Callable[[str], None],
) -> None:
    """Serve until `stop` says so; what is under way is finished. X-Forwarded-* counts from `trust` alone."""
    trusted = [*LOOPBACK, *trust]
    _quiet(log)
    config = uvicorn.Config(
        ProxyHeadersMiddleware(app, trusted),  # type: ignore[arg-type]
        http=protocol(trusted),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
        h11_max_incomplete_event_size=MOST_HEAD,
    )
    sys.setswitchinterval(SWITCH)
    server = _Server(config)
    server.stop, server.ready = stop, ready
    server.run(sockets=[listener])


class _OneLine(logging.Handler):
    """An unforeseen error as one line: its kind and where in the program, never what anybody typed."""

    def __init__(self, log: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            frames = traceback.extract_tb(error.__traceback__)
            ours = [f for f in frames if Path(f.filename).is_relative_to(_PACKAGE)] or list(frames)
            place = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "?"
            self._log(f"error {type(error).__name__} at {place}")


def _quiet(log: Callable[[str], None]) -> None:
    logger = logging.getLogger("uvicorn.error")
    logger.handlers = [_OneLine(log)]
    logger.propagate = False
