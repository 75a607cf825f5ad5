"""What a database that is replaced by a backup still knows: who left, who was erased, who was mailed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from msgspec import Struct

from newsletter.store.carry_joining import carry_joining
from newsletter.store.carry_sends import CUT_SHORT_SQL, ON_ITS_WAY, carry_sends
from newsletter.store.failures import translated
from newsletter.store.files import copy_database
from newsletter.store.keys import SUPPRESSION
from newsletter.store.schema import STEPS, applied_migrations, migrate_copy

_NEEDED = {"meta", "keys", "subscribers", "lists", "grounds", "consent_events", "memberships", "suppressions"}
_UNREADABLE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_DAMAGED = "it is damaged, or no newsletter database"
_STRANGER = "it belongs to another project"
_GROUND = "list, source, wording, language, page"

# Links in mails that went out since go on working, and no link of a key that was revoked since.
_KEYS_SQL = f"""
UPDATE main.keys AS n SET retired = coalesce(n.retired, o.retired), revoked = coalesce(n.revoked, o.revoked)
    FROM old.keys o WHERE o.id = n.id AND o.secret = n.secret;
INSERT INTO main.keys (id, purpose, secret, created, retired, revoked)
    SELECT o.id, o.purpose, o.secret, o.created, CASE WHEN EXISTS (
        SELECT 1 FROM main.keys n WHERE n.purpose = o.purpose AND n.retired IS NULL AND n.revoked IS NULL)
        THEN coalesce(o.retired, o.created) ELSE o.retired END, o.revoked
    FROM old.keys o WHERE o.id NOT IN (SELECT id FROM main.keys) AND o.purpose <> '{SUPPRESSION}';
INSERT INTO main.keys (purpose, secret, created) SELECT purpose, secret, created FROM old.keys
    WHERE purpose = '{SUPPRESSION}'
    AND NOT EXISTS (SELECT 1 FROM main.keys WHERE purpose = '{SUPPRESSION}');
"""
# Who came since the backup and was mailed is known again, in no list: else they would be mailed twice once
# they are imported again, and the way out of the mail that they have would lead nowhere.
_KNOWN_SQL = """
CREATE TEMP TABLE known AS
    SELECT subject FROM old.subscribers
    WHERE address_mac NOT IN (SELECT address_mac FROM main.subscribers)
    AND subject IN (SELECT subscriber FROM old.deliveries WHERE state IN ({states}));
INSERT INTO main.subscribers ({columns})
    SELECT {columns} FROM old.subscribers WHERE subject IN (SELECT subject FROM known);
"""
_PREPARE_SQL = """
CREATE TEMP TABLE same AS
    SELECT o.subject AS old, n.subject AS new
    FROM old.subscribers o JOIN main.subscribers n ON n.address_mac = o.address_mac;
CREATE UNIQUE INDEX temp.same_by_old ON same (old);
CREATE TEMP TABLE same_lists AS
    SELECT o.id AS old, n.id AS new FROM old.lists o JOIN main.lists n USING (id, created);
INSERT INTO same_lists
    SELECT o.id, n.id FROM old.lists o JOIN main.lists n USING (name)
    WHERE o.id NOT IN (SELECT old FROM same_lists) AND n.id NOT IN (SELECT new FROM same_lists);
CREATE TEMP TABLE left_since AS
    SELECT p.new AS subject, l.new AS list, o.since, o.event, e.kind, e.at
    FROM old.memberships o
    JOIN same p ON p.old = o.subject
    JOIN same_lists l ON l.old = o.list
    JOIN main.memberships n ON n.subject = p.new AND n.list = l.new
    JOIN old.consent_events e ON e.id = o.event
    WHERE o.state = 'left' AND n.state <> 'left' AND o.since >= n.since;
CREATE TEMP TABLE erased AS
    SELECT s.subject FROM main.subscribers s
    WHERE s.subject IN (SELECT subject FROM old.consent_events WHERE kind = 'erased')
    OR s.address_mac IN (SELECT address_mac FROM old.suppressions WHERE kind = 'erased');
CREATE TEMP TABLE gone AS
    SELECT address_mac FROM main.subscribers
    WHERE subject IN (SELECT subject FROM left_since UNION SELECT subject FROM erased)
    UNION SELECT address_mac FROM (
        SELECT address_mac, kind FROM old.suppressions
        EXCEPT SELECT address_mac, kind FROM main.suppressions);
CREATE TEMP TABLE events AS
    SELECT coalesce(p.new, e.subject) AS subject, e.kind, e.at,
        g.list, g.source, g.wording, g.language, g.page
    FROM old.consent_events e
    JOIN old.grounds g ON g.id = e.ground
    LEFT JOIN same p ON p.old = e.subject
    WHERE (e.kind IN ('left', 'unsubscribed', 'bounced', 'complained', 'erased')
        OR e.id IN (SELECT event FROM left_since))
    AND coalesce(p.new, e.subject) IN (SELECT subject FROM main.subscribers)
    AND NOT EXISTS (
        SELECT 1 FROM main.consent_events n
        WHERE n.subject = coalesce(p.new, e.subject) AND n.kind = e.kind AND n.at = e.at)
    ORDER BY e.id;
"""
_CARRY_SQL = f"""
INSERT INTO main.grounds ({_GROUND}) SELECT DISTINCT {_GROUND} FROM events WHERE true ON CONFLICT DO NOTHING;
INSERT INTO main.consent_events (subject, kind, at, ground)
    SELECT e.subject, e.kind, e.at, g.id FROM events e
    JOIN main.grounds g USING ({_GROUND}) ORDER BY e.rowid;
UPDATE main.memberships AS n SET state = 'left', since = c.since, event = (
        SELECT max(e.id) FROM main.consent_events e
        WHERE e.subject = c.subject AND e.kind = c.kind AND e.at = c.at)
    FROM left_since c WHERE n.subject = c.subject AND n.list = c.list;
INSERT INTO main.suppressions (address_mac, kind, since, reason)
    SELECT address_mac, kind, since, reason FROM old.suppressions WHERE true ON CONFLICT DO NOTHING;
DELETE FROM main.subscribers WHERE subject IN (SELECT subject FROM erased);
"""

_ANYBODY_SQL = "SELECT EXISTS (SELECT 1 FROM old.subscribers) OR EXISTS (SELECT 1 FROM old.suppressions)"


class Carried(Struct, frozen=True, kw_only=True):
    """What was taken over: how many people are kept out, and deliveries.

    `known` counts the people who came since and were mailed: they are known again, and in no list.
    `cut_short` are sends that the backup does not know and that had not ended: each with its issue, its
    audience, and how many were still to get it. `why_not` says why nothing could be taken over; empty where
    it was.
    """

    gone: int = 0
    known: int = 0
    mailed: int = 0
    cut_short: tuple[tuple[str, str, int], ...] = ()
    why_not: str = ""


def carry_over(fresh: Path, replaced: Path) -> Carried:
    """Write into the database at `fresh` what the one at `replaced`, which stays as it is, knows beyond it.

    Suppressions, by the fingerprints of the addresses; erasures, which are done again; memberships left, with
    their consent events; the keys of links; what was mailed, and to whom; and what carry_joining() says.
    Everything or nothing. `fresh` has every table of this program; of an older `replaced`, a copy is
    migrated. Raises StoreError where `fresh` cannot be written.
    """
    uri = fresh.resolve().as_uri()
    with translated(fresh), closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as raw:
        try:
            _attach(raw, replaced)
            if why_not := _unfit(raw):
                return Carried(why_not=why_not)
            raw.execute("DETACH DATABASE old")
            with _migrated(replaced, fresh.with_name(f"{fresh.name}.old")) as old:
                _attach(raw, old)
                return _carry(raw)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF not in _UNREADABLE:
                raise
            return Carried(why_not=_DAMAGED)


class Outlook(Struct, frozen=True, kw_only=True):
    """What carry_over() would find: why nothing could be taken over, and whether that would be a stranger's.

    `stranger` where the database belongs to another project and knows somebody, or an address to leave alone.
    """

    why_not: str = ""
    stranger: bool = False


def foresee(backup_file: Path, replaced: Path) -> Outlook:
    """What carry_over() from `replaced` would find if the backup stood in its place; nothing is changed."""
    uri = f"{backup_file.resolve().as_uri()}?mode=ro"
    with translated(backup_file), closing(sqlite3.connect(uri, uri=True)) as raw:
        try:
            _attach(raw, replaced)
            why_not = _unfit(raw)
            known = why_not == _STRANGER and raw.execute(_ANYBODY_SQL).fetchone() == (1,)
            return Outlook(why_not=why_not, stranger=known)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF not in _UNREADABLE:
                raise
            return Outlook(why_not=_DAMAGED)


def _attach(raw: sqlite3.Connection, old: Path) -> None:
    raw.execute("ATTACH DATABASE ? AS old", [f"{old.resolve().as_uri()}?mode=ro"])


@contextmanager
def _migrated(replaced: Path, copy: Path) -> Iterator[Path]:
    """The database as this program writes it: itself, or for a while a copy."""
    if applied_migrations(replaced) >= STEPS.keys():
        yield replaced
        return
    try:
        copy_database(replaced, copy)
        migrate_copy(copy)
        yield copy
    finally:
        copy.unlink(missing_ok=True)


def _unfit(raw: sqlite3.Connection) -> str:
    """Why nothing can be taken from the database `old`; empty where it can."""
    tables = {name for (name,) in raw.execute("SELECT name FROM old.sqlite_master WHERE type = 'table'")}
    if not tables >= _NEEDED or raw.execute("PRAGMA old.quick_check(1)").fetchone() != ("ok",):
        return _DAMAGED
    project = "SELECT value FROM {}.meta WHERE key = 'project_id'"
    if raw.execute(project.format("old")).fetchone() != raw.execute(project.format("main")).fetchone():
        return _STRANGER
    key = "SELECT secret FROM {}.keys WHERE purpose = ?"
    old = raw.execute(key.format("old"), [SUPPRESSION]).fetchone()
    new = raw.execute(key.format("main"), [SUPPRESSION]).fetchone()
    if old and new and old != new:
        return "its fingerprints of addresses were made with another key"
    return ""


def _carry(raw: sqlite3.Connection) -> Carried:
    for pragma in ("foreign_keys = ON", "main.secure_delete = ON", "temp_store = MEMORY"):
        raw.execute(f"PRAGMA {pragma}")
    raw.execute("BEGIN IMMEDIATE")
    try:
        _run(raw, _KEYS_SQL)
        columns = ", ".join(row[1] for row in raw.execute("PRAGMA main.table_info(subscribers)"))
        _run(raw, _KNOWN_SQL.format(columns=columns, states=ON_ITS_WAY))
        _run(raw, _PREPARE_SQL)
        known = raw.execute("SELECT count(*) FROM known").fetchone()[0]
        gone = raw.execute("SELECT count(*) FROM gone").fetchone()[0]
        mailed = carry_sends(raw)
        cut = tuple(raw.execute(CUT_SHORT_SQL))
        _run(raw, _CARRY_SQL)
        carry_joining(raw)
        raw.execute("COMMIT")
    except sqlite3.Error:
        if raw.in_transaction:
            raw.execute("ROLLBACK")
        raise
    return Carried(gone=gone, known=known, mailed=mailed, cut_short=cut)


def _run(raw: sqlite3.Connection, script: str) -> None:
    """Several statements inside the transaction, which executescript() would end."""
    for statement in filter(str.strip, script.split(";\n")):
        raw.execute(statement)
