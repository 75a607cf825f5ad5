"""The tables of joining and leaving through the public pages, and of the outbox."""

from __future__ import annotations

from newsletter.store.schema_people import one_of

_KINDS = "confirm already goodbye data"
_STATES = "planned claimed sent deferred failed skipped unknown"

JOINING_SQL = f"""
ALTER TABLE lists ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0 CHECK ({one_of("hidden", "0 1")});

CREATE TABLE requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    address TEXT NOT NULL CHECK (address <> ''),
    address_key TEXT NOT NULL CHECK (address_key <> ''),
    lists TEXT NOT NULL CHECK (json_valid(lists)),
    language TEXT NOT NULL DEFAULT '',
    wording TEXT NOT NULL DEFAULT '',
    page TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE joins (
    issue TEXT NOT NULL,
    channel TEXT NOT NULL CHECK (channel <> ''),
    asked INTEGER NOT NULL CHECK (asked >= 0),
    PRIMARY KEY (issue, channel)
) STRICT, WITHOUT ROWID;

CREATE TABLE joinings (
    event INTEGER PRIMARY KEY REFERENCES consent_events (id),
    subject BLOB NOT NULL REFERENCES subscribers (subject) ON DELETE CASCADE,
    list INTEGER NOT NULL REFERENCES lists (id),
    asked INTEGER NOT NULL,
    UNIQUE (subject, list)
) STRICT;
CREATE INDEX joinings_by_time ON joinings (asked);

CREATE TABLE leavings (
    event INTEGER PRIMARY KEY REFERENCES consent_events (id),
    subject BLOB NOT NULL REFERENCES subscribers (subject) ON DELETE CASCADE,
    at INTEGER NOT NULL,
    whole INTEGER NOT NULL CHECK ({one_of("whole", "0 1")}),
    suppressed INTEGER NOT NULL CHECK ({one_of("suppressed", "0 1")})
) STRICT;
CREATE INDEX leavings_by_subject ON leavings (subject);
CREATE INDEX leavings_by_time ON leavings (at);
CREATE TABLE taken (
    leaving INTEGER NOT NULL REFERENCES leavings (event) ON DELETE CASCADE,
    list INTEGER NOT NULL REFERENCES lists (id),
    state TEXT NOT NULL CHECK ({one_of("state", "pending active")}),
    since INTEGER NOT NULL,
    event INTEGER NOT NULL REFERENCES consent_events (id),
    left_by INTEGER NOT NULL REFERENCES consent_events (id),
    PRIMARY KEY (leaving, list)
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK ({one_of("kind", _KINDS)}),
    subject BLOB NOT NULL CHECK (length(subject) = 12),
    address_mac BLOB NOT NULL CHECK (length(address_mac) = 32),
    language TEXT NOT NULL DEFAULT '',
    about INTEGER NOT NULL DEFAULT 0,
    created INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'planned' CHECK ({one_of("state", _STATES)}),
    not_before INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    reply_code INTEGER,
    enhanced_code TEXT,
    reply TEXT,
    reason TEXT NOT NULL DEFAULT '',
    first_claimed INTEGER,
    updated INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_open ON outbox (state, not_before) WHERE {one_of("state", "planned claimed deferred")};
CREATE INDEX outbox_by_address ON outbox (address_mac, kind);
CREATE TRIGGER outbox_moves_as_agreed BEFORE UPDATE OF state ON outbox
WHEN OLD.state <> 'claimed' AND OLD.state <> NEW.state AND NOT (
    (OLD.state = 'planned' OR OLD.state = 'deferred') AND (NEW.state = 'claimed' OR NEW.state = 'skipped'))
BEGIN SELECT RAISE(ABORT, 'a mail of the outbox does not move between these states'); END;
"""

PAGE_LANGUAGE_SQL = """
ALTER TABLE requests ADD COLUMN page_language TEXT NOT NULL DEFAULT '';
UPDATE requests SET page_language = language;
ALTER TABLE joinings ADD COLUMN language TEXT NOT NULL DEFAULT '';
UPDATE joinings SET language = (
    SELECT g.language FROM consent_events e JOIN grounds g ON g.id = e.ground WHERE e.id = joinings.event);
"""

LEFT_ANEW_SQL = f"""
ALTER TABLE leavings ADD COLUMN anew INTEGER NOT NULL DEFAULT 0 CHECK ({one_of("anew", "0 1")});
"""

# In which language mails were asked for of what waited for a confirmation: its page has one of its own.
LANGUAGE_TAKEN_SQL = """
ALTER TABLE taken ADD COLUMN language TEXT;
"""
