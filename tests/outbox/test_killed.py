"""The worker killed in the middle, again and again: nobody gets a mail of the outbox twice."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

from newsletter.audience.joining import settle_requests
from newsletter.store import open_store
from newsletter.store.outbox_journal import AT_ONCE
from tests.deliver.relay import ScriptedRelay, Step
from tests.outbox.ground import Ground, make_config
from tests.store.samples import Clock

PEOPLE = 150
KILLS = 3


def now() -> int:
    return time.time_ns() // 1_000_000


def start(folder: Path, port: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.outbox.worker", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "NEWSLETTER_OUTBOX_URL": f"smtp://127.0.0.1:{port}"},
        text=True,
    )


def test_nobody_is_mailed_twice(tmp_path: Path) -> None:
    dice = random.Random(7)

    def slow(step: Step) -> None:
        if step.verb == "DATA":
            time.sleep(0.004)

    with ScriptedRelay(script=slow).in_thread() as relay:
        config = make_config(tmp_path / "project", relay.port)
        with open_store(config.database, now=now) as store:
            store.lists.create("dentists")
            Ground(store, config, Clock(at=now()), relay).ask(*(f"p{n}" for n in range(PEOPLE)))
            settle_requests(store, now())
            for _ in range(KILLS):
                worker = start(config.root, relay.port)
                enough = len(relay.taken) + dice.randrange(1, 40)
                wait_for(partial(at_least, relay, enough))
                worker.kill()
                worker.communicate()
            worker = start(config.root, relay.port)
            wait_for(lambda: store.outbox.next_due() is None and "claimed" not in store.outbox.counts())
            worker.communicate("")
            counts = Counter(relay.recipients)
            assert set(counts.values()) == {1}
            states = store.outbox.counts()
            assert set(states) <= {"sent", "unknown"}
            assert states["sent"] + states.get("unknown", 0) == PEOPLE
            assert states["sent"] <= len(counts) <= PEOPLE
            assert states.get("unknown", 0) <= KILLS * AT_ONCE


def at_least(relay: ScriptedRelay, count: int) -> bool:
    return len(relay.taken) >= count


def wait_for(done: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not done():
        assert time.monotonic() < until, "the worker did not get that far"
        time.sleep(0.005)
