"""What goes wrong around the program: a locked database, a full disk, a closed lid, a child that dies."""

from __future__ import annotations

import random
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.faults.ground import DATABASE, Ground
from tests.faults.program import HASTY

Process = subprocess.Popen[str]


def midway(ground: Ground, chance: random.Random, sender: Process) -> None:
    """Wait for a random moment of this run, once its program has begun."""
    ahead = max(1, (len(ground.people) - len(ground.relay.taken)) // 2)
    ground.taken(len(ground.relay.taken) + chance.randint(1, ahead), by=sender)
    time.sleep(chance.uniform(0, 0.03))


@contextmanager
def locked(ground: Ground) -> Iterator[None]:
    """Another program writes into the database, for long."""
    with closing(sqlite3.connect(ground.folder / DATABASE, timeout=30, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def full(ground: Ground) -> Iterator[None]:
    """Nothing more can be written to the disk."""
    ballast = ground.folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while file.write(b"\0" * size):
                    pass
            except OSError:
                continue
    try:
        yield
    finally:
        ballast.unlink()


def given_up(ground: Ground) -> None:
    """A journal that cannot be written until the program gives up: that counts as a crash where it shows."""
    if ground.read()[1].claimed:
        ground.crashes += 1


def fall_asleep(ground: Ground, sender: Process, chance: random.Random) -> None:
    """Longer, perhaps, than the sender waits for an answer: each connection may be given up on at waking."""
    sender.send_signal(signal.SIGSTOP)
    time.sleep(0.2)
    ground.relay.mischief.lost += len(ground.relay.open)
    if chance.random() < 0.5:
        ground.relay.tire()
    time.sleep(chance.uniform(0.1, 1.2) * HASTY.end)
    sender.send_signal(signal.SIGCONT)


def signers_of(sender: Process) -> list[int]:
    """The processes that it has started to sign, where the system tells."""
    tasks = Path(f"/proc/{sender.pid}/task").glob("*/children")
    return [int(pid) for task in tasks for pid in task.read_text().split()]


def gone(pids: Iterable[int]) -> bool:
    """Whether they have all ended, and their parent has noticed."""
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


def ended(pids: Iterable[int]) -> bool:
    """Whether they have all ended; whoever takes up the children of the dead may be slow to notice."""
    return all(_state(pid) in "ZX" for pid in pids)


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "X"
