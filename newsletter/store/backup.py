"""Backups of the database with its keys, and bringing one back."""

from __future__ import annotations

import secrets
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from newsletter import private
from newsletter.errors import DatabaseBusyError, NotFoundError, StoreError
from newsletter.models import SendState
from newsletter.store.carry import Carried, Outlook, carry_over, foresee
from newsletter.store.failures import BRING_BACK, translated, translated_files
from newsletter.store.files import copy_database, flush
from newsletter.store.schema import applied_migrations, migrate_copy, refuse_newer

_MADE = "backup_made"
_ANOTHER = "nothing was changed; name a file that was made by: newsletter backup FILE"
_SIDE_FILES = ("-wal", "-shm", "-journal")
_NOT_KNOWN = "whoever was mailed or left after that is not known here"
_HELD = (SendState.READY, SendState.RUNNING, SendState.PAUSED)


def backup(source: Path, target: Path, now: Callable[[], int]) -> None:
    """Copy the database, which may be in use, to a new file. Raises StoreError where `target` exists."""
    if target.exists():
        raise StoreError(
            "there is a file already: a backup never overwrites one",
            where=str(target),
            hint="name another file",
        )
    copy_database(source, target, facts={_MADE: str(now())})


class Restored(Struct, frozen=True, kw_only=True):
    """What a restore did: where the replaced database is kept, and what was taken over from it.

    Both None where none stood there.
    """

    kept: Path | None = None
    carried: Carried | None = None


def restore(
    backup_file: Path, path: Path, *, now: Callable[[], int], moment: Callable[[int], str] | None = None
) -> Restored:
    """Put the database of `backup_file` at `path`, and keep what stood there beside it.

    The file is checked as a whole before anything changes, and arrives under its name at once or not at all.
    Whoever left, was erased or was mailed since the backup is taken over from the database that is replaced.
    Sends that could go out are paused with the reason, in which `moment` writes UTC milliseconds for people.
    Nobody else writes the database at `path` meanwhile, which would be lost. Raises StoreError, or
    DatabaseBusyError while another program has it open.
    """
    _refuse_unfit(backup_file)
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}.restoring")
    try:
        with _of_the_backup(backup_file):
            copy_database(backup_file, fresh)
            _check(fresh, backup_file)
            migrate_copy(fresh)
        with _held(path) as held:
            kept = _set_aside(path, held, now())
            carried = carry_over(fresh, kept) if kept else None
            _pause(fresh, known=carried is not None and not carried.why_not, moment=moment or _utc)
            with translated_files(path):
                if path.exists():
                    private.keep_access(fresh, like=path)
                flush(fresh)
                _arrive(fresh, path, held)
    finally:
        fresh.unlink(missing_ok=True)
    return Restored(kept=kept, carried=carried)


def outlook(backup_file: Path, path: Path) -> Outlook:
    """What a restore over the database at `path` would find there. Raises as restore() does for the file."""
    _refuse_unfit(backup_file)
    return foresee(backup_file, path)


def _refuse_unfit(backup_file: Path) -> None:
    if not backup_file.is_file():
        raise NotFoundError("there is no such file", where=str(backup_file))
    with _of_the_backup(backup_file):
        if not applied_migrations(backup_file):
            raise StoreError("this file is no newsletter database", where=str(backup_file), hint=_ANOTHER)
        refuse_newer(backup_file)


@contextmanager
def _of_the_backup(backup_file: Path) -> Iterator[None]:
    """What is wrong with the backup itself is not mended by bringing back a backup."""
    try:
        yield
    except StoreError as error:
        if BRING_BACK not in error.hint:
            raise
        raise StoreError(error.message, where=str(backup_file), hint=_ANOTHER) from error


def _check(fresh: Path, backup_file: Path) -> None:
    """Read the copy through and through; StoreError where it is damaged."""
    with translated(backup_file), closing(sqlite3.connect(fresh)) as raw:
        if raw.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            raise StoreError("the backup is damaged; nothing was changed", where=str(backup_file))


def _pause(fresh: Path, *, known: bool, moment: Callable[[int], str]) -> None:
    """Pause what could go out; `known` where it is known who was mailed and who left since the backup."""
    with translated(fresh), closing(sqlite3.connect(fresh, isolation_level=None)) as raw:
        raw.execute("BEGIN IMMEDIATE")
        row = raw.execute("SELECT value FROM meta WHERE key = ?", [_MADE]).fetchone()
        raw.execute("DELETE FROM meta WHERE key = ?", [_MADE])
        when = f"a backup made at {moment(int(row[0]))}" if row else "an earlier copy"
        what = "look at it before it goes on" if known else _NOT_KNOWN
        marks = ", ".join("?" * len(_HELD))
        raw.execute(
            f"UPDATE sends SET state = ?, reason = ? WHERE state IN ({marks})",
            [
                SendState.PAUSED.value,
                f"the database was restored from {when}: {what}",
                *(state.value for state in _HELD),
            ],
        )
        raw.execute("COMMIT")


def _set_aside(path: Path, held: sqlite3.Connection | None, now: int) -> Path | None:
    """Keep what stands at `path` under another name, and leave no side files that belong to it."""
    if not path.exists():
        return None
    stamp = datetime.fromtimestamp(now / 1000, UTC).strftime("%Y%m%d-%H%M%S")
    kept = path.with_name(f"{path.name}.before-restore-{stamp}")
    while kept.exists():
        kept = kept.with_name(f"{kept.name}-again")
    with translated(kept), translated_files(path):
        private.make(kept)
        if held is not None:
            # Copied as a file, it would be closed, and with that a process gives up its locks on it.
            with closing(sqlite3.connect(kept)) as new:
                held.backup(new)
        else:
            shutil.copyfile(path, kept)
            for suffix in _SIDE_FILES:
                side = path.with_name(path.name + suffix)
                if side.exists():
                    side.replace(kept.with_name(kept.name + suffix))
        flush(kept)
    return kept


@contextmanager
def _held(path: Path) -> Iterator[sqlite3.Connection | None]:
    """The database at `path`, which nobody else can read or write until the end; None where there is none.

    A file that is no database, which one may well want to replace, is nobody's.
    """
    held = _hold(path) if path.exists() else None
    try:
        yield held
    finally:
        if held is not None:
            held.close()


def _hold(path: Path) -> sqlite3.Connection | None:
    with translated(path):
        raw = sqlite3.connect(path, timeout=1.0, isolation_level=None)
        try:
            if _is_ours(raw):
                return raw
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
                raw.close()
                raise
        except sqlite3.DatabaseError:
            raw.close()
            return None
    raw.close()
    raise DatabaseBusyError(
        f"another program holds {path.name}: a send that runs, or the public pages",
        where=str(path),
        hint="stop it, then restore again",
    )


def _is_ours(raw: sqlite3.Connection) -> bool:
    """Leaving WAL fails while any other program has it open, and brings everything into the one file."""
    raw.execute("PRAGMA journal_mode = DELETE")
    raw.execute("PRAGMA locking_mode = EXCLUSIVE")
    raw.execute("BEGIN EXCLUSIVE")
    raw.execute("COMMIT")  # and the lock stays
    return bool(raw.execute("PRAGMA journal_mode").fetchone() == ("delete",))


def _arrive(fresh: Path, path: Path, held: sqlite3.Connection | None) -> None:
    try:
        fresh.replace(path)
    except PermissionError:  # Windows lets nobody rename over a file that is open
        if held is None:
            raise
        held.close()
        fresh.replace(path)


def _utc(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
