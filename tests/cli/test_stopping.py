"""A signal at any moment of a wait."""

from __future__ import annotations

import subprocess
import sys

import pytest

ALARMS = """
import random, signal
from newsletter.cli.stopping import Stopped

chance = random.Random(1)
for _ in range(500):
    stop = Stopped()
    signal.signal(signal.SIGALRM, lambda number, frame: stop.set())
    signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-5, 3e-4))
    while not stop.wait(2e-5):
        pass
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no alarms")
def test_a_signal_never_waits_for_what_it_interrupts() -> None:
    subprocess.run([sys.executable, "-c", ALARMS], check=True, timeout=60)
