"""Requests to join, as they came from a form, and how many came by which channel."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from newsletter.models import Address, JoinRequest, Shown
from newsletter.store.database import Connection, Row

_MOST_ISSUES = 5_000  # rows of counts: a stranger types the issue's name


class Requests:
    """What was asked and is not settled yet. A request says nothing of whether the address is known."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(
        self,
        address: Address,
        list_names: Sequence[str],
        *,
        language: str,
        shown: Shown,
        now: int,
    ) -> None:
        """Write one request: one INSERT, whatever the address."""
        lists, how = json.dumps(list(list_names)), (shown.wording, shown.page, shown.language)
        self._connection.run(
            "INSERT INTO requests (at, address, address_key, lists, language, wording, page, page_language) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [now, address.text, address.key, lists, language, *how],
        )

    def first(self, most: int) -> list[JoinRequest]:
        """The oldest requests."""
        rows = self._connection.rows(
            "SELECT id, at, address, address_key, lists, language, wording, page, page_language "
            "FROM requests ORDER BY id LIMIT ?",
            [most],
        )
        return [_request(row) for row in rows]

    def lists_of(self, address_key: str) -> set[str]:
        """The lists that were asked for with an address."""
        rows = self._connection.rows("SELECT lists FROM requests WHERE address_key = ?", [address_key])
        return {name for (names,) in rows for name in json.loads(names)}

    def done(self, request: int) -> None:
        """Forget a request that was settled."""
        self._connection.run("DELETE FROM requests WHERE id = ?", [request])

    def count_channel(self, issue: str, channel: str) -> None:
        """Count one more who asked to join, by the issue and channel of the link."""
        with self._connection.transaction():
            if int(self._connection.value("SELECT count(*) FROM joins")) >= _MOST_ISSUES:
                issue = ""
            self._connection.run(
                "INSERT INTO joins (issue, channel, asked) VALUES (?, ?, 1) "
                "ON CONFLICT (issue, channel) DO UPDATE SET asked = asked + 1",
                [issue, channel],
            )

    def channels(self, issue: str) -> Mapping[str, int]:
        """How many asked to join from an issue's links, by channel, most first."""
        return dict(
            self._connection.rows(
                "SELECT channel, asked FROM joins WHERE issue = ? ORDER BY asked DESC, channel", [issue]
            )
        )


def _request(row: Row) -> JoinRequest:
    number, at, text, key, lists, language, wording, page, page_language = row
    return JoinRequest(
        id=number,
        at=at,
        address=Address(text=text, key=key, needs_smtputf8=not text.rpartition("@")[0].isascii()),
        list_names=json.loads(lists),
        language=language,
        shown=Shown(wording=wording, language=page_language, page=page),
    )
