"""How far a workbook's sheets reach, before a reader makes room for every cell in between."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import Final

from newsletter.errors import ListFileError

MOST_UNPACKED: Final = 1 << 30
"""Bytes that a workbook may unpack to."""

_MOST_CELLS: Final = 50_000_000
_MOST_ROWS: Final = 1_048_576
_MOST_COLUMNS: Final = 16_384
_CHUNK: Final = 1 << 20
_ROW: Final = re.compile(rb"<(?:\w+:)?row\b[^>]*?\br=[\"'](\d{1,20})[\"']")
_FAR_CELL: Final = re.compile(rb"\br=[\"'](?:([A-Za-z]{2,9})(\d{1,20})|[A-Za-z](\d{7,20}))[\"']")


def refuse_too_large(archive: zipfile.ZipFile, *, name: str) -> None:
    """ListFileError where the workbook unpacks, or its sheets reach, beyond what memory holds.

    A stray cell in the last corner of a sheet asks for room for 17,000 million cells.
    """
    members = archive.infolist()
    if sum(member.file_size for member in members) > MOST_UNPACKED:
        raise ListFileError(
            "the workbook unpacks to more than 1 GiB", where=name, hint="save the list as CSV UTF-8"
        )
    sheets = [
        member.filename
        for member in members
        if member.filename.startswith("xl/")
        and member.filename.endswith(".xml")
        and "haredS" not in member.filename
    ]
    for sheet in sheets:
        if _cells(archive, sheet) > _MOST_CELLS:
            hint = "copy the list alone into a new sheet, or save it as CSV UTF-8"
            raise ListFileError(
                "a cell stands so far from the others that the sheet is too large", where=name, hint=hint
            )


def _cells(archive: zipfile.ZipFile, sheet: str) -> int:
    """The area that the sheet's cells span."""
    rows = columns = 1
    for chunk in _chunks(archive, sheet):
        rows = max(rows, max(map(int, _ROW.findall(chunk)), default=1))
        for letters, row, far_row in _FAR_CELL.findall(chunk):
            rows = max(rows, int(row or far_row))
            columns = max(columns, _column(letters))
    if rows > _MOST_ROWS or columns > _MOST_COLUMNS:
        return _MOST_CELLS + 1
    return rows * columns


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _chunks(archive: zipfile.ZipFile, member: str) -> Iterator[bytes]:
    """The member's bytes in pieces that end where a tag ends."""
    try:
        with archive.open(member) as file:
            waiting = b""
            while piece := file.read(_CHUNK):
                whole, closing, waiting = (waiting + piece).rpartition(b">")
                yield whole + closing
            yield waiting
    except (zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise zipfile.BadZipFile(str(error)) from error
