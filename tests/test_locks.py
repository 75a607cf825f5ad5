"""One sender at a time; a dead one holds nothing."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from newsletter import locks
from newsletter.errors import RefusedError

HOLD = """
import sys, datetime, pathlib
from newsletter import locks
with locks.sending(pathlib.Path(sys.argv[1]), "x-rays", datetime.datetime.now()):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_sender_is_told_who_is_first_and_a_dead_one_holds_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        with (
            pytest.raises(RefusedError, match=f"process {first.pid} .* since "),
            locks.sending(tmp_path, "x-rays", datetime.now(UTC)),
        ):
            raise AssertionError("held twice")
        with locks.sending(tmp_path, "another", datetime.now(UTC)):
            pass
        first.kill()
        first.wait()
        with locks.sending(tmp_path, "x-rays", datetime.now(UTC)) as holder:
            assert "process" in holder
