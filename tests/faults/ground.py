"""Where the rounds are fought: a project, the program as processes, a faulty relay, and the property."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from newsletter.models import Delivery, Tally
from newsletter.store import open_store
from tests.cli.conftest import ISSUE, SETTINGS, Box
from tests.cli.signed import make_key, verifies
from tests.faults.property import Evidence, settled, violations
from tests.faults.relay import FaultyRelay, Mischief

ROOT = Path(__file__).parents[2]
SEND = ("send", "short", "--to", "dentists", "--yes")
PATIENCE = 60.0  # seconds until a test that waits for something gives up
LATER = 6 * 3_600_000  # milliseconds: by then every deferred row is due again
UNDECIDED = {"unknown", "claimed"}  # no sender lives
DATABASE = "subscribers.db"


def wait_until(condition: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"{what}: it never came to that"
        time.sleep(0.002)


def addresses(count: int) -> list[str]:
    return [f"sample.{n:05d}@example.net" for n in range(count)]


def make_template(folder: Path, people: int) -> Path:
    """A project with an issue and people, to be copied for each round."""
    box = Box(folder)
    box.write("newsletter.toml", SETTINGS)
    box.write("issues/short/en.md", ISSUE)
    box.fill(addresses(people))
    return folder


@dataclass
class Ground(Box):
    """A project beside a relay. `hasty` starts the program of tests.faults.program."""

    people: Sequence[str] = ()
    relay: FaultyRelay = field(default_factory=FaultyRelay)
    hasty: bool = False
    crashes: int = 0
    resent: Counter[str] = field(default_factory=Counter)
    moved: int = 0

    def start(self, *arguments: str, **more: Any) -> subprocess.Popen[str]:
        module = "tests.faults.program" if self.hasty else "newsletter"
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=self.folder,
            env={
                **os.environ,
                "PYTHONUTF8": "1",
                "PYTHONPATH": str(ROOT),
                "FAULTS_CLOCK": str(self._clock),
                "NEWSLETTER_SMTP_URL": f"smtp://127.0.0.1:{self.relay.port}",
                **self.environ,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            **more,
        )

    def sending(self, *more: str) -> subprocess.Popen[str]:
        """A sender as a process that was just started."""
        return self.start(*SEND, *more)

    def signing(self, *options: str) -> Callable[[], bool]:
        """Let the project sign -> whether all that the relay took is signed, as another program sees it."""
        printed = make_key(self, *options)
        return lambda: all(verifies(printed, taken.data) for taken in self.relay.taken)

    def end(self, process: subprocess.Popen[str], number: int | None = None) -> str:
        """Send a signal, if any, and wait for the end -> what it said; a kill counts as a crash."""
        if number is not None and process.poll() is None:
            process.send_signal(number)
        try:
            out, err = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
        if process.returncode == -signal.SIGKILL:
            self.crashes += 1
        assert "Traceback" not in err, err
        return out + err

    def taken(self, count: int, by: subprocess.Popen[str] | None = None) -> None:
        """Wait until the relay has taken so many, or the sender has ended."""
        wait_until(
            lambda: len(self.relay.taken) >= count or (by is not None and by.poll() is not None),
            f"{count} taken, after {len(self.relay.taken)}",
        )

    def move_clock(self, milliseconds: int) -> None:
        """Let the program's clock jump, from now on."""
        self.moved += milliseconds
        fresh = self._clock.with_suffix(".new")
        fresh.write_text(str(self.moved), encoding="ascii")
        fresh.replace(self._clock)

    def read(self) -> tuple[list[Delivery], Tally]:
        """The journal's rows, and what it says of them, at one moment."""
        with open_store(self.folder / DATABASE, now=lambda: 0) as store, store.transaction():
            return list(store.sends.deliveries("short")), store.sends.tally("short")

    def evidence(self) -> Evidence:
        mischief = self.relay.mischief
        return Evidence(
            people=self.people,
            copies=Counter(self.relay.recipients),
            accepted=mischief.accepted,
            crashes=self.crashes,
            lost=mischief.lost,
            resent=self.resent,
        )

    def check(self) -> Tally:
        """The property holds now."""
        rows, tally = self.read()
        assert not (found := violations(rows, tally, self.evidence())), "\n".join(found)
        return tally

    def resend_unknown(self) -> None:
        """A person decides to send to the unknown ones again, and to those of a dead sender."""
        rows, _ = self.read()
        self.resent.update(row.address for row in rows if row.state.value in UNDECIDED)
        self.run("resolve", "short", "--unknown", "resend", "--yes")

    def finish(self) -> Tally:
        """Run it again, with a good relay and as time passes, until nothing moves; then check the whole."""
        self.relay.mischief.be_good()
        before: Tally | None = None
        while True:
            self.end(self.sending("--no-wait"))
            tally = self.check()
            assert not tally.claimed, "a run that ended by itself left rows in flight"
            open_ones = tally.planned + (tally.deferred if self.hasty else 0)
            if not open_ones:
                break
            assert tally != before, f"no progress any more: {tally}"
            before = tally
            if self.hasty:
                self.move_clock(LATER)
        if self.hasty:
            rows, tally = self.read()
            assert not (left := settled(rows)), "\n".join(left)
        return tally

    @property
    def _clock(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.clock")


@contextmanager
def ground(
    template: Path,
    folder: Path,
    people: int,
    *,
    hasty: bool = False,
    mischief: Mischief | None = None,
    **relay: Any,
) -> Iterator[Ground]:
    """A copy of the template in `folder`, beside a relay that runs."""
    shutil.copytree(template, folder, dirs_exist_ok=True)
    with FaultyRelay(mischief=mischief or Mischief(), **relay).in_thread() as running:
        assert isinstance(running, FaultyRelay)
        made = Ground(folder, people=addresses(people), relay=running, hasty=hasty)
        made.move_clock(0)
        yield made
