"""What every page needs at hand: settings, the public site, the clock, and the database on two threads."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from msgspec import Struct
from starlette.requests import Request

from newsletter.config import Config
from newsletter.errors import DatabaseBusyError, NewsletterError, TokenError
from newsletter.links import KEY_PURPOSE, Purpose, Token, verify
from newsletter.store import Store
from newsletter.web.library import Library

Answer = TypeVar("Answer")
MOST_WAITING = 500
MOST_TOGETHER = 64


class Reader:
    """A connection that only reads, and its thread: it never waits for anybody who writes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="reader")

    async def do(self, work: Callable[[Store], Answer]) -> Answer:
        """Read, in turn."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work, self._store)

    def close(self) -> None:
        """Finish what waits, and close the database."""
        self._pool.shutdown()
        self._store.close()


class _Job(Struct):
    work: Callable[[Store], Any]
    done: bool = False
    answer: Any = None


class Writer:
    """A connection that writes, and its thread.

    Those who come while another's work is written share the next wait for the disk. Whoever is answered is
    written durably.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._waiting: deque[_Job] = deque()

    async def do(self, work: Callable[[Store], Answer]) -> Answer:
        """Write, in turn. Raises DatabaseBusyError where too many wait already."""
        if len(self._waiting) >= MOST_WAITING:
            raise DatabaseBusyError("too many wait for the database")
        job = _Job(work)
        self._waiting.append(job)
        loop = asyncio.get_running_loop()
        turn = loop.run_in_executor(self._pool, self._write)
        await asyncio.wait([turn])
        if not job.done:  # it shared a turn with a work that has a fault, or has one itself
            turn.exception()
            return await loop.run_in_executor(self._pool, work, self._store)
        if isinstance(job.answer, NewsletterError):
            raise job.answer
        answer: Answer = job.answer
        return answer

    def _write(self) -> None:
        """Write what waits by now, together; a turn that comes late finds nothing left to do."""
        jobs = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_TOGETHER))]
        if not jobs:
            return
        answers: Sequence[Any]
        try:
            answers = self._store.together([job.work for job in jobs])
        except NewsletterError as error:
            answers = [error] * len(jobs)
        for job, answer in zip(jobs, answers, strict=True):
            job.answer, job.done = answer, True

    def close(self) -> None:
        """Finish what waits, and close the database."""
        self._pool.shutdown()
        self._store.close()


class Desk(Struct, frozen=True, kw_only=True):
    """One server's means. `reader` never waits for a writer; `now` gives UTC milliseconds."""

    config: Config
    library: Library
    reader: Reader
    writer: Writer
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
