"""Fills the stencils of claims and has them signed, a few at a time, so that neither holds the loop up."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from newsletter.deliver.desk import given_back
from newsletter.deliver.ports import Composer, Draft, Parcel, Signers
from newsletter.models import Claim, Outcome

SHEAF = 8  # claims that are filled, or drafts that are signed, at a stretch
Filled = Callable[[Claim, Parcel | Outcome], None]
Drafted = tuple[Claim, Draft]


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
        self._away: dict[asyncio.Future[Sequence[bytes]], deque[Drafted]] = {}  # with the signers
        self._working: asyncio.Task[None] | None = None

    def fill(self, claims: Sequence[Claim]) -> None:
        """Fill them soon."""
        self._waiting.extend(claims)
        if self._working is None and (self._waiting or self._drafts):
            self._working = asyncio.get_running_loop().create_task(self._work())
            self._working.add_done_callback(self._ended)

    def close(self) -> Sequence[Claim]:
        """Fill nothing more -> the claims that were handed to nobody."""
        left = [*self._waiting]
        self._waiting.clear()
        for drafts in (self._drafts, *self._away.values()):
            left += [claim for claim, _ in drafts]
            drafts.clear()
        self._away.clear()
        return left

    async def _work(self) -> None:
        while self._waiting or self._drafts:
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
            job.add_done_callback(self._signed)
        return job is not None

    def _sign_sheaf(self) -> None:
        for _ in range(min(SHEAF, len(self._drafts))):
            if self._drafts:
                _, draft = self._drafts[0]
                self._finish(self._drafts, draft.sign(draft.digest))

    def _signed(self, job: asyncio.Future[Sequence[bytes]]) -> None:
        """Hand out what came back; what came back unsigned is tried again."""
        sheaf = self._away.get(job, deque())
        try:
            for signature in () if job.cancelled() else job.result():
                if sheaf:
                    self._finish(sheaf, signature)
        except BaseException as error:
            self._fail(error)
            raise
        self._away.pop(job, None)
        self._drafts.extend(sheaf)
        self.fill(())

    def _finish(self, drafts: deque[Drafted], signature: bytes) -> None:
        """Hand the first one out."""
        claim, draft = drafts[0]
        parcel = draft.finish(signature)
        drafts.popleft()
        self._filled(claim, parcel)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._working = None
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._fail(error)
        self.fill(())  # what came after the last look

    def _fail(self, error: BaseException) -> None:
        """Give everything back."""
        self.error = self.error or error
        for claim in self.close():
            self._filled(claim, given_back(claim.delivery))
