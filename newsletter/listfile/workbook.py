"""Workbooks (.xlsx, .xls, .ods) -> records of the sheet that holds the most addresses."""

from __future__ import annotations

import datetime
import re
import zipfile
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Final

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError, SheetTypeEnum

from newsletter.errors import ListFileError
from newsletter.listfile.records import Record, Table
from newsletter.listfile.workbook_size import refuse_too_large

_ZIP: Final = b"PK\x03\x04"
_EMPTY_ZIP: Final = b"PK\x05\x06"
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MOST_SHEETS: Final = 200
_ADDRESS: Final = re.compile(r"[^\s@]@[^\s@]+\.[^\s@]")
_SAVE_AGAIN: Final = "open it in the spreadsheet program and save it again as .xlsx, without a password"

Cell = int | float | str | bool | datetime.time | datetime.date | datetime.datetime | datetime.timedelta


def is_workbook(data: bytes) -> bool:
    """Whether the bytes are a zip archive or an OLE file, as workbooks are."""
    return data.startswith((_ZIP, _EMPTY_ZIP, _OLE))


def read(data: bytes, *, name: str) -> Table:
    """Read the sheet with the most addresses; ListFileError where the workbook cannot be read."""
    kind = _kind(data, name)
    try:
        with CalamineWorkbook.from_filelike(BytesIO(data)) as workbook:
            return _table(workbook, kind, name)
    except PasswordError:
        raise ListFileError("the workbook is protected by a password", where=name, hint=_SAVE_AGAIN) from None
    except (CalamineError, ValueError, OverflowError, OSError) as error:
        raise ListFileError("the workbook is broken", where=name, hint=_SAVE_AGAIN) from error


def _kind(data: bytes, name: str) -> str:
    if data.startswith(_OLE):
        return _ole_kind(data, name)
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            names = set(archive.namelist())
            refuse_too_large(archive, name=name)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError):
        raise ListFileError("the workbook is broken or cut off", where=name, hint=_SAVE_AGAIN) from None
    for part, kind in (("xl/workbook.xml", "xlsx"), ("content.xml", "ods")):
        if part in names:
            return kind
    known = {"word/document.xml": "a Word document", "xl/workbook.bin": "a binary workbook (.xlsb)"}
    what = next((what for part, what in known.items() if part in names), "a zip archive, not a workbook")
    raise ListFileError(f"this is {what}", where=name, hint="give the list itself, as .xlsx or as CSV UTF-8")


def _ole_kind(data: bytes, name: str) -> str:
    """An OLE file is an old workbook, or an encrypted new one, or another Office document."""
    if "EncryptedPackage".encode("utf-16-le") in data:
        raise ListFileError("the workbook is protected by a password", where=name, hint=_SAVE_AGAIN)
    if "WordDocument".encode("utf-16-le") in data:
        raise ListFileError(
            "this is a Word document", where=name, hint="give the list as .xlsx or as CSV UTF-8"
        )
    return "xls"


def _table(workbook: CalamineWorkbook, kind: str, name: str) -> Table:
    sheets = [
        workbook.get_sheet_by_index(at)
        for at, about in enumerate(workbook.sheets_metadata[:_MOST_SHEETS])
        if about.typ == SheetTypeEnum.WorkSheet
    ]
    if not sheets:
        raise ListFileError("there is no sheet in the workbook", where=name)
    counts = [sum(map(_has_address, sheet.iter_rows())) for sheet in sheets]
    best = counts.index(max(counts))
    others = [
        f"'{sheet.name}' ({counts[at]:,})" for at, sheet in enumerate(sheets) if at != best and counts[at]
    ]
    warning = f"only the sheet '{sheets[best].name}' was read; addresses stand also in {', '.join(others)}"
    return Table(
        records=list(_records(sheets[best])), kind=kind, encoding="", warnings=(warning,) if others else ()
    )


def _has_address(row: Iterable[Cell]) -> bool:
    return any(isinstance(cell, str) and _ADDRESS.search(cell) is not None for cell in row)


def _records(sheet: CalamineSheet) -> Iterator[Record]:
    """`line` is the row's number as the spreadsheet program shows it."""
    for number, row in enumerate(sheet.iter_rows(), 1):
        yield Record(number, [cell if isinstance(cell, str) else _text(cell) for cell in row])


def _text(cell: Cell) -> str:
    """Write a value as a person would: `12`, `2026-03-01`, `TRUE`."""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, datetime.datetime):
        return cell.date().isoformat() if cell.time() == datetime.time() else cell.isoformat(" ", "seconds")
    if isinstance(cell, datetime.date | datetime.time):
        return cell.isoformat()
    return str(cell)
