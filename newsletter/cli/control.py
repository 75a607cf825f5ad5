"""Holding the reins from another terminal, and sending without one: pause, resume, cancel, run."""

from __future__ import annotations

import click

from newsletter import campaign, locks
from newsletter.cli.app import App, now_ms, pass_app, yes_option
from newsletter.cli.dispatch import BY_HAND, dispatch, going_on
from newsletter.cli.idle import what_waits
from newsletter.cli.send import go_on, refuse_other_home
from newsletter.cli.stopping import Stopped, stopping
from newsletter.cli.tell import people, sends_of, tell_end
from newsletter.cli.waiting import lock, tell_late
from newsletter.deliver.limits import limits_for
from newsletter.errors import BrokenOffError, NotFoundError, RefusedError, RelayError
from newsletter.models import LONGEST_WAIT, Send, SendState
from newsletter.store import Store

LOOK_EVERY = 5.0  # seconds between looks of `run --watch`


def unfinished(app: App, store: Store, slug: str) -> list[Send]:
    """The issue's sends that are not finished; raises NotFoundError, RefusedError while one is planned."""
    campaign.finish_cancelled(store, app.config.root)
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
        for send in unfinished(app, store, issue):
            store.sends.set_state(send.id, SendState.PAUSED, reason="paused by hand")
    app.say(f"Paused. Go on with: {app.command('resume', issue)}")


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
                store.sends.unknown_from_crash(send.id)
                tally = go_on(app, store, send, limits, holder, stop, limit=None, wait=not no_wait)
                ended = store.sends.get(send.id).state
                if stop.is_set() or ended in {SendState.PAUSED, SendState.CANCELLED}:
                    break
    if not tally.settled:
        raise click.exceptions.Exit(1)


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
        left = people(sum(tally.planned + tally.deferred for tally in tallies))
        app.confirm(f"Cancel for good? {left} will never get this issue. (To hold it: pause)", yes=yes)
        skipped = sum(_cancel(app, store, send) for send in sends)
        travelling = sum(store.sends.tally_of(send.id).claimed for send in sends)
    app.say(f"Cancelled: {people(skipped)} will not get it.")
    if travelling:
        app.say(f"On their way already, or still to be given back by the program that sends: {travelling:,}.")


def _cancel(app: App, store: Store, send: Send) -> int:
    """Cancel one send -> how many are skipped; where no process sends it, what was on its way is unknown."""
    if not locks.holder(app.config.root, send.slug):
        store.sends.unknown_from_crash(send.id)
    return store.sends.cancel(send.id)


@click.command()
@click.option("--watch", is_flag=True, help="Stay, and look again every few seconds: for a service manager.")
@click.option("--quiet", is_flag=True, help="Say nothing where nothing is due: for cron.")
@pass_app
def run(app: App, watch: bool, quiet: bool) -> None:
    """Take up every send that is due: planned ones whose time has come, and ones that broke off.

    For cron or a service manager, so that a reboot stops nothing. Paused sends are left alone. As send does,
    it exits with 0 only where everybody of what it took up has the issue or was left out for a reason.

    \b
    Examples:
      newsletter run
      newsletter run --watch
      newsletter run --quiet
    """
    failed = False
    with stopping(app) as stop:
        while not stop.is_set():
            with app.store(create=False) as store:
                campaign.finish_cancelled(store, app.config.root)
                due = [send for send in campaign.due(store, now_ms()) if _is_ours(app, store, send)]
                if not (due or quiet):
                    for line in what_waits(app, store, watch=watch):
                        app.say(line)
                quiet = True
                for send in due:
                    failed |= not _take(app, store, send, stop)
            if not watch or stop.wait(LOOK_EVERY):
                break
    if failed and not watch:
        raise click.exceptions.Exit(1)


def _take(app: App, store: Store, send: Send, stop: Stopped) -> bool:
    """Send what is due of one send -> whether all have the issue, or were left out for a reason.

    Another process's send is its own business.
    """
    if stop.is_set() or not _is_ours(app, store, send):
        return True
    limits = limits_for(app.relay)
    try:
        with lock(app, store, send.slug) as holder:
            if send.id not in {one.id for one in campaign.due(store, now_ms())}:
                return True
            if campaign.is_late(send, now_ms()):
                campaign.pause_late(store, send)
                tell_late(app, send)
                return False
            refuse_other_home(app, store)
            store.sends.unknown_from_crash(send.id)
            with going_on(app, store, send):
                report = dispatch(app, store, send, limits, holder, stop, limit=None, wait=False)
                tally = campaign.close_run(store, send, report, by_hand=BY_HAND if stop.by_hand else "")
                tell_end(app, store, send, report, tally)
    except (RefusedError, RelayError, BrokenOffError) as error:
        app.say(str(error), style="red")
        return False
    return tally.settled


def _is_ours(app: App, store: Store, send: Send) -> bool:
    """Whether there is something to do, and no other process does it."""
    return _has_work(store, send) and not locks.holder(app.config.root, send.slug)


def _has_work(store: Store, send: Send) -> bool:
    """Whether something of the send is due, broke off, or was put off by a clock that was ahead."""
    if send.state is SendState.RUNNING or store.sends.tally_of(send.id).planned:
        return True
    next_due = store.sends.next_due(send.id)
    ahead = next_due - now_ms() if next_due is not None else 0
    return next_due is not None and not 0 < ahead <= LONGEST_WAIT
