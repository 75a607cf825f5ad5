"""What every page needs at hand: settings, the public site, the clock, and the database on two threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from starlette.requests import Request

from newsletter.config import Config
from newsletter.errors import DatabaseBusyError, TokenError
from newsletter.links import KEY_PURPOSE, Purpose, Token, verify
from newsletter.store import Store
from newsletter.web.library import Library

Answer = TypeVar("Answer")
MOST_WAITING = 500


class Clerk:
    """One connection to the database and the one thread that uses it, so that nobody waits inside another."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._waiting = 0

    async def do(self, work: Callable[[Store], Answer]) -> Answer:
        """Work with the database, in turn. Raises DatabaseBusyError where too many wait already."""
        if self._waiting >= MOST_WAITING:
            raise DatabaseBusyError("too many wait for the database")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work, self._store)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Finish what waits, and close the database."""
        self._pool.shutdown()
        self._store.close()


@dataclass(frozen=True, kw_only=True)
class Desk:
    """One server's means. `reader` never waits for a writer; `now` gives UTC milliseconds."""

    config: Config
    library: Library
    reader: Clerk
    writer: Clerk
    now: Callable[[], int]

    def close(self) -> None:
        """Let go of the database."""
        self.library.close()
        self.writer.close()
        self.reader.close()


def desk_of(request: Request) -> Desk:
    """The desk of the app that a request came to."""
    desk: Desk = request.app.state.desk
    return desk


def opened(store: Store, text: str, *purposes: Purpose) -> Token:
    """A link's token that is good for one of these purposes; raises TokenError."""
    token = verify(store.keys.all(KEY_PURPOSE), text)
    if token.purpose not in purposes:
        raise TokenError("this link is good for something else")
    return token
