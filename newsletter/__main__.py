"""The program: `newsletter`, or `python -m newsletter`. It hears Ctrl+C while the rest is being read."""

from __future__ import annotations

import sys


def run() -> None:
    """Entry point; see newsletter.cli.main."""
    try:
        from newsletter.cli.main import run as start
    except KeyboardInterrupt:
        sys.exit("newsletter: stopped")
    start()


if __name__ == "__main__":
    run()
