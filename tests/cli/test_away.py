"""A mail server that goes away while a send runs, as the person who watches sees it."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from subprocess import Popen

from newsletter.deliver.ports import Progress
from tests.cli.conftest import PEOPLE, Box, until
from tests.cli.test_decisions import until_said
from tests.cli.test_terminal import shown
from tests.deliver.relay import Do, ScriptedRelay, Step

Named = Callable[[int], Box]
AWAY = "o connection to your mail server; trying again"
NOTED = ": no connection to your mail server\n"


class Outage:
    """Every connection is hung up on after the first twenty mails, until somebody mends it."""

    mended = False
    count = 0

    def __call__(self, step: Step) -> Do | None:
        self.count += step.verb == "END"
        down = self.count > 20 and not self.mended
        return Do.HANG_UP if down and step.verb in ("CONNECT", "MAIL") else None


@contextmanager
def away(relayed: Named) -> Iterator[tuple[Box, Outage, Popen[str]]]:
    """A send whose mail server has just gone away."""
    outage = Outage()
    with ScriptedRelay(outage).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE)
        sender = box.start("send", "short", "--to", "dentists", "--yes")
        until(lambda: outage.count > 20)
        until_said(sender, AWAY)
        yield box, outage, sender


def test_it_is_said_that_the_mail_server_is_away_and_that_it_is_back(relayed: Named) -> None:
    with away(relayed) as (box, outage, sender):
        until(lambda: NOTED in box.run("status", "short").stdout)
        outage.mended = True
        until_said(sender, "answers again")
        until(lambda: NOTED not in box.run("status", "short").stdout)
        sender.communicate(timeout=60)
        assert sender.returncode == 0
        assert box.status()["sent"] == len(PEOPLE)


def test_a_send_that_died_while_the_mail_server_was_away_waits_for_nobody(relayed: Named) -> None:
    with away(relayed) as (box, _, sender):
        until(lambda: NOTED in box.run("status", "short").stdout)
        sender.kill()
        sender.wait()
        told = box.run("status", "short").stdout
        assert "broken off" in told
        assert NOTED not in told


def test_ctrl_c_while_the_mail_server_is_away_leaves_soon(relayed: Named) -> None:
    with away(relayed) as (box, _, sender):
        time.sleep(1.5)
        begun = time.monotonic()
        sender.send_signal(signal.SIGINT)
        _, told = sender.communicate(timeout=60)
        assert time.monotonic() - begun < 3
        assert "answers again" not in told
        assert "Go on with: newsletter send short --to dentists" in told
        found = box.status()
        assert found["claimed"] == found["unknown"] == 0


def test_the_bar_says_that_the_mail_server_is_away(box: Box) -> None:
    [bar, note] = shown(box, 80, Progress(sent=3, in_flight=3, away=True))
    assert note.endswith(AWAY)
    assert "/s" not in bar
