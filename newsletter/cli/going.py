"""One send, from its time to its end."""

from __future__ import annotations

from contextlib import ExitStack

from newsletter import home
from newsletter.cli.app import App, now_ms
from newsletter.cli.dispatch import dispatch, going_on, try_out
from newsletter.cli.stopping import Stopped
from newsletter.cli.tell import tell_end
from newsletter.cli.waiting import tell_begin, through, wait_for_relay, wait_for_time
from newsletter.deliver.limits import Limits
from newsletter.errors import RefusedError, RelayError
from newsletter.models import Send, Tally
from newsletter.store import Store
from newsletter.weburl import is_loopback, is_on_this_machine


def refuse_other_home(app: App, store: Store) -> None:
    """Raise RefusedError where the live pages are not of this project: its ways out would lead nowhere.

    Pages on this very computer will do for a mail server on it, as in a rehearsal.
    """
    base_url = app.config.web.base_url
    if is_on_this_machine(base_url):
        if not is_loopback(app.relay.host):
            raise RefusedError(
                "these pages are on this very computer: nobody else could follow the links of the mails",
                where=base_url,
                hint="put their public address into [web] base_url, or take that out: people leave by mail",
            )
        app.warn(f"the links of these mails lead to {base_url}, where only this computer can go")
    if base_url and not home.refuse_elsewhere(app.config, store):
        app.warn(f"{base_url} is a sample address: there are no pages on which people could leave")


def go_on(
    app: App,
    store: Store,
    current: Send,
    limits: Limits,
    holder: str,
    stop: Stopped,
    *,
    limit: int | None,
    wait: bool,
) -> Tally:
    """Wait for the send's time, send what is due, tell -> the issue's tally. The caller holds the lock."""
    with going_on(app, store, current), ExitStack() as held:
        if (current.scheduled or 0) > now_ms():
            if not wait:
                tell_begin(app, current)
                return store.sends.tally(current.slug)
            _try_relay(app, stop)
            begins = wait_for_time(app, store, current, stop)
            if not (begins and wait_for_relay(app, store, current, limits, stop, held)):
                return store.sends.tally(current.slug)
        else:
            held.enter_context(through(app, limits))
        report, tally = dispatch(app, store, current, limits, holder, stop, limit=limit, wait=wait)
        tell_end(app, store, current, report, tally, limit=limit)
        return tally


def _try_relay(app: App, stop: Stopped) -> None:
    """Say early what would be in the way once the time has come: a wrong password, a wrong port."""
    try:
        try_out(app.relay, stop)
    except RelayError as error:
        app.warn(f"your mail server cannot be used as it is now; mend that before the time comes. {error}")
