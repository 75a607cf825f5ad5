"""The stencils that were approved for each send, kept by their digest."""

from __future__ import annotations

from collections.abc import Mapping

from newsletter.errors import NotFoundError
from newsletter.models import DeliveryState
from newsletter.store.database import Connection
from newsletter.store.pace import Pace, clock

Approval = Mapping[bytes, tuple[str, int, bytes]]
"""Digest -> language, variant, and the stencil's bytes."""


def approve(connection: Connection, send: int, stencils: Approval) -> None:
    """Keep the stencils that a send may use; one language and variant has one."""
    with connection.transaction():
        for digest, (language, variant, data) in stencils.items():
            _keep(connection, digest, data)
            connection.run(
                "INSERT INTO approvals (send, language, variant, stencil) "
                "VALUES (?, ?, ?, (SELECT id FROM stencils WHERE digest = ?)) "
                "ON CONFLICT (send, language, variant) DO UPDATE SET stencil = excluded.stencil",
                [send, language, variant, digest],
            )


def approved(connection: Connection, send: int) -> dict[bytes, tuple[str, int]]:
    """What was approved for a send: digest -> language and variant."""
    rows = connection.rows(
        "SELECT t.digest, a.language, a.variant FROM approvals a JOIN stencils t ON t.id = a.stencil "
        "WHERE a.send = ? ORDER BY a.language, a.variant",
        [send],
    )
    return {digest: (language, variant) for digest, language, variant in rows}


def read(connection: Connection, digest: bytes) -> bytes:
    """A kept stencil's bytes. Raises NotFoundError."""
    data: bytes | None = connection.value("SELECT data FROM stencils WHERE digest = ?", [digest])
    if data is None:
        raise NotFoundError(f"no stencil {digest.hex()[:16]} is kept in the database")
    return data


def amend(connection: Connection, send: int, stencils: Approval) -> int:
    """Give planned and deferred rows the new stencil of their language and variant -> how many changed."""
    with connection.transaction():
        for digest, (_, _, data) in stencils.items():
            _keep(connection, digest, data)
    pairs = _replacements(connection, send, stencils)
    pace, last, changed, done = Pace(), 0, 0, not pairs
    while not done:
        with connection.transaction():
            started = clock()
            rows = connection.rows(
                "SELECT id, stencil, state FROM deliveries WHERE send = ? AND id > ? ORDER BY id LIMIT ?",
                [send, last, pace.size],
            )
            news = [
                (pairs[stencil], row)
                for row, stencil, state in rows
                if stencil in pairs and state in {DeliveryState.PLANNED, DeliveryState.DEFERRED}
            ]
            changed += (
                connection.run_many("UPDATE deliveries SET stencil = ? WHERE id = ?", news) if news else 0
            )
            last, done = (rows[-1][0], False) if rows else (last, True)
        pace.note(len(rows), clock() - started)
    approve(connection, send, stencils)
    return changed


def _keep(connection: Connection, digest: bytes, data: bytes) -> None:
    connection.run(
        "INSERT INTO stencils (digest, data) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING", [digest, data]
    )


def _replacements(connection: Connection, send: int, stencils: Approval) -> dict[int, int]:
    """Row ids of approved stencils -> those that take their place."""
    found = {}
    for digest, (language, variant, _) in stencils.items():
        row = connection.row(
            "SELECT a.stencil, t.id FROM approvals a, stencils t "
            "WHERE a.send = ? AND a.language = ? AND a.variant = ? AND t.digest = ?",
            [send, language, variant, digest],
        )
        if row is not None and row[0] != row[1]:
            found[row[0]] = row[1]
    return found
