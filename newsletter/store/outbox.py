"""The outbox: mails that the program writes to one person, each row once, by the rules of the deliveries."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from newsletter.errors import NotFoundError
from newsletter.models import LastMail, OutboxKind, OutboxMail
from newsletter.relay import Rate
from newsletter.store.consent import Consent, Suppressions
from newsletter.store.database import Connection
from newsletter.store.deliveries import CRASHED
from newsletter.store.outbox_journal import OutboxJournal

_TOO_LATE = "it could not be sent in time"
_OPEN = "(state = 'planned' OR state = 'deferred')"


class Outbox:
    """The rows that wait, and what became of the others."""

    def __init__(
        self, connection: Connection, consent: Consent, suppressions: Suppressions, now: Callable[[], int]
    ) -> None:
        self._connection = connection
        self._consent = consent
        self._suppressions = suppressions
        self._now = now

    def add(
        self,
        kind: OutboxKind,
        subject: bytes,
        *,
        language: str,
        about: int = 0,
        now: int,
        not_before: int = 0,
    ) -> None:
        """Put one mail to a known person into the outbox; nothing is done where there is no such person."""
        self._connection.run(
            "INSERT INTO outbox (kind, subject, address_mac, language, about, created, updated, not_before) "
            "SELECT ?, subject, address_mac, ?, ?, ?, ?, ? FROM subscribers WHERE subject = ?",
            [kind, language, about, now, now, not_before, subject],
        )

    def last(self, subject: bytes, *kinds: OutboxKind) -> LastMail | None:
        """The last mail of these kinds to the person's address, whoever had it before."""
        marks = ", ".join("?" * len(kinds))
        row = self._connection.row(
            "SELECT max(o.updated), max(o.state IN ('planned', 'claimed', 'deferred')) "
            "FROM subscribers s JOIN outbox o ON o.address_mac = s.address_mac "
            f"WHERE s.subject = ? AND o.kind IN ({marks})",
            [subject, *kinds],
        )
        if row is None or row[0] is None:
            return None
        return LastMail(at=row[0], waits=bool(row[1]))

    def turn_into(self, kind: OutboxKind, subject: bytes, *kinds: OutboxKind, language: str) -> None:
        """Make what waits of `kinds` for the address, whoever had it before, one of `kind` to the person."""
        marks = ", ".join("?" * len(kinds))
        self._connection.run(
            f"UPDATE outbox SET kind = ?, subject = ?, language = ? WHERE kind IN ({marks}) AND {_OPEN} "
            "AND address_mac = (SELECT address_mac FROM subscribers WHERE subject = ?)",
            [kind, subject, language, *kinds, subject],
        )

    def get(self, mail: int) -> OutboxMail:
        """One row. Raises NotFoundError."""
        row = self._connection.row(
            "SELECT id, kind, subject, language, about, created FROM outbox WHERE id = ?", [mail]
        )
        if row is None:
            raise NotFoundError(f"there is no mail {mail} in the outbox")
        number, kind, subject, language, about, created = row
        return OutboxMail(
            id=number,
            kind=OutboxKind(kind),
            subject=subject,
            language=language,
            about=about,
            created=created,
        )

    def counts(self) -> dict[str, int]:
        """How many mails are in each state."""
        return dict(self._connection.rows("SELECT state, count(*) FROM outbox GROUP BY state"))

    def next_due(self) -> int | None:
        """When the next mail may leave (UTC ms, 0 for at once); None where none waits."""
        found: int | None = self._connection.value(f"SELECT min(not_before) FROM outbox WHERE {_OPEN}")
        return found

    def unknown_from_crash(self) -> int:
        """Call what a dead run left claimed unknown -> how many. The caller holds the outbox's lock."""
        return self._connection.run(
            "UPDATE outbox SET state = 'unknown', reason = ?, updated = ? WHERE state = 'claimed'",
            [CRASHED, self._now()],
        )

    def drop(self, before: int) -> int:
        """Give up what was put in before then and waits still -> how many."""
        return self._connection.run(
            f"UPDATE outbox SET state = 'skipped', reason = ?, not_before = 0, updated = ? WHERE {_OPEN} "
            "AND created < ?",
            [_TOO_LATE, self._now(), before],
        )

    def forget(self, before: int) -> int:
        """Delete the rows that came to an end before then -> how many."""
        return self._connection.run(
            f"DELETE FROM outbox WHERE updated < ? AND NOT {_OPEN} AND state <> 'claimed'", [before]
        )

    def journal(self, relay: str, rates: Iterable[Rate] = ()) -> OutboxJournal:
        """The journal of the outbox, for a relay that allows these `rates`."""
        return OutboxJournal(
            self._connection, self._consent, self._suppressions, self._now, relay=relay, rates=rates
        )
