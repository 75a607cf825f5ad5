"""Holding the reins from another terminal: pause and cancel."""

from __future__ import annotations

import click

from newsletter import campaign, locks
from newsletter.cli.app import App, now_ms, pass_app, yes_option
from newsletter.cli.tell import people, sends_of
from newsletter.errors import NotFoundError, RefusedError
from newsletter.models import Send, SendState
from newsletter.store import Store


def unfinished(app: App, store: Store, slug: str) -> list[Send]:
    """The issue's sends that are not finished; raises NotFoundError, RefusedError while one is planned."""
    campaign.finish_cancelled(store, app.config)
    found = campaign.unfinished(store, slug)
    if not found and any(send.state is SendState.PLANNING for send in sends_of(app, store, slug)):
        raise RefusedError(
            "the planning has not ended, and nobody has been mailed yet",
            where=slug,
            hint=f"try again in some seconds, or see who plans it: newsletter status {slug}",
        )
    if not found:
        raise NotFoundError(
            "nothing of this issue is under way", where=slug, hint=f"newsletter status {slug}"
        )
    return found


@click.command()
@click.argument("issue")
@pass_app
def pause(app: App, issue: str) -> None:
    """Hold a send, from any terminal: it stops within a second, and nothing is lost.

    \b
    Example:
      newsletter pause image-gently-in-dentistry
    """
    with app.store(create=False) as store:
        paused = [
            store.sends.set_state(send.id, SendState.PAUSED, reason="by hand")
            for send in unfinished(app, store, issue)
        ]
    app.say(f"Paused. Go on with: {app.command('resume', issue)}")
    for send in paused:
        if (send.scheduled or 0) > now_ms():
            app.say(
                f"Its time is still {app.local_time(send.scheduled or 0)}. "
                f"To send it at once: {app.command('resume', issue, '--now')}"
            )


@click.command()
@click.argument("issue")
@yes_option
@pass_app
def cancel(app: App, issue: str, yes: bool) -> None:
    """End a send for good: whoever does not have the issue yet will not get it.

    \b
    Example:
      newsletter cancel image-gently-in-dentistry
    """
    with app.store(create=False) as store:
        sends = unfinished(app, store, issue)
        tallies = [store.sends.tally_of(send.id) for send in sends]
        left = people(sum(tally.waiting for tally in tallies))
        app.confirm(f"Cancel for good? {left} will never get this issue. (To hold it: pause)", yes=yes)
        sends = unfinished(app, store, issue)  # it may have ended while the question stood
        skipped = sum(_cancel(app, store, send) for send in sends)
        travelling = sum(store.sends.tally_of(send.id).claimed for send in sends)
    app.say(f"Cancelled: {people(skipped)} will not get it.")
    if travelling:
        app.say(f"On their way already, or still to be given back by the program that sends: {travelling:,}.")


def _cancel(app: App, store: Store, send: Send) -> int:
    """Cancel one send -> how many are skipped; where no process sends it, what was on its way is unknown."""
    skipped = store.sends.cancel(send.id)
    if not locks.holder(app.config.root, send.slug):
        store.sends.unknown_from_crash(send.id)
    return skipped
