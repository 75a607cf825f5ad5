"""One connection to the database file, with short write transactions and translated errors."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from newsletter import private
from newsletter.store.failures import translated
from newsletter.store.text import register

Row = tuple[Any, ...]
Parameters = Sequence[object] | dict[str, object]

APPLICATION_ID = 0x4E77_734C  # marks the file as ours
BUSY_SECONDS = 10.0
_PAGE_CACHE_KIB = 16_384
_CHECKPOINT_PAGES = 4_000
_ASKING = 0.002  # seconds that SQLite itself waits before we try again
_RETRY_SECONDS = 0.001


class Connection:
    """One sqlite3 connection, `raw`, safe to use from several threads in turn.

    Every write happens inside `transaction()`. Errors of sqlite3 leave as StoreError.
    """

    def __init__(self, path: Path, *, busy_seconds: float = BUSY_SECONDS) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._busy_seconds = busy_seconds
        if not path.exists():
            with suppress(OSError):  # SQLite says better what is wrong there
                private.make(path)
        with translated(path):
            raw = sqlite3.connect(path, timeout=_ASKING, isolation_level=None, check_same_thread=False)
            try:
                self.raw = raw
                self._prepare()
            except BaseException:
                raw.close()
                raise

    def _prepare(self) -> None:
        self._patiently("PRAGMA journal_mode = WAL")
        for pragma in (
            "synchronous = FULL",
            "foreign_keys = ON",
            "secure_delete = ON",
            f"cache_size = -{_PAGE_CACHE_KIB}",
            f"wal_autocheckpoint = {_CHECKPOINT_PAGES}",
        ):
            self.raw.execute(f"PRAGMA {pragma}")
        register(self.raw)

    def _patiently(self, sql: str, parameters: Parameters = ()) -> sqlite3.Cursor:
        """Run a statement outside a transaction, and while others hold the database try again and again.

        SQLite's own waits grow to 100 ms, which is long for a visitor of the pages; these stay short.
        Switching to WAL, where two first openers may meet, does not wait by itself at all.
        """
        until = time.monotonic() + self._busy_seconds
        while True:
            try:
                return self.raw.execute(sql, parameters)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
                time.sleep(_RETRY_SECONDS)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """BEGIN IMMEDIATE … COMMIT; inside another one it joins that one.

        Waits for other writers up to the busy timeout, then raises DatabaseBusyError. Whatever is raised
        inside takes everything back.
        """
        with self._lock, translated(self.path):
            raw = self.raw
            if raw.in_transaction:
                yield
                return
            self._patiently("BEGIN IMMEDIATE")
            try:
                yield
                raw.execute("COMMIT")
            except BaseException:
                if raw.in_transaction:
                    raw.execute("ROLLBACK")
                raise

    @contextmanager
    def part(self) -> Iterator[None]:
        """A part of a transaction that can fail alone: what is raised inside takes back that part only."""
        with self._lock, translated(self.path):
            raw = self.raw
            raw.execute("SAVEPOINT part")
            try:
                yield
            except BaseException:
                if raw.in_transaction:
                    raw.execute("ROLLBACK TO part")
                    raw.execute("RELEASE part")
                raise
            raw.execute("RELEASE part")

    def rows(self, sql: str, parameters: Parameters = ()) -> list[Row]:
        """All rows of a query, read at once so that no read transaction stays open."""
        with self._lock, translated(self.path):
            return self._patiently(sql, parameters).fetchall()

    def blobs(self, sql: str, parameters: Parameters = ()) -> bytearray:
        """The first column of all rows, one after the other: rows() takes ten times the memory."""
        found = bytearray()
        with self._lock, translated(self.path):
            for (blob,) in self._patiently(sql, parameters):
                found += blob
        return found

    def row(self, sql: str, parameters: Parameters = ()) -> Row | None:
        """The first row of a query."""
        with self._lock, translated(self.path):
            found: Row | None = self._patiently(sql, parameters).fetchone()
            return found

    def value(self, sql: str, parameters: Parameters = ()) -> Any:
        """The first column of the first row; None where there is no row."""
        found = self.row(sql, parameters)
        return found[0] if found else None

    def run(self, sql: str, parameters: Parameters = ()) -> int:
        """One writing statement in a transaction -> how many rows it changed."""
        with self.transaction():
            return self.raw.execute(sql, parameters).rowcount

    def run_many(self, sql: str, parameters: Iterable[Parameters]) -> int:
        """One writing statement for many parameters in a transaction -> how many rows were changed."""
        with self.transaction():
            return self.raw.executemany(sql, parameters).rowcount

    def insert(self, sql: str, parameters: Parameters = ()) -> int:
        """One INSERT in a transaction -> the row's integer id."""
        with self.transaction():
            return int(self.raw.execute(sql, parameters).lastrowid or 0)

    def checkpoint(self) -> None:
        """Move the write-ahead log into the file, as far as nobody reads it; no writer waits for that."""
        with self._lock, translated(self.path):
            self.raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    @contextmanager
    def bulk(self, *, cache_kib: int = 32_768) -> Iterator[None]:
        """For the many short transactions of an import or a plan, which can be run again.

        More page cache; no checkpoints inside a commit; and no waiting for the disk at each commit. When the
        power fails the last of them may be gone, whole, and nothing else; the next commit after this block
        waits for the disk, and makes all of them durable before itself.
        """
        self.row("PRAGMA wal_autocheckpoint = 0")
        self.row("PRAGMA synchronous = NORMAL")
        self.row(f"PRAGMA cache_size = -{cache_kib}")
        try:
            yield
        finally:
            self.row("PRAGMA synchronous = FULL")
            self.row(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
            self.row(f"PRAGMA cache_size = -{_PAGE_CACHE_KIB}")
            self.checkpoint()

    def close(self) -> None:
        """Close the connection; the last one to close also clears the write-ahead log away."""
        with self._lock, translated(self.path):
            self.raw.close()
