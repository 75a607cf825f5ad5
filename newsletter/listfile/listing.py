"""A list file that is read record by record, as often as its rows are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from newsletter.errors import ListFileError
from newsletter.listfile import headings, layout
from newsletter.listfile.records import Record, Table
from newsletter.listfile.rows import RowReader
from newsletter.models import ListRow, RejectedRow

_LAST_GUESS: Final = "mac_roman"
_SAMPLE: Final = 2000  # records by which the columns are found


class Listing:
    """What is in a list file: its rows as they come, and what a person should know of it.

    `columns` are the keys that rows may fill, in the file's order. `kind` is `csv`, `tsv`, `column`, `xlsx`,
    or `empty`; `encoding` is empty for workbooks. `warnings` are complete when all rows were read.
    """

    def __init__(self, table: Table, *, name: str) -> None:
        """ListFileError where there are rows and no column holds addresses."""
        self._table = table
        sample = _sample(table)
        self._layout = layout.find(sample, name=name)
        if table.encoding == _LAST_GUESS and self._layout and _is_garbage(sample, self._layout):
            message = "the letters in it are in no code page that is known here"
            raise ListFileError(message, where=name, hint="save it as UTF-8 or as .xlsx")
        self._reader = RowReader(self._layout) if self._layout else None
        self.columns: Sequence[str] = self._layout.columns if self._layout else ()
        self.encoding, self.kind = table.encoding, table.kind

    def __iter__(self) -> Iterator[ListRow | RejectedRow]:
        """Every record that is somebody, or why it is not, in the file's order; repeats are not merged."""
        if self._layout is None:
            return _faults(self._table)
        self._reader = RowReader(self._layout)
        return self._reader.read(islice(self._table.records(), self._layout.starts, None))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to look at, a sentence for each."""
        if self._layout is None or self._reader is None:
            return self._table.warnings
        return (*self._table.warnings, *self._layout.warnings, *self._reader.warnings())


def _sample(table: Table) -> list[Record]:
    """The first records; where no address is among them, also the next that look like one."""
    records = iter(table.records())
    sample = list(islice(records, _SAMPLE))
    if not any(map(_may_be_somebody, sample)):
        sample += islice(filter(_may_be_somebody, records), _SAMPLE)
    return sample


def _is_garbage(sample: Iterable[Record], found: layout.Layout) -> bool:
    """Whether no heading but the address is known, and a third of all other letters is beyond ASCII."""
    if headings.recognised(found.heading) > 1:
        return False
    texts = (cell for record in sample for at, cell in enumerate(record.cells) if at != found.address)
    letters = [letter for text in texts for letter in text if letter.isalpha() or not letter.isascii()]
    return sum(not letter.isascii() for letter in letters) * 3 > len(letters)


def _may_be_somebody(record: Record) -> bool:
    return any("@" in cell for cell in record.cells)


def _faults(table: Table) -> Iterator[RejectedRow]:
    """Of an empty file, or one with a heading only."""
    return (RejectedRow(line=one.line, reason=one.fault) for one in table.records() if one.fault)
