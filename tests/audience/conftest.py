"""A town with three lists, one of them hidden."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.store import open_store
from tests.audience.town import Town
from tests.store.samples import Clock


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    clock = Clock()
    with open_store(tmp_path / "subscribers.db", now=clock) as store:
        for name in ("dentists", "radiologists", "board"):
            store.lists.create(name)
        store.lists.hide("board", hidden=True)
        yield Town(store, clock)
