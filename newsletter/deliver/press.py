"""Fills the stencils of claims: at once, or in threads where signing would hold the event loop up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from newsletter.deliver.ports import Composer, Parcel
from newsletter.models import Claim, Outcome

Filled = Callable[[Claim, Parcel | Outcome | BaseException], None]


class Press:
    """Fills claims and hands each, or what went wrong with it, to `filled`, in the loop's thread."""

    def __init__(self, compose: Composer, filled: Filled, *, threads: int = 0) -> None:
        self._compose, self._filled = compose, filled
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="press") if threads else None

    def fill(self, claim: Claim) -> None:
        """Fill one, now or soon. Raises what `compose` raises where there are no threads."""
        if self._threads is None:
            self._filled(claim, self._compose(claim))
            return
        filling = asyncio.get_running_loop().run_in_executor(self._threads, self._compose, claim)
        filling.add_done_callback(partial(self._made, claim))

    def close(self) -> None:
        """Fill nothing more."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _made(self, claim: Claim, filling: asyncio.Future[Parcel | Outcome]) -> None:
        if not filling.cancelled():
            self._filled(claim, filling.exception() or filling.result())
