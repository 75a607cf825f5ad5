"""Fills the stencils of claims and has them signed, a few at a time, so that neither holds the loop up."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain

from newsletter.deliver.ports import Composer, Draft, Parcel, Signers, given_back
from newsletter.models import Claim, Outcome

SHEAF = 8  # claims that are filled, or drafts that are signed, at a stretch
Filled = Callable[[Claim, Parcel | Outcome], None]
Drafted = tuple[Claim, Draft]
Signed = tuple[Claim, Draft, bytes]


class Press:
    """Hands each claim, filled or given back, to `filled`, in the loop's thread.

    Fills in that thread, which serves the connections after each sheaf. Drafts are signed by `signers`, and
    in the loop's thread as well where there are none, or they have given up. `error` is what went wrong.
    """

    def __init__(self, compose: Composer, filled: Filled, signers: Signers | None = None) -> None:
        self.error: BaseException | None = None
        self._compose, self._filled, self._signers = compose, filled, signers
        self._waiting: deque[Claim] = deque()
        self._drafts: deque[Drafted] = deque()  # to be signed here
        self._away: dict[asyncio.Future[Sequence[bytes]], Sequence[Drafted]] = {}  # with the signers
        self._signed: deque[Signed] = deque()
        self._working: asyncio.Task[None] | None = None

    def fill(self, claims: Sequence[Claim]) -> None:
        """Fill them soon."""
        self._waiting.extend(claims)
        self._start()

    def close(self) -> Sequence[Claim]:
        """Fill nothing more -> the claims that were handed to nobody."""
        drafts = [*self._drafts, *chain(*self._away.values())]
        left = [*self._waiting, *(claim for claim, _ in drafts), *(claim for claim, _, _ in self._signed)]
        for kept in (self._waiting, self._drafts, self._away, self._signed):
            kept.clear()
        return left

    def _start(self) -> None:
        if self._working is None and (self._waiting or self._drafts or self._signed):
            self._working = asyncio.get_running_loop().create_task(self._work())
            self._working.add_done_callback(self._ended)

    async def _work(self) -> None:
        while self._waiting or self._drafts or self._signed:
            self._finish_signed()
            if not self._drafts:
                self._fill_sheaf()
            if not self._sent_away():
                self._sign_sheaf()
            await asyncio.sleep(0)

    def _fill_sheaf(self) -> None:
        for _ in range(min(SHEAF, len(self._waiting))):
            if not self._waiting:
                return  # closed meanwhile
            made = self._compose(self._waiting[0])
            claim = self._waiting.popleft()
            if isinstance(made, Draft):
                self._drafts.append((claim, made))
            else:
                self._filled(claim, made)

    def _sent_away(self) -> bool:
        """Whether the signers took the drafts, if any."""
        if not self._drafts or self._signers is None:
            return not self._drafts
        job = self._signers.sign([draft.digest for _, draft in self._drafts])
        if job is not None:
            self._away[job], self._drafts = self._drafts, deque()
            job.add_done_callback(self._came_back)
        return job is not None

    def _sign_sheaf(self) -> None:
        for _ in range(min(SHEAF, len(self._drafts))):
            claim, draft = self._drafts[0]
            signature = draft.sign(draft.digest)
            self._drafts.popleft()
            self._signed.append((claim, draft, signature))
        self._finish_signed()

    def _came_back(self, job: asyncio.Future[Sequence[bytes]]) -> None:
        """What came back unsigned is tried again."""
        sheaf = self._away.pop(job, ())
        signatures = () if job.cancelled() else job.result()
        for number, (claim, draft) in enumerate(sheaf):
            if number < len(signatures):
                self._signed.append((claim, draft, signatures[number]))
            else:
                self._drafts.append((claim, draft))
        self._start()

    def _finish_signed(self) -> None:
        while self._signed:
            claim, draft, signature = self._signed[0]
            parcel = draft.finish(signature)
            self._signed.popleft()
            self._filled(claim, parcel)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._working = None
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.error = self.error or error
            for claim in self.close():
                self._filled(claim, given_back(claim.delivery))
        self._start()  # what came after the last look
