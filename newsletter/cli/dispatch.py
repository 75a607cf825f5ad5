"""Runs the send engine in this process: signals, the progress bar, and the event loop."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from newsletter import campaign
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
from newsletter.errors import RelayError
from newsletter.models import Send, SendState
from newsletter.relay import Relay
from newsletter.store import Store

DAY = 86_400_000


@contextmanager
def stopping(app: App) -> Iterator[threading.Event]:
    """An event that the first Ctrl+C or SIGTERM sets; the second one leaves at once."""
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        app.say("Stopping: what is on its way is finished and written down. Once more to leave at once.")

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def dispatch(
    app: App,
    store: Store,
    send: Send,
    relay: Relay,
    limits: Limits,
    holder: str,
    *,
    limit: int | None,
    wait: bool,
) -> RunReport:
    """Send what is due of one send, and say how the run ended.

    Raises RelayError, with nothing claimed, where the relay cannot be used from the start.
    """
    tally = store.sends.tally_of(send.id)
    done_before = tally.total - tally.planned - tally.deferred
    store.sends.set_state(send.id, SendState.RUNNING, sender=holder)
    meter = Meter(limits.rates, history=store.sends.usage(relay.name, now_ms() - DAY))
    with stopping(app) as stop, progress.sending(app, tally.total, done_before) as advance:

        def show(now: Progress) -> None:
            note = f"waiting until {app.local_time(now.waiting_until)}" if now.waiting_until else ""
            counts = ((now.deferred, "deferred"), (now.failed, "failed"), (now.unknown, "unknown"))
            parts = [f"{n:,} {word}" for n, word in counts if n]
            finished = now.sent + now.failed + now.skipped + now.unknown
            advance(finished, ", ".join([*parts, note] if note else parts))

        try:
            with new_runner() as runner:
                return runner.run(
                    run_send(
                        store.journal(send.id, relay.name),
                        campaign.composer(store, app.config, send),
                        SmtpCourier(relay, connections=limits.connections),
                        meter=meter,
                        clock=now_ms,
                        give_up_after=relay.give_up_after,
                        stop=stop,
                        limit=limit,
                        wait=wait,
                        progress=show,
                    )
                )
        except RelayError:
            store.sends.set_state(send.id, SendState.READY)
            raise


def send_copies(relay: Relay, parcels: Sequence[Parcel]) -> None:
    """Send parcels outside any journal; raises RelayError with the relay's words at the first refusal."""
    with new_runner() as runner:
        for parcel in parcels:
            attempt = runner.run(send_one(relay, parcel))
            if not attempt.accepted:
                answer = spoken(attempt.reply) if attempt.reply else attempt.error or attempt.unfit
                raise RelayError(f"the copy was not taken: {answer}", where=parcel.rcpt_to)
