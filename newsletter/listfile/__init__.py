"""List files as people have them -> rows that can be imported, and why others cannot."""

from __future__ import annotations

from io import BytesIO

from newsletter.listfile import decoding, delimited, workbook
from newsletter.listfile.decoding import Open
from newsletter.listfile.listing import Listing
from newsletter.listfile.records import Table
from newsletter.models import ListFile, ListRow, RejectedRow

__all__ = ["Listing", "Open", "open_list", "read_list"]


def open_list(opened: Open, *, name: str) -> Listing:
    """Look at a list of people, of which text files are never held as a whole; `name` is for messages.

    Taken: .xlsx (the sheet with the most addresses); CSV with comma, semicolon, tab or bar; a plain list of
    addresses or of `Name <address>`, also with several in a line; UTF-8, UTF-16 and the old code pages. What
    the columns mean is found by their headings in many languages, else by looking.

    `line` is a record's first line in the file, or the row's number in the sheet. ListFileError where the
    file as a whole cannot be read.
    """
    with opened() as file:
        data = file.read(workbook.MARK_BYTES)
        if workbook.is_workbook(data):
            return Listing(workbook.read(data + file.read(), name=name), name=name)
    return Listing(_from_text(opened, name), name=name)


def read_list(data: bytes, *, name: str) -> ListFile:
    """All of a list whose bytes are at hand, as `open_list` reads it."""
    listing = open_list(lambda: BytesIO(data), name=name)
    rows: list[ListRow] = []
    rejected: list[RejectedRow] = []
    for row in listing:
        if isinstance(row, ListRow):
            rows.append(row)
        else:
            rejected.append(row)
    return ListFile(
        rows=rows,
        rejected=rejected,
        warnings=listing.warnings,
        columns=listing.columns,
        encoding=listing.encoding,
        kind=listing.kind,
    )


def _from_text(opened: Open, name: str) -> Table:
    decoded = decoding.decode(opened, name=name)
    if not any(line.strip("\ufeff \t\r") for line in decoded.lines()):
        return Table(records=tuple, kind="empty", encoding=decoded.encoding)
    return delimited.read(decoded)
