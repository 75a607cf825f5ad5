"""A project made once, and copied for each round."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.ground import make_template

PEOPLE = 120


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_template(tmp_path_factory.mktemp("faults") / "template", PEOPLE)
