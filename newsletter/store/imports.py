"""Importing many people: known ones are looked up, a pure decision is asked, batches are written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice

from msgspec import Struct, field

from newsletter.models import ConsentKind, MembershipState, Profile
from newsletter.store.consent import Consent
from newsletter.store.database import Connection, Row
from newsletter.store.keys import Keys
from newsletter.store.lists import Lists
from newsletter.store.pace import Pace, clock
from newsletter.store.people import INSERT_SQL, PROFILE_COLUMNS, UPDATE_SQL, read_profile, update_row
from newsletter.store.staging import Stage, Staged
from newsletter.store.subjects import sorted_ids

_CHECKPOINT_EVERY = 40  # transactions
_ASKED_AT_ONCE = 500  # values of one IN (…)

_EVENT_SQL = "INSERT INTO consent_events (id, subject, kind, at, ground, import) VALUES (?, ?, ?, ?, ?, ?)"
_NEW_MEMBER_SQL = "INSERT INTO memberships (subject, list, state, since, event) VALUES (?, ?, ?, ?, ?)"
_MEMBER_SQL = (
    f"{_NEW_MEMBER_SQL} ON CONFLICT (subject, list) DO UPDATE SET "
    "state = excluded.state, since = excluded.since, event = excluded.event"
)
_KNOWN_SQL = (
    "SELECT s.address_mac, s.subject, m.state, "
    "EXISTS (SELECT 1 FROM consent_events e JOIN imports i ON i.id = e.import WHERE e.subject = s.subject "
    "AND i.list = ? AND i.source = ? AND i.undone IS NULL AND i.undoing IS NULL), "
    f"{PROFILE_COLUMNS} FROM subscribers s LEFT JOIN memberships m ON m.subject = s.subject AND m.list = ? "
    "WHERE s.address_mac IN ({marks})"
)
_ANYBODY_SQL = "SELECT 1 FROM subscribers WHERE address_mac BETWEEN ? AND ? LIMIT 1"
_SUPPRESSED_SQL = "SELECT DISTINCT address_mac FROM suppressions WHERE address_mac IN ({marks})"
_RISES = (MembershipState.PENDING, MembershipState.ACTIVE)


class Known(Struct, frozen=True, kw_only=True):
    """What stands in the database about an address; without a subject it is only suppressed.

    `proven` where another import into the list, which stands, has said how they agreed in the same words.
    """

    suppressed: bool
    subject: bytes = b""
    profile: Profile | None = None
    membership: MembershipState | None = None
    proven: bool = False


class Decision(Struct, frozen=True, kw_only=True):
    """What an import does with one person of whom something is known.

    `count` is the report's word. `membership` is the state to set in the list (None leaves it). `profile`
    replaces the person's values (None leaves them). `kept` where a damaged value was not taken. `proof` adds
    a consent event to a membership that stays as it is.
    """

    count: str
    membership: MembershipState | None = None
    profile: Profile | None = None
    stays_pending: bool = False
    kept: bool = False
    proof: bool = False


class Rules(Struct, frozen=True, kw_only=True):
    """What an import does: who is new joins in the state `joining`, about others `decide` is asked."""

    joining: MembershipState
    decide: Callable[[Profile, Known], Decision]


class _Batch(Struct, kw_only=True):
    """The rows that one transaction writes; `joins` and `proofs` are of people who were known before."""

    people: list[Row] = field(default_factory=list)
    updates: list[list[object]] = field(default_factory=list)
    joins: list[tuple[bytes, str]] = field(default_factory=list)
    proofs: list[bytes] = field(default_factory=list)
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

    def stage(self) -> Stage:
        """Where people wait until they are imported; the caller closes it."""
        return Stage(self._keys.address_mac)

    def run(
        self,
        stage: Stage,
        rules: Rules,
        *,
        list_name: str,
        source: str,
        file_name: str,
        kind: ConsentKind,
        now: int,
        rejected: int,
        progress: Callable[[int], None] = lambda _: None,
    ) -> Counter[str]:
        """Import the people who are staged -> how many of each count, `pending` and `duplicates`.

        The list must exist. Transactions stay short; what is written when the program dies stays, and
        the same import run again goes on. `progress` is called with how many rows of the file are done.
        """
        work = _Work(self._connection, self._consent, rules, now)
        work.begin(self._lists.id_of(list_name), list_name, source, file_name, kind)
        with self._connection.bulk():
            counts = work.write_all(stage, progress)
        work.finish(counts + Counter(rejected=rejected), self._now())
        return counts


class _Work:
    def __init__(self, connection: Connection, consent: Consent, rules: Rules, now: int) -> None:
        self._connection = connection
        self._consent = consent
        self._rules = rules
        self._now = now
        self._import = self._list = self._ground = 0
        self._source = ""
        self._kind = ConsentKind.IMPORTED

    def begin(
        self, list_id: int | None, list_name: str, source: str, file_name: str, kind: ConsentKind
    ) -> None:
        self._list, self._source = list_id or 0, source
        self._kind = kind
        with self._connection.transaction():
            self._ground = self._consent.ground(list_name, source)
            self._import = self._connection.insert(
                "INSERT INTO imports (at, list, source, file_name) VALUES (?, ?, ?, ?)",
                [self._now, list_id, source, file_name],
            )

    def write_all(self, stage: Stage, progress: Callable[[int], None]) -> Counter[str]:
        """Write in the order of the addresses' HMACs, under sorted random ids.

        So neighbours in every table are written together, and the ids tell nothing of the file's order.
        """
        counts: Counter[str] = Counter()
        pace, done = Pace(), 0
        people, subjects = stage.people(), sorted_ids(stage.rows)
        while some := list(islice(people, pace.size)):
            counts += self._write(dict(zip(islice(subjects, len(some)), some, strict=True)), pace)
            rows = sum(person.rows for person in some)
            counts["duplicates"] += rows - len(some)
            done += rows
            if pace.transactions % _CHECKPOINT_EVERY == 0:
                self._connection.checkpoint()
            progress(done)
        return counts

    def _write(self, people: Mapping[bytes, Staged], pace: Pace) -> Counter[str]:
        """Write people, each under the id that is theirs where they are new."""
        with self._connection.transaction():
            started = clock()
            batch = self._decide(people, self._known([person.mac for person in people.values()]))
            self._store(batch)
        pace.note(len(people), clock() - started)
        return batch.counts

    def _decide(self, people: Mapping[bytes, Staged], known: Mapping[bytes, Known]) -> _Batch:
        batch, now = _Batch(), self._now
        for subject, person in people.items():
            found = known.get(person.mac)
            if found is None:
                batch.people.append((subject, *person.stored, now, now))
                continue
            decision = self._rules.decide(read_profile(person.values), found)
            batch.counts[decision.count] += 1
            batch.counts["pending"] += decision.stays_pending
            batch.counts["kept"] += decision.kept
            batch.counts["activated"] += (found.membership, decision.membership) == _RISES
            if decision.profile is not None:
                batch.updates.append(update_row(found.subject, decision.profile, now))
            if decision.membership is not None:
                batch.joins.append((found.subject, decision.membership.value))
            elif decision.proof:
                batch.proofs.append(found.subject)
        batch.counts["added"] += len(batch.people)
        if self._rules.joining is MembershipState.PENDING:
            batch.counts["pending"] += len(batch.people)
        return batch

    def _store(self, batch: _Batch) -> None:
        run_many = self._connection.run_many
        run_many(INSERT_SQL, batch.people)
        run_many(UPDATE_SQL, batch.updates)
        first = int(self._connection.value("SELECT coalesce(max(id), 0) + 1 FROM consent_events"))
        kind, now, ground, number = self._kind.value, self._now, self._ground, self._import
        new, state = len(batch.people), self._rules.joining.value
        joins = [*((row[0], state) for row in batch.people), *batch.joins]
        whose = [*(who for who, _ in joins), *batch.proofs]
        run_many(
            _EVENT_SQL, [(event, who, kind, now, ground, number) for event, who in enumerate(whose, first)]
        )
        members = [(who, self._list, state, now, event) for event, (who, state) in enumerate(joins, first)]
        run_many(_NEW_MEMBER_SQL, members[:new])
        run_many(_MEMBER_SQL, members[new:])

    def _known(self, macs: Sequence[bytes]) -> dict[bytes, Known]:
        """Of whom something is known; the HMACs are in order."""
        suppressed = self._suppressed(macs)
        known = {mac: Known(suppressed=True) for mac in suppressed}
        if self._connection.value(_ANYBODY_SQL, [macs[0], macs[-1]]) is None:
            return known
        for mac, subject, state, proven, *values in self._asked(
            _KNOWN_SQL, macs, self._list, self._source, self._list
        ):
            known[mac] = Known(
                suppressed=mac in suppressed,
                subject=subject,
                profile=read_profile(tuple(values)),
                membership=MembershipState(state) if state else None,
                proven=bool(proven),
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
