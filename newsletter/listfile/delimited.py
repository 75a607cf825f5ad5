"""Text -> records: the separator is found by looking, quotes may hold line breaks."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Final

from newsletter.listfile import headings, plain
from newsletter.listfile.decoding import Decoded
from newsletter.listfile.records import Record, Table

_SEPARATORS: Final = (",", ";", "\t", "|")
_KINDS: Final = {",": "csv", ";": "csv", "|": "csv", "\t": "tsv", "": "column"}
_SAMPLE: Final = 60  # records by which the separator is found
_MOST_LINES: Final = 100  # in one quoted cell
_MOST_CHARACTERS: Final = 100_000  # in one record of several lines
_ADDRESS: Final = re.compile(r"[\s\"'<]*[^\s@<>,;\"|]+@[^\s@<>,;\"|]+\.[^\s@<>,;\"|]+[\s\"'>]*")
_DECLARED: Final = re.compile(r"\"?sep=(.)\"?\s*", re.IGNORECASE)


def read(decoded: Decoded) -> Table:
    """Read a plain list of addresses, or find the separator (or the one that `sep=;` at the top declares)."""
    declared = _DECLARED.fullmatch(next(decoded.lines(), "")[:20])
    listed = not declared and plain.is_plain(line for line in decoded.lines() if line.strip())
    separator = declared[1] if declared else "" if listed else _separator(decoded)

    def records() -> Iterator[Record]:
        found = islice(_records(decoded.lines(), separator), 1 if declared else 0, None)
        return plain.spread(found) if listed else found

    return Table(
        records=records,
        kind=_KINDS.get(separator, "csv"),
        encoding=decoded.encoding,
        warnings=decoded.warnings,
    )


def _separator(decoded: Decoded) -> str:
    lines = [line for line in islice(decoded.lines(), _SAMPLE) if line.strip()]
    best = max(_SEPARATORS, key=lambda separator: _fitness(_records(decoded.lines(), separator)))
    return best if any(best in line for line in lines) else ""


def _fitness(records: Iterator[Record]) -> float:
    """Cells that are headings or addresses speak for a separator, and records of equal length."""
    sample = [record for record in islice(records, _SAMPLE) if any(record.cells)]
    if not sample:
        return 0.0
    known = max(headings.recognised(record.cells) for record in sample[:20])
    addresses = sum(any(map(_ADDRESS.fullmatch, record.cells)) for record in sample)
    width, often = Counter(len(record.cells) for record in sample).most_common(1)[0]
    even = often / len(sample) if width > 1 else 0.0
    return 2.0 * known + 3.0 * addresses / len(sample) + even


def _records(lines: Iterator[str], separator: str) -> Iterator[Record]:
    if not separator:
        yield from (Record(number, [line]) for number, line in enumerate(lines, 1))
        return
    ahead = _Lookahead(lines)
    splitter = _Splitter(separator)
    for number, line in ahead:
        if '"' not in line:
            yield Record(number, line.split(separator))
            continue
        cells = splitter.cells(line)
        yield Record(number, cells) if cells is not None else _over_lines(number, line, ahead, splitter)


def _over_lines(number: int, line: str, lines: _Lookahead, splitter: _Splitter) -> Record:
    """Join the lines of a quoted cell; where the quote is never closed, only its first line is lost."""
    joined = line
    for following in lines.peek(_MOST_LINES):
        joined = f"{joined}\n{following}"
        if len(joined) > _MOST_CHARACTERS:
            break
        cells = splitter.cells(joined) if '"' in following else None
        if cells is not None:
            lines.skip(joined.count("\n") - line.count("\n"))
            return Record(number, cells)
    return Record(number, line.split(splitter.separator), "a quotation mark opens a cell and is never closed")


class _Lookahead:
    """Numbered lines, with a way to look at the next ones."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._waiting: list[str] = []
        self._number = 0

    def __iter__(self) -> Iterator[tuple[int, str]]:
        while True:
            line = self._waiting.pop(0) if self._waiting else next(self._lines, None)
            if line is None:
                return
            self._number += 1
            yield self._number, line

    def peek(self, most: int) -> Iterator[str]:
        """Yield up to `most` coming lines, which stay to come."""
        for at in range(most):
            if at == len(self._waiting):
                line = next(self._lines, None)
                if line is None:
                    return
                self._waiting.append(line)
            yield self._waiting[at]

    def skip(self, count: int) -> None:
        """Leave out lines that were peeked at."""
        del self._waiting[:count]
        self._number += count


class _Splitter:
    """Splits a record with quotes; RFC 4180 section 2, and what people write by hand beside it."""

    def __init__(self, separator: str) -> None:
        end = re.escape(separator)
        self.separator = separator
        self._between = f'"{separator}"'
        self._plain = re.compile(rf"[^{end}]*+")
        self._quoted = re.compile(rf'[^\S\n{end}]*+"([^"]*+(?:""[^"]*+)*+)"[^\S{end}]*+(?=[{end}]|\Z)')
        self._loose = re.compile(rf'[^\S\n{end}]*+"([^\n]*?)"[^\S\n{end}]*(?=[{end}]|\Z)')
        self._mailbox = re.compile(rf'[^\S\n{end}]*+"[^"\n]*+"[^"\n{end}]*+(?=[{end}]|\Z)')
        self._opens = re.compile(rf'[^\S\n{end}]*+"')

    def cells(self, record: str) -> list[str] | None:
        """The cells, or None where a quoted one is still open at the end."""
        if record[0] == record[-1] == '"':
            every = record[1:-1].split(self._between)
            if record.count('"') == 2 * len(every):  # all cells are quoted, and no quote is in any
                return every
        cells: list[str] = []
        at = 0
        while True:
            cell, at = self._next(record, at)
            if cell is None:
                return None
            cells.append(cell)
            if at >= len(record):
                return cells
            at += 1
            if at == len(record):
                return [*cells, ""]

    def _next(self, record: str, at: int) -> tuple[str | None, int]:
        match = self._quoted.match(record, at)
        if match is not None:
            return match[1].replace('""', '"'), match.end()
        if not self._opens.match(record, at):
            match = self._plain.match(record, at)
            return (match.group(), match.end()) if match is not None else ("", at)
        match = self._mailbox.match(record, at)
        if match is not None:
            return match.group(), match.end()
        match = self._loose.match(record, at)
        return (match[1].replace('""', '"'), match.end()) if match is not None else (None, at)
