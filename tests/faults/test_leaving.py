"""What need not be unknown: answers that came while the computer slept, mails that never began to travel."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

from tests.faults.conftest import PEOPLE
from tests.faults.ground import ground
from tests.faults.program import HASTY
from tests.faults.relay import Mischief

CONNECTIONS = 4


def test_answers_that_came_while_the_computer_slept_are_read(template: Path, tmp_path: Path) -> None:
    with ground(template, tmp_path / "project", PEOPLE, mischief=Mischief(slow=0.05), hasty=True) as where:
        sender = where.sending("--no-wait")
        where.taken(20)
        sender.send_signal(signal.SIGSTOP)
        time.sleep(HASTY.end + 0.5)
        sender.send_signal(signal.SIGCONT)
        where.end(sender)
        assert where.check().sent == PEOPLE


def test_the_second_ctrl_c_leaves_only_those_unknown_that_travel(template: Path, tmp_path: Path) -> None:
    with ground(template, tmp_path / "project", PEOPLE, mischief=Mischief(slow=0.05)) as where:
        sender = where.sending()
        where.taken(20)
        sender.send_signal(signal.SIGINT)
        time.sleep(random.uniform(0.01, 0.05))
        pressed = time.monotonic()
        where.end(sender, signal.SIGINT)
        assert time.monotonic() - pressed < 2
        where.crashes += 1
        assert where.check().claimed <= CONNECTIONS
