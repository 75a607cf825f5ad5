"""Migrations: one transaction each, a copy of the file before, newer databases refused untouched."""

from __future__ import annotations

import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from newsletter.errors import DatabaseVersionError, StoreError
from newsletter.store.database import APPLICATION_ID, Connection
from newsletter.store.failures import translated
from newsletter.store.files import copy_database
from newsletter.store.schema_joining import (
    JOINING_SQL,
    LANGUAGE_TAKEN_SQL,
    LEFT_ANEW_SQL,
    PAGE_LANGUAGE_SQL,
)
from newsletter.store.schema_people import PEOPLE_SQL, UNDOING_SQL
from newsletter.store.schema_sending import REFUSED_BY_A_RELAY_SQL, SENDING_SQL

MIGRATION_SET = "newsletter"
MIGRATIONS = Migrations(MIGRATION_SET)

_RESTORE_HINT = "name another file, or bring back a backup: newsletter restore FILE"


@MIGRATIONS(name="001_people")
def _people(db: Database) -> None:
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.executescript(PEOPLE_SQL)
    db.execute("INSERT INTO meta (key, value) VALUES ('project_id', ?)", [secrets.token_hex(16)])


@MIGRATIONS(name="002_sending")
def _sending(db: Database) -> None:
    db.executescript(SENDING_SQL)


@MIGRATIONS(name="003_joining")
def _joining(db: Database) -> None:
    db.executescript(JOINING_SQL)


@MIGRATIONS(name="004_page_language")
def _page_language(db: Database) -> None:
    db.executescript(PAGE_LANGUAGE_SQL)


@MIGRATIONS(name="005_left_anew")
def _left_anew(db: Database) -> None:
    db.executescript(LEFT_ANEW_SQL)


@MIGRATIONS(name="006_refused_by_a_relay")
def _refused_by_a_relay(db: Database) -> None:
    db.executescript(REFUSED_BY_A_RELAY_SQL)


@MIGRATIONS(name="007_undoing")
def _undoing(db: Database) -> None:
    db.executescript(UNDOING_SQL)


@MIGRATIONS(name="008_language_taken")
def _language_taken(db: Database) -> None:
    db.executescript(LANGUAGE_TAKEN_SQL)


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
        if Migrations.migrations_table in tables:
            rows = raw.execute(
                f"SELECT name FROM {Migrations.migrations_table} WHERE migration_set = ?", [MIGRATION_SET]
            ).fetchall()
    if not rows and tables != {Migrations.migrations_table}:
        raise StoreError("this file is no newsletter database", where=str(path), hint=_RESTORE_HINT)
    return {name for (name,) in rows}


def refuse_newer(path: Path, migrations: Migrations = MIGRATIONS) -> None:
    """Raise DatabaseVersionError where a newer version of this program has written the file."""
    known = {migration.name for migration in migrations.pending(Database(memory=True, execute_plugins=False))}
    if applied_migrations(path) - known:
        raise DatabaseVersionError(
            "this database was written by a newer version of newsletter",
            where=str(path),
            hint="update this program, then run the same command again",
        )


def migrate(connection: Connection, migrations: Migrations = MIGRATIONS) -> list[str]:
    """Apply what is missing -> the names. An existing database is copied beside itself before each one."""
    done: list[str] = []
    with translated(connection.path):
        fresh = not connection.db.table_names()
        while pending := [migration.name for migration in migrations.pending(connection.db)]:
            name = pending[0]
            if not fresh:
                copy_database(
                    connection.path, connection.path.with_name(f"{connection.path.name}.before-{name}")
                )
            with connection.transaction():
                if name in {migration.name for migration in migrations.pending(connection.db)}:
                    migrations.apply(connection.db, stop_before=pending[1:])
                    done.append(name)
    return done
