"""Mixed rounds: anything that may happen to a sender, in any order, from a seed."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Mapping

from tests.faults.ground import Ground
from tests.faults.program import STORE_PATIENCE
from tests.faults.troubles import Process, fall_asleep, given_up, locked, midway

HOUR = 3_600_000


def _pause(ground: Ground, sender: Process, chance: random.Random) -> None:
    ground.run("pause", "short", exit_code=None)


def _leave(ground: Ground, sender: Process, chance: random.Random) -> None:
    ground.run("subscribers", "unsubscribe", chance.choice(ground.people))


def _second(ground: Ground, sender: Process, chance: random.Random) -> None:
    ground.end(ground.sending("--no-wait"))


def _backup(ground: Ground, sender: Process, chance: random.Random) -> None:
    ground.run("backup", f"copy-{chance.randrange(10**9)}.db")


def _clock(ground: Ground, sender: Process, chance: random.Random) -> None:
    ground.move_clock(chance.choice((-HOUR, -1000, HOUR, 24 * HOUR)))


def _lock(ground: Ground, sender: Process, chance: random.Random) -> None:
    with locked(ground):
        time.sleep(chance.uniform(0.1, 1.5) * STORE_PATIENCE)


def _signals(*numbers: int) -> Callable[[Ground, Process, random.Random], None]:
    def give(ground: Ground, sender: Process, chance: random.Random) -> None:
        for number in numbers:
            if sender.poll() is None:
                sender.send_signal(number)
            time.sleep(chance.uniform(0, 0.3))

    return give


def _nothing(ground: Ground, sender: Process, chance: random.Random) -> None:
    return


EVENTS: Mapping[str, Callable[[Ground, Process, random.Random], None]] = {
    "nothing": _nothing,
    "kill": _signals(signal.SIGKILL),
    "terminate": _signals(signal.SIGTERM),
    "ctrl-c twice": _signals(signal.SIGINT, signal.SIGINT),
    "asleep": fall_asleep,
    "second sender": _second,
    "pause": _pause,
    "leave": _leave,
    "backup": _backup,
    "clock": _clock,
    "locked": _lock,
}
BREAKING = {"ctrl-c twice", "locked"}  # after these the journal may lack what the relay has said


def mixed(ground: Ground, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 3)):
        sender = ground.sending("--no-wait")
        names = chance.sample(list(EVENTS), chance.randint(1, 2))
        for name in names:
            midway(ground, chance, sender)
            EVENTS[name](ground, sender, chance)
        ground.end(sender)
        if BREAKING & set(names):
            given_up(ground)
        elif sender.returncode != -signal.SIGKILL:
            assert not ground.read()[1].claimed, f"after {names}"
        ground.check()
    ground.finish()
    if chance.random() < 0.5 and ground.read()[1].unknown:
        ground.resend_unknown()
        ground.finish()
