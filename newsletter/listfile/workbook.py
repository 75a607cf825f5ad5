"""Workbooks (.xlsx) -> records of the sheet that holds the most addresses."""

from __future__ import annotations

import datetime
import re
import zipfile
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Final

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError, SheetTypeEnum

from newsletter.errors import ListFileError
from newsletter.listfile import plain
from newsletter.listfile.records import Record, Table
from newsletter.listfile.workbook_size import refuse_too_large

MARK_BYTES: Final = 8
"""At a file's beginning, by which a workbook is known."""

_ZIP: Final = b"PK\x03\x04"
_EMPTY_ZIP: Final = b"PK\x05\x06"
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MOST_SHEETS: Final = 200
_ADDRESS: Final = re.compile(r"[^\s@]@[^\s@]+\.[^\s@]")
_SAVE_AS: Final = "save it as .xlsx or as CSV UTF-8"
_SAVE_AGAIN: Final = "open it in the spreadsheet program and save it again as .xlsx, without a password"

_FOREIGN_PARTS: Final = {
    "content.xml": "this is an OpenDocument file, which is not read",
    "word/document.xml": "this is no spreadsheet but a Word document",
    "ppt/presentation.xml": "this is no spreadsheet but a presentation",
    "xl/workbook.bin": "this is a binary workbook (.xlsb), which is not read",
}
_ENCRYPTED: Final = "EncryptedPackage"
_FOREIGN_STREAMS: Final = {
    _ENCRYPTED: "the workbook is protected by a password",
    "WordDocument": "this is no spreadsheet but a Word document",
    "PowerPoint Document": "this is no spreadsheet but a presentation",
    "Workbook": "this is a workbook of the old kind (.xls), which is not read",
    "Book": "this is a workbook of the old kind (.xls), which is not read",
}

Cell = int | float | str | bool | datetime.time | datetime.date | datetime.datetime | datetime.timedelta


def is_workbook(data: bytes) -> bool:
    """Whether the bytes are a zip archive or an OLE file, as workbooks and other Office documents are."""
    return data.startswith((_ZIP, _EMPTY_ZIP, _OLE))


def read(data: bytes, *, name: str) -> Table:
    """Read the sheet with the most addresses; ListFileError where the bytes are no workbook, or a broken one.

    Old workbooks (.xls) and OpenDocument (.ods) are refused by name: damaged ones stop or stall every reader
    that is fast enough, and each spreadsheet program saves them as .xlsx.
    """
    _refuse_foreign(data, name)
    try:
        with CalamineWorkbook.from_filelike(BytesIO(data)) as workbook:
            return _table(workbook, name)
    except PasswordError:
        raise ListFileError("the workbook is protected by a password", where=name, hint=_SAVE_AGAIN) from None
    except (CalamineError, ValueError, OverflowError, OSError) as error:
        raise ListFileError("the workbook is broken", where=name, hint=_SAVE_AGAIN) from error
    except BaseException as error:
        if type(error).__name__ == "PanicException":  # the reader's own, which is no Exception
            raise ListFileError("the workbook is broken", where=name, hint=_SAVE_AGAIN) from error
        raise


def _refuse_foreign(data: bytes, name: str) -> None:
    if data.startswith(_OLE):
        raise _old_document(data, name)
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            names = set(archive.namelist())
            refuse_too_large(archive, name=name)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError):
        if name.casefold().endswith((".xlsx", ".xlsm")):
            raise ListFileError("the workbook is broken or cut off", where=name, hint=_SAVE_AGAIN) from None
        raise ListFileError("this is no spreadsheet", where=name, hint=_SAVE_AS) from None
    if "xl/workbook.xml" in names:
        return
    found = (what for part, what in _FOREIGN_PARTS.items() if part in names)
    raise ListFileError(next(found, "this is no spreadsheet"), where=name, hint=_SAVE_AS)


def _old_document(data: bytes, name: str) -> ListFileError:
    """An OLE file is an encrypted new workbook, or an Office document of before 2007."""
    for stream, what in _FOREIGN_STREAMS.items():
        if stream.encode("utf-16-le") in data:
            return ListFileError(what, where=name, hint=_SAVE_AGAIN if stream == _ENCRYPTED else _SAVE_AS)
    return ListFileError("this is no spreadsheet", where=name, hint=_SAVE_AS)


def _table(workbook: CalamineWorkbook, name: str) -> Table:
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
    records = list(_records(sheets[best]))
    if plain.is_column(records):
        records = list(plain.spread(records))
    return Table(
        records=lambda: records,
        kind="xlsx",
        encoding="",
        warnings=(warning,) if others else (),
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
