"""Lists and saved segments, which share one namespace."""

from __future__ import annotations

import re
from collections.abc import Callable

from newsletter.errors import NotFoundError, UsageError
from newsletter.models import ListInfo, SegmentInfo
from newsletter.store.database import Connection, Row

_NAME = re.compile(r"[^\W_][\w.+-]{0,63}")

_LISTS_SQL = """
    SELECT name, title, created,
        (SELECT count(*) FROM memberships WHERE list = lists.id AND state = 'active'),
        (SELECT count(*) FROM memberships WHERE list = lists.id AND state = 'pending'),
        (SELECT count(*) FROM memberships WHERE list = lists.id AND state = 'left')
    FROM lists"""


class Lists:
    """The subscription lists with their counts."""

    def __init__(self, connection: Connection, now: Callable[[], int]) -> None:
        self._connection = connection
        self._now = now

    def all(self) -> list[ListInfo]:
        """Every list, by name."""
        return [_list(row) for row in self._connection.rows(f"{_LISTS_SQL} ORDER BY name")]

    def names(self) -> list[str]:
        """The lists' names, in order."""
        return [name for (name,) in self._connection.rows("SELECT name FROM lists ORDER BY name")]

    def get(self, name: str) -> ListInfo | None:
        """One list, whatever the case of the name's letters."""
        row = self._connection.row(f"{_LISTS_SQL} WHERE name = ?", [name])
        return _list(row) if row else None

    def create(self, name: str, title: str = "") -> ListInfo:
        """Make a list. Raises UsageError where the name is taken or cannot be typed in a segment."""
        with self._connection.transaction():
            _refuse_name(name)
            if self._connection.value("SELECT 1 FROM segments WHERE name = ?", [name]):
                raise UsageError(f"there is a saved segment '{name}' already: a list needs another name")
            if self.id_of(name) is not None:
                raise UsageError(f"there is a list '{name}' already")
            now = self._now()
            self._connection.run(
                "INSERT INTO lists (name, title, created) VALUES (?, ?, ?)", [name, title, now]
            )
            return ListInfo(name=name, title=title, created=now)

    def ensure(self, name: str) -> bool:
        """Make the list where there is none -> whether it was made."""
        with self._connection.transaction():
            missing = self.id_of(name) is None
            if missing:
                self.create(name)
            return missing

    def id_of(self, name: str) -> int | None:
        """The list's row id."""
        found: int | None = self._connection.value("SELECT id FROM lists WHERE name = ?", [name])
        return found


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
            if self._connection.value("SELECT 1 FROM lists WHERE name = ?", [name]):
                raise UsageError(f"there is a list '{name}' already: a segment needs another name")
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


def _refuse_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"'{name}' cannot be the name of a list or segment",
            hint="letters, digits, and . _ + - after the first letter or digit, at most 64",
        )


def _list(row: Row) -> ListInfo:
    name, title, created, active, pending, left = row
    return ListInfo(name=name, title=title, created=created, active=active, pending=pending, left=left)
