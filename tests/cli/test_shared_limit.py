"""A ceiling that a running send and the outbox use up together."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from subprocess import Popen

from newsletter.audience.joining import request_join, settle_requests
from newsletter.cli.app import now_ms
from newsletter.config import load
from newsletter.mailroom import OutboxRunner
from newsletter.models import Shown
from newsletter.store import open_store
from tests.audience.town import address
from tests.cli.conftest import PEOPLE, SETTINGS, Box, Gate, until
from tests.deliver.relay import ScriptedRelay

LIMITED = '[smtp]\nrate = "110/day"\n[web]\nbase_url = "https://news.example.org"\n'


@contextmanager
def asleep(sender: Popen[str], database: Path) -> Iterator[None]:
    """The sender does nothing while the block runs, however long that takes; it holds no lock meanwhile."""

    def fell_asleep() -> bool:
        sender.send_signal(signal.SIGSTOP)
        os.waitpid(sender.pid, os.WUNTRACED)  # until all its threads stand still
        try:
            with closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            sender.send_signal(signal.SIGCONT)
            return False
        return True

    until(fell_asleep)
    try:
        yield
    finally:
        sender.send_signal(signal.SIGCONT)


@contextmanager
def ten_to_confirm(box: Box) -> Iterator[OutboxRunner]:
    """What `serve` does: ten people join, and the outbox is about to write to them."""
    config = load(box.folder, box.environ)
    with open_store(config.database, now=now_ms) as store:
        for n in range(10):
            request_join(
                store,
                address=address(f"reader{n}"),
                list_names=["dentists"],
                language="en",
                shown=Shown(wording="Yes.", language="en", page="/join"),
                channel="link",
                issue="",
                now=now_ms(),
            )
        runner = OutboxRunner(
            store, config, config.outbox_relay, now=now_ms, tell=print, stop=threading.Event()
        )
        settle_requests(store, now_ms())
        yield runner
        assert store.outbox.counts() == {"sent": 10}


def test_a_running_send_leaves_out_of_the_days_limit_what_the_outbox_sends(
    relayed: Callable[[int], Box],
) -> None:
    gate = Gate()
    with ScriptedRelay(gate).in_thread() as relay:
        box = relayed(relay.port)
        box.write("newsletter.toml", SETTINGS + LIMITED)
        box.fill(PEOPLE)
        with ten_to_confirm(box) as outbox:
            sender = box.start("send", "short", "--to", "dentists", "--yes", "--no-wait")
            until(lambda: len(relay.taken) > 5)
            with asleep(sender, box.folder / "subscribers.db"):
                gate.opened.set()
                outbox.turn()
                assert len(relay.taken) < 100, "the send was still running"
            sender.communicate(timeout=60)
    assert len(relay.taken) == 110
    assert box.status() | {"sent": 100, "planned": 20} == box.status()
