"""The program with a clock that a test moves and little patience: `python -m tests.faults.program send …`.

All of it is the program's own; only what its own seams take as arguments is other than usual: how long it
waits for a relay, for the database and for a process that signs, from how many mails on there are such
processes, what they are started with (FAULTS_SIGNER, if that is set), and what time it is (the system's, plus
the milliseconds that the file named by FAULTS_CLOCK holds).
"""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from pathlib import Path
from types import ModuleType

try:
    from newsletter import composer
    from newsletter.cli import app, dispatch
    from newsletter.cli.main import run
    from newsletter.deliver import ledger, signers
    from newsletter.deliver.courier import SmtpCourier
    from newsletter.deliver.smtp import Timeouts
    from newsletter.store import open_store
except KeyboardInterrupt:  # as newsletter.__main__
    sys.exit("newsletter: stopped")

HASTY = Timeouts(connect=3, setup=2, command=2, data=2, body=3, end=2, idle=1, quit=0.2)
CONNECT_WAITS = (0.05, 0.1, 0.2)
BUSY_SECONDS = 0.3
STORE_WAITS = (0.1, 0.2, 0.4, 0.8)
STORE_PATIENCE = (len(STORE_WAITS) + 2) * BUSY_SECONDS + sum(STORE_WAITS)  # seconds until it gives up
SIGNER_PATIENCE = 2.0


def now_ms() -> int:
    moved = Path(os.environ["FAULTS_CLOCK"]).read_text(encoding="ascii")
    return time.time_ns() // 1_000_000 + int(moved)


def put(module: ModuleType, name: str, value: object) -> None:
    assert hasattr(module, name), f"{module.__name__} has no {name} any more"
    setattr(module, name, value)


def main() -> None:
    put(app, "open_store", partial(open_store, busy_seconds=BUSY_SECONDS))
    put(app, "now_ms", now_ms)
    put(dispatch, "now_ms", now_ms)
    put(dispatch, "SmtpCourier", partial(SmtpCourier, timeouts=HASTY, waits=CONNECT_WAITS))
    put(ledger, "STORE_WAITS", STORE_WAITS)
    put(composer, "FEW", 0)
    put(signers, "PATIENCE", SIGNER_PATIENCE)
    put(sys, "executable", os.environ.get("FAULTS_SIGNER", sys.executable))
    run()


if __name__ == "__main__":
    main()
