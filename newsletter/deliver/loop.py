"""The event loop that a send runs on."""

from __future__ import annotations

import asyncio
import gc
import importlib
import importlib.util
from typing import Any


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


def _told(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An encryption that ends while it begins is said by whoever waits for it; uvloop prints it as well."""
    broke_off = isinstance(context.get("exception"), RuntimeError)
    if not (broke_off and "SSLProtocol" in context.get("message", "")):
        loop.default_exception_handler(context)
