"""The database of a project: people, consent, sends and their journal, in one SQLite file.

The only part that knows SQLite. Returns models, never rows. Every error is a StoreError that says what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from newsletter.errors import NewsletterError, StoreError
from newsletter.relay import Rate
from newsletter.store.attributes import AttributeNames
from newsletter.store.backup import Restored, outlook, restore
from newsletter.store.backup import backup as backup_file
from newsletter.store.carry import Carried
from newsletter.store.consent import Consent, Suppressions
from newsletter.store.database import BUSY_SECONDS, Connection
from newsletter.store.failures import SAME_AGAIN
from newsletter.store.import_log import ImportLog
from newsletter.store.imports import Decision, Imports, Known, Rules
from newsletter.store.joinings import Joinings
from newsletter.store.journal import MOST_IN_FLIGHT, Journal
from newsletter.store.keys import SUPPRESSION, Keys
from newsletter.store.leavings import Leavings
from newsletter.store.lists import Lists, Segments
from newsletter.store.outbox import Outbox
from newsletter.store.people import People, merge
from newsletter.store.place import refuse_network_share, sync_warning
from newsletter.store.requests import Requests
from newsletter.store.schema import STEPS, migrate, refuse_newer
from newsletter.store.sends import Sends
from newsletter.store.staging import Stage
from newsletter.store.stencils import Approval
from newsletter.store.usage import Usage

__all__ = [
    "MOST_IN_FLIGHT",
    "SAME_AGAIN",
    "SUPPRESSION",
    "Approval",
    "Carried",
    "Decision",
    "Journal",
    "Known",
    "Restored",
    "Rules",
    "Stage",
    "Store",
    "merge",
    "open_store",
    "outlook",
    "restore",
]

Answer = TypeVar("Answer")


class Store:
    """One open database. Use it as a context manager; several threads may use it in turn."""

    def __init__(self, connection: Connection, now: Callable[[], int], warnings: tuple[str, ...]) -> None:
        self._connection = connection
        self._now = now
        self.path = connection.path
        self.warnings = warnings
        self.keys = Keys(connection, now)
        self.lists = Lists(connection, now)
        self.segments = Segments(connection, now)
        self.consent = Consent(connection)
        self.suppressions = Suppressions(connection, self.keys, now)
        self.people = People(connection, self.keys, self.consent, self.suppressions)
        self.attributes = AttributeNames(connection)
        self.imports = Imports(connection, self.keys, self.consent, self.lists, now)
        self.import_log = ImportLog(connection, self.consent)
        self.sends = Sends(connection, now)
        self.usage = Usage(connection, now)
        self.requests = Requests(connection)
        self.joinings = Joinings(connection)
        self.leavings = Leavings(connection)
        self.outbox = Outbox(connection, self.consent, self.suppressions, now)

    @property
    def project_id(self) -> str:
        """What tells this project's database from every other: random, made once, 32 hexadecimal digits."""
        return str(self._connection.value("SELECT value FROM meta WHERE key = 'project_id'"))

    def home_word(self) -> str:
        """The word by which a send and the pages find out that they use one database; empty at first."""
        return str(self._connection.value("SELECT value FROM meta WHERE key = 'home_word'") or "")

    def set_home_word(self, word: str) -> None:
        """Write the word; every copy of this database keeps another one."""
        self._connection.run("INSERT OR REPLACE INTO meta (key, value) VALUES ('home_word', ?)", [word])

    def transaction(self) -> AbstractContextManager[None]:
        """Everything written inside happens, or nothing of it. Raises DatabaseBusyError."""
        return self._connection.transaction()

    def together(self, works: Sequence[Callable[[Store], Answer]]) -> list[Answer | NewsletterError]:
        """Do several works in one transaction, each whole or not at all -> their answers, or why one failed.

        They wait for the disk once. Whatever else is raised takes all of them back.
        """
        answers: list[Answer | NewsletterError] = []
        with self.transaction():
            for work in works:
                try:
                    with self._connection.part():
                        answers.append(work(self))
                except NewsletterError as error:
                    answers.append(error)
        return answers

    def journal(self, send: int, relay: str, rates: Iterable[Rate] = ()) -> Journal:
        """The journal of one send through a relay that allows these `rates`."""
        return Journal(
            self._connection,
            self.consent,
            self.suppressions,
            self._now,
            send=send,
            relay=relay,
            rates=rates,
        )

    def backup(self, target: Path) -> None:
        """Copy the database to a new file, while it is in use. Raises StoreError where the file exists."""
        backup_file(self.path, target, self._now)

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_store(
    path: Path, *, now: Callable[[], int], create: bool = True, busy_seconds: float = BUSY_SECONDS
) -> Store:
    """Open the database at `path`, made where there is none and `create` says so, and migrated.

    `now` gives UTC milliseconds. Raises StoreError: no database, on a network share, damaged, read-only, no
    newsletter database; DatabaseVersionError for one of a newer program, which stays untouched; and
    DatabaseBusyError where another program holds it longer than `busy_seconds`.
    """
    refuse_network_share(path)
    applied: set[str] = set()
    if path.is_file():
        applied = refuse_newer(path)
    elif not create:
        raise StoreError(
            "there is no database yet",
            where=str(path),
            hint="import a list first: newsletter subscribers import FILE --list NAME",
        )
    connection = Connection(path, busy_seconds=busy_seconds)
    try:
        if applied != STEPS.keys():
            migrate(connection)
    except BaseException:
        connection.close()
        raise
    warning = sync_warning(path.resolve())
    return Store(connection, now, (warning,) if warning else ())
