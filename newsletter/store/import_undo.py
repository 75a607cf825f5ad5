"""Taking an import back in many short transactions, so that nobody else waits long for the database."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence

from newsletter.models import ConsentKind, Undone
from newsletter.store.consent import Consent
from newsletter.store.database import Connection
from newsletter.store.pace import Pace, clock

SOURCE = "import undone"
_CHECKPOINT_EVERY = 40  # transactions

# Not who was refused and waits, as the relay may be at fault: it never had that mail.
MAILED = """(d.attempts > 0 OR d.state = 'claimed' OR d.state = 'unknown')
    AND NOT (d.state = 'deferred' AND d.reply_code >= 500)
    AND coalesce(d.first_claimed, d.updated) >= i.at
    AND (n.consents = '[]' OR EXISTS (
        SELECT 1 FROM json_each(n.consents) g, json_each(g.value) c WHERE c.value = i.list))"""
# Who was mailed since the undo of the import began: only a send that was open then can have.
STAYS = f"""EXISTS (
        SELECT 1 FROM sends n
        JOIN deliveries d ON d.issue = n.issue AND d.subscriber = e.subject AND d.send = n.id
        WHERE (n.finished IS NULL OR n.finished >= i.undoing) AND {MAILED})"""
_STANDING_SQL = f"""
    FROM imports i CROSS JOIN consent_events e CROSS JOIN memberships m
    WHERE i.id = :import AND e.import = i.id AND {{which}}
    AND m.subject = e.subject AND m.list = i.list AND m.event = e.id AND m.state <> 'left'
    AND (i.undoing IS NULL OR NOT {STAYS})"""
_NEXT_SQL = f"SELECT e.id {_STANDING_SQL.format(which='e.id > :after')} ORDER BY e.id LIMIT :size"
# By what each stays a member: another import that said how they agreed. Else what they had been before: a
# request, or an earlier import.
_TOUCHED_SQL = f"""
    SELECT e.subject, (
        SELECT max(p.id) FROM consent_events p JOIN imports o ON o.id = p.import
            WHERE p.subject = m.subject AND p.id <> m.event AND o.list = m.list AND o.source <> ''
            AND o.undone IS NULL AND o.undoing IS NULL) AS instead, coalesce(
        (SELECT j.event FROM joinings j WHERE j.subject = m.subject AND j.list = m.list),
        (SELECT max(p.id) FROM consent_events p JOIN imports o ON o.id = p.import
            WHERE p.subject = m.subject AND p.id < m.event AND o.list = m.list
            AND o.undone IS NULL AND o.undoing IS NULL)) AS before,
        EXISTS (SELECT 1 FROM memberships x WHERE x.subject = m.subject AND x.list <> m.list) AS elsewhere
    {_STANDING_SQL}"""
_ALL_SQL = f"""
    SELECT count(*), total(instead IS NOT NULL), total(instead IS NULL AND before IS NOT NULL),
        total(instead IS NULL AND before IS NULL AND NOT elsewhere)
    FROM ({_TOUCHED_SQL.format(which="1")})"""
_SOME_SQL = _TOUCHED_SQL.format(which="e.id IN (SELECT value FROM json_each(:ids))")
_OF_LIST = "list = (SELECT list FROM imports WHERE id = ?)"


def count(connection: Connection, number: int) -> Undone:
    """What is to be done for all who stand by an import."""
    row = connection.row(_ALL_SQL, {"import": number})
    touched, kept, pending, removed = map(int, row or (0, 0, 0, 0))
    return Undone(removed=removed, stay=touched - removed - pending - kept, pending=pending, kept=kept)


def undo(
    connection: Connection,
    consent: Consent,
    number: int,
    list_name: str,
    *,
    now: int,
    progress: Callable[[int], None],
) -> Undone:
    """Take everybody back who stands by the import, also where an earlier program began it -> what was done.

    A person's part is one transaction: either they stand by the import, or are as if they never had.
    """
    with connection.transaction():
        ground = consent.ground(list_name, SOURCE)
        connection.run(
            "UPDATE imports SET undoing = coalesce(undoing, ?) WHERE id = ? AND undone IS NULL", [now, number]
        )
    counts: Counter[str] = Counter()
    with connection.bulk():
        pace, after = Pace(), 0
        while ids := _next(connection, number, after, pace.size):
            after = ids[-1]
            with connection.transaction():
                started = clock()
                counts += _take_back(connection, number, ids, now, ground)
            pace.note(len(ids), clock() - started)
            if pace.transactions % _CHECKPOINT_EVERY == 0:
                connection.checkpoint()
            progress(counts.total())
    connection.run("UPDATE imports SET undone = coalesce(undone, ?) WHERE id = ?", [now, number])
    return Undone(**{name: counts[name] for name in ("removed", "stay", "pending", "kept")})


def _next(connection: Connection, number: int, after: int, size: int) -> list[int]:
    """The next events by which somebody stands; looking for them holds nobody up."""
    values: dict[str, object] = {"import": number, "after": after, "size": size}
    return [event for (event,) in connection.rows(_NEXT_SQL, values)]


def _take_back(
    connection: Connection, number: int, ids: Sequence[int], now: int, ground: int
) -> Counter[str]:
    rows = connection.rows(_SOME_SQL, {"import": number, "ids": json.dumps(ids)})
    kept = [(subject, instead) for subject, instead, _, _ in rows if instead is not None]
    others = [row for row in rows if row[1] is None]
    pending = [(subject, before) for subject, _, before, _ in others if before is not None]
    gone = [(subject, elsewhere) for subject, _, before, elsewhere in others if before is None]
    removed = [subject for subject, elsewhere in gone if not elsewhere]
    connection.run_many(
        "INSERT INTO consent_events (subject, kind, at, ground) VALUES (?, ?, ?, ?)",
        [(row[0], ConsentKind.LEFT.value, now, ground) for row in others],
    )
    connection.run_many(
        "UPDATE memberships SET state = ?, event = ?, "
        f"since = (SELECT at FROM consent_events WHERE id = ?) WHERE subject = ? AND {_OF_LIST}",
        [
            *(("active", instead, instead, subject, number) for subject, instead in kept),
            *(("pending", before, before, subject, number) for subject, before in pending),
        ],
    )
    connection.run_many(
        f"DELETE FROM memberships WHERE subject = ? AND {_OF_LIST}",
        [(subject, number) for subject, _ in gone],
    )
    connection.run_many("DELETE FROM subscribers WHERE subject = ?", [(subject,) for subject in removed])
    return Counter(removed=len(removed), stay=len(gone) - len(removed), pending=len(pending), kept=len(kept))
