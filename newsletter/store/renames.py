"""The names that lists had before: consent events hold what a list was called when they happened."""

from __future__ import annotations

import json

from newsletter.store.database import Connection

_KEY = "list_renames"


class Renames:
    """Which list was meant by a name at some time; kept as (list, name, until) in the order of time."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def note(self, list_id: int, name: str, now: int) -> None:
        """Remember that a list was called `name` until now."""
        known = json.dumps([*self._all(), (list_id, name, now)], ensure_ascii=False)
        self._connection.run("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", [_KEY, known])

    def name_now(self, name: str, at: int) -> str:
        """What the list is called today that was called `name` at that time; `name` where it still is."""
        for list_id, former, until in self._all():
            if former.casefold() == name.casefold() and at < until:
                found = self._connection.value("SELECT name FROM lists WHERE id = ?", [list_id])
                return str(found or name)
        return name

    def _all(self) -> list[tuple[int, str, int]]:
        found = self._connection.value("SELECT value FROM meta WHERE key = ?", [_KEY])
        return [(list_id, name, until) for list_id, name, until in json.loads(found or "[]")]
