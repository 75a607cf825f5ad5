"""The event loop that a send runs on, and what can be stopped there."""

from __future__ import annotations

import asyncio
import gc
import importlib
import importlib.util
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from newsletter.deliver.ports import Stop
from newsletter.deliver.tempo import TICK


def new_runner() -> asyncio.Runner:
    """A runner on uvloop where that is installed, else on the system's own loop.

    What was made before stays until the end: the garbage collector need not look through it again.
    """
    gc.freeze()
    factory = None
    if importlib.util.find_spec("uvloop") is not None:
        factory = importlib.import_module("uvloop").new_event_loop
    runner = asyncio.Runner(loop_factory=factory)
    runner.get_loop().set_exception_handler(_told)
    return runner


async def unless_stopped(
    doing: Coroutine[Any, Any, object], stop: Stop, meanwhile: Callable[[], None] = lambda: None
) -> None:
    """Do it, unless `stop` comes first; raises what it raises. Calls `meanwhile` every TICK."""
    task = asyncio.create_task(doing)
    try:
        while not (task.done() or stop.is_set()):
            await asyncio.wait([task], timeout=TICK)
            meanwhile()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _told(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An encryption that ends while it begins is said by whoever waits for it; uvloop prints it as well."""
    broke_off = isinstance(context.get("exception"), RuntimeError)
    if not (broke_off and "SSLProtocol" in context.get("message", "")):
        loop.default_exception_handler(context)
