"""The kinds of rounds: how the relay and the program are made, and what is done to them."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.faults import rounds
from tests.faults.ground import Ground
from tests.faults.mixed import mixed
from tests.faults.relay import ANSWERS, BREAKS, DOORS, SILENCE, Mischief, Table, together

Options = Callable[[random.Random], dict[str, Any]]
Play = Callable[[Ground, random.Random], None]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of round: how the relay and the program are made, and what is done to them.

    `small_disk` wants the project on a disk of its own that can be filled up; `people` is how many there are.
    """

    play: Play
    options: Options
    small_disk: bool = False
    people: int = 120


def _good(chance: random.Random) -> dict[str, Any]:
    return {"mischief": Mischief(seed=chance.randrange(10**9), slow=0.004)}


def _slow(chance: random.Random) -> dict[str, Any]:
    return {"mischief": Mischief(seed=chance.randrange(10**9), slow=0.15)}


def _good_and_hasty(chance: random.Random) -> dict[str, Any]:
    return {"mischief": Mischief(seed=chance.randrange(10**9), slow=0.02), "hasty": True}


def _odd(*tables: Table, most: float = 0.2) -> Options:
    def options(chance: random.Random) -> dict[str, Any]:
        mischief = Mischief(
            seed=chance.randrange(10**9),
            chance=chance.uniform(0.01, most),
            acts=together(*tables),
            slow=chance.choice((0.0, 0.01)),
        )
        how = chance.choice(({}, {"drip": True}, {"corked": True}))
        return {"mischief": mischief, "hasty": True, **how}

    return options


def _deaf(chance: random.Random) -> dict[str, Any]:
    return {**_odd(SILENCE, most=0.015)(chance), "deaf": True}


def _anything(chance: random.Random) -> dict[str, Any]:
    tables = chance.sample((ANSWERS, BREAKS, DOORS, SILENCE), chance.randint(0, 3))
    options = _odd(*tables, most=0.08)(chance)
    options["mischief"].slow = chance.choice((0.005, 0.02, 0.05))
    return options


KINDS: Mapping[str, Kind] = {
    "kill": Kind(play=rounds.kill, options=_good),
    "terminate": Kind(play=rounds.terminate, options=_good),
    "twice": Kind(play=rounds.twice, options=_slow),
    "asleep": Kind(play=rounds.asleep, options=_good_and_hasty),
    "answers": Kind(play=rounds.odd_relay, options=_odd(ANSWERS)),
    "breaks": Kind(play=rounds.odd_relay, options=_odd(ANSWERS, BREAKS, DOORS)),
    "silence": Kind(play=rounds.odd_relay, options=_odd(SILENCE, most=0.015)),
    "deaf": Kind(play=rounds.odd_relay, options=_deaf),
    "locked for a moment": Kind(play=rounds.locked_for_a_moment, options=_good_and_hasty),
    "locked for long": Kind(play=rounds.locked_for_long, options=_good_and_hasty),
    "disk full for a moment": Kind(
        play=rounds.disk_full_for_a_moment, options=_good_and_hasty, small_disk=True
    ),
    "disk full for long": Kind(play=rounds.disk_full_for_long, options=_good_and_hasty, small_disk=True),
    "clock": Kind(play=rounds.clock_steps, options=_good_and_hasty),
    "backup": Kind(play=rounds.copied, options=_slow),
    "planning": Kind(play=rounds.killed_in_planning, options=_good, people=20_000),
    "signers": Kind(play=rounds.signers_die, options=_good_and_hasty),
    "mixed": Kind(play=mixed, options=_anything),
}
