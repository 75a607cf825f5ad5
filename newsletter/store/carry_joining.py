"""Joining and leaving in a database that is replaced: no outbox mail twice, no undone import brought back."""

from __future__ import annotations

import sqlite3

_RESTORED = "the database was restored meanwhile"
_WAITS = "(state = 'planned' OR state = 'deferred')"
_FACTS = (
    "kind, address_mac, language, about, created, attempts, reply_code, enhanced_code, reply, "
    "first_claimed, updated"
)

_REQUEST = "at, address, address_key, lists, language, wording, page, page_language"

# An undo that has begun takes back whom it took there, and goes on from there. Who stays there stays.
_UNDONE_SQL = (
    """
    CREATE TEMP TABLE undone AS
    SELECT o.id, o.undone, o.undoing FROM old.imports o JOIN main.imports n USING (id, at)
    WHERE (o.undone IS NOT NULL OR o.undoing IS NOT NULL) AND n.undone IS NULL""",
    """
    CREATE TEMP TABLE taken_back AS SELECT m.subject, m.list FROM main.memberships m
    JOIN main.consent_events e ON e.id = m.event
    WHERE e.import IN (SELECT id FROM undone) AND m.state <> 'left' AND (m.subject, m.list) NOT IN (
        SELECT p.new, l.new FROM old.memberships o JOIN same p ON p.old = o.subject
        JOIN same_lists l ON l.old = o.list
        JOIN old.consent_events oe ON oe.id = o.event
        WHERE o.state = 'active' OR (o.state <> 'left' AND oe.import IN (SELECT id FROM undone)))""",
    "DELETE FROM main.memberships WHERE (subject, list) IN (SELECT subject, list FROM taken_back)",
    """
    DELETE FROM main.subscribers WHERE subject IN (SELECT subject FROM taken_back)
    AND NOT EXISTS (SELECT 1 FROM main.memberships m WHERE m.subject = main.subscribers.subject)""",
    """
    UPDATE main.imports AS n SET undone = u.undone, undoing = coalesce(n.undoing, u.undoing)
    FROM undone u WHERE n.id = u.id""",
)
_HELD_SQL = (
    f"UPDATE main.outbox SET state = 'skipped', reason = '{_RESTORED}', not_before = 0 WHERE {_WAITS}",
    f"UPDATE main.outbox SET state = 'unknown', reason = '{_RESTORED}' WHERE state = 'claimed'",
    """
    DELETE FROM main.joinings WHERE EXISTS (
        SELECT 1 FROM events e WHERE e.subject = main.joinings.subject
        AND (e.kind IN ('unsubscribed', 'erased') OR (e.kind = 'left' AND e.list IN (
            SELECT name FROM main.lists WHERE id = main.joinings.list UNION
            SELECT o.name FROM old.lists o JOIN same_lists l ON l.old = o.id
            WHERE l.new = main.joinings.list))))""",
    "DELETE FROM main.requests",
)
_JOINING_SQL = (
    f"INSERT INTO main.requests ({_REQUEST}) SELECT {_REQUEST} FROM old.requests ORDER BY id",
    f"""
    INSERT INTO main.outbox (subject, state, reason, {_FACTS})
    SELECT coalesce((SELECT new FROM same WHERE old = o.subject), o.subject),
        CASE WHEN {_WAITS} THEN 'skipped' WHEN state = 'claimed' THEN 'unknown' ELSE state END,
        CASE WHEN {_WAITS} OR state = 'claimed' THEN '{_RESTORED}' ELSE reason END, {_FACTS}
    FROM old.outbox o WHERE NOT EXISTS (
        SELECT 1 FROM main.outbox n WHERE n.address_mac = o.address_mac AND n.kind = o.kind
        AND n.created = o.created)
    ORDER BY o.id""",
    """
    UPDATE main.outbox AS n SET updated = o.updated FROM old.outbox o
    WHERE n.address_mac = o.address_mac AND n.kind = o.kind AND n.created = o.created
    AND o.updated > n.updated""",
    """
    INSERT INTO main.joins (issue, channel, asked) SELECT issue, channel, asked FROM old.joins WHERE true
    ON CONFLICT (issue, channel) DO UPDATE SET asked = max(asked, excluded.asked)""",
    """
    UPDATE main.lists SET hidden = 1 WHERE id IN (
        SELECT l.new FROM same_lists l JOIN old.lists o ON o.id = l.old WHERE o.hidden = 1)""",
)


def carry_joining(raw: sqlite3.Connection) -> None:
    """Take over into `main` what the attached `old` knows of joining, leaving and the outbox.

    Wants the tables `same`, `same_lists` and `events`, inside a transaction. Mails that wait in either
    database are dropped: they may have gone out since, and whoever asked may ask again. An import that was
    undone since is undone again, as far as that had come.
    """
    for statement in (*_UNDONE_SQL, *_HELD_SQL, *_JOINING_SQL):
        raw.execute(statement)
