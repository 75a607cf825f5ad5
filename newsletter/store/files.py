"""Copying database files whole: through SQLite's backup, under another name first, then renamed."""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

from newsletter import private
from newsletter.store.failures import translated, translated_files


def copy_database(source: Path, target: Path, *, facts: dict[str, str] | None = None) -> None:
    """Copy the database at `source`, which may be in use, to one file at `target`, replacing what is there.

    Only its owner can read the copy. `facts` are written into its table meta. It is complete under its name
    or not there at all. Raises StoreError.
    """
    temporary = target.with_name(f"{target.name}.{secrets.token_hex(4)}.part")
    with translated(target), translated_files(target):
        try:
            private.make(temporary)
            with (
                closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True, timeout=10)) as old,
                closing(sqlite3.connect(temporary, isolation_level=None)) as new,
            ):
                old.backup(new)
                new.execute("PRAGMA journal_mode = DELETE")
                new.executemany(
                    "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (facts or {}).items()
                )
            flush(temporary)
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


def flush(path: Path) -> None:
    """Have the operating system write the file to the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
