"""What is told of sends: how many people, what is open, and how one ended."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import asdict

from newsletter import campaign, locks
from newsletter.audience.reading import parse_segment
from newsletter.cli.app import App, counted, put
from newsletter.deliver.report import Ending, RunReport
from newsletter.errors import NotFoundError, SegmentError
from newsletter.issue import find_issue
from newsletter.models import Send, Tally
from newsletter.store import Store


def open_questions(app: App, slug: str, tally: Tally) -> Iterator[str]:
    """What the coordinator has to decide or to look at, and the commands for it."""
    if tally.unknown:
        yield (
            f"Unknown: {people(tally.unknown)}. The connection, or this program, broke off before your mail "
            "server's answer was written down, so they may have it or not. "
            f"See who: {app.command('deliveries', slug, '--state', 'unknown')}"
        )
        again, taken = (app.command("resolve", slug, "--unknown", word) for word in ("resend", "sent"))
        yield f"Send it to them once more: {again}, or take it as sent: {taken}"
    if tally.failed:
        see = app.command("deliveries", slug, "--state", "failed")
        yield f"Failed: {people(tally.failed)}, refused for good, or tried in vain too long. See why: {see}"


def sends_of(app: App, store: Store, slug: str) -> list[Send]:
    """The issue's sends. NotFoundError where there are none; it names the nearest where there is no issue."""
    sends = store.sends.of_issue(slug)
    if not sends:
        find_issue(app.config.root, slug)
        hint = f"send it: {app.command('send', slug, '--to', 'LIST')}"
        raise NotFoundError("this issue was never sent", where=slug, hint=hint)
    return sends


def lost_with_sender(app: App, store: Store, slug: str) -> int:
    """How many were on their way when the sender of the issue died: the next run calls them unknown."""
    if locks.holder(app.config.root, slug):
        return 0
    claimed = store.sends.tally(slug).claimed
    return claimed if claimed and not locks.holder(app.config.root, slug) else 0


def tell_end(
    app: App, store: Store, current: Send, report: RunReport, tally: Tally, *, limit: int | None = None
) -> None:
    """How a run ended, and what to type next: to the end of the run's `limit`, where it was not reached."""
    counts = {state: n for state, n in asdict(tally).items() if n}
    put(", ".join(f"{n:,} {state}" for state, n in counts.items()) + f" (of {tally.total:,})")
    everybody = ("send", current.slug, "--to", current.audience)
    left = (limit or 0) - report.sent - report.failed - report.unknown
    again = app.command(*everybody, *(("--limit", str(left)) if left > 0 else ()))
    for line in _next_steps(app, current, report, store.sends.tally_of(current.id), again, limited=left > 0):
        app.say(line)
    for line in (*_of_other_sends(app, store, current), *open_questions(app, current.slug, tally)):
        app.say(line)
    newcomers = _newcomers(store, current) if report.ending is Ending.FINISHED else 0
    if newcomers:
        too = app.command(*everybody)
        app.say(f"Joined {current.audience} since: {people(newcomers)}. Send it to them too: {too}")
    app.say(f"See how it stands: {app.command('status', current.slug)}")


def _next_steps(
    app: App, current: Send, report: RunReport, tally: Tally, again: str, *, limited: bool
) -> Iterator[str]:
    """How the send itself goes on, `tally` being its own; `again` is `limited` to some of those who wait."""
    waiting = tally.waiting
    if report.must_pause:
        yield f"Paused: {report.reason}"
        yield f"Put that right, then go on: {again}"
    elif report.ending is Ending.CANCELLED:
        yield "It was cancelled from another terminal: whoever does not have it yet will not get it."
    elif report.ending is Ending.PAUSED and waiting:
        everybody = app.command("resume", current.slug)
        yield "It was paused from another terminal."
        resume = f"{again}, or with all of them: {everybody}" if limited else everybody
        yield f"Still to be sent: {people(waiting)}. Go on with: {resume}"
    elif report.used_up_until:
        free = app.local_time(report.used_up_until)
        yield f"Your mail server's limit is used up until {free}. Go on then: {again}"
    elif report.ending is Ending.WAITING and report.next_due:
        due = app.local_time(report.next_due)
        yield f"Put off by your mail server: {people(tally.deferred)}. Go on from {due}: {again}"
    elif waiting:
        later = f" ({tally.deferred:,} of them put off by your mail server)" if tally.deferred else ""
        yield f"Still to be sent: {people(waiting)}{later}. Go on with: {again}"


def _of_other_sends(app: App, store: Store, current: Send) -> Iterator[str]:
    """Who still waits in other sends of the same issue, and how those go on."""
    for other in campaign.unfinished(store, current.slug):
        tally = store.sends.tally_of(other.id)
        waiting = tally.waiting
        if other.id != current.id and waiting:
            again = app.command("send", other.slug, "--to", other.audience)
            yield f"Still to be sent to {other.audience}: {people(waiting)}. Go on with: {again}"


def _newcomers(store: Store, current: Send) -> int:
    try:
        return store.sends.newcomers(current.slug, parse_segment(store, current.audience))
    except SegmentError:
        return 0


def people(count: int) -> str:
    """`1 person`, `2 people`."""
    return counted(count, "person", "people")


def share(limit: int | None, count: int) -> str:
    """`52 people`, or `the first 3 of 52 people` where there is a smaller limit."""
    return people(count) if limit is None or limit >= count else f"the first {limit:,} of {people(count)}"
