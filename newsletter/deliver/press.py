"""Fills the stencils of claims: at once, or in threads where signing would hold the event loop up."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from newsletter.deliver.desk import given_back
from newsletter.deliver.ports import Composer, Parcel
from newsletter.models import Claim, Outcome

SHEAF = 8  # claims that a thread fills before it tells: telling costs as much as filling one
Filled = Callable[[Claim, Parcel | Outcome], None]


class Press:
    """Hands each claim, filled or given back, to `filled`, in the loop's thread.

    `error` is what went wrong in a thread; without threads `fill` raises it.
    """

    def __init__(self, compose: Composer, filled: Filled, *, threads: int = 0) -> None:
        self.error: BaseException | None = None
        self._compose, self._filled = compose, filled
        self._sheaves: dict[asyncio.Future[list[Parcel | Outcome]], Sequence[Claim]] = {}
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="press") if threads else None

    def fill(self, claims: Sequence[Claim]) -> None:
        """Fill them, now or soon."""
        if self._threads is None:
            self._fill_now(deque(claims))
            return
        loop = asyncio.get_running_loop()
        for at in range(0, len(claims), SHEAF):
            sheaf = claims[at : at + SHEAF]
            filling = loop.run_in_executor(self._threads, self._fill_sheaf, sheaf)
            self._sheaves[filling] = sheaf
            filling.add_done_callback(self._tell)

    def close(self) -> Sequence[Claim]:
        """Fill nothing more -> the claims that were handed to nobody."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
        left = [claim for sheaf in self._sheaves.values() for claim in sheaf]
        self._sheaves.clear()
        return left

    def _fill_now(self, waiting: deque[Claim]) -> None:
        try:
            while waiting:
                filled = self._compose(waiting[0])
                self._filled(waiting.popleft(), filled)
        finally:
            self._give_back(waiting)

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

    def _give_back(self, claims: Sequence[Claim] | deque[Claim]) -> None:
        for claim in claims:
            self._filled(claim, given_back(claim.delivery))
