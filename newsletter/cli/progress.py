"""Progress bars on a terminal; a line every ten seconds without one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from rich.console import RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from newsletter.cli.app import App
from newsletter.deliver.ports import Progress as Run
from newsletter.deliver.ports import ProgressCallback
from newsletter.models import Tally
from newsletter.when import countdown

SECONDS_BETWEEN_LINES = 10
SECONDS_OF_SILENCE = 8  # after which that is said
SECONDS_OF_LEAVING = 1  # after which it is said what is waited for

AWAY = "no connection to your mail server"


@contextmanager
def counting(app: App, what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar over `total` things (None: unknown); the block calls what it is given with how many are done."""
    if not app.talk.is_terminal:
        yield lambda done: None
        return
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=app.talk, transient=True) as bars:
        task = bars.add_task(what, total=total)
        yield lambda done: bars.update(task, completed=done)


@contextmanager
def sending(app: App, before: Tally, limit: int | None = None) -> Iterator[ProgressCallback]:
    """A bar over the whole send, or as far as this run's `limit`; the block calls what it is given.

    `before` is how it stood.
    """
    if not app.talk.is_terminal:
        yield _Lines(app, before, limit)
        return
    columns = (
        TextColumn("Sending"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        _TimeLeft(),
    )
    with _NotedBar(*columns, console=app.talk, speed_estimate_period=30) as bar:
        task = bar.add_task(
            "", total=_end(before, Run(), limit), completed=_finished(before), rate="", note="", still=False
        )

        silence = _Silence()

        def show(now: Run) -> None:
            still = bool(now.waiting_until or now.trouble) or now.leaving or now.away or now.connecting
            speed = None if still else bar.tasks[0].speed
            rate = f"{speed:,.1f}/s" if speed else ""
            done = _finished(before) + _finished(now)
            note = _note(app, before, now, silence.lasts(now))
            bar.update(
                task, completed=done, total=_end(before, now, limit), rate=rate, note=note, still=still
            )

        yield show
        bar.update(task, rate="", still=True)


@contextmanager
def counting_down(app: App) -> Iterator[Callable[[float], None]]:
    """A clock that runs down, on a terminal; the block calls what it is given with the seconds left."""
    if not app.talk.is_terminal:
        yield lambda seconds: None
        return
    with app.talk.status("") as status:
        yield lambda seconds: status.update(f"Begins in {countdown(seconds)}")


class _NotedBar(Progress):
    """A bar with its note on lines of its own below it, so that both fit a narrow terminal."""

    def get_renderables(self) -> Iterable[RenderableType]:
        yield from super().get_renderables()
        for task in self.tasks:
            if task.fields["note"]:
                yield Text(task.fields["note"], no_wrap=False, overflow="fold")


class _TimeLeft(TimeRemainingColumn):
    """The time left, while something leaves."""

    def render(self, task: Task) -> Text:
        return Text() if task.fields["still"] else super().render(task)


class _Lines:
    """Says how far the send is every ten seconds; once until when it waits, and that it only waits for what
    is on its way; and at once when the mail server does not answer or the database cannot be written any
    more, or can again.
    """

    def __init__(self, app: App, before: Tally, limit: int | None) -> None:
        self.app, self.before, self.limit = app, before, limit
        self.started = self.last = time.monotonic()
        self.leaving = self.away = self.trouble = False
        self.silence, self.waits = _Silence(), ""

    def __call__(self, now: Run) -> None:
        at = time.monotonic()
        if bool(now.trouble) is not self.trouble:
            self.trouble = bool(now.trouble)
            self.app.say(f"Note: {_trouble(now)}." if now.trouble else "The database can be written again.")
        if now.away is not self.away and not now.leaving:
            self.away = now.away
            self.app.say(
                f"{AWAY.capitalize()}; trying again." if now.away else "Your mail server answers again."
            )
        if now.leaving and not self.leaving:
            self.leaving, self.last = True, at - SECONDS_BETWEEN_LINES + SECONDS_OF_LEAVING
        silence = self.silence.lasts(now)
        if at - self.last < SECONDS_BETWEEN_LINES:
            return
        self.last = at
        done, note = _finished(now), _note(self.app, self.before, now, silence)
        whole = f"{_finished(self.before) + done:,} of {_end(self.before, now, self.limit):,} finished"
        line = f"{whole}, {note}" if _only_waits(now) else ""
        if not line:
            rate = done / (at - self.started)
            self.app.say(f"{whole}, {rate:,.1f} a second{', ' if note else ''}{note}")
        elif line != self.waits:
            self.app.say(line)
        self.waits = line


def _only_waits(now: Run) -> bool:
    busy = now.in_flight or now.connecting or now.leaving or now.away or now.trouble
    return bool(now.waiting_until) and not busy


class _Silence:
    """For how many seconds the mail server has answered nothing that it was asked."""

    def __init__(self) -> None:
        self._answered, self._since = (0, 0), time.monotonic()

    def lasts(self, now: Run) -> float:
        """As of now."""
        answered, at = (_finished(now), now.deferred), time.monotonic()
        if answered != self._answered or not (now.in_flight or now.connecting):
            self._answered, self._since = answered, at
        return at - self._since


def _finished(counts: Tally | Run) -> int:
    return counts.sent + counts.failed + counts.skipped + counts.unknown


def _end(before: Tally, now: Run, limit: int | None) -> int:
    """How many are finished when the run ends: whoever is left out meanwhile takes no place in its limit."""
    if limit is None:
        return before.total
    return min(before.total, _finished(before) + limit + now.skipped)


def _note(app: App, before: Tally, now: Run, silence: float) -> str:
    """What there is to say beside the bar, after so many seconds without an answer."""
    counts = ((before.failed + now.failed, "failed"), (before.unknown + now.unknown, "unknown"))
    parts = [f"{count:,} {word}" for count, word in counts if count]
    if now.deferred:
        parts.append(f"{now.deferred:,} put off")
    if now.leaving:
        which = "one that is on its way" if now.in_flight == 1 else f"{now.in_flight} that are on their way"
        parts.append(f"finishing {which}, at most 10 minutes")
    elif now.trouble or now.away:
        parts.append(_trouble(now))
    elif silence >= SECONDS_OF_SILENCE:
        parts.append(f"no answer from your mail server for {silence:.0f} seconds; waiting for it")
    elif now.waiting_until:
        parts.append(f"waiting until {_clock(app, now.waiting_until)}; you may stop and go on later")
    return ", ".join(parts)


def _trouble(now: Run) -> str:
    return f"{now.trouble or AWAY}; trying again"


def _clock(app: App, moment: int) -> str:
    """The time of day; with its date where that is not today's."""
    today = app.local(time.time_ns() // 1_000_000).date()
    local = app.local(moment)
    return f"{local:%H:%M}" if local.date() == today else app.local_time(moment)
