"""Sending without anybody at a terminal: `newsletter run`, for cron and service managers."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import click

from newsletter import campaign, locks
from newsletter.cli.app import App, now_ms, pass_app
from newsletter.cli.dispatch import dispatch, going_on
from newsletter.cli.going import refuse_other_home
from newsletter.cli.idle import what_waits
from newsletter.cli.stopping import Stopped, stopping
from newsletter.cli.tell import people, tell_end
from newsletter.cli.waiting import lock, tell_late, through
from newsletter.deliver.limits import limits_for
from newsletter.deliver.policy import run_wait
from newsletter.errors import BrokenOffError, DatabaseBusyError, RefusedError, RelayError
from newsletter.models import LONGEST_WAIT, Send, SendState
from newsletter.store import Store
from newsletter.when import DAY

LOOK_EVERY = 5.0  # seconds between looks of `run --watch`
_LONGEST_REST = 2 * DAY


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
    failed, rest, busy = False, Rest(), 0.0
    with stopping(app) as stop:
        while not stop.is_set():
            with _staying(app, watch=watch), app.store(create=False) as store:
                campaign.finish_cancelled(store, app.config)
                due = [send for send in campaign.due(store, now_ms()) if _is_ours(app, store, send, rest)]
                in_time = [send for send in due if _is_in_time(app, store, send, int(busy * 1000))]
                failed |= len(in_time) < len(due)
                if in_time and campaign.used_up_until(store, app.config.relay, now_ms()):
                    in_time = []
                if not (in_time or failed or quiet):
                    for line in what_waits(app, store, watch=watch):
                        app.say(line)
                quiet, began = True, time.monotonic()
                for send in in_time:
                    failed |= not _take(app, store, send, stop, rest)
                busy = time.monotonic() - began
            if not watch or stop.wait(LOOK_EVERY):
                break
    if failed and not watch:
        raise click.exceptions.Exit(1)


class Rest:
    """Which sends `run --watch` leaves alone for now: it must not log in every few seconds for nothing."""

    def __init__(self) -> None:
        self._until: dict[int, int] = {}
        self._troubles: Counter[int] = Counter()

    def over(self, send: Send) -> bool:
        """Whether it may be tried; what seems to rest for days began before the clock was put back."""
        return not 0 < self._until.get(send.id, 0) - now_ms() <= _LONGEST_REST

    def until(self, send: Send, moment: int) -> None:
        """Not before then (UTC ms)."""
        self._until[send.id] = moment
        del self._troubles[send.id]

    def after_trouble(self, send: Send) -> None:
        """The later, the more often its relay failed."""
        self._until[send.id] = now_ms() + run_wait(self._troubles[send.id])
        self._troubles[send.id] += 1


@contextmanager
def _staying(app: App, *, watch: bool) -> Iterator[None]:
    """Where it stays, a database that another program holds is told, and looked at again later."""
    try:
        yield
    except DatabaseBusyError as error:
        if not watch:
            raise
        app.say(str(error), style="red")


def _is_in_time(app: App, store: Store, send: Send, busy: int) -> bool:
    """Whether a send that is due is not late; then it loses its time, which could pass while others are sent.

    `busy` is for how many milliseconds this process has sent others. Late ones are paused.
    """
    if send.scheduled is None:
        return True
    with suppress(RefusedError), lock(app, store, send.slug):
        found = _still_due(store, send)
        if found is None:
            return True
        if campaign.is_late(found, now_ms(), busy=busy):
            campaign.pause_late(store, found)
            tell_late(app, found)
            return False
        store.sends.schedule(found.id, None)
    return True


def _still_due(store: Store, send: Send) -> Send | None:
    """The send as it is now; None where it is not due any more."""
    return next((one for one in campaign.due(store, now_ms()) if one.id == send.id), None)


def _take(app: App, store: Store, send: Send, stop: Stopped, rest: Rest) -> bool:
    """Send what is due of one send -> whether all have the issue, or were left out for a reason.

    Another process's send is its own business.
    """
    if stop.is_set() or not _is_ours(app, store, send, rest):
        return True
    limits = limits_for(app.relay)
    try:
        with lock(app, store, send.slug) as holder:
            found = _still_due(store, send)
            if found is None:
                return True
            send = found
            refuse_other_home(app, store)
            campaign.refuse_unapproved(store, app.config, send)
            store.sends.unknown_from_crash(send.id)
            left = store.sends.tally_of(send.id)
            with going_on(app, store, send), through(app, limits):
                app.say(f"'{send.slug}' to {send.audience}: {people(left.waiting)} to go.")
                report, tally = dispatch(app, store, send, limits, holder, stop, limit=None, wait=False)
                tell_end(app, store, send, report, tally)
        rest.until(send, report.used_up_until or 0)
    except (RefusedError, RelayError, BrokenOffError) as error:
        rest.after_trouble(send)
        app.say(str(error), style="red")
        return False
    return tally.settled


def _is_ours(app: App, store: Store, send: Send, rest: Rest) -> bool:
    """Whether there is something to do by now, and no other process does it."""
    return rest.over(send) and _has_work(store, send) and not locks.holder(app.config.root, send.slug)


def _has_work(store: Store, send: Send) -> bool:
    """Whether something of the send is due, broke off, or was put off by a clock that was ahead."""
    if send.state is SendState.RUNNING or store.sends.tally_of(send.id).planned:
        return True
    next_due = store.sends.next_due(send.id)
    ahead = next_due - now_ms() if next_due is not None else 0
    return next_due is not None and not 0 < ahead <= LONGEST_WAIT
