"""The project's secrets: one current key for each purpose; old ones go on verifying until revoked."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from newsletter.errors import NotFoundError, StoreError
from newsletter.mac import Mac
from newsletter.models import Key
from newsletter.store.database import Connection, Row

SUPPRESSION = "suppression"
_SECRET_BYTES = 32
_COLUMNS = "id, purpose, secret, created, retired, revoked"


class Keys:
    """The table of keys. The key of the purpose `suppression` never changes."""

    def __init__(self, connection: Connection, now: Callable[[], int]) -> None:
        self._connection = connection
        self._now = now
        self._suppression: Mac | None = None

    def current(self, purpose: str) -> Key:
        """The key to sign with; made at first use."""
        return self._find_current(purpose) or self._make(purpose)

    def all(self, purpose: str) -> dict[int, Key]:
        """The keys that verify, by id: the current one and the retired, without the revoked."""
        rows = self._connection.rows(
            f"SELECT {_COLUMNS} FROM keys WHERE purpose = ? AND revoked IS NULL ORDER BY id", [purpose]
        )
        return {key.id: key for key in map(_key, rows)}

    def every(self) -> list[Key]:
        """All keys of all purposes, the retired and the revoked among them, by id."""
        return [_key(row) for row in self._connection.rows(f"SELECT {_COLUMNS} FROM keys ORDER BY id")]

    def rotate(self, purpose: str) -> Key:
        """Retire the current key, which goes on verifying, and make a new one."""
        _refuse_suppression(purpose)
        with self._connection.transaction():
            self._connection.run(
                "UPDATE keys SET retired = ? WHERE purpose = ? AND retired IS NULL AND revoked IS NULL",
                [self._now(), purpose],
            )
            return self._make(purpose)

    def revoke(self, key_id: int) -> None:
        """Stop a key from verifying, for ever; a new one follows the current one. Raises NotFoundError."""
        with self._connection.transaction():
            purpose = self._connection.value("SELECT purpose FROM keys WHERE id = ?", [key_id])
            if purpose is None:
                raise NotFoundError(f"there is no key {key_id}")
            _refuse_suppression(purpose)
            self._connection.run(
                "UPDATE keys SET revoked = coalesce(revoked, ?) WHERE id = ?", [self._now(), key_id]
            )
            self._make(purpose)

    def address_mac(self, address_key: str) -> bytes:
        """What stands for an address where the address itself must not: HMAC-SHA256, 32 bytes."""
        if self._suppression is None:
            self._suppression = Mac(self.current(SUPPRESSION).secret)
        return self._suppression(address_key.encode())

    def _find_current(self, purpose: str) -> Key | None:
        row = self._connection.row(
            f"SELECT {_COLUMNS} FROM keys WHERE purpose = ? AND retired IS NULL AND revoked IS NULL",
            [purpose],
        )
        return _key(row) if row else None

    def _make(self, purpose: str) -> Key:
        with self._connection.transaction():
            found = self._find_current(purpose)
            if found is None:
                secret, now = secrets.token_bytes(_SECRET_BYTES), self._now()
                key_id = self._connection.insert(
                    "INSERT INTO keys (purpose, secret, created) VALUES (?, ?, ?)", [purpose, secret, now]
                )
                found = Key(id=key_id, purpose=purpose, secret=secret, created=now)
            return found


def _refuse_suppression(purpose: str) -> None:
    if purpose == SUPPRESSION:
        raise StoreError(
            "the key of the suppressions never changes: without it people who left would be mailed"
        )


def _key(row: Row) -> Key:
    key_id, purpose, secret, created, retired, revoked = row
    return Key(id=key_id, purpose=purpose, secret=secret, created=created, retired=retired, revoked=revoked)
