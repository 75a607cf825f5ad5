"""A program that writes until somebody kills it: `python -m tests.store.victim WHAT PATH`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from newsletter.models import DeliveryState, Outcome, Reply, SendState
from newsletter.store import open_store
from tests.store.samples import STENCIL, profile, segment, take_in

PEOPLE = 3_000


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def now() -> int:
    return time.time_ns() // 1_000_000


def main(what: str, path: Path) -> None:
    """Say `ready` before the work that is to be killed; for `exchange` print who was sent, after it was."""
    with open_store(path, now=now) as store:
        say("ready")
        if what == "import":
            take_in(store, *(profile(f"p{n:05}", name="x" * 200) for n in range(PEOPLE)))
        elif what == "undo":
            store.import_log.undo(2, now())
        elif what == "plan":
            send = store.sends.create("issue-1", "dentists", now())
            store.sends.approve(send.id, {STENCIL: ("en", 0, b"x")})
            store.sends.plan(send.id, segment(store, "dentists"), [], lambda *_: STENCIL)
        else:
            (send,) = store.sends.of_issue("issue-1")
            store.sends.set_state(send.id, SendState.RUNNING)
            journal = store.journal(send.id, "relay")
            outcomes: list[Outcome] = []
            while claims := journal.exchange(outcomes, 16).claims:
                for claim in claims:  # "the wire": a mail goes out only after its claim is durable
                    say(claim.profile.address.text)
                reply = Reply(code=250, text="ok")
                outcomes = [
                    Outcome(delivery=c.delivery, state=DeliveryState.SENT, reply=reply) for c in claims
                ]
        say("done")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
