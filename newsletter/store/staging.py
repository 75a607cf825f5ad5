"""The rows of a list file between reading and importing: on the disk, and sorted so that repeats meet."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from msgspec.structs import replace

from newsletter.models import Profile
from newsletter.store.database import Row
from newsletter.store.failures import translated
from newsletter.store.people import merge, person_values, read_profile

# A temporary database of its own: SQLite gives it an unnamed file once its cache is full.
_OPEN_SQL = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA cache_size = -8000;
    CREATE TABLE people (address_mac, address, address_key, name, language, country, attributes);"""
_PLACE = Path("the folder for temporary files")
_ADD_SQL = "INSERT INTO people VALUES (?, ?, ?, ?, ?, ?, ?)"
_SORTED_SQL = "SELECT * FROM people ORDER BY address_mac, rowid"


class Staged(NamedTuple):
    """One person of a list file: the address's HMAC and the values as they are stored, from how many rows."""

    stored: Row
    rows: int

    @property
    def mac(self) -> bytes:
        """The address's HMAC."""
        mac: bytes = self.stored[0]
        return mac

    @property
    def values(self) -> Row:
        """The values of PROFILE_COLUMNS."""
        return self.stored[1:]


class Stage:
    """Takes any number of people in little memory, and gives each address back once.

    The first row of an address stands; a repeat only fills what the rows before it left empty.
    """

    def __init__(self, mac: Callable[[str], bytes]) -> None:
        self._mac = mac
        self.rows = 0
        with translated(_PLACE):
            self._raw = sqlite3.connect("", isolation_level=None)
            self._raw.executescript(_OPEN_SQL)

    def add(self, profiles: Iterable[Profile]) -> None:
        """Add people in the file's order."""
        with translated(_PLACE):
            self._raw.execute("BEGIN")
            self.rows += self._raw.executemany(_ADD_SQL, map(self._row, profiles)).rowcount
            self._raw.execute("COMMIT")

    def people(self) -> Iterator[Staged]:
        """Each person in the order of the addresses' HMACs."""
        person: Row = ()
        rows = 0
        with translated(_PLACE):
            for row in self._raw.execute(_SORTED_SQL):
                if not rows:
                    person, rows = row, 1
                elif row[0] == person[0]:
                    person, rows = _filled(person, row), rows + 1
                else:
                    yield Staged(person, rows)
                    person, rows = row, 1
        if rows:
            yield Staged(person, rows)

    def _row(self, profile: Profile) -> Row:
        return (self._mac(profile.address.key), *person_values(profile))

    def __enter__(self) -> Stage:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._raw.close()


def _filled(first: Row, later: Row) -> Row:
    mac, known = first[0], read_profile(first[1:])
    filled = replace(merge(read_profile(later[1:]), known), address=known.address)
    return (mac, *person_values(filled))
