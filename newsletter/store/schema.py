"""Migrations: one transaction each, a copy of the file before, newer databases refused untouched."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from newsletter.errors import DatabaseVersionError, StoreError
from newsletter.store.database import APPLICATION_ID, Connection
from newsletter.store.failures import BRING_BACK, translated
from newsletter.store.files import copy_database
from newsletter.store.schema_joining import (
    JOINING_SQL,
    LANGUAGE_TAKEN_SQL,
    LEFT_ANEW_SQL,
    PAGE_LANGUAGE_SQL,
)
from newsletter.store.schema_people import PEOPLE_SQL, UNDOING_SQL
from newsletter.store.schema_sending import REFUSED_BY_A_RELAY_SQL, SENDING_SQL, USAGE_BY_HOST_SQL

if TYPE_CHECKING:
    from sqlite_utils import Database

MIGRATION_SET = "newsletter"
_TABLE = "_sqlite_migrations"  # of sqlite-utils

STEPS = {
    "001_people": f"""
        PRAGMA application_id = {APPLICATION_ID};
        {PEOPLE_SQL}
        INSERT INTO meta (key, value) VALUES ('project_id', lower(hex(randomblob(16))));
    """,
    "002_sending": SENDING_SQL,
    "003_joining": JOINING_SQL,
    "004_page_language": PAGE_LANGUAGE_SQL,
    "005_left_anew": LEFT_ANEW_SQL,
    "006_refused_by_a_relay": REFUSED_BY_A_RELAY_SQL,
    "007_undoing": UNDOING_SQL,
    "008_language_taken": LANGUAGE_TAKEN_SQL,
    "009_usage_by_host": USAGE_BY_HOST_SQL,
}
"""Each migration's SQL, by its name. A step that was released is never changed: a new one is added."""

_RESTORE_HINT = f"name another file, or {BRING_BACK}"


def applied_migrations(path: Path) -> set[str]:
    """What has been applied to the database file, read without changing one byte of it.

    Empty for an empty file. Raises StoreError for a file that is no newsletter database.
    """
    uri = f"{path.resolve().as_uri()}?mode=ro"
    with translated(path), closing(sqlite3.connect(uri, uri=True, timeout=10)) as raw:
        tables = {name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not tables:
            return set()
        rows: list[tuple[str]] = []
        if _TABLE in tables:
            rows = raw.execute(
                f"SELECT name FROM {_TABLE} WHERE migration_set = ?", [MIGRATION_SET]
            ).fetchall()
    if not rows and tables != {_TABLE}:
        raise StoreError("this file is no newsletter database", where=str(path), hint=_RESTORE_HINT)
    return {name for (name,) in rows}


def refuse_newer(path: Path) -> set[str]:
    """Raise DatabaseVersionError where a newer version of this program has written the file.

    Gives what has been applied.
    """
    applied = applied_migrations(path)
    if applied - STEPS.keys():
        raise DatabaseVersionError(
            "this database was written by a newer version of newsletter",
            where=str(path),
            hint="update this program, then run the same command again",
        )
    return applied


def migrate(
    connection: Connection, steps: Mapping[str, str] = STEPS, *, keep_copies: bool = True
) -> list[str]:
    """Apply what is missing -> the names. An existing database is copied beside itself before each one."""
    from sqlite_utils import Database
    from sqlite_utils.migrations import Migrations

    migrations, done = Migrations(MIGRATION_SET), []
    for step in steps:
        migrations(name=step)(_run_script(steps[step]))
    with translated(connection.path):
        db = Database(connection.raw, execute_plugins=False)
        fresh = not db.table_names()
        while pending := [migration.name for migration in migrations.pending(db)]:
            name = pending[0]
            if keep_copies and not fresh:
                copy_database(
                    connection.path, connection.path.with_name(f"{connection.path.name}.before-{name}")
                )
            with connection.transaction():
                if name in {migration.name for migration in migrations.pending(db)}:
                    migrations.apply(db, stop_before=pending[1:])
                    done.append(name)
    return done


def migrate_copy(path: Path) -> None:
    """Apply what is missing to a copy of a database that nobody else has open; it stays one file."""
    if applied_migrations(path) >= STEPS.keys():
        return
    connection = Connection(path)
    try:
        migrate(connection, keep_copies=False)
        connection.row("PRAGMA journal_mode = DELETE")
    finally:
        connection.close()


def _run_script(sql: str) -> Callable[[Database], None]:
    def run(db: Database) -> None:
        db.executescript(sql)

    return run
