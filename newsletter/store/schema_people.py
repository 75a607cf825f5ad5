"""The tables of people: identity, lists, consent, suppression, imports, keys.

That no two people have one address_key is kept by its HMAC, address_mac, which is as unique as the key is: an
import can write people in the order of both address_mac and subject, neither of which says anything of
the address, so that neighbours are written together. An index on address_key would be written all over.
"""

from __future__ import annotations


def one_of(column: str, values: str) -> str:
    """A CHECK on words parted by blanks. OR, since an IN of many values is built anew for every row."""
    return " OR ".join(f"{column} = '{value}'" for value in values.split())


_EVENTS = "joined confirmed imported added left unsubscribed bounced complained restored erased"

PEOPLE_SQL = f"""
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE keys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    purpose TEXT NOT NULL CHECK (purpose <> ''),
    secret BLOB NOT NULL CHECK (length(secret) >= 32),
    created INTEGER NOT NULL,
    retired INTEGER,
    revoked INTEGER
) STRICT;
CREATE UNIQUE INDEX keys_current ON keys (purpose) WHERE retired IS NULL AND revoked IS NULL;

CREATE TABLE subscribers (
    subject BLOB PRIMARY KEY CHECK (length(subject) = 12),
    address_mac BLOB NOT NULL UNIQUE CHECK (length(address_mac) = 32),
    language TEXT NOT NULL DEFAULT '',
    country TEXT NOT NULL DEFAULT '',
    name TEXT NOT NULL DEFAULT '',
    address TEXT NOT NULL CHECK (address <> ''),
    address_key TEXT NOT NULL CHECK (address_key <> ''),
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    attributes TEXT NOT NULL DEFAULT '{{}}' CHECK (json_valid(attributes))
) STRICT, WITHOUT ROWID;

CREATE TABLE lists (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (name <> ''),
    title TEXT NOT NULL DEFAULT '',
    created INTEGER NOT NULL,
    removed INTEGER
) STRICT;

CREATE TABLE segments (
    name TEXT PRIMARY KEY COLLATE NOCASE CHECK (name <> ''),
    expression TEXT NOT NULL CHECK (expression <> ''),
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER lists_share_names_with_segments BEFORE INSERT ON lists
WHEN EXISTS (SELECT 1 FROM segments WHERE name = NEW.name)
BEGIN SELECT RAISE(ABORT, 'a saved segment has this name already'); END;
CREATE TRIGGER lists_renamed_share_names_with_segments BEFORE UPDATE OF name ON lists
WHEN EXISTS (SELECT 1 FROM segments WHERE name = NEW.name)
BEGIN SELECT RAISE(ABORT, 'a saved segment has this name already'); END;
CREATE TRIGGER segments_share_names_with_lists BEFORE INSERT ON segments
WHEN EXISTS (SELECT 1 FROM lists WHERE name = NEW.name)
BEGIN SELECT RAISE(ABORT, 'a list has this name already'); END;
CREATE TRIGGER segments_renamed_share_names_with_lists BEFORE UPDATE OF name ON segments
WHEN EXISTS (SELECT 1 FROM lists WHERE name = NEW.name)
BEGIN SELECT RAISE(ABORT, 'a list has this name already'); END;

CREATE TABLE imports (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    list INTEGER NOT NULL REFERENCES lists (id),
    source TEXT NOT NULL DEFAULT '',
    file_name TEXT NOT NULL DEFAULT '',
    added INTEGER NOT NULL DEFAULT 0,
    updated INTEGER NOT NULL DEFAULT 0,
    unchanged INTEGER NOT NULL DEFAULT 0,
    suppressed INTEGER NOT NULL DEFAULT 0,
    duplicates INTEGER NOT NULL DEFAULT 0,
    rejected INTEGER NOT NULL DEFAULT 0,
    finished INTEGER,
    undone INTEGER
) STRICT;

CREATE TABLE grounds (
    id INTEGER PRIMARY KEY,
    list TEXT NOT NULL DEFAULT '',
    source TEXT NOT NULL DEFAULT '',
    wording TEXT NOT NULL DEFAULT '',
    language TEXT NOT NULL DEFAULT '',
    page TEXT NOT NULL DEFAULT '',
    UNIQUE (list, source, wording, language, page)
) STRICT;

CREATE TABLE consent_events (
    id INTEGER PRIMARY KEY,
    subject BLOB NOT NULL CHECK (length(subject) = 12),
    kind TEXT NOT NULL CHECK ({one_of("kind", _EVENTS)}),
    at INTEGER NOT NULL,
    ground INTEGER NOT NULL REFERENCES grounds (id),
    import INTEGER REFERENCES imports (id)
) STRICT;
CREATE INDEX consent_events_by_subject ON consent_events (subject);

CREATE TRIGGER consent_events_stay BEFORE UPDATE ON consent_events
BEGIN SELECT RAISE(ABORT, 'consent events are only ever added'); END;
CREATE TRIGGER consent_events_are_kept BEFORE DELETE ON consent_events
BEGIN SELECT RAISE(ABORT, 'consent events are only ever added'); END;
CREATE TRIGGER consent_events_are_not_replaced BEFORE INSERT ON consent_events
WHEN EXISTS (SELECT 1 FROM consent_events WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'consent events are only ever added'); END;
CREATE TRIGGER grounds_stay BEFORE UPDATE ON grounds
BEGIN SELECT RAISE(ABORT, 'the wording of a consent is never changed'); END;
CREATE TRIGGER grounds_are_kept BEFORE DELETE ON grounds
BEGIN SELECT RAISE(ABORT, 'the wording of a consent is never changed'); END;
CREATE TRIGGER grounds_are_not_replaced BEFORE INSERT ON grounds
WHEN EXISTS (SELECT 1 FROM grounds WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'the wording of a consent is never changed'); END;

CREATE TABLE memberships (
    subject BLOB NOT NULL REFERENCES subscribers (subject) ON DELETE CASCADE,
    list INTEGER NOT NULL REFERENCES lists (id),
    state TEXT NOT NULL CHECK ({one_of("state", "pending active left")}),
    since INTEGER NOT NULL,
    event INTEGER NOT NULL REFERENCES consent_events (id),
    PRIMARY KEY (subject, list)
) STRICT, WITHOUT ROWID;
CREATE INDEX memberships_by_list ON memberships (list, state, subject);

CREATE TABLE suppressions (
    address_mac BLOB NOT NULL CHECK (length(address_mac) = 32),
    kind TEXT NOT NULL CHECK ({one_of("kind", "unsubscribed bounced complained erased")}),
    since INTEGER NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (address_mac, kind)
) STRICT, WITHOUT ROWID;
"""

# When taking an import back began. It stays: whoever was mailed after that is not taken back.
UNDOING_SQL = """
ALTER TABLE imports ADD COLUMN undoing INTEGER;
"""
