"""Going on with what was paused."""

from __future__ import annotations

import click

from newsletter.cli.app import App, now_ms, pass_app
from newsletter.cli.control import unfinished
from newsletter.cli.going import go_on, refuse_other_home
from newsletter.cli.stopping import stopping
from newsletter.cli.waiting import lock
from newsletter.deliver.limits import limits_for
from newsletter.models import SendState


@click.command()
@click.argument("issue")
@click.option("--no-wait", is_flag=True, help="Leave those who said 'later' to the next run.")
@pass_app
def resume(app: App, issue: str, no_wait: bool) -> None:
    """Go on with a send that is paused, in this terminal; one that has a time begins at once.

    \b
    Example:
      newsletter resume image-gently-in-dentistry
    """
    limits = limits_for(app.relay)
    with app.store(create=False) as store:
        slug = unfinished(app, store, issue)[0].slug
        with lock(app, store, slug) as holder, stopping(app) as stop:
            refuse_other_home(app, store)
            for paused in unfinished(app, store, slug):
                send = store.sends.schedule(paused.id, now_ms())
                store.sends.unknown_from_crash(send.id, app.relay.name)
                tally = go_on(app, store, send, limits, holder, stop, limit=None, wait=not no_wait)
                ended = store.sends.get(send.id).state
                if stop.is_set() or ended in {SendState.PAUSED, SendState.CANCELLED}:
                    break
    if not tally.settled:
        raise click.exceptions.Exit(1)
