"""Words into lines of plain text: wrapping, and tables with aligned columns."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from newsletter.fields import TOKEN

VALUE = 12
"""How many columns a field's value is taken to need: that of most names."""

_GAP = "  "


def wrap(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` columns where words allow it."""
    lines = []
    for part in text.strip().split("\n"):
        line = ""
        for word in part.split(" "):
            if not word:
                continue
            if line and columns_of(line) + 1 + columns_of(word) > width:
                lines.append(line)
                line = word
            else:
                line = f"{line} {word}" if line else word
        if line:
            lines.append(line)
    return lines


def columns_of(text: str) -> int:
    """How many columns of a terminal a text takes: wide letters two, combining and invisible ones none.

    A token counts as the value that will stand for it.
    """
    text = TOKEN.sub("x" * VALUE, text)
    if text.isascii():
        return len(text)
    return sum(_column(char) for char in text)


def _column(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def table_lines(
    rows: Sequence[Sequence[str]], *, headed: bool, alignments: Sequence[str], width: int
) -> list[str]:
    """Rows of equally many cells in aligned columns, the first underlined where it is the head.

    Where even the longest words do not fit beside one another, each cell gets a line that begins
    with its head. `alignments` are `right`, `center` or empty, one a column.
    """
    widths = _widths(rows, width)
    if not widths:
        return _records(rows, headed=headed, width=width)
    lines: list[str] = []
    for number, row in enumerate(rows):
        lines += _row(row, widths, alignments)
        if headed and number == 0:
            lines.append(_GAP.join("-" * column for column in widths))
    return lines


def _widths(rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """The width of each column, the widest ones narrowed until all fit; empty where they cannot."""
    columns = list(zip(*rows, strict=True))
    widths = [min(width, max(columns_of(cell) for cell in column)) for column in columns]
    least = [max(columns_of(word) for cell in column for word in [*cell.split(" ")]) for column in columns]
    room = width - len(_GAP) * (len(columns) - 1)
    if sum(least) > room:
        return []
    while sum(widths) > room:
        spare = [have - need for have, need in zip(widths, least, strict=True)]
        at = max(range(len(widths)), key=lambda i: (spare[i] > 0, widths[i]))
        widths[at] -= 1
    return widths


def _row(row: Sequence[str], widths: Sequence[int], alignments: Sequence[str]) -> list[str]:
    cells = [wrap(cell, column) for cell, column in zip(row, widths, strict=True)]
    lines = []
    for number in range(max(1, *(len(cell) for cell in cells)) if cells else 1):
        pieces = [
            _aligned(cell[number] if number < len(cell) else "", column, alignment)
            for cell, column, alignment in zip(cells, widths, alignments, strict=True)
        ]
        lines.append(_GAP.join(pieces).rstrip())
    return lines


def _aligned(text: str, width: int, alignment: str) -> str:
    spare = max(0, width - columns_of(text))
    before = {"right": spare, "center": spare // 2}.get(alignment, 0)
    return " " * before + text + " " * (spare - before)


def _records(rows: Sequence[Sequence[str]], *, headed: bool, width: int) -> list[str]:
    heads = rows[0] if headed else [""] * len(rows[0])
    lines: list[str] = []
    for row in rows[1:] if headed else rows:
        lines += [""] if lines else []
        for head, cell in zip(heads, row, strict=True):
            lines += wrap(f"{head}: {cell}" if head else cell, width)
    return lines
