"""What a table of any kind is read as: records."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from msgspec import Struct


class Record(NamedTuple):
    """One row: its first line in the file, its cells as they stand, or why it could not be read."""

    line: int
    cells: list[str]
    fault: str = ""


class Table(Struct, frozen=True, kw_only=True):
    """A file's records in order, read anew at each call; how they were written; what to tell the user."""

    records: Callable[[], Iterable[Record]]
    kind: str
    encoding: str
    warnings: tuple[str, ...] = ()
