"""What a send waits for before it begins: its time, and a relay whose limits no other send uses up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from newsletter import campaign, locks
from newsletter.cli import progress
from newsletter.cli.app import App, now_ms
from newsletter.cli.stopping import Stopped
from newsletter.deliver.limits import Limits
from newsletter.errors import RefusedError
from newsletter.models import Send, SendState
from newsletter.store import Store

LOOK_EVERY = 0.5  # seconds between looks whether the relay is free


def wait_for_time(app: App, store: Store, send: Send, stop: Stopped) -> bool:
    """Count down to the send's time -> whether to begin; a pause, cancel or stop ends the wait.

    So does a computer that slept until long after it.
    """
    begin = send.scheduled or 0
    watch = app.command("run", "--watch")
    app.say(f"Waiting until {app.local_time(begin)}. Keep this window open, or let `{watch}` wait instead.")
    with progress.counting_down(app) as show:
        while (left := begin - now_ms()) > 0:
            if stop.wait(min(1.0, left / 1000)):
                tell_begin(app, send)
                return False
            if called_off(app, store, send):
                return False
            show(left / 1000)
    if campaign.is_late(send, now_ms()):
        campaign.pause_late(store, send)
        tell_late(app, send)
        return False
    return True


def tell_begin(app: App, send: Send) -> None:
    """When a send begins, if something is there to begin it, and how to send it at once."""
    watch, now = app.command("run", "--watch"), app.command("resume", send.slug, "--now")
    app.say(f"It begins at {app.local_time(send.scheduled or 0)} if {watch} is running then.")
    app.say(f"To send it at once: {now}")


def called_off(app: App, store: Store, send: Send) -> bool:
    """Whether a send that waits was paused or cancelled from another terminal; says so."""
    state = store.sends.get(send.id).state
    if state is SendState.CANCELLED:
        app.say("It was cancelled from another terminal.")
    elif state is not SendState.READY:
        app.say(f"It was paused from another terminal. Go on: {app.command('resume', send.slug)}")
    return state is not SendState.READY


def tell_late(app: App, send: Send) -> None:
    """Say that a send was paused since its time passed, and how to send it after all."""
    time = app.local_time(send.scheduled or 0)
    app.warn(
        f"'{send.slug}' was to go out to {send.audience} at {time}, over an hour ago, and nothing ran: "
        f"it is paused. Send it now: {app.command('resume', send.slug)}"
    )


@contextmanager
def lock(app: App, store: Store, slug: str) -> Iterator[str]:
    """Hold the issue's lock; gives this process's description.

    Raises RefusedError, saying who has it, and until when they wait where nothing is being sent yet.
    """
    with ExitStack() as held:
        try:
            holder = held.enter_context(locks.sending(app.config.root, slug, app.local(now_ms())))
        except RefusedError as error:
            raise _why_taken(app, store, slug, error) from None
        yield holder


def _why_taken(app: App, store: Store, slug: str, error: RefusedError) -> RefusedError:
    times = [
        send.scheduled
        for send in campaign.unfinished(store, slug)
        if send.state is SendState.READY and send.scheduled and send.scheduled > now_ms()
    ]
    holder = locks.holder(app.config.root, slug)
    if not (times and holder):
        return error
    return RefusedError(
        f"it waits until {app.local_time(times[0])}, and is sent then by {holder}",
        where=slug,
        hint=f"to send it at once: {app.command('pause', slug)}, then {app.command('resume', slug, '--now')}",
    )


@contextmanager
def through(app: App, limits: Limits) -> Iterator[None]:
    """Hold the relay's lock where it has limits: two sends would use them up twice."""
    with ExitStack() as held:
        if limits.rates:
            held.enter_context(locks.using(app.config.root, app.relay.account, app.local(now_ms())))
        yield


def refuse_taken(app: App, limits: Limits) -> None:
    """Raise RefusedError where another send uses up the relay's limits now."""
    with through(app, limits):
        pass


def wait_for_relay(
    app: App, store: Store, send: Send, limits: Limits, stop: Stopped, held: ExitStack
) -> bool:
    """Wait until no other send uses the relay's limits, and hold them -> whether to begin."""
    told = ""
    while not called_off(app, store, send):
        try:
            held.enter_context(through(app, limits))
            return True
        except RefusedError as error:
            if error.message != told:
                app.say(f"Waiting: {error.message}.")
            told = error.message
        if stop.wait(LOOK_EVERY):
            break
    return False
