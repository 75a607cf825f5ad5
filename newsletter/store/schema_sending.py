"""The tables of sending: issues, sends, stencils, the journal of deliveries, usage of the relay."""

from __future__ import annotations

from newsletter.store.schema_people import one_of

_SENDS = "planning ready running paused done cancelled"
_DELIVERIES = "planned claimed sent deferred failed skipped unknown"

SENDING_SQL = f"""
CREATE TABLE issues (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    slug TEXT NOT NULL UNIQUE CHECK (slug <> ''),
    created INTEGER NOT NULL
) STRICT;

CREATE TABLE sends (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    issue INTEGER NOT NULL REFERENCES issues (id),
    audience TEXT NOT NULL,
    consents TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(consents)),
    conditions TEXT NOT NULL DEFAULT '{{}}' CHECK (json_valid(conditions)),
    state TEXT NOT NULL CHECK ({one_of("state", _SENDS)}),
    seed BLOB NOT NULL CHECK (length(seed) = 32),
    created INTEGER NOT NULL,
    started INTEGER,
    finished INTEGER,
    scheduled INTEGER,
    reason TEXT NOT NULL DEFAULT '',
    sender TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX sends_by_issue ON sends (issue);

CREATE TABLE stencils (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    data BLOB NOT NULL
) STRICT;

CREATE TABLE approvals (
    send INTEGER NOT NULL REFERENCES sends (id) ON DELETE CASCADE,
    language TEXT NOT NULL,
    variant INTEGER NOT NULL CHECK (variant BETWEEN 0 AND 31),
    stencil INTEGER NOT NULL REFERENCES stencils (id),
    PRIMARY KEY (send, language, variant)
) STRICT, WITHOUT ROWID;

CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY,
    issue INTEGER NOT NULL REFERENCES issues (id),
    subscriber BLOB NOT NULL CHECK (length(subscriber) = 12),
    send INTEGER NOT NULL REFERENCES sends (id),
    stencil INTEGER REFERENCES stencils (id),
    state TEXT NOT NULL CHECK ({one_of("state", _DELIVERIES)}),
    not_before INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    reply_code INTEGER,
    enhanced_code TEXT,
    reply TEXT,
    reason TEXT NOT NULL DEFAULT '',
    first_claimed INTEGER,
    updated INTEGER NOT NULL,
    UNIQUE (issue, subscriber),
    CHECK (stencil IS NOT NULL OR state = 'skipped')
) STRICT;
CREATE INDEX deliveries_open ON deliveries (send, state, not_before)
    WHERE {one_of("state", "planned claimed deferred")};

CREATE TRIGGER deliveries_move_as_agreed BEFORE UPDATE OF state ON deliveries
WHEN OLD.state <> 'claimed' AND OLD.state <> NEW.state AND NOT (
    ((OLD.state = 'planned' OR OLD.state = 'deferred') AND (NEW.state = 'claimed' OR NEW.state = 'skipped'))
    OR (OLD.state = 'unknown' AND (NEW.state = 'planned' OR NEW.state = 'sent')))
BEGIN SELECT RAISE(ABORT, 'a delivery does not move between these states'); END;
CREATE TRIGGER deliveries_keep_their_person BEFORE UPDATE OF issue, subscriber, send ON deliveries
BEGIN SELECT RAISE(ABORT, 'a delivery belongs to one person, issue and send for ever'); END;
CREATE TRIGGER deliveries_are_kept BEFORE DELETE ON deliveries
WHEN (SELECT state FROM sends WHERE id = OLD.send) IS NOT 'planning'
BEGIN SELECT RAISE(ABORT, 'a delivery is only deleted with an unfinished plan'); END;
CREATE TRIGGER sends_are_not_planned_again BEFORE UPDATE OF state ON sends
WHEN NEW.state = 'planning' AND OLD.state <> 'planning'
BEGIN SELECT RAISE(ABORT, 'a planned send is never planned again'); END;

CREATE TABLE usage (
    relay TEXT NOT NULL,
    minute INTEGER NOT NULL,
    sent INTEGER NOT NULL CHECK (sent >= 0),
    PRIMARY KEY (relay, minute)
) STRICT, WITHOUT ROWID;
"""

# Who was refused waits until the relay has taken other mail, and has failed then.
REFUSED_BY_A_RELAY_SQL = """
DROP TRIGGER deliveries_move_as_agreed;
CREATE TRIGGER deliveries_move_as_agreed BEFORE UPDATE OF state ON deliveries
WHEN OLD.state <> 'claimed' AND OLD.state <> NEW.state AND NOT (
    ((OLD.state = 'planned' OR OLD.state = 'deferred') AND (NEW.state = 'claimed' OR NEW.state = 'skipped'))
    OR (OLD.state = 'unknown' AND (NEW.state = 'planned' OR NEW.state = 'sent'))
    OR (OLD.state = 'deferred' AND NEW.state = 'failed'))
BEGIN SELECT RAISE(ABORT, 'a delivery does not move between these states'); END;
DROP TRIGGER outbox_moves_as_agreed;
CREATE TRIGGER outbox_moves_as_agreed BEFORE UPDATE OF state ON outbox
WHEN OLD.state <> 'claimed' AND OLD.state <> NEW.state AND NOT (
    ((OLD.state = 'planned' OR OLD.state = 'deferred') AND (NEW.state = 'claimed' OR NEW.state = 'skipped'))
    OR (OLD.state = 'deferred' AND NEW.state = 'failed'))
BEGIN SELECT RAISE(ABORT, 'a mail of the outbox does not move between these states'); END;
"""

# A mail server's limits hold for its host, by whichever port it is reached.
USAGE_BY_HOST_SQL = """
INSERT INTO usage (relay, minute, sent)
    SELECT '>' || lower(rtrim(rtrim(rtrim(relay, '0123456789'), ':'), '.')), minute, sum(sent)
    FROM usage GROUP BY 1, 2;
DELETE FROM usage WHERE relay NOT GLOB '>*';
UPDATE usage SET relay = substr(relay, 2);
"""
