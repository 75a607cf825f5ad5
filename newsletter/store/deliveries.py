"""Reading the journal as people read it, and deciding the unknown deliveries."""

from __future__ import annotations

from collections.abc import Iterator

from newsletter.models import Delivery, DeliveryState, Reply, Tally
from newsletter.store.database import Connection, Row

_PAGE = 1_000
_COLUMNS = """
    d.id, d.subscriber, d.send, d.state, d.attempts, d.reply_code, d.enhanced_code, d.reply,
    d.reason, d.not_before, d.first_claimed, d.updated,
    coalesce(s.address, ''), coalesce(s.language, ''), coalesce(s.country, '')"""
CRASHED = "the program stopped while this mail was on its way"
_RESEND = "was unknown; the coordinator decided to send it again"
_CANCELLED = "the send was cancelled before this mail went out"
PRESUMED = "was unknown; the coordinator decided that it was sent"


def tally(connection: Connection, issue: int) -> Tally:
    """One issue's deliveries by state."""
    rows = connection.rows("SELECT state, count(*) FROM deliveries WHERE issue = ? GROUP BY state", [issue])
    return Tally(**dict(rows))


def tally_of_send(connection: Connection, send: int) -> Tally:
    """One send's deliveries by state."""
    rows = connection.rows(
        "SELECT d.state, count(*) FROM sends n JOIN deliveries d ON d.issue = n.issue AND d.send = n.id "
        "WHERE n.id = ? GROUP BY d.state",
        [send],
    )
    return Tally(**dict(rows))


def all_tallies(connection: Connection) -> dict[str, Tally]:
    """Every issue's deliveries by state, by slug in the order in which the issues came."""
    counts: dict[str, dict[str, int]] = {
        slug: {} for (slug,) in connection.rows("SELECT slug FROM issues ORDER BY id")
    }
    for slug, state, count in connection.rows(
        "SELECT i.slug, d.state, count(*) FROM deliveries d JOIN issues i ON i.id = d.issue "
        "GROUP BY d.issue, d.state"
    ):
        counts[slug][state] = count
    return {slug: Tally(**states) for slug, states in counts.items()}


def read(connection: Connection, issue: int, state: DeliveryState | None) -> Iterator[Delivery]:
    """One issue's rows, page by page."""
    wanted = "AND d.state = :state" if state else ""
    sql = f"""
        SELECT {_COLUMNS} FROM deliveries d LEFT JOIN subscribers s ON s.subject = d.subscriber
        WHERE d.issue = :issue AND d.subscriber > :last {wanted} ORDER BY d.subscriber LIMIT {_PAGE}"""
    values: dict[str, object] = {"issue": issue, "last": b"", "state": state}
    while rows := connection.rows(sql, values):
        values["last"] = rows[-1][1]
        yield from map(_delivery, rows)


def to_person(connection: Connection, subject: bytes) -> list[tuple[str, Delivery]]:
    """One person's rows with the issue's slug, in the order in which the issues came."""
    rows = connection.rows(
        f"SELECT i.slug, {_COLUMNS} FROM issues i "
        "JOIN deliveries d ON d.issue = i.id AND d.subscriber = ? "
        "LEFT JOIN subscribers s ON s.subject = d.subscriber ORDER BY i.id",
        [subject],
    )
    return [(row[0], _delivery(row[1:])) for row in rows]


def resolve(connection: Connection, issue: int, *, resend: bool, now: int) -> int:
    """Plan the unknown rows again, or take them as sent -> how many; a done send is ready again then.

    Those of a cancelled send are not planned again: it is over for good.
    """
    state, reason = (DeliveryState.PLANNED, _RESEND) if resend else (DeliveryState.SENT, PRESUMED)
    with connection.transaction():
        count = connection.run(
            "UPDATE deliveries SET state = ?, reason = ?, not_before = 0, updated = ? "
            "WHERE issue = ? AND state = 'unknown' "
            "AND (? OR send NOT IN (SELECT id FROM sends WHERE state = 'cancelled'))",
            [state, reason, now, issue, not resend],
        )
        connection.run(
            "UPDATE sends AS n SET state = 'ready', finished = NULL WHERE issue = ? AND state = 'done' "
            "AND EXISTS (SELECT 1 FROM deliveries d "
            "WHERE d.send = n.id AND d.state = 'planned')",
            [issue],
        )
        return count


def unknown_from_crash(connection: Connection, send: int, now: int) -> int:
    """Call every claimed row of a send unknown -> how many. The caller holds the send's lock."""
    return connection.run(
        "UPDATE deliveries AS d SET state = 'unknown', reason = ?, updated = ? "
        "WHERE d.send = ? AND d.state = 'claimed'",
        [CRASHED, now, send],
    )


def next_due(connection: Connection, send: int) -> int | None:
    """When the next deferred row of a send is due; None where none waits."""
    found: int | None = connection.value(
        "SELECT min(not_before) FROM deliveries WHERE send = ? AND state = 'deferred'", [send]
    )
    return found


def last_due(connection: Connection, send: int) -> int:
    """When the last deferred row of a send is due; 0 where none waits."""
    return int(
        connection.value(
            "SELECT max(not_before) FROM deliveries WHERE send = ? AND state = 'deferred'", [send]
        )
        or 0
    )


def skip_rest(connection: Connection, send: int, now: int) -> int:
    """Skip what a cancelled send has not sent, in short transactions -> how many."""
    total, done = 0, False
    while not done:
        with connection.transaction():
            count = connection.run(
                "UPDATE deliveries SET state = 'skipped', not_before = 0, reason = ?, updated = ? "
                "WHERE id IN (SELECT id FROM deliveries "
                "WHERE send = ? AND (state = 'planned' OR state = 'deferred') LIMIT 1000)",
                [_CANCELLED, now, send],
            )
        total, done = total + count, count == 0
    return total


def _delivery(row: Row) -> Delivery:
    (delivery, subject, send, state, attempts, code, enhanced, reply, reason) = row[:9]
    not_before, first_claimed, updated, address, language, country = row[9:]
    return Delivery(
        id=delivery,
        subject=subject,
        address=address,
        language=language,
        country=country,
        state=DeliveryState(state),
        attempts=attempts,
        reply=None if code is None else Reply(code=code, enhanced=enhanced or "", text=reply or ""),
        reason=reason,
        not_before=not_before,
        first_claimed=first_claimed,
        updated=updated,
        send=send,
    )
