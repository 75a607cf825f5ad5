"""The event loop that a send runs on."""

from __future__ import annotations

import asyncio
import gc
import importlib
import importlib.util


def new_runner() -> asyncio.Runner:
    """A runner on uvloop where that is installed, else on the system's own loop.

    What was made before stays until the end: the garbage collector need not look through it again.
    """
    gc.freeze()
    if importlib.util.find_spec("uvloop") is None:
        return asyncio.Runner()
    return asyncio.Runner(loop_factory=importlib.import_module("uvloop").new_event_loop)
