"""The stencils that were approved for each send, kept by their digest."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from newsletter.errors import NotFoundError
from newsletter.models import DeliveryState
from newsletter.store.database import Connection
from newsletter.store.pace import Pace, clock

Approval = Mapping[bytes, tuple[str, int, bytes]]
"""Digest -> language, variant, and the stencil's bytes."""
KindOf = Callable[[bytes], tuple[str, int]]
"""A stencil's bytes -> its language and variant."""


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


def amend(connection: Connection, send: int, stencils: Approval, kind_of: KindOf) -> int:
    """Give planned and deferred rows the new stencil of their language and variant -> how many changed.

    `kind_of` reads both from a stencil's bytes: an earlier call that was broken off leaves rows with one that
    is approved no more, or not yet.
    """
    with connection.transaction():
        for digest, (_, _, data) in stencils.items():
            _keep(connection, digest, data)
    new = _Replacements(connection, send, stencils, kind_of)
    pace, last, changed, done = Pace(), 0, 0, False
    while not done:
        with connection.transaction():
            started = clock()
            rows = connection.rows(
                "SELECT id, stencil, state FROM deliveries WHERE send = ? AND id > ? ORDER BY id LIMIT ?",
                [send, last, pace.size],
            )
            news = [
                (new[stencil], row)
                for row, stencil, state in rows
                if state in {DeliveryState.PLANNED, DeliveryState.DEFERRED} and new[stencil] != stencil
            ]
            changed += (
                connection.run_many("UPDATE deliveries SET stencil = ? WHERE id = ?", news) if news else 0
            )
            last, done = (rows[-1][0], False) if rows else (last, True)
        pace.note(len(rows), clock() - started)
    approve(connection, send, stencils)
    return changed


def strays(connection: Connection, send: int) -> bool:
    """Whether somebody who was never tried waits for a stencil that is not approved.

    Then an amendment was broken off. Who is to get an earlier mail once more is none of them.
    """
    return bool(
        connection.value(
            "SELECT EXISTS (SELECT 1 FROM deliveries WHERE send = :send "
            "AND (state = 'planned' OR state = 'claimed' OR state = 'deferred') AND first_claimed IS NULL "
            "AND stencil NOT IN (SELECT stencil FROM approvals WHERE send = :send))",
            {"send": send},
        )
    )


def _keep(connection: Connection, digest: bytes, data: bytes) -> None:
    connection.run(
        "INSERT INTO stencils (digest, data) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING", [digest, data]
    )


class _Replacements(dict[int, int]):
    """Row ids of a send's stencils -> those that take their place; itself where none does."""

    def __init__(self, connection: Connection, send: int, stencils: Approval, kind_of: KindOf) -> None:
        self._connection, self._kind_of = connection, kind_of
        self._new: dict[tuple[str, int], int] = {
            (language, variant): connection.value("SELECT id FROM stencils WHERE digest = ?", [digest])
            for digest, (language, variant, _) in stencils.items()
        }
        approved = connection.rows("SELECT stencil, language, variant FROM approvals WHERE send = ?", [send])
        super().__init__({row[0]: self._new.get((row[1], row[2]), row[0]) for row in approved})

    def __missing__(self, stencil: int) -> int:
        data = self._connection.value("SELECT data FROM stencils WHERE id = ?", [stencil])
        self[stencil] = self._new.get(self._kind_of(data), stencil)
        return self[stencil]
