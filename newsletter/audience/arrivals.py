"""People whom the coordinator brings: a list file, or one person added by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain

from msgspec import Struct, field

from newsletter.damage import without_damaged
from newsletter.models import (
    ConsentKind,
    ImportReport,
    ListFile,
    ListRow,
    MembershipState,
    Profile,
    RejectedRow,
)
from newsletter.store import Decision, Known, Rules, Stage, Store, merge

SHOWN = 5
"""Rows that are kept to be shown."""

_TOLD_EVERY = 1_000  # rows
_LEFT_OUT = Decision(count="suppressed")


class Gathered(Struct, kw_only=True):
    """A list file that was read: its people wait on the disk to be imported. `rows` is how many were good."""

    stage: Stage
    rows: int = 0
    first: list[ListRow] = field(default_factory=list)
    rejected: list[RejectedRow] = field(default_factory=list)


@contextmanager
def gathered(
    store: Store, rows: Iterable[ListRow | RejectedRow], progress: Callable[[int], None] = lambda _: None
) -> Iterator[Gathered]:
    """Read the rows of a list file to the end; any number of them fits. Nothing is written to the database.

    `progress` is called with how many good rows were read.
    """
    with store.imports.stage() as stage:
        found = Gathered(stage=stage)
        stage.add(_good(rows, found, progress))
        yield found


def import_gathered(
    store: Store,
    found: Gathered,
    *,
    list_name: str,
    source: str,
    file_name: str,
    now: int,
    kind: ConsentKind = ConsentKind.IMPORTED,
    progress: Callable[[int], None] = lambda _: None,
) -> ImportReport:
    """Take gathered people into a list, which is made where there is none.

    With a `source` (how they agreed) they become active, without it they stay pending. Another `source` than
    is known of a member is put on record too: by it they stay where the first import is undone. Whoever left
    the list or is suppressed is counted as `suppressed` and not touched. Empty cells never blank what is
    known, and damaged ones never replace what is sound (`kept` counts the people). Of an address that stands
    more than once the first row stands, and a repeat fills what the rows before it left empty. `progress` is
    called with how many rows are done. UsageError for a name that no list can have.
    """
    source = " ".join(source.split())
    created = store.lists.ensure(list_name)
    counts: Counter[str] = Counter()
    if found.rows:
        counts = store.imports.run(
            found.stage,
            rules_of_import(consenting=bool(source)),
            list_name=list_name,
            source=source,
            file_name=file_name,
            kind=kind,
            now=now,
            rejected=len(found.rejected),
            progress=progress,
        )
    return ImportReport(
        added=counts["added"],
        updated=counts["updated"],
        unchanged=counts["unchanged"],
        suppressed=counts["suppressed"],
        duplicates=counts["duplicates"],
        rejected=found.rejected,
        list_created=created,
        pending=counts["pending"],
        activated=counts["activated"],
        kept=counts["kept"],
    )


def import_people(
    store: Store,
    list_file: ListFile,
    *,
    list_name: str,
    source: str,
    file_name: str,
    now: int,
    progress: Callable[[int], None] = lambda _: None,
) -> ImportReport:
    """Take the people of a list file that is at hand into a list, as `import_gathered` does."""
    with gathered(store, chain(list_file.rows, list_file.rejected)) as found:
        return import_gathered(
            store,
            found,
            list_name=list_name,
            source=source,
            file_name=file_name,
            now=now,
            progress=progress,
        )


def add_person(store: Store, profile: Profile, *, list_name: str, source: str, now: int) -> ImportReport:
    """Take one person into a list, by the rules of an import; the consent event says `added`."""
    with gathered(store, [ListRow(line=1, profile=profile)]) as found:
        return import_gathered(
            store, found, list_name=list_name, source=source, file_name="", now=now, kind=ConsentKind.ADDED
        )


def rules_of_import(*, consenting: bool) -> Rules:
    """What an import does; `consenting` where it says how people agreed."""
    return Rules(
        joining=MembershipState.ACTIVE if consenting else MembershipState.PENDING,
        decide=lambda profile, known: decide_import(profile, known, consenting=consenting),
    )


def decide_import(profile: Profile, known: Known, *, consenting: bool) -> Decision:
    """What an import does with one person of whom something is known."""
    if known.suppressed or known.membership is MembershipState.LEFT or known.profile is None:
        return _LEFT_OUT
    sound = without_damaged(profile, known.profile)
    kept = sound is not profile
    merged = merge(known.profile, sound)
    news = None if merged == known.profile else merged
    rises = known.membership is MembershipState.PENDING and consenting
    if known.membership is None or rises:
        joining = MembershipState.ACTIVE if consenting else MembershipState.PENDING
        return Decision(
            count="updated", membership=joining, profile=news, stays_pending=not consenting, kept=kept
        )
    waits = known.membership is MembershipState.PENDING
    count = "unchanged" if news is None else "updated"
    proof = consenting and not known.proven
    return Decision(count=count, profile=news, stays_pending=waits, kept=kept, proof=proof)


def _good(
    rows: Iterable[ListRow | RejectedRow], found: Gathered, progress: Callable[[int], None]
) -> Iterator[Profile]:
    for row in rows:
        if isinstance(row, RejectedRow):
            found.rejected.append(row)
            continue
        found.rows += 1
        if found.rows <= SHOWN:
            found.first.append(row)
        if found.rows % _TOLD_EVERY == 0:
            progress(found.rows)
        yield row.profile
