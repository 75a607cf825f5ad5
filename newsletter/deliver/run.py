"""Sending: claims from the journal to the courier, attempts back as outcomes, until there is an end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress

from newsletter.deliver.judge import Judge
from newsletter.deliver.ledger import Ledger
from newsletter.deliver.limits import LONG, Allowance
from newsletter.deliver.loop import unless_stopped
from newsletter.deliver.orders import Orders
from newsletter.deliver.ports import (
    Attempt,
    Composer,
    Courier,
    Journal,
    Parcel,
    Progress,
    Signers,
    Stage,
    given_back,
)
from newsletter.deliver.press import Press
from newsletter.deliver.prospect import Prospect
from newsletter.deliver.report import Counts, Ending, RunReport
from newsletter.deliver.tempo import Moment, Tempo
from newsletter.models import Claim, DeliveryState, Outcome, SendState

GRACE = 0.2  # seconds that a cancelled run still listens

_ENDINGS = {SendState.PAUSED: Ending.PAUSED, SendState.CANCELLED: Ending.CANCELLED}


async def run_send(
    journal: Journal,
    compose: Composer,
    courier: Courier,
    orders: Orders,
    *,
    executor: Executor | None = None,
    signers: Signers | None = None,
) -> RunReport:
    """Send everything that is due, at most 64 rows in flight at a time, and say how it ended.

    `journal.exchange` is called in one thread of its own (or in `executor`). Opens and closes `courier` and
    `signers`: these start while the relay is connected to, and until they are there this process signs.

    A pause or cancel from elsewhere, and `stop`, act within a second: what has not begun to travel is given
    back, what travels is finished and written. Outcomes are written on every way out: a cancelled task writes
    those it has and leaves; a journal in trouble is tried again with growing waits before its StoreError is
    raised. The caller writes the pause that `RunReport.must_pause` asks for.

    Raises RelayError before the first claim, StoreError, and whatever `compose` raises.
    """
    now = orders.clock()
    free = orders.meter.next_free(now)
    if not orders.wait and free - now > LONG:
        return Counts().report(Ending.WAITING, used_up_until=free)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal") as thread:
        async with AsyncExitStack() as held:
            run = _Run(journal, executor or thread, compose, courier, signers, orders)
            if signers is not None:
                held.push_async_callback(signers.close)
                await signers.open()
            held.push_async_callback(courier.close)
            await unless_stopped(courier.open(run.handed_back), orders.stop, run.tell_connecting)
            return await run.run()


class _Run:
    """One run: `_claims` are in flight with the courier, the ledger holds outcomes not yet written."""

    def __init__(
        self,
        journal: Journal,
        executor: Executor,
        compose: Composer,
        courier: Courier,
        signers: Signers | None,
        orders: Orders,
    ) -> None:
        self._ledger = Ledger(journal, executor, self._tell, self._heed)
        self._press = Press(compose, self._filled, signers)
        self._courier = courier
        self._orders = orders
        self._allowance = Allowance(orders.limit)
        self._claims: dict[int, Claim] = {}
        self._counts = Counts()
        self._judge = Judge(
            orders.clock,
            give_up_after=orders.give_up_after,
            jitter=orders.jitter,
            connections=courier.connections,
            trust=orders.trust,
        )
        self._tempo = Tempo.of(courier.connections)
        self._prospect = Prospect()
        self._used_up_until: int | None = None
        self._looked = 0.0  # when the journal was last asked, by the loop's clock
        self._news = asyncio.Event()
        self._ending: Ending | None = None
        self._reason = ""
        self._leaving = False  # nothing more is handed to the courier
        self._crash: BaseException | None = None

    async def run(self) -> RunReport:
        """Turn until there is an end and nothing is left in flight or unwritten."""
        patience: float | None = None
        try:
            while self._ending is None or self._claims or self._ledger.waiting:
                await self._turn()
        except asyncio.CancelledError:
            patience = GRACE
            raise
        finally:
            await self._finish(patience)
        return self._counts.report(
            self._ending or Ending.FINISHED,
            reason=self._reason,
            next_due=self._prospect.next_due,
            used_up_until=self._used_up_until,
        )

    # --- the loop

    async def _turn(self) -> None:
        crash = self._crash or self._press.error
        if crash is not None:
            raise crash
        self._heed()
        moment = self._moment()
        if self._tempo.is_time(moment):
            await self._exchange(moment.room)
        else:
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._tempo.rest(moment)):
                    await self._news.wait()

    def _moment(self) -> Moment:
        now = self._orders.clock()
        room, free = 0, 0
        if self._ending is None:
            most = max(0, self._tempo.window - len(self._claims))
            room = self._orders.meter.room(now, self._allowance.room(now, most))
            free = 0 if room else self._orders.meter.next_free(now) - now
        return Moment(
            since=self._since(),
            outcomes=self._ledger.waiting,
            in_flight=len(self._claims),
            room=room,
            dry=self._prospect.dry or self._ending is not None,
            free=free / 1000,
        )

    def _since(self) -> float:
        """Seconds since the last exchange."""
        return asyncio.get_running_loop().time() - self._looked

    def tell_connecting(self) -> None:
        """Say that nothing can leave yet."""
        if self._orders.progress is not None:
            self._orders.progress(self._counts.progress(Progress(connecting=True)))

    # --- the journal's side

    async def _exchange(self, room: int) -> None:
        entry = await self._ledger.exchange(room)
        answer = entry.answer
        self._orders.meter.note(answer.elsewhere, self._orders.clock())
        self._orders.meter.hold(answer.free_at)
        self._tempo = self._tempo.after(len(entry.outcomes), self._since())
        self._looked = asyncio.get_running_loop().time()
        for outcome in entry.outcomes:
            self._counts.note_outcome(outcome)
        self._counts.note(DeliveryState.SKIPPED, answer.skipped)
        self._prospect = self._prospect.heard(entry, self._orders.clock())
        if answer.state in _ENDINGS:
            self._end(_ENDINGS[answer.state])
        self._dispatch(answer.claims)
        self._conclude()
        self._tell()

    def _dispatch(self, claims: Sequence[Claim]) -> None:
        """Fill what was claimed and give it to the courier; what cannot leave any more is given back."""
        self._allowance.take(len(claims))
        going = []
        for claim in claims:
            outcome = given_back(claim.delivery) if self._leaving else self._judge.hold(claim)
            if outcome is None:
                self._claims[claim.delivery] = claim
                going.append(claim)
            else:
                self._note(outcome)
        self._orders.meter.take(len(going), self._orders.clock())
        self._press.fill(going)

    def _filled(self, claim: Claim, filled: Parcel | Outcome) -> None:
        """A parcel goes to the courier; what is none, or cannot leave any more, to the journal."""
        if isinstance(filled, Parcel) and not self._leaving:
            try:
                self._courier.put(filled)
            except BaseException:
                del self._claims[claim.delivery]  # nobody knows where it is: its row stays claimed
                raise
        else:
            del self._claims[claim.delivery]
            self._note(filled if isinstance(filled, Outcome) else given_back(claim.delivery))
            self._news.set()

    def _conclude(self) -> None:
        """See whether this is the end: nothing in flight, nothing unwritten, and nothing to wait for."""
        if self._claims or self._ledger.outcomes:
            return
        dry, spent = self._prospect.dry, self._allowance.spent
        if dry or spent:
            revisions, reason = self._judge.close(dry=dry)
            self._ledger.revisions += revisions
            if reason:
                self._end(Ending.PAUSED, reason)
        now = self._orders.clock()
        free, full = self._orders.meter.next_free(now), self._allowance.room(now, 1) == 0
        ending = self._prospect.ending(spent=spent, full=full, wait=self._orders.wait, free=free, now=now)
        if ending is not None:
            self._used_up_until = free if ending is Ending.WAITING and not dry else None
            self._end(ending)

    def _tell(self) -> None:
        if self._orders.progress is None:
            return
        waiting_until: int | None = None
        if not self._claims and self._ending is None:
            now = self._orders.clock()
            waiting_until = self._prospect.waiting_until(self._orders.meter.next_free(now), now)
        state = Progress(
            deferred=self._prospect.put_off,
            in_flight=len(self._claims),
            waiting_until=waiting_until,
            leaving=self._ending is not None and bool(self._claims),
            away=self._courier.away,
            trouble=self._ledger.trouble,
        )
        self._orders.progress(self._counts.progress(state))

    # --- the courier's side

    def handed_back(self, attempt: Attempt | BaseException) -> None:
        """Judge an attempt as it comes, and see whether it is time to turn to the journal."""
        if isinstance(attempt, BaseException):
            self._crash = attempt
            self._news.set()
            return
        self._settle(attempt)
        waiting = len(self._ledger.outcomes)
        if waiting == 1 or not self._claims or waiting >= self._tempo.group:
            self._news.set()

    def _settle(self, attempt: Attempt) -> None:
        claim = self._claims.pop(attempt.delivery, None)
        if claim is None:
            return
        verdict = self._judge.verdict(claim, attempt)
        tripped = verdict.strike and self._ending is Ending.PAUSED
        self._note(given_back(attempt.delivery) if tripped else verdict.outcome, doubted=verdict.doubted)
        self._ledger.revisions += verdict.revisions
        if verdict.pause:
            self._end(Ending.PAUSED, verdict.pause)
        elif attempt.stage is Stage.CONNECT and attempt.error:
            self._end(Ending.RELAY_LOST, attempt.error)

    def _note(self, outcome: Outcome, *, doubted: bool = False) -> None:
        """An outcome for the journal; what did not leave gives its place in the limit back.

        Who is put off takes it up again later; not who was refused and is only in doubt.
        """
        if outcome.state in (DeliveryState.PLANNED, DeliveryState.SKIPPED):
            self._allowance.take(-1)
        elif outcome.state is DeliveryState.DEFERRED and not doubted:
            self._allowance.defer(outcome.not_before)
        self._ledger.outcomes.append(outcome)

    # --- the end

    def _heed(self) -> None:
        """End where that is asked for."""
        if self._orders.stop.is_set():
            self._end(Ending.STOPPED)

    def _end(self, ending: Ending, reason: str = "") -> None:
        """Claim nothing more; the first reason stands."""
        if self._ending is None:
            self._ending, self._reason = ending, reason
            self._recall()
            self._news.set()

    def _recall(self) -> None:
        """Begin nothing more, and give back what the courier does not have yet."""
        self._leaving = True
        self._courier.recall()
        for claim in self._press.close():
            self._filled(claim, given_back(claim.delivery))

    async def _finish(self, patience: float | None) -> None:
        """Let what travels arrive, for `patience` seconds where that is not None, and write it down."""
        self._recall()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    while self._claims and self._crash is None:
                        self._news.clear()
                        await self._news.wait()
        finally:
            await self._settle_last()

    async def _settle_last(self) -> None:
        """Break off what still travels, and write it all down."""
        if self._claims:
            await self._courier.close()
        await self._ledger.finish()
