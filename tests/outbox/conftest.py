"""A real database and a real relay on a loopback port."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from newsletter.store import open_store
from tests.deliver.relay import ScriptedRelay
from tests.outbox.ground import Ground, make_config
from tests.store.samples import Clock


@pytest.fixture
def ground(tmp_path: Path) -> Iterator[Ground]:
    clock = Clock()
    with ScriptedRelay().in_thread() as relay:
        config = make_config(tmp_path / "project", relay.port)
        with open_store(config.database, now=clock) as store:
            store.lists.create("dentists", "Dentists and their teams")
            store.lists.create("radiologists")
            yield Ground(store, config, clock, relay)
