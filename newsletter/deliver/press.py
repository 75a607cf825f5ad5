"""Fills the stencils of claims, a few at a time, so that neither filling nor signing holds the loop up."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from newsletter.deliver.desk import given_back
from newsletter.deliver.ports import Composer, Parcel
from newsletter.models import Claim, Outcome

SHEAF = 8  # claims that are filled at a stretch: a thread's telling costs as much as filling one
Filled = Callable[[Claim, Parcel | Outcome], None]


class Press:
    """Hands each claim, filled or given back, to `filled`, in the loop's thread.

    Fills in so many `threads`, or else in the loop's own, which serves the connections after each sheaf.
    `error` is what went wrong.
    """

    def __init__(self, compose: Composer, filled: Filled, *, threads: int = 0) -> None:
        self.error: BaseException | None = None
        self._compose, self._filled = compose, filled
        self._waiting: deque[Claim] = deque()
        self._filling: asyncio.Task[None] | None = None
        self._sheaves: dict[asyncio.Future[list[Parcel | Outcome]], Sequence[Claim]] = {}
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="press") if threads else None

    def fill(self, claims: Sequence[Claim]) -> None:
        """Fill them soon."""
        loop = asyncio.get_running_loop()
        if self._threads is None:
            self._waiting.extend(claims)
            if self._filling is None and self._waiting:
                self._filling = loop.create_task(self._fill_waiting())
                self._filling.add_done_callback(self._ended)
            return
        for at in range(0, len(claims), SHEAF):
            sheaf = claims[at : at + SHEAF]
            filling = loop.run_in_executor(self._threads, self._fill_sheaf, sheaf)
            self._sheaves[filling] = sheaf
            filling.add_done_callback(self._tell)

    def close(self) -> Sequence[Claim]:
        """Fill nothing more -> the claims that were handed to nobody."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
        left = [*self._waiting, *(claim for sheaf in self._sheaves.values() for claim in sheaf)]
        self._waiting.clear()
        self._sheaves.clear()
        return left

    async def _fill_waiting(self) -> None:
        while self._waiting:
            for _ in range(min(SHEAF, len(self._waiting))):
                filled = self._compose(self._waiting[0])
                self._filled(self._waiting.popleft(), filled)
            await asyncio.sleep(0)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._filling = None
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.error = self.error or error
            left = list(self._waiting)
            self._waiting.clear()
            self._give_back(left)
        elif self._waiting:
            self.fill(())  # what came after the last look

    def _fill_sheaf(self, sheaf: Sequence[Claim]) -> list[Parcel | Outcome]:
        return [self._compose(claim) for claim in sheaf]

    def _tell(self, filling: asyncio.Future[list[Parcel | Outcome]]) -> None:
        sheaf = self._sheaves.pop(filling, None)
        if sheaf is None or filling.cancelled():
            return
        self.error = self.error or filling.exception()
        if filling.exception() is not None:
            self._give_back(sheaf)
            return
        for claim, filled in zip(sheaf, filling.result(), strict=True):
            self._filled(claim, filled)

    def _give_back(self, claims: Iterable[Claim]) -> None:
        for claim in claims:
            self._filled(claim, given_back(claim.delivery))
