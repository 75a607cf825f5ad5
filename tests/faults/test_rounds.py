"""A sample of the rounds that `make soak` plays by the hundred: after each the property holds."""

from __future__ import annotations

import random
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.conftest import PEOPLE
from tests.faults.disk import NoDisk, small_disk
from tests.faults.ground import ground, make_template
from tests.faults.kinds import KINDS

SEED = 1
LONG = {"answers", "silence"}  # part of "breaks" and "deaf", too


@pytest.mark.parametrize("name", [kind for kind in KINDS if kind not in LONG])
def test_a_round(template: Path, tmp_path: Path, name: str) -> None:
    kind, chance = KINDS[name], random.Random(SEED)
    if kind.people != PEOPLE:
        template = make_template(tmp_path / "template", kind.people)
    with ExitStack() as stack:
        folder = tmp_path / "project"
        if kind.small_disk:
            try:
                stack.enter_context(small_disk(folder))
            except NoDisk as error:
                pytest.skip(str(error))
        where = stack.enter_context(ground(template, folder, kind.people, **kind.options(chance)))
        kind.play(where, chance)
