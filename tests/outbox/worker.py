"""A process that empties a project's outbox until it is killed, or its standard input ends."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from newsletter.config import load
from newsletter.mailroom import emptying


def main() -> None:
    config = load(Path(sys.argv[1]))
    with emptying(config, config.outbox_relay, now=lambda: time.time_ns() // 1_000_000, tell=print):
        sys.stdin.read()


if __name__ == "__main__":
    main()
