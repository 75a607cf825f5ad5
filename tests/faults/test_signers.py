"""A send that is signed by processes of its own: whatever dies, each is sent one mail, and a signed one."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.conftest import PEOPLE
from tests.faults.ground import Ground, ground, wait_until
from tests.faults.relay import Mischief
from tests.faults.troubles import Process, ended, gone, signers_of

pytestmark = pytest.mark.skipif(not Path("/proc").exists(), reason="only Linux tells of processes like this")


@contextmanager
def midway(
    template: Path, folder: Path, *, slow: float = 0.03, **more: bool
) -> Iterator[tuple[Ground, Process, list[int], Callable[[], bool]]]:
    """A sender that has sent to some, and those that sign for it."""
    with ground(template, folder, PEOPLE, mischief=Mischief(slow=slow), hasty=True) as where:
        signed = where.signing()
        sender = where.start("send", "short", "--to", "dentists", "--yes", "--no-wait", **more)
        where.taken(20)
        signers: list[int] = []

        def there() -> bool:  # the system may miss one while others come and go
            signers[:] = signers_of(sender)
            return len(signers) == min(os.cpu_count() or 1, 4)

        wait_until(there, "all that sign", 5)
        yield where, sender, signers, signed
        assert signed()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_when_those_that_sign_die_or_hang_all_get_one_signed_copy(
    template: Path, tmp_path: Path, number: int
) -> None:
    with midway(template, tmp_path / "project") as (where, sender, signers, _):
        for signer in signers:
            os.kill(signer, number)
            time.sleep(0.1)
        where.end(sender)
        assert sender.returncode == 0
        assert where.check().sent == PEOPLE
        assert gone(signers)


def test_when_the_sender_is_killed_those_that_sign_end_and_the_next_run_goes_on(
    template: Path, tmp_path: Path
) -> None:
    with midway(template, tmp_path / "project") as (where, sender, signers, _):
        where.end(sender, signal.SIGKILL)
        wait_until(lambda: ended(signers), "the end of those that sign", 1)
        tally = where.finish()
        assert tally.sent + tally.unknown == PEOPLE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_all_of_them_is_an_orderly_end(template: Path, tmp_path: Path, number: int) -> None:
    """As from the terminal, or from a service manager."""
    made = midway(template, tmp_path / "project", start_new_session=True)
    with made as (where, sender, signers, _):
        os.killpg(sender.pid, number)
        where.end(sender)
        tally = where.check()
        assert tally.planned
        assert not tally.claimed
        assert not tally.unknown
        assert gone(signers)
        assert where.finish().sent == PEOPLE


def test_leaving_at_once_leaves_none_of_them(template: Path, tmp_path: Path) -> None:
    with midway(template, tmp_path / "project", slow=0.1) as (where, sender, signers, _):
        sender.send_signal(signal.SIGINT)
        time.sleep(0.03)
        where.end(sender, signal.SIGINT)
        where.crashes += 1
        assert gone(signers)
        where.check()


def test_pausing_leaves_none_of_them(template: Path, tmp_path: Path) -> None:
    with midway(template, tmp_path / "project") as (where, sender, signers, _):
        where.run("pause", "short", exit_code=None)
        where.end(sender)
        assert not where.check().claimed
        assert gone(signers)


@pytest.mark.parametrize("program", ["/no/such/program", "/bin/cat"])
def test_without_them_the_sender_signs(template: Path, tmp_path: Path, program: str) -> None:
    with ground(template, tmp_path / "project", PEOPLE, hasty=True) as where:
        where.environ["FAULTS_SIGNER"] = program
        signed = where.signing()
        where.end(where.sending())
        assert where.check().sent == PEOPLE
        assert signed()
