"""Deliveries of a database that is replaced: who was mailed since the backup is not mailed again."""

from __future__ import annotations

import json
import sqlite3

_REASON = "known from the database that was replaced"
_MAPPED = frozenset({"id", "issue", "state", "consents", "finished", "reason", "sender"})
_FACTS = ("attempts", "reply_code", "enhanced_code", "reply", "first_claimed", "updated")
ON_ITS_WAY = "'sent', 'claimed', 'unknown'"

_PLANS_SQL = (
    "DELETE FROM main.deliveries WHERE send IN (SELECT id FROM main.sends WHERE state = 'planning')",
    "DELETE FROM main.sends WHERE state = 'planning'",
)
_ISSUES_SQL = (
    "INSERT OR IGNORE INTO main.issues (id, slug, created) SELECT id, slug, created FROM old.issues",
    "INSERT OR IGNORE INTO main.issues (slug, created) SELECT slug, created FROM old.issues ORDER BY id",
)
_SENDS_SQL = """
    INSERT INTO main.sends ({columns}, issue, state, consents, finished, reason)
    SELECT {values}, n.id, CASE o.state WHEN 'cancelled' THEN 'cancelled' ELSE 'done' END,
        news_consents(o.consents), coalesce(o.finished, o.started, o.created), ?
    FROM old.sends o JOIN old.issues i ON i.id = o.issue JOIN main.issues n ON n.slug = i.slug
    WHERE o.seed NOT IN (SELECT seed FROM main.sends)
    AND EXISTS (
        SELECT 1 FROM old.deliveries d WHERE d.issue = o.issue AND d.send = o.id AND d.state IN ({states}))
    ORDER BY o.id"""
_NEW_SENDS_SQL = """
    CREATE TEMP TABLE new_sends AS
    SELECT id FROM old.sends WHERE seed NOT IN (SELECT seed FROM main.sends)"""
_SENDS_OF_SQL = """
    CREATE TEMP TABLE sends_of AS
    SELECT o.id AS old, n.id AS new FROM old.sends o JOIN main.sends n ON n.seed = o.seed"""
_STENCILS_SQL = f"""
    INSERT INTO main.stencils (digest, data) SELECT digest, data FROM old.stencils
    WHERE id IN (SELECT a.stencil FROM old.approvals a JOIN sends_of s ON s.old = a.send)
    OR id IN (SELECT stencil FROM old.deliveries WHERE state IN ({ON_ITS_WAY}))
    ON CONFLICT DO NOTHING"""
_APPROVALS_SQL = """
    INSERT INTO main.approvals (send, language, variant, stencil)
    SELECT s.new, a.language, a.variant, n.id FROM old.approvals a JOIN sends_of s ON s.old = a.send
    JOIN old.stencils o ON o.id = a.stencil JOIN main.stencils n ON n.digest = o.digest
    WHERE s.old IN (SELECT id FROM new_sends)"""
_MAILED_SQL = f"""
    CREATE TEMP TABLE mailed AS
    SELECT i.id AS issue, p.new AS subscriber, s.new AS send, t.id AS stencil,
        CASE d.state WHEN 'sent' THEN 'sent' ELSE 'unknown' END AS state,
        {", ".join(f"d.{fact}" for fact in _FACTS)}
    FROM old.deliveries d
    JOIN old.issues oi ON oi.id = d.issue JOIN main.issues i ON i.slug = oi.slug
    JOIN same p ON p.old = d.subscriber
    JOIN sends_of s ON s.old = d.send
    JOIN old.stencils ot ON ot.id = d.stencil JOIN main.stencils t ON t.digest = ot.digest
    WHERE d.state IN ({ON_ITS_WAY})"""
_CLAIM_SQL = """
    UPDATE main.deliveries AS d SET state = 'claimed' FROM mailed m
    WHERE d.issue = m.issue AND d.subscriber = m.subscriber AND d.state IN ('planned', 'deferred')"""
_DECIDE_SQL = f"""
    UPDATE main.deliveries AS d SET state = m.state, not_before = 0, reason = ?,
        {", ".join(f"{fact} = m.{fact}" for fact in _FACTS)}
    FROM mailed m WHERE d.issue = m.issue AND d.subscriber = m.subscriber
    AND (d.state = 'claimed' OR (d.state = 'unknown' AND m.state = 'sent'))"""
_INSERT_SQL = f"""
    INSERT INTO main.deliveries (issue, subscriber, send, stencil, state, reason, {", ".join(_FACTS)})
    SELECT issue, subscriber, send, stencil, state, ?, {", ".join(_FACTS)} FROM mailed m
    WHERE NOT EXISTS (
        SELECT 1 FROM main.deliveries d WHERE d.issue = m.issue AND d.subscriber = m.subscriber)
    ORDER BY m.rowid"""
CUT_SHORT_SQL = """
    SELECT i.slug, o.audience, count(*) FROM old.sends o JOIN old.issues i ON i.id = o.issue
    JOIN old.deliveries d ON d.issue = o.issue AND d.send = o.id AND d.state IN ('planned', 'deferred')
    WHERE o.id IN (SELECT id FROM new_sends) AND o.state NOT IN ('planning', 'cancelled')
    GROUP BY o.id ORDER BY o.id"""
"""Sends that are not in the backup and had not ended, and whom they had not reached; after carry_sends()."""
_USAGE_SQL = """
    INSERT INTO main.usage (relay, minute, sent) SELECT relay, minute, sent FROM old.usage WHERE true
    ON CONFLICT (relay, minute) DO UPDATE SET sent = max(sent, excluded.sent)"""


def carry_sends(raw: sqlite3.Connection) -> int:
    """Take over who was mailed, or perhaps was, from the attached `old` into `main` -> how many deliveries.

    Wants the tables `same` of people and `same_lists`, inside a transaction. A row that waits is moved as
    the journal moves it, by way of `claimed`; what was on its way becomes `unknown`; missing rows are
    written, and with them the sends that the backup does not know, as done: sending again plans those who
    have no row. A plan that the backup caught unfinished is thrown away first, as it would be later with all
    its rows.
    """
    for statement in (*_PLANS_SQL, *_ISSUES_SQL):
        raw.execute(statement)
    raw.execute(_NEW_SENDS_SQL)
    raw.create_function("news_consents", 1, _Consents(raw), deterministic=True)
    columns = sorted({row[1] for row in raw.execute("PRAGMA main.table_info(sends)")} - _MAPPED)
    sql = _SENDS_SQL.format(
        columns=", ".join(columns), values=", ".join(f"o.{c}" for c in columns), states=ON_ITS_WAY
    )
    raw.execute(sql, [_REASON])
    for statement in (_SENDS_OF_SQL, _STENCILS_SQL, _APPROVALS_SQL, _MAILED_SQL, _CLAIM_SQL, _USAGE_SQL):
        raw.execute(statement)
    decided = raw.execute(_DECIDE_SQL, [_REASON]).rowcount
    return decided + raw.execute(_INSERT_SQL, [_REASON]).rowcount


class _Consents:
    """The lists whose consent carries a send, by the row ids that they have in `main`.

    A list that is not there leaves its group empty: then nobody consents.
    """

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._ids = dict(raw.execute("SELECT old, new FROM same_lists").fetchall())

    def __call__(self, consents: str) -> str:
        return json.dumps([[self._ids[i] for i in group if i in self._ids] for group in json.loads(consents)])
