"""Going on with what was paused."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import click

from newsletter import campaign
from newsletter.cli.app import App, now_ms, pass_app
from newsletter.cli.control import unfinished
from newsletter.cli.going import go_on, refuse_other_home
from newsletter.cli.stopping import stopping
from newsletter.cli.waiting import called_off, lock
from newsletter.deliver.limits import limits_for
from newsletter.errors import StoreError
from newsletter.models import Send, SendState
from newsletter.store import Store


@click.command()
@click.argument("issue")
@click.option("--no-wait", is_flag=True, help="Leave those who said 'later' to the next run.")
@click.option("--now", is_flag=True, help="Begin at once, though the send's own time has not come.")
@pass_app
def resume(app: App, issue: str, no_wait: bool, now: bool) -> None:
    """Go on with a send that is paused, in this terminal; one whose time has not come waits for it.

    \b
    Example:
      newsletter resume image-gently-in-dentistry
      newsletter resume image-gently-in-dentistry --now
    """
    limits = limits_for(app.relay)
    with app.store(create=False) as store:
        slug = unfinished(app, store, issue)[0].slug
        with lock(app, store, slug) as holder, stopping(app) as stop:
            refuse_other_home(app, store)
            found = sorted(unfinished(app, store, slug), key=lambda send: send.scheduled or 0)
            for one in found:
                campaign.refuse_unapproved(store, app.config, one)
            left = [_ready(store, one, now=now) for one in found]
            try:
                while left and not called_off(app, store, left[0]):
                    send = left.pop(0)
                    store.sends.unknown_from_crash(send.id)
                    go_on(app, store, send, limits, holder, stop, limit=None, wait=not no_wait)
                    ended = store.sends.get(send.id).state
                    if stop.is_set() or ended in {SendState.PAUSED, SendState.CANCELLED}:
                        break
            finally:
                if stop.by_hand or not stop.is_set():
                    _hold(store, found[len(found) - len(left) :])
            tally = store.sends.tally(slug)
    if not tally.settled:
        raise click.exceptions.Exit(1)


def _ready(store: Store, send: Send, *, now: bool) -> Send:
    """A send that may run: it keeps a time that is still to come.

    All are made ready before the first begins, so that whoever pauses them meanwhile changes something.
    """
    if now or (send.scheduled or 0) <= now_ms():
        store.sends.schedule(send.id, None)
    return store.sends.set_state(send.id, SendState.READY)


def _hold(store: Store, sends: Sequence[Send]) -> None:
    """Pause again those that were paused, and did not come to their turn."""
    with suppress(StoreError):  # it is told already
        for send in sends:
            if send.state is SendState.PAUSED:
                store.sends.end_run(send.id, SendState.PAUSED, send.reason)
