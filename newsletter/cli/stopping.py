"""Ctrl+C and its like: the first one lets what travels finish, the second one leaves at once."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

from newsletter.cli.app import App

SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)
]
LOOK_EVERY = 0.1  # seconds
HANGUP = getattr(signal, "SIGHUP", None)  # the window was closed; Windows has no such signal


class Stopped:
    """Set by the first signal; `by_hand` where a person pressed Ctrl+C, and not the system or a service.

    `leave` is what a second signal calls; it is set while mail travels. Raised into an event loop, an
    exception would come to whichever callback runs at that moment. It is no threading.Event: a signal that
    comes while the same thread waits for one would wait for that one's lock for ever.
    """

    by_hand = False
    leave: Callable[[], object] | None = None

    def __init__(self) -> None:
        self._set = False

    def set(self) -> None:
        """Stop."""
        self._set = True

    def is_set(self) -> bool:
        """Whether to stop."""
        return self._set

    def wait(self, seconds: float) -> bool:
        """Sleep for so long, or until it is set -> whether it is."""
        until = time.monotonic() + seconds
        while not self._set and (left := until - time.monotonic()) > 0:
            time.sleep(min(LOOK_EVERY, left))
        return self._set


@contextmanager
def stopping(app: App) -> Iterator[Stopped]:
    """An event that the first Ctrl+C, SIGTERM or closed window sets; the second one leaves at once.

    A closed window may be told twice, by the system and by the shell, and never counts as the second one.
    What was started to outlive its window (nohup) does.
    """
    stop, screens = Stopped(), [number for number in (1, 2) if os.isatty(number)]

    def on_signal(number: int, frame: FrameType | None) -> None:
        if number == HANGUP:
            _leave_screens(screens)
            if stop.is_set():
                return
        if stop.is_set():
            leave, stop.leave = stop.leave, None
            if leave is None:
                raise KeyboardInterrupt
            leave()
            return
        stop.by_hand = number == signal.SIGINT
        stop.set()
        travels = "Stopping: what is on its way is finished and written down. Once more to leave at once."
        with suppress(RuntimeError):  # it came while something was being written
            app.say(travels if stop.leave else "Stopping.")

    outlived = {HANGUP} if HANGUP and signal.getsignal(HANGUP) is signal.SIG_IGN else set()
    before = {number: signal.signal(number, on_signal) for number in SIGNALS if number not in outlived}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave_screens(screens: Sequence[int]) -> None:
    """Write into nothing from now on what would go to a window that is gone: the attempt is an error."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    for number in screens:
        os.dup2(nothing, number)
    os.close(nothing)
