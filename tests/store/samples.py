"""Made-up people, lists and sends for the tests of the database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from newsletter.audience import arrivals
from newsletter.models import Address, ImportReport, ListFile, ListRow, Profile, Send, SendState
from newsletter.segments import Segment, parse
from newsletter.store import Store

START = 1_790_000_000_000
STENCIL = sha256(b"stencil").digest()


@dataclass
class Clock:
    """Milliseconds that move when told."""

    at: int = START

    def __call__(self) -> int:
        return self.at


def profile(local: str, **values: object) -> Profile:
    """A person at example.org."""
    text = local if "@" in local else f"{local}@example.org"
    return Profile(address=Address(text=text, key=text.casefold()), **values)  # type: ignore[arg-type]


def list_file(people: Iterable[Profile]) -> ListFile:
    """These people as a list file gives them."""
    rows = [ListRow(line=n, profile=one) for n, one in enumerate(people, 2)]
    return ListFile(rows=rows, rejected=(), warnings=(), columns=("email",), encoding="utf-8", kind="csv")


def take_in(
    store: Store, *people: Profile, to: str = "dentists", source: str = "sign-up sheet"
) -> ImportReport:
    """Import people into a list."""
    return arrivals.import_people(
        store, list_file(people), list_name=to, source=source, file_name="people.csv", now=START
    )


def segment(store: Store, text: str) -> Segment:
    """A segment of this database."""
    return parse(text, lists=store.lists.names(), segments=store.segments.expressions())


def planned(store: Store, slug: str = "issue-1", to: str = "dentists", *, run: bool = True) -> Send:
    """A send that is planned to the end; running, unless told otherwise."""
    send = store.sends.create(slug, to, START)
    store.sends.approve(send.id, {STENCIL: ("en", 0, b"stencil bytes")})
    store.sends.plan(send.id, segment(store, to), [], lambda language, mask: STENCIL)
    return store.sends.set_state(send.id, SendState.RUNNING) if run else store.sends.get(send.id)
