"""What need not be lost: answers that came in sleep, mails that never began to travel, time set back."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

from newsletter.models import LONGEST_WAIT
from tests.faults.conftest import PEOPLE
from tests.faults.ground import ground, make_template
from tests.faults.program import HASTY
from tests.faults.relay import Mischief

CONNECTIONS = 4
DAY = 86_400_000


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


def test_run_takes_up_what_a_clock_that_was_ahead_put_off(tmp_path: Path) -> None:
    template = make_template(tmp_path / "template", 2)
    later = Mischief(chance=1.0, acts={"RCPT": ["451 4.7.1 greylisted"]})
    with ground(template, tmp_path / "project", 2, hasty=True, mischief=later) as where:
        where.move_clock(400 * DAY)
        where.end(where.sending("--no-wait"))
        assert where.check().deferred == 2
        where.move_clock(-400 * DAY)
        later.be_good()
        where.end(where.start("run"))
        assert where.check().deferred == 2
        where.move_clock(LONGEST_WAIT)
        where.end(where.start("run"))
        assert where.check().sent == 2
