"""Nobody listens any more: a send goes on, or ends, as if somebody did."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from newsletter.cli.app import App, Talk, now_ms
from newsletter.models import SendState
from newsletter.store import open_store
from tests.cli.conftest import PEOPLE, Box, Gate, until
from tests.deliver.relay import ScriptedRelay


class Full(io.StringIO):
    """A file on a disk that is full."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


class Gone(io.StringIO):
    """A pipe whose reader has ended."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


@pytest.mark.parametrize("file", [Full(), Gone()])
def test_what_cannot_be_said_is_no_error(file: io.StringIO) -> None:
    app = App(talk=Talk(file=file))
    app.say("The database can be written again.")
    app.warn("The disk is full.")


@pytest.mark.parametrize("early", [True, False], ids=["before the word", "after it"])
def test_ctrl_c_that_ends_the_reader_as_well_is_heard_once(
    relayed: Callable[[int], Box], early: bool
) -> None:
    """As in `newsletter send … 2>&1 | tee log`: the terminal's signal ends tee, too."""
    gate = Gate()
    with ScriptedRelay(gate).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE)
        heard, said = os.pipe()
        sender = subprocess.Popen(
            [sys.executable, "-m", "newsletter", "send", "short", "--to", "dentists", "--yes"],
            cwd=box.folder,
            env=box.variables,
            stdout=subprocess.PIPE,
            stderr=said,
        )
        os.close(said)
        until(lambda: gate.count > 6)
        if early:
            os.close(heard)
            sender.send_signal(signal.SIGINT)
        else:
            sender.send_signal(signal.SIGINT)
            until(lambda: b"Stopping" in os.read(heard, 10_000))
            os.close(heard)
        until(lambda: box.status()["claimed"] < 20)
        gate.opened.set()
        sender.communicate(timeout=30)
        assert sender.returncode == 1
        with open_store(box.folder / "subscribers.db", now=now_ms) as store:
            (send,) = store.sends.of_issue("short")
        assert (send.state, send.reason) == (SendState.PAUSED, "stopped by hand")
        assert box.status()["unknown"] == 0
        assert box.status()["sent"] == len(relay.taken)
