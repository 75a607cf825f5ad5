"""Runs the send engine in this process: signals, the progress bar, and the event loop."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any

from wakepy import keep

from newsletter import composer
from newsletter.cli import progress
from newsletter.cli.app import App, now_ms
from newsletter.deliver.courier import SmtpCourier
from newsletter.deliver.limits import Limits, Meter
from newsletter.deliver.loop import new_runner
from newsletter.deliver.policy import spoken
from newsletter.deliver.ports import Parcel, Progress
from newsletter.deliver.report import RunReport
from newsletter.deliver.run import run_send
from newsletter.deliver.smtp import send_one
from newsletter.errors import BrokenOffError, RelayError, StoreError
from newsletter.models import Send, SendState
from newsletter.relay import Relay
from newsletter.store import SAME_AGAIN, Store

DAY = 86_400_000


SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)
]


class Stopped(threading.Event):
    """Set by the first signal; `by_hand` where a person pressed Ctrl+C, and not the system or a service.

    `leave` is what a second signal calls while mail travels: raised into an event loop, an exception would
    come to whichever callback runs at that moment.
    """

    by_hand = False
    leave: Callable[[], object] | None = None


@contextmanager
def stopping(app: App) -> Iterator[Stopped]:
    """An event that the first Ctrl+C, SIGTERM or closed window sets; the second one leaves at once."""
    stop = Stopped()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            leave, stop.leave = stop.leave, None
            if leave is None:
                raise KeyboardInterrupt
            leave()
            return
        stop.by_hand = number == signal.SIGINT
        stop.set()
        app.say("Stopping: what is on its way is finished and written down. Once more to leave at once.")

    before = {number: signal.signal(number, on_signal) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def wait_for_time(app: App, store: Store, send: Send, stop: threading.Event) -> bool:
    """Count down to the send's time -> whether to begin; a pause, cancel or stop ends the wait."""
    begin = send.scheduled or 0
    if send.started is not None or begin <= now_ms():
        return True
    app.say(
        f"Waiting until {app.local_time(begin)}. Keep this window open, or let `newsletter run` take it up."
    )
    with progress.counting_down(app) as show:
        while (left := begin - now_ms()) > 0:
            if stop.wait(min(1.0, left / 1000)):
                app.say(f"It stays planned for {app.local_time(begin)}: {app.command('run')} takes it up.")
                return False
            if store.sends.get(send.id).state is not SendState.READY:
                app.say("It was paused or cancelled from elsewhere.")
                return False
            show(left / 1000)
    return True


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
) -> RunReport:
    """Send what is due of one send, and say how the run ended.

    Raises RelayError, with nothing claimed, where the relay cannot be used from the start.
    """
    relay = app.relay
    tally = store.sends.tally_of(send.id)
    done_before = tally.total - tally.planned - tally.deferred
    store.sends.set_state(send.id, SendState.RUNNING, sender=holder)
    journal = store.journal(send.id, relay.name, shared=limits.shared)
    meter = Meter(limits.rates, history=store.sends.usage(relay.name, now_ms() - DAY))
    with awake(), progress.sending(app, tally.total, done_before) as advance:
        try:
            with new_runner() as runner:
                return runner.run(
                    _leaving(
                        stop,
                        run_send(
                            journal,
                            composer.composer(store, app.config, send),
                            SmtpCourier(relay, connections=limits.connections),
                            meter=meter,
                            clock=now_ms,
                            give_up_after=relay.give_up_after,
                            stop=stop,
                            limit=limit,
                            wait=wait,
                            threads=composer.threads_for(app.config),
                            progress=lambda now: advance(_finished(now), _note(app, now)),
                        ),
                    )
                )
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
        except RelayError:
            store.sends.set_state(send.id, SendState.READY)
            raise


async def _leaving(stop: Stopped, sending: Coroutine[Any, Any, RunReport]) -> RunReport:
    """Run it; a second signal cancels it, so that what is known is still written down."""
    task = asyncio.ensure_future(sending)
    stop.leave = partial(asyncio.get_running_loop().call_soon_threadsafe, task.cancel)
    try:
        return await task
    finally:
        stop.leave = None


@contextmanager
def going_on(app: App, send: Send) -> Iterator[None]:
    """A database in trouble breaks a send off without losing anything: it says how to go on."""
    try:
        yield
    except StoreError as error:
        first = error.hint.removesuffix(SAME_AGAIN) or "put that right"
        again = app.command("send", send.slug, "--to", send.audience)
        raise BrokenOffError(
            f"the send broke off: {error.message}",
            where=error.where,
            hint=f"{first}, then go on, nothing is lost: {again}",
        ) from error


@contextmanager
def awake() -> Iterator[None]:
    """Keep the computer from falling asleep while the block runs, where the system offers a way."""
    with keep.running(on_fail="pass"):
        yield


def _finished(now: Progress) -> int:
    return now.sent + now.failed + now.skipped + now.unknown


def _note(app: App, now: Progress) -> str:
    counts = ((now.deferred, "deferred"), (now.failed, "failed"), (now.unknown, "unknown"))
    parts = [f"{count:,} {word}" for count, word in counts if count]
    if now.waiting_until:
        parts.append(f"waiting until {app.local(now.waiting_until):%H:%M}; you may stop and go on later")
    return ", ".join(parts)


def send_copies(relay: Relay, parcels: Sequence[Parcel]) -> None:
    """Send parcels outside any journal; raises RelayError with the relay's words at the first refusal."""
    with new_runner() as runner:
        for parcel in parcels:
            attempt = runner.run(send_one(relay, parcel))
            if not attempt.accepted:
                answer = spoken(attempt.reply) if attempt.reply else attempt.error or attempt.unfit
                raise RelayError(f"the copy was not taken: {answer}", where=parcel.rcpt_to)
