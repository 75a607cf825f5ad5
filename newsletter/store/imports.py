"""Importing many people: known ones are looked up, a pure decision is asked, batches are written."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from newsletter.models import ConsentKind, MembershipState, Profile
from newsletter.store.consent import Consent
from newsletter.store.database import Connection, Row
from newsletter.store.keys import Keys
from newsletter.store.lists import Lists
from newsletter.store.pace import Pace, clock
from newsletter.store.people import (
    INSERT_SQL,
    PROFILE_COLUMNS,
    SUBJECT_BYTES,
    UPDATE_SQL,
    person_row,
    read_profile,
    update_row,
)

_CHECKPOINT_EVERY = 40  # transactions
_ASKED_AT_ONCE = 500  # values of one IN (…)

_EVENT_SQL = "INSERT INTO consent_events (id, subject, kind, at, ground, import) VALUES (?, ?, ?, ?, ?, ?)"
_MEMBER_SQL = (
    "INSERT INTO memberships (subject, list, state, since, event) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (subject, list) DO UPDATE SET "
    "state = excluded.state, since = excluded.since, event = excluded.event"
)
_KNOWN_SQL = (
    f"SELECT s.address_mac, s.subject, m.state, {PROFILE_COLUMNS} FROM subscribers s "
    "LEFT JOIN memberships m ON m.subject = s.subject AND m.list = ? WHERE s.address_mac IN ({marks})"
)
_SUPPRESSED_SQL = "SELECT DISTINCT address_mac FROM suppressions WHERE address_mac IN ({marks})"


@dataclass(frozen=True, kw_only=True)
class Known:
    """What stands in the database about an address; without a subject it is only suppressed."""

    suppressed: bool
    subject: bytes = b""
    profile: Profile | None = None
    membership: MembershipState | None = None


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What an import does with one person.

    `count` is the report's word. `membership` is the state to set in the list (None leaves it); a person who
    is new is written with it. `profile` replaces a known person's values (None leaves them).
    """

    count: str
    membership: MembershipState | None = None
    profile: Profile | None = None
    stays_pending: bool = False


Decide = Callable[[Profile, Known | None], Decision]


@dataclass(kw_only=True)
class _Batch:
    """The rows that one transaction writes."""

    people: list[list[object]] = field(default_factory=list)
    updates: list[list[object]] = field(default_factory=list)
    joins: list[tuple[bytes, MembershipState]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


class Imports:
    """Opens imports; each is a row to which its consent events refer."""

    def __init__(
        self, connection: Connection, keys: Keys, consent: Consent, lists: Lists, now: Callable[[], int]
    ) -> None:
        self._connection = connection
        self._keys = keys
        self._consent = consent
        self._lists = lists
        self._now = now

    def run(
        self,
        profiles: Sequence[Profile],
        decide: Decide,
        *,
        list_name: str,
        source: str,
        file_name: str,
        kind: ConsentKind,
        now: int,
        facts: Mapping[str, int],
        progress: Callable[[int], None] | None = None,
    ) -> Counter[str]:
        """Import people, each address once -> how many of each Decision.count, and `pending`.

        The list must exist. Transactions stay short; what is written when the program dies stays, and
        the same import run again goes on. `facts` are further counts for the import's row.
        """
        work = _Work(self._connection, self._keys, self._consent, now)
        work.begin(self._lists.id_of(list_name), list_name, source, file_name, kind)
        with self._connection.bulk():
            counts = work.write_all(profiles, decide, progress or _silent)
        work.finish(counts + Counter(facts), self._now())
        return counts


class _Work:
    def __init__(self, connection: Connection, keys: Keys, consent: Consent, now: int) -> None:
        self._connection = connection
        self._mac = keys.address_mac
        self._consent = consent
        self._now = now
        self._import = self._list = self._ground = 0
        self._kind = ConsentKind.IMPORTED
        self._subjects: Iterator[bytes] = iter(())

    def begin(
        self, list_id: int | None, list_name: str, source: str, file_name: str, kind: ConsentKind
    ) -> None:
        self._list = list_id or 0
        self._kind = kind
        with self._connection.transaction():
            self._ground = self._consent.ground(list_name, source)
            self._import = self._connection.insert(
                "INSERT INTO imports (at, list, source, file_name) VALUES (?, ?, ?, ?)",
                [self._now, list_id, source, file_name],
            )

    def write_all(
        self, profiles: Sequence[Profile], decide: Decide, progress: Callable[[int], None]
    ) -> Counter[str]:
        """Write in the order of the addresses' HMACs, under sorted random ids.

        So neighbours in every table are written together, and the ids tell nothing of the file's order.
        """
        everybody = sorted((self._mac(profile.address.key), n) for n, profile in enumerate(profiles))
        self._subjects = iter(sorted(secrets.token_bytes(SUBJECT_BYTES) for _ in everybody))
        counts: Counter[str] = Counter()
        pace, done = Pace(), 0
        while done < len(everybody):
            some = everybody[done : done + pace.size]
            counts += self._write({mac: profiles[n] for mac, n in some}, decide, pace)
            done += len(some)
            if pace.transactions % _CHECKPOINT_EVERY == 0:
                self._connection.checkpoint()
            progress(done)
        return counts

    def _write(self, people: Mapping[bytes, Profile], decide: Decide, pace: Pace) -> Counter[str]:
        with self._connection.transaction():
            started = clock()
            batch = self._decide(people, self._known(list(people)), decide)
            self._store(batch)
        pace.note(len(people), clock() - started)
        return batch.counts

    def _decide(
        self, people: Mapping[bytes, Profile], known: Mapping[bytes, Known], decide: Decide
    ) -> _Batch:
        batch = _Batch()
        for mac, profile in people.items():
            found = known.get(mac)
            decision = decide(profile, found)
            batch.counts[decision.count] += 1
            batch.counts["pending"] += decision.stays_pending
            subject = found.subject if found else b""
            if subject and decision.profile is not None:
                batch.updates.append(update_row(subject, decision.profile, self._now))
            if decision.membership is not None:
                if not subject:
                    subject = next(self._subjects)
                    batch.people.append(person_row(subject, mac, profile, self._now))
                batch.joins.append((subject, decision.membership))
        return batch

    def _store(self, batch: _Batch) -> None:
        run_many = self._connection.run_many
        run_many(INSERT_SQL, batch.people)
        run_many(UPDATE_SQL, batch.updates)
        first = int(self._connection.value("SELECT coalesce(max(id), 0) + 1 FROM consent_events"))
        events = [
            (first + n, subject, self._kind.value, self._now, self._ground, self._import)
            for n, (subject, _) in enumerate(batch.joins)
        ]
        run_many(_EVENT_SQL, events)
        members = [
            (subject, self._list, state.value, self._now, first + n)
            for n, (subject, state) in enumerate(batch.joins)
        ]
        run_many(_MEMBER_SQL, members)

    def _known(self, macs: Sequence[bytes]) -> dict[bytes, Known]:
        suppressed = self._suppressed(macs)
        known = {mac: Known(suppressed=True) for mac in suppressed}
        for mac, subject, state, *values in self._asked(_KNOWN_SQL, macs, self._list):
            known[mac] = Known(
                suppressed=mac in suppressed,
                subject=subject,
                profile=read_profile(tuple(values)),
                membership=MembershipState(state) if state else None,
            )
        return known

    def _suppressed(self, macs: Sequence[bytes]) -> set[bytes]:
        if self._connection.value("SELECT 1 FROM suppressions LIMIT 1") is None:
            return set()
        return {mac for (mac,) in self._asked(_SUPPRESSED_SQL, macs)}

    def _asked(self, sql: str, macs: Sequence[bytes], *values: object) -> Iterator[Row]:
        """The rows for which `sql` asks with IN ({marks}), a bounded number of values at a time."""
        for start in range(0, len(macs), _ASKED_AT_ONCE):
            some = macs[start : start + _ASKED_AT_ONCE]
            marks = ", ".join("?" * len(some))
            yield from self._connection.rows(sql.format(marks=marks), [*values, *some])

    def finish(self, counts: Counter[str], now: int) -> None:
        names = ("added", "updated", "unchanged", "suppressed", "duplicates", "rejected")
        self._connection.run(
            f"UPDATE imports SET {', '.join(f'{name} = ?' for name in names)}, finished = ? WHERE id = ?",
            [*(counts[name] for name in names), now, self._import],
        )


def _silent(_: int) -> None:
    """Where nobody watches."""
