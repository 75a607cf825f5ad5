"""Rounds by the hundred, from one seed: `python -m tests.soak [--rounds 200] [--seed N] [--kind mixed]`.

Each round copies a project, does something bad to the program while it sends, and checks the property of
tests/faults/property.py. A line per round names its own seed: `--rounds 1 --seed THAT --kind KIND` plays it
again. The folder of a round that failed is kept, and the exit is then 1.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from msgspec.structs import asdict

from tests.faults.disk import NoDisk, small_disk
from tests.faults.ground import Ground, ground, make_template
from tests.faults.kinds import KINDS, Kind

MIXED = 3  # times as likely as each other kind


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Soak:
    """All rounds, and what they add up to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.numbers: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.failed: list[str] = []
        self._templates: dict[int, Path] = {}

    def play(self, number: int, name: str, seed: int) -> None:
        """One round, told in a line."""
        began, kind = time.monotonic(), KINDS[name]
        project = self.folder / f"round-{number}"
        with ExitStack() as stack:
            try:
                if kind.small_disk:
                    stack.enter_context(small_disk(project))
            except NoDisk as error:
                say(f"{number:4}  seed {seed:<10} {name}: left out, {error}")
                return
            told = self._fight(stack, project, kind, seed)
        self.kinds[name] += 1
        if not told.startswith("FAILED"):
            shutil.rmtree(project, ignore_errors=True)
        else:
            self.failed.append(f"--rounds 1 --seed {seed} --kind '{name}'")
        say(f"{number:4}  seed {seed:<10} {time.monotonic() - began:5.1f} s  {name}: {told}")

    def _fight(self, stack: ExitStack, project: Path, kind: Kind, seed: int) -> str:
        chance = random.Random(seed)
        people = kind.people
        where = stack.enter_context(ground(self._template(people), project, people, **kind.options(chance)))
        try:
            kind.play(where, chance)
        except (AssertionError, OSError) as error:
            traceback.print_exception(error)
            return f"FAILED, see {project}"
        return self._add_up(where)

    def _add_up(self, where: Ground) -> str:
        seen, tally = where.evidence(), where.check()
        numbers = {
            "people": tally.total,
            "copies": sum(seen.copies.values()),
            "twice by wish": sum(count - 1 for count in seen.copies.values()),
            "crashes": seen.crashes,
            "lost connections": seen.lost,
            **asdict(tally),
        }
        self.numbers.update(numbers)
        return ", ".join(f"{count} {name}" for name, count in numbers.items() if count)

    def sum_up(self) -> None:
        """What the rounds add up to, and how to play the failed ones again."""
        say("")
        say(
            f"{self.kinds.total()} rounds: "
            + ", ".join(f"{n} {kind}" for kind, n in sorted(self.kinds.items()))
        )
        say(", ".join(f"{count:,} {name}" for name, count in self.numbers.items()))
        for again in self.failed:
            say(f"FAILED: python -m tests.soak {again}")
        if not self.failed:
            say("The property held in every one.")

    def _template(self, people: int) -> Path:
        if people not in self._templates:
            self._templates[people] = make_template(self.folder / f"template-{people}", people)
        return self._templates[people]


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="soak", description="Fault rounds by the hundred.")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--kind", choices=[*KINDS], action="append", default=None)
    told = parser.parse_args(words)
    seed = random.randrange(10**9) if told.seed is None else told.seed
    kinds = told.kind or [*KINDS, *["mixed"] * (MIXED - 1)]
    folder = Path(tempfile.mkdtemp(prefix="newsletter-soak-"))
    chance, soak = random.Random(seed), Soak(folder)
    say(f"{told.rounds} rounds, seed {seed}, in {folder}")
    for number in range(1, told.rounds + 1):
        own = seed if told.rounds == 1 else chance.randrange(10**9)
        soak.play(number, chance.choice(kinds), own)
    soak.sum_up()
    if not soak.failed:
        shutil.rmtree(folder)
    return 1 if soak.failed else 0


if __name__ == "__main__":
    sys.exit(main())
