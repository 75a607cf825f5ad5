"""Use cases on people: import, add, unsubscribe, erase, lift a suppression, export."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from newsletter.errors import RefusedError
from newsletter.models import (
    Address,
    ConsentEvent,
    ConsentKind,
    ImportReport,
    ListFile,
    ListRow,
    MembershipState,
    Profile,
    Subscriber,
    SuppressionKind,
)
from newsletter.segments import Segment, parse
from newsletter.store import Decision, Known, Store, merge

EXPORT_COLUMNS = ("email", "name", "language", "country", "state", "lists", "attributes")
CONSENT_COLUMNS = ("email", "person", "what", "when", "list", "source", "wording", "language", "page")

_LIFTED_BY_COORDINATOR = (SuppressionKind.BOUNCED, SuppressionKind.COMPLAINED)
_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")

_ADDED = Decision(count="added", membership=MembershipState.ACTIVE)
_ADDED_PENDING = Decision(count="added", membership=MembershipState.PENDING, stays_pending=True)
_LEFT_OUT = Decision(count="suppressed")
_UNCHANGED = Decision(count="unchanged")
_UNCHANGED_PENDING = Decision(count="unchanged", stays_pending=True)


def parse_segment(store: Store, text: str) -> Segment:
    """A list, saved segment or expression of this project."""
    return parse(
        text,
        lists=store.lists.names(),
        segments=store.segments.expressions(),
        attributes=store.people.attribute_names(),
    )


# --- coming -----------------------------------------------------------------


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


# --- leaving ----------------------------------------------------------------


def unsubscribe_address(store: Store, address: Address, *, source: str, now: int) -> bool:
    """Take an address out of everything -> whether somebody here has it, which no reader may be told.

    The address stays suppressed either way, so that no later import brings it in.
    """
    with store.transaction():
        fresh = store.suppressions.add(address.key, SuppressionKind.UNSUBSCRIBED, source)
        person = store.people.get(address.key)
        if person is not None:
            _leave_all(store, person, fresh=fresh, source=source, now=now)
        return person is not None


def unsubscribe_subject(store: Store, subject: bytes, *, source: str, now: int) -> bool:
    """The same for the person of a verified token -> False for one who was erased or never existed."""
    with store.transaction():
        person = store.people.by_subject(subject)
        if person is None:
            return False
        return unsubscribe_address(store, person.profile.address, source=source, now=now)


def erase_person(store: Store, person: Subscriber, *, now: int, reason: str = "") -> None:
    """Forget a person for ever; only a fingerprint of the address stays, and is never mailed."""
    store.people.erase(person.subject, now=now, reason=reason)


def lift_suppression(store: Store, address: Address, kind: SuppressionKind, *, reason: str, now: int) -> None:
    """Let an address be mailed again that bounced or complained; the coordinator says why.

    Raises RefusedError for any other kind: only the person undoes those, by opting in and confirming anew.
    """
    if kind not in _LIFTED_BY_COORDINATOR:
        raise RefusedError(
            f"'{kind.value}' is only lifted by the person, who may subscribe again", where=address.text
        )
    if not reason.strip():
        raise RefusedError("say why the address may be mailed again", where=address.text)
    with store.transaction():
        if not store.suppressions.lift(address.key, kind):
            raise RefusedError(f"this address is not marked as '{kind.value}'", where=address.text)
        person = store.people.get(address.key)
        if person is not None:
            store.consent.append(
                ConsentEvent(
                    subject=person.subject,
                    kind=ConsentKind.RESTORED,
                    at=now,
                    source=f"{kind.value} lifted: {reason.strip()}",
                )
            )


def _leave_all(store: Store, person: Subscriber, *, fresh: bool, source: str, now: int) -> None:
    stays = any(membership.state is not MembershipState.LEFT for membership in person.memberships)
    if not (fresh or stays):
        return
    event = store.consent.append(
        ConsentEvent(subject=person.subject, kind=ConsentKind.UNSUBSCRIBED, at=now, source=source)
    )
    store.people.leave_all(person.subject, event, now)


# --- reading out ------------------------------------------------------------


def export_table(
    store: Store, people: Iterable[Subscriber]
) -> tuple[tuple[str, ...], Iterator[tuple[str, ...]]]:
    """A heading and rows that are safe to open in a spreadsheet; each attribute has a column of its own.

    `lists` names those in which the person is active or pending; `attributes` is all of them as JSON.
    """
    taken = set(EXPORT_COLUMNS)
    extra = tuple(name for name in sorted(store.people.attribute_names()) if name not in taken)
    heading = tuple(map(spreadsheet_safe, (*EXPORT_COLUMNS, *extra)))
    return heading, (_export_row(person, extra) for person in people)


def consent_table(
    store: Store, people: Iterable[Subscriber]
) -> tuple[tuple[str, ...], Iterator[tuple[str, ...]]]:
    """A heading and the consent events of these people, oldest first for each; times are UTC, ISO 8601."""
    return CONSENT_COLUMNS, (
        _consent_row(person, event) for person in people for event in store.consent.of(person.subject)
    )


def spreadsheet_safe(text: str) -> str:
    """A cell that no spreadsheet takes for a formula: one with `'` before it is shown as it is."""
    return f"'{text}" if _FORMULA.match(text) else text


def _export_row(person: Subscriber, extra: Sequence[str]) -> tuple[str, ...]:
    profile = person.profile
    attributes = dict(sorted(profile.attributes.items()))
    lists = [m.list_name for m in person.memberships if m.state is not MembershipState.LEFT]
    cells = (
        profile.address.text,
        profile.name,
        profile.language,
        profile.country,
        person.state,
        ",".join(lists),
        json.dumps(attributes, ensure_ascii=False) if attributes else "",
        *(attributes.get(name, "") for name in extra),
    )
    return tuple(map(spreadsheet_safe, cells))


def _consent_row(person: Subscriber, event: ConsentEvent) -> tuple[str, ...]:
    when = datetime.fromtimestamp(event.at / 1000, UTC).isoformat(timespec="milliseconds")
    cells = (
        person.profile.address.text,
        event.subject.hex(),
        event.kind.value,
        when,
        event.list_name,
        event.source,
        event.wording,
        event.language,
        event.page,
    )
    return tuple(map(spreadsheet_safe, cells))
