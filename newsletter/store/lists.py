"""Lists and saved segments, which share one namespace."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from difflib import get_close_matches

from newsletter.errors import NotFoundError, RefusedError, SegmentError, UsageError
from newsletter.models import ListInfo, SegmentInfo
from newsletter.segments import parse, with_list_renamed
from newsletter.store.database import Connection, Row
from newsletter.store.renames import Renames

_NAME = re.compile(r"[^\W_][\w.+-]{0,63}")
_NEAR = 0.75  # of difflib's ratio

_LISTS_SQL = """
    SELECT name, title, created, hidden,
        (SELECT count(*) FROM memberships WHERE list = lists.id AND state = 'active'),
        (SELECT count(*) FROM memberships WHERE list = lists.id AND state = 'pending'),
        (SELECT count(*) FROM memberships WHERE list = lists.id AND state = 'left')
    FROM lists WHERE removed IS NULL"""


class Lists:
    """The subscription lists with their counts."""

    def __init__(self, connection: Connection, now: Callable[[], int]) -> None:
        self._connection = connection
        self._now = now
        self.renames = Renames(connection)

    def all(self) -> list[ListInfo]:
        """Every list, by name."""
        return [_list(row) for row in self._connection.rows(f"{_LISTS_SQL} ORDER BY name")]

    def titled(self) -> list[ListInfo]:
        """Every list by name, without its counts, which cost as much as the list is long."""
        rows = self._connection.rows(
            "SELECT name, title, created, hidden FROM lists WHERE removed IS NULL ORDER BY name"
        )
        return [_list((*row, 0, 0, 0)) for row in rows]

    def offered(self) -> list[ListInfo]:
        """The lists that the public pages offer, by name, without their counts."""
        return [info for info in self.titled() if not info.hidden]

    def hide(self, name: str, *, hidden: bool) -> str:
        """Offer a list on the public pages no more, or again -> its name. Raises NotFoundError."""
        with self._connection.transaction():
            found = self.get(name)
            if found is None:
                raise self.missing(name)
            self._connection.run("UPDATE lists SET hidden = ? WHERE name = ?", [int(hidden), name])
            return found.name

    def missing(self, name: str) -> NotFoundError:
        """What to say of a list that is not there."""
        near = self.near(name)
        return NotFoundError(f"there is no list '{name}'", hint=f"did you mean '{near}'?" if near else "")

    def names(self) -> list[str]:
        """The lists' names, in order."""
        rows = self._connection.rows("SELECT name FROM lists WHERE removed IS NULL ORDER BY name")
        return [name for (name,) in rows]

    def get(self, name: str) -> ListInfo | None:
        """One list, whatever the case of the name's letters."""
        row = self._connection.row(f"{_LISTS_SQL} AND name = ?", [name])
        return _list(row) if row else None

    def create(self, name: str, title: str = "", *, hidden: bool = False) -> ListInfo:
        """Make a list; one that was removed stays hidden where it was.

        Raises UsageError where the name is taken or cannot be typed in a segment.
        """
        with self._connection.transaction():
            _refuse_name(name)
            if self._connection.value("SELECT 1 FROM segments WHERE name = ?", [name]):
                raise UsageError(f"there is a saved segment '{name}' already: a list needs another name")
            if self.id_of(name) is not None:
                raise UsageError(f"there is a list '{name}' already")
            self._connection.run(
                "INSERT INTO lists (name, title, created, hidden) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (name) DO UPDATE "
                "SET name = excluded.name, title = excluded.title, removed = NULL, "
                "hidden = max(hidden, excluded.hidden)",
                [name, title, self._now(), int(hidden)],
            )
            return _list(self._connection.rows(f"{_LISTS_SQL} AND name = ?", [name])[0])

    def ensure(self, name: str) -> bool:
        """Make the list where there is none -> whether it was made."""
        with self._connection.transaction():
            missing = self.id_of(name) is None
            if missing:
                self.create(name)
            return missing

    def id_of(self, name: str) -> int | None:
        """The list's row id."""
        found: int | None = self._connection.value(
            "SELECT id FROM lists WHERE name = ? AND removed IS NULL", [name]
        )
        return found

    def near(self, name: str) -> str:
        """The list that may have been meant by a name that is not there; empty where none is near."""
        names = {known.casefold(): known for known in self.names()}
        close = get_close_matches(name.casefold(), names, n=1, cutoff=_NEAR)
        return names[close[0]] if close else ""

    def remove(self, name: str) -> None:
        """Take away a list that nobody is in. Who left it, and how they had joined, stays known.

        Made again under the same name, it is the same list: an import brings nobody back. Raises
        NotFoundError, and RefusedError where somebody is in it or a saved segment asks for it.
        """
        with self._connection.transaction():
            found = self.get(name)
            if found is None:
                raise self.missing(name)
            if found.active or found.pending:
                raise RefusedError(
                    f"'{found.name}' has {found.active:,} active and {found.pending:,} pending people",
                    hint="only a list that nobody is in can be removed",
                )
            for segment, expression in self._connection.rows("SELECT name, expression FROM segments"):
                if _asks_for(expression, found.name, self.names()):
                    raise RefusedError(
                        f"the saved segment '{segment}' asks for the list '{found.name}'",
                        hint=f'save it anew without it: newsletter segments add {segment} "…"',
                    )
            self._connection.run("UPDATE lists SET removed = ? WHERE name = ?", [self._now(), name])

    def title(self, name: str, title: str) -> str:
        """Give a list the title that pages show, none where it is empty -> its name. Raises NotFoundError."""
        with self._connection.transaction():
            found = self.get(name)
            if found is None:
                raise self.missing(name)
            self._connection.run("UPDATE lists SET title = ? WHERE name = ?", [title, found.name])
            return found.name

    def rename(self, name: str, new: str) -> list[str]:
        """Give a list another name -> the saved segments that ask for it, which follow.

        How people joined stays on record under the old name. Raises NotFoundError, UsageError where the new
        name is taken or cannot be typed in a segment, RefusedError while a send to the list is not finished.
        """
        with self._connection.transaction():
            found = self.get(name)
            if found is None:
                raise self.missing(name)
            _refuse_name(new)
            if new.casefold() != found.name.casefold():
                self._refuse_taken(new)
            self._refuse_sending(found.name)
            followers = [
                (segment, with_list_renamed(expression, found.name, new))
                for segment, expression in self._connection.rows("SELECT name, expression FROM segments")
                if _asks_for(expression, found.name, self.names())
            ]
            self.renames.note(self.id_of(name) or 0, found.name, self._now())
            self._connection.run("UPDATE lists SET name = ? WHERE name = ?", [new, found.name])
            self._connection.run_many(
                "UPDATE segments SET expression = ? WHERE name = ?", [(text, one) for one, text in followers]
            )
            return [segment for segment, _ in followers]

    def _refuse_taken(self, name: str) -> None:
        row = self._connection.row("SELECT removed FROM lists WHERE name = ?", [name])
        if row is not None:
            there = f"there is a list '{name}' already" if row[0] is None else f"'{name}' was a list once"
            raise UsageError(f"{there}: choose another name")
        if self._connection.value("SELECT 1 FROM segments WHERE name = ?", [name]):
            raise UsageError(f"there is a saved segment '{name}' already: a list needs another name")

    def _refuse_sending(self, name: str) -> None:
        rows = self._connection.rows(
            "SELECT i.slug, n.audience FROM sends n JOIN issues i ON i.id = n.issue "
            "WHERE n.state NOT IN ('done', 'cancelled')"
        )
        for slug, audience in rows:
            if audience.casefold() == name.casefold() or _asks_for(audience, name, self.names()):
                raise RefusedError(
                    f"the send of '{slug}' to {audience} is not finished",
                    hint=f"finish or cancel it first: newsletter status {slug}",
                )


class Segments:
    """The saved questions over subscribers."""

    def __init__(self, connection: Connection, now: Callable[[], int]) -> None:
        self._connection = connection
        self._now = now

    def all(self) -> list[SegmentInfo]:
        """Every saved segment, by name."""
        rows = self._connection.rows("SELECT name, expression, created FROM segments ORDER BY name")
        return [SegmentInfo(name=name, expression=text, created=at) for name, text, at in rows]

    def expressions(self) -> dict[str, str]:
        """The expressions by name, as segments.parse() takes them."""
        return {info.name: info.expression for info in self.all()}

    def save(self, name: str, expression: str) -> SegmentInfo:
        """Save or replace a segment. Raises UsageError where a list has that name."""
        with self._connection.transaction():
            _refuse_name(name)
            row = self._connection.row("SELECT removed FROM lists WHERE name = ?", [name])
            if row is not None:
                there = f"there is a list '{name}' already" if row[0] is None else f"'{name}' was a list once"
                raise UsageError(f"{there}: a segment needs another name")
            now = self._now()
            self._connection.run(
                "INSERT INTO segments (name, expression, created) VALUES (?, ?, ?) "
                "ON CONFLICT (name) DO UPDATE SET expression = excluded.expression",
                [name, expression, now],
            )
            return SegmentInfo(name=name, expression=expression, created=now)

    def remove(self, name: str) -> None:
        """Forget a saved segment. Raises NotFoundError."""
        if not self._connection.run("DELETE FROM segments WHERE name = ?", [name]):
            raise NotFoundError(f"there is no saved segment '{name}'")


def _asks_for(expression: str, name: str, lists: Collection[str]) -> bool:
    try:
        segment = parse(expression, lists=lists, segments={})
    except SegmentError:
        return False
    return any(term.key == "list" and name in term.values for term in segment.terms)


def _refuse_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"'{name}' cannot be the name of a list or segment",
            hint="letters, digits, and . _ + - after the first letter or digit, at most 64",
        )


def _list(row: Row) -> ListInfo:
    name, title, created, hidden, active, pending, left = row
    return ListInfo(
        name=name,
        title=title,
        created=created,
        hidden=bool(hidden),
        active=active,
        pending=pending,
        left=left,
    )
