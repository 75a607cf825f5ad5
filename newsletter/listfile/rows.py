"""Records and a layout -> people, or the reason why a record is none."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct, field

from newsletter.addresses import clean_text, parse_mailbox
from newsletter.damage import is_mangled, is_twice_encoded
from newsletter.errors import AddressError
from newsletter.listfile import values
from newsletter.listfile.layout import Layout
from newsletter.listfile.records import Record
from newsletter.lookalikes import meant_domain
from newsletter.models import Address, ListRow, Profile, RejectedRow, SuppressionKind

_MOST_CHARACTERS: Final = 10_000  # of a cell
_MOST_OF_A_NAME: Final = 200
_MOST_SLIPS: Final = 10  # that are shown
_MOST_TOLD: Final = 1_000  # different values
_ADDRESS: Final = re.compile(r"[^\s@]@[^\s@]+\.[^\s@]")
_LONE_ADDRESS: Final = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+")
_LEFT: Final = frozenset(SuppressionKind)


class _Told(Struct):
    """What a user should be told once for the file: how often, the first line, the commonest values."""

    count: int = 0
    first: int = 0
    values: Counter[str] = field(default_factory=Counter)

    def add(self, line: int, value: str = "") -> None:
        self.first = self.first or line
        self.count += 1
        if value and (value in self.values or len(self.values) < _MOST_TOLD):
            self.values[value] += 1


class RowReader:
    """Reads records one by one; `warnings()` are complete after the last."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._heading = [cell.casefold() for cell in layout.heading]
        self._language = values.languages()
        self._country = values.countries()
        self._told: dict[str, _Told] = {}

    def read(self, records: Iterable[Record]) -> Iterator[ListRow | RejectedRow]:
        """Each record's person, or why it is none; those without any text are passed over."""
        for record in records:
            try:
                yield ListRow(line=record.line, profile=self._person(record))
            except AddressError as error:
                if "".join(record.cells).strip() and not self._repeats_heading(record.cells):
                    yield RejectedRow(line=record.line, reason=error.message)

    def warnings(self) -> list[str]:
        """One sentence for each thing that a person should look at."""
        return [_SENTENCES[what](told) for what, told in self._told.items()]

    def _person(self, record: Record) -> Profile:
        """AddressError says why it is nobody."""
        line, cells, fault = record
        layout = self._layout
        if fault:
            raise AddressError(fault)
        if len("".join(cells)) > _MOST_CHARACTERS:
            _refuse_huge(cells)
        if layout.state is not None:
            self._refuse_who_left(cells)
        mailbox_name, address = self._mailbox(cells)
        meant = meant_domain(address.key)
        if meant:
            self._tell("lookalike", line, f"line {line}: {address.text} (meant {meant}?)")
        name = self._name(line, cells, address) or self._checked_name(line, mailbox_name, address)
        if layout.title is not None:
            title = values.academic_title(values.plain_cell(_cell(cells, layout.title)))
            name = values.titled(title, name)
        if layout.heading and len(cells) > len(layout.heading) and any(cells[len(layout.heading) :]):
            self._tell("wide", line)
        return Profile(
            address=address,
            name=name,
            language=self._looked_up("language", line, _cell(cells, layout.language), self._language),
            country=self._looked_up("country", line, _cell(cells, layout.country), self._country),
            attributes=self._attributes(cells) if layout.attributes else {},
        )

    def _attributes(self, cells: Sequence[str]) -> dict[str, str]:
        found = ((key, values.plain_cell(_cell(cells, at))) for at, key in self._layout.attributes)
        return {key: value for key, value in found if value}

    def _repeats_heading(self, cells: Sequence[str]) -> bool:
        if not self._heading or "@" in _cell(cells, self._layout.address):
            return False
        return [clean_text(cell).casefold() for cell in cells] == self._heading

    def _refuse_who_left(self, cells: Sequence[str]) -> None:
        state = _cell(cells, self._layout.state).strip().casefold()
        if state in _LEFT:
            raise AddressError(f"marked '{state}' in the column 'state'")

    def _mailbox(self, cells: Sequence[str]) -> tuple[str, Address]:
        text = _cell(cells, self._layout.address)
        if not self._layout.heading and len(cells) > 1:
            beside = [cell for cell in cells if _ADDRESS.search(cell)]
            if len(beside) > 1:
                text = "; ".join(beside)
        return parse_mailbox(values.plain_cell(text) if text[:1] == "'" else text)

    def _name(self, line: int, cells: Sequence[str], address: Address) -> str:
        layout = self._layout
        whole = self._checked_name(line, values.plain_cell(_cell(cells, layout.name)), address)
        if whole or (layout.first_name is None and layout.last_name is None):
            return whole
        first = values.plain_cell(_cell(cells, layout.first_name))
        last = values.plain_cell(_cell(cells, layout.last_name))
        repeated = first and last.casefold().startswith(f"{first.casefold()} ")
        return self._checked_name(line, last if repeated else f"{first} {last}".strip(), address)

    def _checked_name(self, line: int, name: str, address: Address) -> str:
        """Leave out what is no name, and remember what looks damaged. AddressError for another address."""
        if not name:
            return ""
        if "@" in name and _LONE_ADDRESS.fullmatch(bare := name.strip("<>'\" ")):
            if bare.casefold() == address.text.casefold():
                return ""
            raise AddressError(f"two addresses where one belongs: '{address.text}', '{bare[:60]}'")
        if len(name) > _MOST_OF_A_NAME:
            self._tell("long", line)
            return ""
        if is_mangled(name):
            self._tell("mangled", line, name)
            return name if any(map(str.isalpha, name)) else ""
        if is_twice_encoded(name):
            self._tell("encoded", line, name)
        return name

    def _looked_up(self, what: str, line: int, cell: str, known: Callable[[str], str]) -> str:
        if not cell:
            return ""
        value = known(cell)
        if not value and clean_text(cell):
            self._tell(what, line, clean_text(cell)[:40])
        return value

    def _tell(self, what: str, line: int, value: str = "") -> None:
        self._told.setdefault(what, _Told()).add(line, value)


def _refuse_huge(cells: Sequence[str]) -> None:
    longest = max(map(len, cells))
    if longest > _MOST_CHARACTERS:
        raise AddressError(f"a cell holds {longest:,} characters")


def _cell(cells: Sequence[str], column: int | None) -> str:
    return cells[column] if column is not None and column < len(cells) else ""


def _people(told: _Told, one: str, many: str) -> str:
    return f"1 {one}" if told.count == 1 else f"{told.count:,} {many}"


def _values(told: _Told) -> str:
    shown = ", ".join(f"'{value}' ({count:,})" for value, count in told.values.most_common(5))
    beyond = "more than " if len(told.values) == _MOST_TOLD else ""
    return f"{shown} and {beyond}{len(told.values) - 5:,} more" if len(told.values) > 5 else shown


def _mangled(told: _Told) -> str:
    shown = next(iter(told.values))[:40]
    return (
        f"{_people(told, 'name has', 'names have')} '?' where letters were lost"
        f" (first: line {told.first}, '{shown}');"
        " a spreadsheet did that when it saved: save it again as .xlsx or as CSV UTF-8"
    )


def _encoded(told: _Told) -> str:
    shown = next(iter(told.values))[:40]
    return (
        f"{_people(told, 'name looks', 'names look')} garbled (first: line {told.first}, '{shown}');"
        " the file was once opened in the wrong encoding: import from its source again"
    )


def _lookalike(told: _Told) -> str:
    shown = "; ".join(list(told.values)[:_MOST_SLIPS])
    more = f"; and {told.count - _MOST_SLIPS:,} more" if told.count > _MOST_SLIPS else ""
    return (
        f"{_people(told, 'address looks', 'addresses look')} misspelt, and nothing was changed: {shown}{more}"
    )


_SENTENCES: Final[dict[str, Callable[[_Told], str]]] = {
    "mangled": _mangled,
    "encoded": _encoded,
    "lookalike": _lookalike,
    "long": lambda told: (
        f"{_people(told, 'name', 'names')} of more than {_MOST_OF_A_NAME} characters left empty"
        f" (first: line {told.first})"
    ),
    "wide": lambda told: (
        f"{_people(told, 'row has', 'rows have')} more cells than the heading (first: line {told.first});"
        " look whether a separator stands inside a value"
    ),
    "language": lambda told: (
        f"language left empty for {_people(told, 'person', 'people')} (first: line {told.first}): not known:"
        f" {_values(told)}"
    ),
    "country": lambda told: (
        f"country left empty for {_people(told, 'person', 'people')} (first: line {told.first}): not known:"
        f" {_values(told)}"
    ),
}
