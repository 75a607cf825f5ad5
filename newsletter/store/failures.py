"""Turns what sqlite3 raises into the program's errors: the one place that knows the result codes."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from newsletter.errors import DatabaseBusyError, StoreError

SAME_AGAIN = ", then run the same command again"
BRING_BACK = "bring back a backup: newsletter restore FILE"
_PRIMARY = 0xFF  # an extended result code keeps its primary code in the lowest byte

_SENTENCES: dict[int, tuple[str, str]] = {
    sqlite3.SQLITE_READONLY: (
        "the database cannot be written: the file or its folder is read-only",
        "allow writing to it, or work in the folder where the project lives",
    ),
    sqlite3.SQLITE_READONLY_DBMOVED: (
        "another database took this one's place before it could be written",
        "run the same command again",
    ),
    sqlite3.SQLITE_FULL: (
        "the disk is full; what was being written was taken back",
        f"free some space{SAME_AGAIN}",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "the database cannot be opened",
        "look whether the folder exists and whether you may read and write in it",
    ),
    sqlite3.SQLITE_PERM: (
        "the database cannot be opened: permission was refused",
        "look whether you may read and write the file",
    ),
    sqlite3.SQLITE_NOTADB: (
        "this file is no newsletter database",
        f"name another file, or {BRING_BACK}",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "the database is damaged",
        f"keep the file as it is, and {BRING_BACK}",
    ),
    sqlite3.SQLITE_IOERR: (
        "the disk could not be read or written; what was being written was taken back",
        f"look at the disk and its free space{SAME_AGAIN}",
    ),
    sqlite3.SQLITE_NOMEM: ("there is not enough memory", "close other programs, then run it again"),
    sqlite3.SQLITE_TOOBIG: ("a value is too large for the database", ""),
}


def translate(error: sqlite3.Error, path: Path) -> StoreError:
    """The program's error for one of sqlite3's; `where` is the database file."""
    exact = getattr(error, "sqlite_errorcode", 0)
    code = exact & _PRIMARY
    where = str(path)
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return DatabaseBusyError(
            f"another program holds {path.name}",
            where=where,
            hint=f"wait until it has finished, or close it{SAME_AGAIN}",
        )
    if code == sqlite3.SQLITE_CONSTRAINT:
        return StoreError(f"the database refused a change: {error}", where=where)
    unknown = (f"the database could not be used: {error}", "")
    sentence, hint = _SENTENCES.get(exact) or _SENTENCES.get(code, unknown)
    return StoreError(sentence, where=where, hint=hint)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise StoreError, or DatabaseBusyError, for whatever sqlite3 raises inside."""
    try:
        yield
    except sqlite3.Error as error:
        raise translate(error, path) from error


@contextmanager
def translated_files(path: Path) -> Iterator[None]:
    """Raise StoreError, or DatabaseBusyError, where files around the database cannot be read or written."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            sentence, hint = _SENTENCES[sqlite3.SQLITE_FULL]
        elif isinstance(error, PermissionError):
            sentence, hint = (
                "the file cannot be written, or another program has it open",
                "look at both, then try again",
            )
        else:
            sentence, hint = f"the file cannot be written: {error.strerror}", ""
        raise StoreError(sentence, where=str(path), hint=hint) from error
