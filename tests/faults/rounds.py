"""Rounds: what is done to the program, at random moments from a seed. Each ends with the property."""

from __future__ import annotations

import os
import random
import re
import signal
import sqlite3
import time
from contextlib import closing, suppress
from functools import partial

from newsletter.models import SendState
from newsletter.store import open_store
from tests.faults.ground import DATABASE, Ground, wait_until
from tests.faults.program import STORE_PATIENCE
from tests.faults.property import violations
from tests.faults.troubles import (
    Process,
    ended,
    fall_asleep,
    full,
    given_up,
    gone,
    locked,
    midway,
    signers_of,
)

HOUR = 3_600_000
GO_ON = re.compile(r"then go on(, nothing is lost)?: newsletter send short --to dentists")
UNWRITTEN = re.compile(r"what became of the mail to ([\d,]+) (?:person|people) could not be written down")


def kill(ground: Ground, chance: random.Random) -> None:
    for _ in range(3):
        sender = ground.sending()
        midway(ground, chance, sender)
        ground.end(sender, signal.SIGKILL)
        ground.check()
    tally = ground.finish()
    assert tally.sent + tally.unknown == tally.total


def terminate(ground: Ground, chance: random.Random) -> None:
    for _ in range(2):
        sender = ground.sending()
        midway(ground, chance, sender)
        ground.end(sender, chance.choice((signal.SIGTERM, signal.SIGINT)))
        tally = ground.check()
        assert tally.unknown == tally.claimed == 0
    assert ground.finish().sent == len(ground.people)


def twice(ground: Ground, chance: random.Random) -> None:
    first = ground.sending()
    time.sleep(chance.uniform(0, 0.01))
    second = ground.sending()
    wait_until(lambda: None not in {first.poll(), second.poll()} or _one(first, second), "one of them ended")
    refused, sender = (first, second) if first.poll() is not None else (second, first)
    going = sender.poll() is None
    said = ground.end(refused)
    assert going, f"the first was done before the second was refused: {said}"
    assert refused.returncode == 1
    assert f"by process {sender.pid} on " in said, said
    ground.relay.mischief.be_good()
    ground.end(sender)
    assert ground.check().sent == len(ground.people)


def _one(first: Process, second: Process) -> bool:
    return first.poll() is not None or second.poll() is not None


def asleep(ground: Ground, chance: random.Random) -> None:
    sender = ground.sending("--no-wait")
    midway(ground, chance, sender)
    fall_asleep(ground, sender, chance)
    ground.end(sender)
    tally = ground.check()
    assert not tally.claimed
    assert ground.finish().sent + tally.unknown == len(ground.people)


def odd_relay(ground: Ground, chance: random.Random) -> None:
    for _ in range(chance.randint(1, 2)):
        ground.end(ground.sending("--no-wait"))
        assert not ground.check().claimed
        ground.move_clock(HOUR)
    ground.finish()


def locked_for_a_moment(ground: Ground, chance: random.Random) -> None:
    sender = ground.sending()
    midway(ground, chance, sender)
    with locked(ground):
        time.sleep(chance.uniform(0.2, 0.6) * STORE_PATIENCE)
    ground.end(sender)
    assert ground.check().sent == len(ground.people)


def locked_for_long(ground: Ground, chance: random.Random) -> None:
    sender = ground.sending()
    ground.taken(1, by=sender)  # it has begun
    midway(ground, chance, sender)
    with locked(ground):
        said = ground.end(sender)
    assert sender.returncode == 1
    assert "the send broke off: another program holds subscribers.db" in said
    told_of_the_unwritten(ground, said)
    given_up(ground)
    ground.check()
    ground.finish()


def told_of_the_unwritten(ground: Ground, said: str) -> None:
    """Who was on their way is counted, with the commands that show and decide them."""
    told, go_on = UNWRITTEN.search(said), GO_ON.search(said)
    tally = ground.read()[1]
    assert (int(told[1]) if told else 0) <= tally.claimed + tally.unknown, said
    assert go_on, said
    assert bool(told) != bool(go_on[1]), said
    if told:
        assert "newsletter deliveries short --state claimed" in said
        assert "newsletter resolve short --unknown resend" in said


def disk_full_for_a_moment(ground: Ground, chance: random.Random) -> None:
    sender = ground.sending()
    midway(ground, chance, sender)
    with full(ground):
        time.sleep(chance.uniform(0.3, 0.8))
    ground.end(sender)
    assert ground.check().sent == len(ground.people)


def disk_full_for_long(ground: Ground, chance: random.Random) -> None:
    sender = ground.sending()
    ground.taken(1, by=sender)  # it has begun
    midway(ground, chance, sender)
    with full(ground):
        said = ground.end(sender)
    given_up(ground)
    with full(ground):
        ground.end(ground.sending())
    given_up(ground)
    assert sender.returncode == 1, (sender.returncode, said)
    assert "the send broke off: the disk is full" in said
    told_of_the_unwritten(ground, said)
    ground.check()
    ground.finish()


def signers_die(ground: Ground, chance: random.Random) -> None:
    """Those that sign are killed or halted, perhaps their sender, too: no mail leaves without a signature."""
    signed = ground.signing(*chance.choice(((), ("--ed25519",))))
    for crash in chance.choice(((False,), (True, False), (True, True, False))):
        sender = ground.sending("--no-wait")
        midway(ground, chance, sender)
        signers = signers_of(sender)
        for signer in signers[: chance.randint(0, len(signers))]:
            with suppress(ProcessLookupError):
                os.kill(signer, signal.SIGKILL if crash else chance.choice((signal.SIGKILL, signal.SIGSTOP)))
        ground.end(sender, signal.SIGKILL if crash else None)
        if crash:
            wait_until(partial(ended, signers), "the end of those that sign", 1)
        else:
            assert gone(signers)
        assert crash or not ground.check().claimed
    tally = ground.finish()
    assert tally.sent + tally.unknown == tally.total
    assert signed()


def clock_steps(ground: Ground, chance: random.Random) -> None:
    sender = ground.sending()
    for step in (-HOUR, chance.choice((-HOUR, HOUR))):
        midway(ground, chance, sender)
        ground.move_clock(step)
    ground.end(sender)
    assert ground.check().sent == len(ground.people)


def copied(ground: Ground, chance: random.Random) -> None:
    """A backup in mid-send is a whole and true journal of one moment, and is not restored under a sender."""
    sender = ground.sending()
    ground.taken(chance.randint(1, 10))
    ground.run("backup", "copy.db")
    assert sender.poll() is None
    refused = ground.run("restore", "copy.db", "--yes", exit_code=None)
    assert "another program holds" in refused.stderr
    ground.relay.mischief.be_good()
    ground.end(sender)
    assert ground.check().sent == len(ground.people)
    with open_store(ground.folder / "copy.db", now=lambda: 0) as store:
        rows, tally = list(store.sends.deliveries("short")), store.sends.tally("short")
        assert store.sends.of_issue("short")[0].state is SendState.RUNNING
    seen = ground.evidence()
    told_later = [line for line in violations(rows, tally, seen) if "has a copy, and is" not in line]
    assert not told_later, "\n".join(told_later)
    assert tally.sent
    assert tally.planned


def killed_in_planning(ground: Ground, chance: random.Random) -> None:
    """`people` are many here: planning takes long enough to be hit."""
    database = (ground.folder / DATABASE).as_uri()
    for _ in range(2):
        sender = ground.sending("--limit", "10")
        _wait_for_rows(database, sender)
        time.sleep(chance.uniform(0, 0.3))
        ground.end(sender, signal.SIGKILL)
        with open_store(ground.folder / DATABASE, now=lambda: 0) as store:
            if store.sends.of_issue("short")[-1].state is not SendState.PLANNING:
                break
            assert not ground.relay.taken, "mail left before the plan was whole"
    ground.end(ground.sending("--limit", "40"))
    tally = ground.check()
    assert not tally.claimed
    assert tally.total == len(ground.people)
    assert tally.sent + tally.unknown >= 40


def _wait_for_rows(database: str, sender: Process) -> None:
    with closing(sqlite3.connect(f"{database}?mode=ro", uri=True, timeout=30)) as look:
        sql = "SELECT count(*) FROM deliveries"
        wait_until(lambda: look.execute(sql).fetchone()[0] or sender.poll() is not None, "planning")
