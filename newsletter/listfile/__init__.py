"""List files as people have them -> rows that can be imported, and why others cannot."""

from __future__ import annotations

from itertools import chain, islice
from typing import Final

from newsletter.listfile import decoding, delimited, layout, workbook
from newsletter.listfile.records import Record, Table
from newsletter.listfile.rows import RowReader
from newsletter.models import ListFile, RejectedRow

__all__ = ["read_list"]

_SAMPLE: Final = 2000  # records by which the columns are found


def read_list(data: bytes, *, name: str) -> ListFile:
    """Read a list of people from a file's bytes; `name` is the file's name, for messages.

    Taken: .xlsx (the sheet with the most addresses); CSV with comma, semicolon, tab or bar; a plain list of
    addresses or of `Name <address>`, also with several in a line; UTF-8, UTF-16 and the old code pages. What
    the columns mean is found by their headings in many languages, else by looking. Rows keep the file's
    order; repeats are not merged.

    `line` is a record's first line in the file, or the row's number in the sheet. `columns` are the keys that
    rows may fill, in the file's order. `kind` is `csv`, `tsv`, `column`, `xlsx`, or `empty`; `encoding`
    is empty for workbooks. ListFileError where the file as a whole cannot be read.
    """
    table = workbook.read(data, name=name) if workbook.is_workbook(data) else _from_text(data, name)
    records = iter(table.records)
    sample = list(islice(records, _SAMPLE))
    if not any("@" in cell for record in sample for cell in record.cells):
        sample += list(records)
    found = layout.find(sample, name=name)
    if found is None:
        return _nobody(table, sample)
    reader = RowReader(found)
    reader.read(chain(islice(sample, found.starts, None), records))
    return ListFile(
        rows=reader.rows,
        rejected=reader.rejected,
        warnings=(*table.warnings, *found.warnings, *reader.warnings()),
        columns=found.columns,
        encoding=table.encoding,
        kind=table.kind,
    )


def _from_text(data: bytes, name: str) -> Table:
    decoded = decoding.decode(data, name=name)
    if not decoded.text.strip("\ufeff \t\r\n"):
        return Table(records=(), kind="empty", encoding=decoded.encoding)
    return delimited.read(decoded)


def _nobody(table: Table, sample: list[Record]) -> ListFile:
    """An empty file, or one with a heading only."""
    faults = [RejectedRow(line=record.line, reason=record.fault) for record in sample if record.fault]
    return ListFile(
        rows=(),
        rejected=faults,
        warnings=table.warnings,
        columns=(),
        encoding=table.encoding,
        kind=table.kind,
    )
