"""People whom the coordinator brings: a list file, or one person added by hand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from newsletter.models import ConsentKind, ImportReport, ListFile, ListRow, MembershipState, Profile
from newsletter.store import Decision, Known, Store, merge

_ADDED = Decision(count="added", membership=MembershipState.ACTIVE)
_ADDED_PENDING = Decision(count="added", membership=MembershipState.PENDING, stays_pending=True)
_LEFT_OUT = Decision(count="suppressed")
_UNCHANGED = Decision(count="unchanged")
_UNCHANGED_PENDING = Decision(count="unchanged", stays_pending=True)


def import_people(
    store: Store,
    list_file: ListFile,
    *,
    list_name: str,
    source: str,
    file_name: str,
    now: int,
    progress: Callable[[int], None] | None = None,
) -> ImportReport:
    """Take the people of a list file into a list, which is made where there is none.

    With a `source` (how they agreed) they become active, without it they stay pending. Whoever left the list
    or is suppressed is counted as `suppressed` and not touched. Empty cells never blank what is known.
    `progress` is called with how many persons are done. Raises UsageError for a name that no list can have.
    """
    return _take_in(
        store,
        list_file,
        list_name=list_name,
        source=source,
        file_name=file_name,
        kind=ConsentKind.IMPORTED,
        now=now,
        progress=progress,
    )


def add_person(store: Store, profile: Profile, *, list_name: str, source: str, now: int) -> ImportReport:
    """Take one person into a list, by the rules of an import; the consent event says `added`."""
    one = ListFile(
        rows=[ListRow(line=1, profile=profile)],
        rejected=(),
        warnings=(),
        columns=("email",),
        encoding="",
        kind="column",
    )
    return _take_in(
        store, one, list_name=list_name, source=source, file_name="", kind=ConsentKind.ADDED, now=now
    )


def decide_import(profile: Profile, known: Known | None, *, consenting: bool) -> Decision:
    """What an import does with one person; `consenting` where the import says how they agreed."""
    if known is None:
        return _ADDED if consenting else _ADDED_PENDING
    if known.suppressed or known.membership is MembershipState.LEFT or known.profile is None:
        return _LEFT_OUT
    merged = merge(known.profile, profile)
    news = None if merged == known.profile else merged
    rises = known.membership is MembershipState.PENDING and consenting
    if known.membership is None or rises:
        joining = MembershipState.ACTIVE if consenting else MembershipState.PENDING
        return Decision(count="updated", membership=joining, profile=news, stays_pending=not consenting)
    waits = known.membership is MembershipState.PENDING
    if news is not None:
        return Decision(count="updated", profile=news, stays_pending=waits)
    return _UNCHANGED_PENDING if waits else _UNCHANGED


def merge_repeats(rows: Sequence[ListRow]) -> tuple[list[Profile], int]:
    """Each address once, in the file's order, and how many repeats there were.

    The first row of an address stands; a repeat only fills what the rows before it left empty.
    """
    profiles: dict[str, Profile] = {}
    for row in rows:
        key = row.profile.address.key
        first = profiles.get(key)
        profiles[key] = row.profile if first is None else _filled(first, row.profile)
    return list(profiles.values()), len(rows) - len(profiles)


def _take_in(
    store: Store,
    list_file: ListFile,
    *,
    list_name: str,
    source: str,
    file_name: str,
    kind: ConsentKind,
    now: int,
    progress: Callable[[int], None] | None = None,
) -> ImportReport:
    profiles, duplicates = merge_repeats(list_file.rows)
    source = " ".join(source.split())
    consenting = bool(source)
    created = store.lists.ensure(list_name)
    counts: Counter[str] = Counter()
    if profiles:
        counts = store.imports.run(
            profiles,
            lambda profile, known: decide_import(profile, known, consenting=consenting),
            list_name=list_name,
            source=source,
            file_name=file_name,
            kind=kind,
            now=now,
            facts={"duplicates": duplicates, "rejected": len(list_file.rejected)},
            progress=progress,
        )
    return ImportReport(
        added=counts["added"],
        updated=counts["updated"],
        unchanged=counts["unchanged"],
        suppressed=counts["suppressed"],
        duplicates=duplicates,
        rejected=list_file.rejected,
        warnings=list_file.warnings,
        list_created=created,
        pending=counts["pending"],
    )


def _filled(first: Profile, later: Profile) -> Profile:
    return replace(merge(later, first), address=first.address)
