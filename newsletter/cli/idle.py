"""What `run` says where it has nothing to do: what there is, and when or how it goes on."""

from __future__ import annotations

from collections.abc import Iterator

from newsletter import campaign, locks
from newsletter.cli.app import App, now_ms
from newsletter.cli.tell import people
from newsletter.models import Send, SendState
from newsletter.store import Store


def what_waits(app: App, store: Store, *, watch: bool) -> Iterator[str]:
    """A line for each send that is not finished; `watch` says that this program stays."""
    open_sends = [send for send in store.sends.all() if send.state in campaign.OPEN_STATES]
    if not open_sends:
        yield "Nothing is to be sent. See what was: " + app.command("status")
    free = campaign.used_up_until(store, app.config.relay, now_ms())
    for send in open_sends:
        yield f"'{send.slug}' to {send.audience} {_what_for(app, store, send, free, watch=watch)}"
    if watch:
        yield "Looking again every few seconds, until Ctrl+C."


def _what_for(app: App, store: Store, send: Send, free: int | None, *, watch: bool) -> str:
    """What a send waits for; the mail server's limits are used up until `free`, None where they are not."""
    if send.state is SendState.PAUSED:
        reason = f" ({send.reason})" if send.reason else ""
        return f"is paused{reason}. Go on: {app.command('resume', send.slug)}"
    holder = locks.holder(app.config.root, send.slug)
    waits = "" if watch else f" if {app.command('run', '--watch')} is running then"
    if (send.scheduled or 0) > now_ms():
        begins = f"begins at {app.local_time(send.scheduled or 0)}"
        return f"{begins}: {holder} waits for that." if holder else f"{begins}{waits}."
    if holder:
        return f"is {'being' if send.state is SendState.RUNNING else 'about to be'} sent by {holder}."
    if free is not None:
        until = app.local_time(free)
        return f"waits: your mail server's limit is used up until {until}. It goes on then{waits}."
    later = store.sends.tally_of(send.id).deferred
    due = store.sends.next_due(send.id)
    when = f" until {app.local_time(due)}" if due is not None else ""
    return f"waits: your mail server has put off {people(later)}{when}. They are tried again then{waits}."
