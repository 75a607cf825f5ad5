"""A plain list of addresses: one after the other, or pasted from a mail program with several in a line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from newsletter.listfile.records import Record

_SAMPLE: Final = 200  # lines or records by which a list is known to be plain
_MAILBOX: Final = re.compile(
    r"\s*(?:[^<>@]*<\s*[^<>\s,;@]+@[^<>\s,;@]+>|[\"'<]?[^\s<>,;@|\"']+@[^\s<>,;@|\"']+[\"'>]?)\s*"
)
_PARTS: Final = {mark: re.compile(rf'(?:"[^"]*+"|[^{mark}])++') for mark in ";,"}
_QUOTED: Final = re.compile(r'\s*"([^"]*)"\s*')
_SEPARATOR: Final = re.compile(r"[,;\t|]")


def is_plain(lines: Iterable[str]) -> bool:
    """Whether lines hold addresses and nothing beside them but names in front of `<address>`.

    A line above the addresses that has a separator in it is the heading of a table. One line in five may be
    something else.
    """
    good = bad = 0
    for line in islice(lines, _SAMPLE):
        if "@" in line:
            whole = all(map(_MAILBOX.fullmatch, mailboxes(line)))
            good, bad = good + whole, bad + (not whole)
        elif not good and not bad and _SEPARATOR.search(line):
            return False
    return good > 0 and good >= bad * 4


def is_column(records: Sequence[Record]) -> bool:
    """Whether the records of a sheet are no more than one column, and a plain list."""
    filled = [[cell for cell in record.cells if cell.strip()] for record in records[:_SAMPLE]]
    return all(len(cells) <= 1 for cells in filled) and is_plain(cells[0] for cells in filled if cells)


def spread(records: Iterable[Record]) -> Iterator[Record]:
    """A record of its own for each address; all of a line's have its number."""
    for record in records:
        at = next((at for at, cell in enumerate(record.cells) if cell.strip()), 0)
        if record.cells[at].count("@") < 2:
            yield record
        else:
            blanks = [""] * at
            yield from (Record(record.line, [*blanks, one]) for one in mailboxes(record.cells[at]))


def mailboxes(line: str) -> list[str]:
    """Part a line at semicolons and, where several addresses are left together, at commas.

    `Sample, Ana <ana@example.org>` is one person, and `"Sample; Ana" <ana@example.org>` too.
    """
    whole = _QUOTED.fullmatch(line)
    text = whole[1] if whole is not None else line
    found: list[str] = []
    for part in _PARTS[";"].findall(text):
        found += _at_commas(part) if part.count("@") > 1 else [part]
    return [part for part in found if part.strip()]


def _at_commas(text: str) -> list[str]:
    """Commas behind an address part; one inside a name, before its address, does not."""
    found: list[str] = []
    waiting: list[str] = []
    for part in _PARTS[","].findall(text):
        waiting.append(part)
        if "@" in part:
            found.append(",".join(waiting))
            waiting = []
    return [*found, *([",".join(waiting)] if waiting else [])]
