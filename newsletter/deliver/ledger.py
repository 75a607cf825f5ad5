"""The journal's side of a run: outcomes wait here, and are written in one thread, whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import suppress

from msgspec import Struct

from newsletter.deliver.ports import Journal, given_back
from newsletter.deliver.tempo import TICK
from newsletter.errors import StoreError
from newsletter.models import Exchange, Outcome

MOST_REVISED = 64  # in one exchange: outcomes never wait for many of them
STORE_WAITS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)  # seconds between tries to write to a journal in trouble


class Entry(Struct, frozen=True, kw_only=True):
    """One exchange that came about: what it wrote, for how much room it asked, and the answer."""

    outcomes: Sequence[Outcome]
    room: int
    answer: Exchange


class Ledger:
    """Holds the outcomes that the journal does not have yet; none is dropped before it is written.

    `revisions` are about rows whose outcomes came before: they are written with those, or after them.
    `trouble` is why the journal could not be written the last time; `tell` is called when that is so. While
    the journal takes long, `heed` is called every TICK: whoever asks to stop is heard all the same.
    """

    def __init__(
        self, journal: Journal, executor: Executor, tell: Callable[[], None], heed: Callable[[], None]
    ) -> None:
        self.trouble = ""
        self.outcomes: list[Outcome] = []
        self.revisions: list[Outcome] = []
        self._journal = journal
        self._executor = executor
        self._tell, self._heed = tell, heed
        self._writing: asyncio.Future[Exchange] | None = None
        self._handed: list[Outcome] = []

    @property
    def waiting(self) -> int:
        """How many outcomes and revisions are not written yet."""
        return len(self.outcomes) + len(self.revisions)

    async def exchange(self, room: int) -> Entry:
        """Write what waits and claim up to `room` rows.

        Where the journal is in trouble nothing more is claimed, and writing is tried again with growing
        waits, while the courier goes on. Raises StoreError after the last.
        """
        for wait in STORE_WAITS:
            try:
                entry = await self._once(room)
            except StoreError as error:
                room, self.trouble = 0, error.message
                self._tell()
                await self._rest(wait)
            else:
                self.trouble = ""
                return entry
        return await self._once(room)

    async def _rest(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while (left := until - loop.time()) > 0:
            self._heed()
            await asyncio.sleep(min(TICK, left))

    async def finish(self) -> None:
        """Write what waits, without raising; rows that a broken-off exchange claimed are given back."""
        if self._writing is not None:
            with suppress(StoreError):
                entry = await self._answer(self._writing, 0)
                self.outcomes += [given_back(claim.delivery) for claim in entry.answer.claims]
        with suppress(StoreError):
            while self.waiting:
                await self._once(0)

    async def _once(self, room: int) -> Entry:
        loop = asyncio.get_running_loop()
        self._handed = self.outcomes + self.revisions[:MOST_REVISED]
        self.outcomes, self.revisions = [], self.revisions[MOST_REVISED:]
        self._writing = loop.run_in_executor(
            self._executor, self._journal.exchange, tuple(self._handed), room
        )
        return await self._answer(self._writing, room)

    async def _answer(self, writing: asyncio.Future[Exchange], room: int) -> Entry:
        """The journal's answer; where this wait is cancelled, it can be asked for again."""
        while not writing.done():
            await asyncio.wait([writing], timeout=TICK)
            self._heed()
        self._writing = None
        if writing.exception() is not None:
            self.outcomes = [o for o in self._handed if not o.revised] + self.outcomes
            self.revisions = [o for o in self._handed if o.revised] + self.revisions
        return Entry(outcomes=self._handed, room=room, answer=writing.result())
