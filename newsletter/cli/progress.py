"""Progress bars on a terminal; a line every ten seconds without one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from newsletter.cli.app import App
from newsletter.when import countdown

SECONDS_BETWEEN_LINES = 10


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
def sending(app: App, total: int, done_before: int) -> Iterator[Callable[[int, str], None]]:
    """A bar with rate and time left; the block calls what it is given with (finished now, note)."""
    if not app.talk.is_terminal:
        yield _Lines(app, total, done_before)
        return
    columns = (
        TextColumn("Sending"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=app.talk, speed_estimate_period=30) as bars:
        task = bars.add_task("Sending", total=total, completed=done_before, rate="", note="")

        def advance(done: int, note: str) -> None:
            speed = bars.tasks[0].speed
            rate = f"{speed:,.1f}/s" if speed and "waiting" not in note else ""
            bars.update(task, completed=done_before + done, rate=rate, note=note)

        yield advance


@contextmanager
def counting_down(app: App) -> Iterator[Callable[[float], None]]:
    """A clock that runs down, on a terminal; the block calls what it is given with the seconds left."""
    if not app.talk.is_terminal:
        yield lambda seconds: None
        return
    with app.talk.status("") as status:
        yield lambda seconds: status.update(f"Begins in {countdown(seconds)}")


class _Lines:
    """Says how far the send is every ten seconds."""

    def __init__(self, app: App, total: int, done_before: int) -> None:
        self.app, self.total, self.before = app, total, done_before
        self.started = self.last = time.monotonic()

    def __call__(self, done: int, note: str) -> None:
        now = time.monotonic()
        if now - self.last < SECONDS_BETWEEN_LINES:
            return
        self.last = now
        rate = done / (now - self.started)
        tail = f", {note}" if note else ""
        self.app.say(f"{self.before + done:,} of {self.total:,} finished, {rate:,.1f} a second{tail}")
