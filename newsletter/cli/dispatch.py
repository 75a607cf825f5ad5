"""Runs the send engine in this process: the progress bar, the event loop, and how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from wakepy import keep

from newsletter import campaign, composer
from newsletter.cli import progress
from newsletter.cli.app import App, now_ms
from newsletter.cli.stopping import Stopped
from newsletter.cli.tell import people
from newsletter.deliver.courier import SmtpCourier
from newsletter.deliver.doubt import Trust
from newsletter.deliver.limits import Limits
from newsletter.deliver.loop import new_runner, unless_stopped
from newsletter.deliver.orders import Orders
from newsletter.deliver.ports import Parcel, Progress, ProgressCallback
from newsletter.deliver.report import Ending, RunReport
from newsletter.deliver.run import run_send
from newsletter.deliver.signs import explained
from newsletter.deliver.smtp import Timeouts, probe, send_one
from newsletter.errors import BrokenOffError, RelayError, StoppedError, StoreError
from newsletter.models import Send, SendState, Tally
from newsletter.relay import Relay
from newsletter.store import MOST_IN_FLIGHT, SAME_AGAIN, Store

BY_HAND = "stopped by hand"


def dispatch(
    app: App,
    store: Store,
    send: Send,
    limits: Limits,
    holder: str,
    stop: Stopped,
    *,
    limit: int | None,
    wait: bool,
) -> tuple[RunReport, Tally]:
    """Send what is due of one send, write down how the run ended -> that, and the tally of the whole issue.

    The caller holds the locks: see `through`.

    Raises RelayError, with nothing claimed, where the relay cannot be used from the start, StoppedError where
    a second signal came.
    """
    relay = app.relay
    tally = store.sends.tally_of(send.id)
    signer = composer.signer_of(app.config)
    compose = composer.composer(store, app.config, send, signer)
    left = tally.waiting
    count = limits.unhindered(left if limit is None else min(limit, left))
    with awake(), progress.sending(app, tally, limit) as show:
        store.sends.begin_run(send, holder)
        sending = run_send(
            store.journal(send.id, relay.account, limits.rates),
            compose,
            SmtpCourier(relay, connections=limits.connections),
            Orders(
                meter=campaign.meter(store, relay, limits.rates, now_ms()),
                clock=now_ms,
                give_up_after=relay.give_up_after,
                stop=stop,
                limit=limit,
                wait=wait,
                progress=_noted(store, send, show),
                trust=_trust(store, send, tally),
            ),
            signers=composer.signers_for(signer, count),
        )
        with new_runner() as runner:
            try:
                report = runner.run(_leaving(stop, sending))
            except asyncio.CancelledError:
                raise _left(app, store, send, stop) from None
            except RelayError as error:
                store.sends.end_run(send.id, SendState.READY, error.message)
                raise
            pause = report.reason if report.must_pause else ""
            closed = campaign.close_run(store, send, pause=pause, by_hand=_by_hand(report, stop))
    return report, closed


def _noted(store: Store, send: Send, show: ProgressCallback) -> ProgressCallback:
    """Shows progress, and has written down for `status` that the mail server is away, or is back.

    That is done in a thread of its own, as the database may be locked: the run goes on meanwhile.
    """
    known = False
    noting: asyncio.Future[bool] | None = None

    def told(now: Progress) -> None:
        nonlocal known, noting
        if noting is not None and noting.done():
            known, noting = noting.result(), None
        if now.away is not known and noting is None:
            noting = asyncio.get_running_loop().run_in_executor(None, _note, store, send.id, now.away)
        show(now)

    return told


def _note(store: Store, send: int, away: bool) -> bool:
    """Write down whether the mail server is away -> what stands there now."""
    try:
        store.sends.note_trouble(send, progress.AWAY if away else "")
    except StoreError:
        return not away
    return away


def _by_hand(report: RunReport, stop: Stopped) -> str:
    """How a person ended the run; empty where none did."""
    if report.ending is Ending.LIMITED:
        return "as many were sent as --limit said"
    return BY_HAND if stop.by_hand else ""


def _trust(store: Store, send: Send, tally: Tally) -> Trust:
    """Whether the relay has taken any mail of the issue, `tally` being the send's own."""
    others = (one for one in store.sends.of_issue(send.slug) if one.id != send.id)
    reached = tally.sent or any(store.sends.tally_of(other.id).sent for other in others)
    return Trust.ONCE if reached else Trust.NONE


def _left(app: App, store: Store, send: Send, stop: Stopped) -> StoppedError:
    """Hold what a person broke off, and say how to go on; what the system broke off, `run` takes up again."""
    campaign.close_run(store, send, by_hand=BY_HAND if stop.by_hand else "")
    again = app.command("send", send.slug, "--to", send.audience)
    hint = f"what your mail server may have is told as unknown; go on with: {again}"
    return StoppedError("stopped at once", where=send.slug, hint=hint)


async def _leaving(stop: Stopped, sending: Coroutine[Any, Any, RunReport]) -> RunReport:
    """Run it; a second signal cancels it, so that what is known is still written down."""
    task = asyncio.ensure_future(sending)
    stop.leave = partial(asyncio.get_running_loop().call_soon_threadsafe, task.cancel)
    try:
        return await task
    finally:
        stop.leave = None


@contextmanager
def going_on(app: App, store: Store, send: Send) -> Iterator[None]:
    """A database in trouble breaks a send off: it says who may have the mail or not, and how to go on."""
    try:
        yield
    except StoreError as error:
        lost = _tell_unwritten(app, store, send)
        first = error.hint.removesuffix(SAME_AGAIN) or "put that right"
        again = app.command("send", send.slug, "--to", send.audience)
        raise BrokenOffError(
            f"the send broke off: {error.message}",
            where=error.where,
            hint=f"{first}, then go on{'' if lost else ', nothing is lost'}: {again}",
        ) from error


def _tell_unwritten(app: App, store: Store, send: Send) -> bool:
    """Say how many were on their way, as far as that can be read -> whether any were."""
    try:
        count = store.sends.tally_of(send.id).claimed
        who = people(count)
    except StoreError:
        count = MOST_IN_FLIGHT
        who = f"at most {people(count)}"
    if count:
        claimed = app.command("deliveries", send.slug, "--state", "claimed")
        again, taken = (app.command("resolve", send.slug, "--unknown", how) for how in ("resend", "sent"))
        app.warn(
            f"what became of the mail to {who} could not be written down: they may have it or not. "
            f"See who: {claimed}. Send it to them once more: {again}, or take it as sent: {taken}"
        )
    return bool(count)


@contextmanager
def awake() -> Iterator[None]:
    """Keep the computer from falling asleep while the block runs, where the system offers a way."""
    with keep.running(on_fail="pass"):
        yield


def try_out(relay: Relay, stop: Stopped) -> None:
    """Connect and log in, and send nothing, as far as it comes until `stop`. Raises RelayError."""
    with new_runner() as runner:
        runner.run(unless_stopped(probe(relay, timeouts=Timeouts(connect=10, setup=10)), stop))


def send_copies(relay: Relay, parcels: Sequence[Parcel]) -> Iterator[None]:
    """Send parcels outside any journal, and come by when each is taken.

    Raises RelayError with the relay's words at the first refusal.
    """
    with new_runner() as runner:
        for parcel in parcels:
            attempt = runner.run(send_one(relay, parcel))
            if not attempt.accepted:
                answer = explained(attempt.reply) if attempt.reply else attempt.error or attempt.unfit
                raise RelayError(f"the copy was not taken: {answer}", where=parcel.rcpt_to)
            yield
