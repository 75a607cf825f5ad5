"""The program: `newsletter`, or `python -m newsletter`. It hears Ctrl+C while the rest is being read."""

from __future__ import annotations

import gc
import sys

SEEDLINGS = 200_000
"""New objects between looks for rubbish: what a start makes stays, and looking through it takes a while."""


def run() -> None:
    """Entry point; see newsletter.cli.main."""
    gc.set_threshold(SEEDLINGS)
    try:
        from newsletter.cli.main import run as start
    except KeyboardInterrupt:
        sys.exit("newsletter: stopped")
    try:
        start()
    finally:
        gc.freeze()  # the end of a process clears up all the same


if __name__ == "__main__":
    run()
