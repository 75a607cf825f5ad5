"""The people: finding, streaming, writing and erasing one subscriber's row."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from itertools import islice

from newsletter.models import (
    Address,
    ConsentEvent,
    ConsentKind,
    Membership,
    MembershipState,
    Profile,
    Subscriber,
    SuppressionKind,
)
from newsletter.segments import Segment
from newsletter.store.consent import Consent, Suppressions
from newsletter.store.database import Connection, Row
from newsletter.store.keys import Keys
from newsletter.store.segments_sql import (
    MEMBERS,
    STATE_SQL,
    Binder,
    audience_count_sql,
    filter_sql,
)
from newsletter.store.subjects import SUBJECT_BYTES, new_id
from newsletter.store.text import bare

_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_PAGE = 500
_MOST_NEAR = 3
_NEAR = 0.8  # of difflib's ratio

PROFILE_COLUMNS = "s.address, s.address_key, s.name, s.language, s.country, s.attributes"
_PERSON_SQL = f"""
    SELECT s.subject, {STATE_SQL} AS state, s.created, s.updated,
        (SELECT json_group_array(json_array(l.name, m.state, m.since))
            FROM memberships m JOIN lists l ON l.id = m.list WHERE m.subject = s.subject),
        {PROFILE_COLUMNS}
    FROM subscribers s"""


class People:
    """The one table that holds personal data."""

    def __init__(
        self,
        connection: Connection,
        keys: Keys,
        consent: Consent,
        suppressions: Suppressions,
    ) -> None:
        self._connection = connection
        self._keys = keys
        self._consent = consent
        self._suppressions = suppressions

    def get(self, address_key: str) -> Subscriber | None:
        """The person with this address key."""
        mac = self._keys.address_mac(address_key)
        row = self._connection.row(f"{_PERSON_SQL} WHERE s.address_mac = ?", [mac])
        return _subscriber(row) if row else None

    def by_subject(self, subject: bytes) -> Subscriber | None:
        """The person with this id; None where there is none or the person was erased."""
        row = self._connection.row(f"{_PERSON_SQL} WHERE s.subject = ?", [subject])
        return _subscriber(row) if row else None

    def near(self, address_key: str) -> list[str]:
        """Addresses that somebody may have meant by this one, nearest first, at most three.

        Those with the same local part elsewhere, or nearly the same one at the same domain.
        """
        local, _, domain = address_key.rpartition("@")
        rows = self._connection.rows(
            "SELECT address_key, address FROM subscribers "
            "WHERE substr(address_key, 1, :n) = :local OR (substr(address_key, -:m) = :domain "
            "AND length(address_key) BETWEEN :length - 2 AND :length + 2)",
            {
                "n": len(local) + 1,
                "local": f"{local}@",
                "m": len(domain) + 1,
                "domain": f"@{domain}",
                "length": len(address_key),
            },
        )
        shown = {key: text for key, text in rows if key != address_key}
        locals_of = {key.rpartition("@")[0] for key in shown}
        close = set(get_close_matches(local, locals_of, n=_MOST_NEAR, cutoff=_NEAR))
        found = [key for key in shown if key.rpartition("@")[0] in close]
        return [shown[key] for key in get_close_matches(address_key, found, n=_MOST_NEAR, cutoff=0.0)]

    def select(self, segment: Segment | None = None, state: str | None = None) -> Iterator[Subscriber]:
        """People of a segment and derived state, by address.

        Someone is in a list here while pending or active; who left is not.
        """
        bind = Binder()
        return self._those(
            f"{filter_sql(segment, bind, MEMBERS)} AND {_state_filter(state, bind)}", bind.values
        )

    def find(self, text: str) -> Iterator[Subscriber]:
        """People whose address or name holds the text, by address; accents and case do not matter."""
        holds = "instr(news_bare(s.address), :text) OR instr(news_bare(s.name), :text)"
        return self._those(holds, {"text": bare(text)})

    def _those(self, where: str, values: dict[str, object]) -> Iterator[Subscriber]:
        """People for whom `where` holds, by address.

        Who they are is asked once, what they are page by page: no read transaction stays open.
        """
        found = self._connection.blobs(
            f"SELECT s.subject FROM subscribers s WHERE {where} ORDER BY s.address_key", values
        )
        ids = (bytes(found[at : at + SUBJECT_BYTES]) for at in range(0, len(found), SUBJECT_BYTES))
        while subjects := list(islice(ids, _PAGE)):
            marks = ", ".join("?" * len(subjects))
            rows = self._connection.rows(f"{_PERSON_SQL} WHERE s.subject IN ({marks})", subjects)
            people = {row[0]: row for row in rows}
            yield from (_subscriber(people[subject]) for subject in subjects if subject in people)

    def count(self, segment: Segment | None = None, state: str | None = None) -> int:
        """How many people select() would give."""
        bind = Binder()
        where = f"{filter_sql(segment, bind, MEMBERS)} AND {_state_filter(state, bind)}"
        return int(self._connection.value(f"SELECT count(*) FROM subscribers s WHERE {where}", bind.values))

    def audience_count(self, segment: Segment) -> int:
        """How many people a send to this segment reaches."""
        bind = Binder()
        return int(self._connection.value(audience_count_sql(segment, bind), bind.values))

    def put(self, profile: Profile, now: int) -> bytes:
        """Insert or update one person -> the subject id. Empty values never blank known ones."""
        with self._connection.transaction():
            known = self.get(profile.address.key)
            if known is None:
                subject = new_id()
                mac = self._keys.address_mac(profile.address.key)
                self._connection.run(INSERT_SQL, person_row(subject, mac, profile, now))
                return subject
            merged = merge(known.profile, profile)
            if merged != known.profile:
                self._connection.run(UPDATE_SQL, update_row(known.subject, merged, now))
            return known.subject

    def join(self, subject: bytes, list_name: str, state: MembershipState, event: int, now: int) -> None:
        """Set one membership; `event` is the consent event that tells why."""
        self._connection.run(
            "INSERT INTO memberships (subject, list, state, since, event) "
            "VALUES (?, (SELECT id FROM lists WHERE name = ?), ?, ?, ?) "
            "ON CONFLICT (subject, list) DO UPDATE SET "
            "state = excluded.state, since = excluded.since, event = excluded.event",
            [subject, list_name, state, now, event],
        )

    def set_words(self, subject: bytes, *, name: str = "", language: str = "", now: int) -> None:
        """What the person says of themselves: a name, a language; empty leaves what is known."""
        self._connection.run(
            "UPDATE subscribers SET name = coalesce(nullif(?, ''), name), "
            "language = coalesce(nullif(?, ''), language), updated = ? WHERE subject = ?",
            [name, language, now, subject],
        )

    def erase(self, subject: bytes, *, now: int, reason: str = "") -> bool:
        """Delete the person's row and memberships -> whether there was one. What stays is not personal."""
        with self._connection.transaction():
            mac = self._connection.value("SELECT address_mac FROM subscribers WHERE subject = ?", [subject])
            if mac is None:
                return False
            self._suppressions.add_mac(mac, SuppressionKind.ERASED, reason)
            self._consent.append(
                ConsentEvent(subject=subject, kind=ConsentKind.ERASED, at=now, source=reason)
            )
            self._connection.run(
                "DELETE FROM requests WHERE address_key = "
                "(SELECT address_key FROM subscribers WHERE subject = ?)",
                [subject],
            )
            self._connection.run("DELETE FROM subscribers WHERE subject = ?", [subject])
            return True


INSERT_SQL = (
    "INSERT INTO subscribers (subject, address_mac, address, address_key, name, language, country, "
    "attributes, created, updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
UPDATE_SQL = (
    "UPDATE subscribers SET address = ?, address_key = ?, name = ?, language = ?, country = ?, "
    "attributes = ?, updated = ? WHERE subject = ?"
)


def person_row(subject: bytes, address_mac: bytes, profile: Profile, now: int) -> list[object]:
    """The values for INSERT_SQL."""
    return [subject, address_mac, *person_values(profile), now, now]


def update_row(subject: bytes, profile: Profile, now: int) -> list[object]:
    """The values for UPDATE_SQL."""
    return [*person_values(profile), now, subject]


def person_values(profile: Profile) -> list[object]:
    """The values of PROFILE_COLUMNS."""
    attributes = {name: value for name, value in profile.attributes.items() if value}
    return [
        profile.address.text,
        profile.address.key,
        profile.name,
        profile.language,
        profile.country,
        _to_json(attributes) if attributes else "{}",
    ]


def read_profile(row: Row) -> Profile:
    """A profile from the columns of PROFILE_COLUMNS."""
    text, key, name, language, country, attributes = row
    local = text.rpartition("@")[0]
    return Profile(
        address=Address(text=text, key=key, needs_smtputf8=not local.isascii()),
        name=name,
        language=language,
        country=country,
        attributes=json.loads(attributes) if attributes != "{}" else {},
    )


def merge(known: Profile, new: Profile) -> Profile:
    """What is known, replaced by what is new; an empty new value leaves the known one."""
    return Profile(
        address=known.address,
        name=new.name or known.name,
        language=new.language or known.language,
        country=new.country or known.country,
        attributes=_filled(known.attributes, new.attributes),
    )


def _filled(known: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    return {**known, **{name: value for name, value in new.items() if value}}


def _state_filter(state: str | None, bind: Binder) -> str:
    return f"{STATE_SQL} = {bind(state)}" if state else "1"


def _subscriber(row: Row) -> Subscriber:
    subject, state, created, updated, memberships, *profile = row
    return Subscriber(
        subject=subject,
        profile=read_profile(tuple(profile)),
        state=state,
        memberships=tuple(
            Membership(list_name=name, state=MembershipState(kind), since=since)
            for name, kind, since in sorted(json.loads(memberships))
        ),
        created=created,
        updated=updated,
    )
