"""A plain list of addresses: one after the other, or pasted from a mail program with several in a line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final

from newsletter.listfile import headings, values
from newsletter.listfile.records import Record

_SAMPLE: Final = 200  # lines or records by which a list is known to be plain
_MAILBOX: Final = re.compile(
    r"\s*(?:[^<>@]*<\s*[^<>\s,;@]+@[^<>\s,;@]+>|[\"'<]?[^\s<>,;@|\"']+@[^\s<>,;@|\"']+[\"'>]?)\s*"
)
_BARE: Final = re.compile(r"[\w.+-]+@[\w.-]+")
_PARTS: Final = {mark: re.compile(rf'(?:"[^"]*+"|[^{mark}])++') for mark in ";,"}
_QUOTED: Final = re.compile(r'\s*"([^"]*)"\s*')
_SEPARATOR: Final = re.compile(r"[,;\t|]")
_OF_ARABIC: Final = str.maketrans("؛،", ";,")
_BEFORE_COLON: Final = re.compile(r"(?!mailto\b)[^<>@\":：]*[:：]\s*", re.IGNORECASE)
_BULLET: Final = re.compile(r"\A(?:[-–•*·]|\d{1,3}[.)])\s+")
_AND: Final = re.compile(r"(?<=\S)\s+(?:and|und|et|y|e|og|och|en|&|و)\s+(?=[^\s@]+@)")
_SPACED: Final = re.compile(r"([^\W\d_][^<>@,;|\"\d]*?) \(?([^\s<>@,;|\"'()]+@[^\s<>@,;|\"'()]+)\)?")
_ANGLED: Final = re.compile(r'"?([^<>@"]*)"? ?(<[^<>]+>)')
_SUFFIX_WORDS: Final = """
    jr sr ii iii iv esq mph bds bsc ba mba
    facs frcr mrcp ret inc ltd llc plc co gmbh ag kg ev sa sarl srl bv"""
_SUFFIXES: Final = frozenset(_SUFFIX_WORDS.split())
_MOST_WORDS: Final = 4  # of a name


def is_plain(lines: Iterable[str]) -> bool:
    """Whether lines hold addresses and nothing beside them but names in front of `<address>`.

    A line above the addresses that has a separator in it is the heading of a table, unless it is prose or has
    several people in a line below. One line in five may be something else.
    """
    good = bad = several = 0
    headed = False
    for line in islice(lines, _SAMPLE):
        if "@" in line:
            found = mailboxes(line)
            whole = all(map(_MAILBOX.fullmatch, found))
            good, bad, several = good + whole, bad + (not whole), several + (whole and len(found) > 1)
        elif not good and not bad and _SEPARATOR.search(line) and not _is_prose(line):
            headed = True
            if headings.recognised(_SEPARATOR.split(line)):
                return False
    return good > 0 and good >= bad * 4 and (several > 0 or not headed)


def _is_prose(line: str) -> bool:
    """Whether a line above nothing but addresses is a sentence; then four words are enough."""
    cells = _SEPARATOR.split(line)
    return headings.is_prose(cells) or (len(line.split()) >= 4 and not headings.recognised(cells))


def is_column(records: Sequence[Record]) -> bool:
    """Whether the records of a sheet are no more than one column, and a plain list."""
    filled = [[cell for cell in record.cells if cell.strip()] for record in records[:_SAMPLE]]
    return all(len(cells) <= 1 for cells in filled) and is_plain(cells[0] for cells in filled if cells)


def spread(records: Iterable[Record]) -> Iterator[Record]:
    """A record of its own for each address; all of a line's have its number."""
    for record in records:
        at = next((at for at, cell in enumerate(record.cells) if cell.strip()), 0)
        cell = record.cells[at]
        if "@" not in cell or _BARE.fullmatch(cell):
            yield record
        else:
            blanks = [""] * at
            yield from (Record(record.line, [*blanks, one]) for one in mailboxes(cell))


def mailboxes(line: str) -> list[str]:
    """Part a line at semicolons and, where several addresses are left together, at commas.

    `Sample, Ana <ana@example.org>` is one person, Ana Sample, and `"Sample, Ana" <ana@example.org>` too. What
    stands before a colon (`Cc:`) is no part of a name.
    """
    whole = _QUOTED.fullmatch(line)
    text = (whole[1] if whole is not None else line).translate(_OF_ARABIC)
    found: list[str] = []
    for part in _PARTS[";"].findall(text):
        for several in _at_commas(part) if part.count("@") > 1 else [part]:
            found += _AND.split(several) if several.count("@") > 1 else [several]
    return [tidy for part in found if (tidy := _tidy(part))]


def _tidy(part: str) -> str:
    """One mailbox, its name as people say it."""
    bare = _BULLET.sub("", part.strip(" \t,;"))
    if "@" not in bare:
        return bare
    label = _BEFORE_COLON.match(bare)
    bare = bare if label is None else bare[label.end() :]
    if "\t" in bare:
        return bare
    bare = " ".join(bare.split())
    spaced = _SPACED.fullmatch(bare)
    if spaced is not None and len(spaced[1].split()) <= _MOST_WORDS:
        return spaced[2] if headings.begins_letter(spaced[1].split()[0]) else f"{spaced[1]} <{spaced[2]}>"
    angled = _ANGLED.fullmatch(bare)
    turned = _turned(angled[1]) if angled is not None else ""
    return f"{turned} {angled[2]}" if angled is not None and turned else bare


def _turned(name: str) -> str:
    """`Sample, Ana` -> `Ana Sample`; empty where that is not how the name is written."""
    last, _, first = (part.strip() for part in name.strip(" '").partition(","))
    words = first.split()
    if not (last and words) or "," in first or ";" in name or len(words) > _MOST_WORDS:
        return ""
    if " " in last and any(map(values.academic_title, last.split())):
        return ""
    end = words[-1].replace(".", "").casefold()
    return "" if end in _SUFFIXES or values.is_title(end) else f"{first} {last}"


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
