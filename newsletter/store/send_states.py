"""The rows of sends: made, read, and moved between their states."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence

from newsletter.errors import NotFoundError, RefusedError
from newsletter.models import Send, SendState
from newsletter.store.database import Connection, Row

_SEED_BYTES = 32
_SENDS_SQL = (
    "SELECT n.id, i.slug, n.audience, n.state, n.seed, n.created, n.started, n.finished, n.scheduled, "
    "n.conditions, n.reason, n.sender "
    "FROM sends n JOIN issues i ON i.id = n.issue"
)
_OPEN = (
    "EXISTS (SELECT 1 FROM deliveries d "
    "WHERE d.send = n.id AND (d.state = 'planned' OR d.state = 'claimed' OR d.state = 'deferred'))"
)
_LEFT_BEHIND = f"n.state = 'cancelled' AND {_OPEN}"
_FINAL = frozenset({SendState.DONE, SendState.CANCELLED})


def create(
    connection: Connection,
    issue: int,
    audience: str,
    now: int,
    *,
    conditions: Mapping[str, Sequence[str]],
    scheduled: int | None,
) -> Send:
    """A send in the state `planning`, with a random seed for its Message-IDs."""
    seed, words = secrets.token_bytes(_SEED_BYTES), json.dumps(conditions)
    with connection.transaction():
        send = connection.insert(
            "INSERT INTO sends (issue, audience, state, seed, created, conditions, scheduled) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            [issue, audience, SendState.PLANNING, seed, now, words, scheduled],
        )
        return get(connection, send)


def get(connection: Connection, send: int) -> Send:
    """One send. Raises NotFoundError."""
    row = connection.row(f"{_SENDS_SQL} WHERE n.id = ?", [send])
    if row is None:
        raise NotFoundError(f"there is no send {send}")
    return _send(row)


def read(connection: Connection, slug: str | None = None) -> list[Send]:
    """The issue's sends, or every one, oldest first."""
    rows = connection.rows(f"{_SENDS_SQL} WHERE ? IS NULL OR i.slug = ? ORDER BY n.id", [slug, slug])
    return [_send(row) for row in rows]


def left_behind(connection: Connection) -> list[Send]:
    """Cancelled sends of which a dead process has left rows that are neither sent nor skipped."""
    return [_send(row) for row in connection.rows(f"{_SENDS_SQL} WHERE {_LEFT_BEHIND} ORDER BY n.id")]


def move(
    connection: Connection, send: int, state: SendState, now: int, *, reason: str = "", sender: str = ""
) -> Send:
    """Move a send. Raises RefusedError where it is cancelled, or still being planned."""
    with connection.transaction():
        before = get(connection, send)
        _refuse_move(before, state)
        connection.run(
            "UPDATE sends SET state = ?, reason = ?, sender = ?, started = coalesce(started, ?), "
            "finished = ? WHERE id = ?",
            [
                state,
                reason,
                sender or before.sender,
                now if state is SendState.RUNNING else None,
                now if state in _FINAL else None,
                send,
            ],
        )
        return get(connection, send)


def begin(connection: Connection, send: Send, now: int, *, sender: str) -> None:
    """Let a send run from now, whatever its time was; RefusedError where another has moved it since."""
    with connection.transaction():
        found = get(connection, send.id).state
        if found is not send.state:
            raise RefusedError(
                f"another terminal has made this send {found.value}",
                where=send.slug,
                hint=f"newsletter status {send.slug}",
            )
        connection.run("UPDATE sends SET scheduled = NULL WHERE id = ?", [send.id])
        move(connection, send.id, SendState.RUNNING, now, sender=sender)


def end(connection: Connection, send: int, state: SendState, now: int, *, reason: str) -> Send:
    """Move a send that no longer runs; what another terminal decided meanwhile stands, but for `done`.

    It is not `done` but `ready` where somebody is still to get it, as another terminal may have decided.
    """
    with connection.transaction():
        before = get(connection, send)
        if state is SendState.DONE and _is_open(connection, send):
            state = SendState.READY
        if before.state is SendState.CANCELLED:
            return before
        if before.state is SendState.PAUSED and state is not SendState.DONE:
            return before
        return move(connection, send, state, now, reason=reason)


def note(connection: Connection, send: int, trouble: str) -> None:
    """Say what holds up a send that runs; empty where nothing does any more."""
    connection.run("UPDATE sends SET reason = ? WHERE id = ? AND state = 'running'", [trouble, send])


def _is_open(connection: Connection, send: int) -> bool:
    return bool(connection.value(f"SELECT {_OPEN} FROM sends n WHERE n.id = ?", [send]))


def _refuse_move(send: Send, state: SendState) -> None:
    if send.state is state:
        return
    if send.state is SendState.DONE and state is not SendState.READY:
        raise RefusedError(
            "this send has ended: everybody has been dealt with",
            where=send.slug,
            hint=f"newsletter report {send.slug}",
        )
    if send.state is SendState.CANCELLED:
        raise RefusedError(
            f"this send of '{send.slug}' was cancelled",
            hint="whoever was left out can only be reached by a new issue: newsletter new TITLE",
        )
    if SendState.PLANNING in {send.state, state} and state is not SendState.CANCELLED:
        raise RefusedError(
            f"this send of '{send.slug}' was not planned to the end",
            hint=f"newsletter send {send.slug} --to …",
        )


def _send(row: Row) -> Send:
    send, slug, audience, state, seed, created, started, finished, scheduled, *words = row
    conditions, reason, sender = words
    return Send(
        id=send,
        slug=slug,
        audience=audience,
        state=SendState(state),
        seed=seed,
        created=created,
        started=started,
        finished=finished,
        scheduled=scheduled,
        conditions=json.loads(conditions),
        reason=reason,
        sender=sender,
    )
