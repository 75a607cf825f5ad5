"""Where the heading stands and what each column of a table holds."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from newsletter.addresses import clean_text
from newsletter.countries import country_code
from newsletter.errors import ListFileError
from newsletter.listfile import headings, values
from newsletter.listfile.headings import Role
from newsletter.listfile.records import Record

_HEADING_WITHIN: Final = 30  # filled rows
_ADDRESS: Final = re.compile(r"[^\s@]@[^\s@]+\.[^\s@]")
_LONE_ADDRESS: Final = re.compile(r"(?:[^@]*<)?\s*[^\s@<>,;]+@[^\s@<>,;]+>?[\s,;]*")
_HEADING: Final = re.compile(r"[^\d.@]{1,40}")
_SEVERAL_WORDS: Final = re.compile(r"[^\W\d_][^\d@]*\s[^\d@]+")
_OWN_EXPORT: Final = frozenset({"state", "lists", "attributes"})


class Layout(Struct, frozen=True, kw_only=True):
    """Column numbers from 0; None where there is no such column.

    `starts` is the number of records to leave out at the top. `heading` is the heading's cells, empty where
    there is none. `attributes` pairs column and key. `state` is set in this program's own export.
    """

    starts: int
    address: int
    heading: tuple[str, ...] = ()
    name: int | None = None
    first_name: int | None = None
    last_name: int | None = None
    title: int | None = None
    language: int | None = None
    country: int | None = None
    state: int | None = None
    attributes: tuple[tuple[int, str], ...] = ()
    columns: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def find(sample: Sequence[Record], *, name: str) -> Layout | None:
    """Decide by the first records of a file; None where nobody stands in it.

    ListFileError where there are rows and no column holds addresses.
    """
    filled = [at for at, record in enumerate(sample) if any(cell.strip() for cell in record.cells)]
    if not filled:
        return None
    heading_at = _heading_at(sample, filled)
    starts = 0 if heading_at is None else heading_at + 1
    heading = [] if heading_at is None else [clean_text(cell) for cell in sample[heading_at].cells]
    rows = [sample[at].cells for at in filled if at >= starts]
    address, warnings = _address_column(heading, rows)
    if address is None:
        if not rows:
            return None
        raise _no_addresses(heading or sample[filled[0]].cells, name)
    if heading:
        return _by_heading(heading, rows, address, starts, warnings)
    return _by_looking(rows, address)


def _heading_at(sample: Sequence[Record], filled: Sequence[int]) -> int | None:
    """The row that names the address column, else that with the most known headings above the addresses."""
    above: list[int] = []
    for at in filled[:_HEADING_WITHIN]:
        cells = sample[at].cells
        if any(map(_ADDRESS.search, cells)):
            return _best_heading(sample, above) if above else None
        if any(headings.role(cell) is Role.EMAIL for cell in cells if len(cell) <= 80):
            return at
        if not headings.is_prose(cells):
            above.append(at)
    known = [at for at in above if headings.recognised(sample[at].cells)]
    return max(known, key=lambda at: headings.recognised(sample[at].cells)) if known else None


def _best_heading(sample: Sequence[Record], above: Sequence[int]) -> int | None:
    best = max(above, key=lambda at: headings.recognised(sample[at].cells))
    if headings.recognised(sample[best].cells):
        return best
    last = above[-1]
    below = sample[last + 1].cells if last + 1 < len(sample) else []
    address = next((at for at, cell in enumerate(below) if _ADDRESS.search(cell)), None)
    cells = sample[last].cells
    if address is None or address >= len(cells):
        return None
    return last if _HEADING.fullmatch(cells[address].strip()) else None


def _address_column(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[int | None, list[str]]:
    counts = Counter(at for cells in rows for at, cell in enumerate(cells) if _LONE_ADDRESS.fullmatch(cell))
    if not counts:
        counts = Counter(at for cells in rows for at, cell in enumerate(cells) if "@" in cell)
    most = max(counts.values(), default=0)
    roles = {at: headings.role(cell) for at, cell in enumerate(heading)}
    named = [at for at, role in roles.items() if role in {Role.EMAIL, Role.MAYBE_EMAIL}]
    if named:
        best = max(named, key=lambda at: (counts[at] * 2 >= most, roles[at] is Role.EMAIL, counts[at], -at))
        if counts[best] or not counts:
            return best, []
    if not counts:
        return None, []
    found = min(counts, key=lambda at: (-counts[at], at))
    if not named or found >= len(heading):
        return found, []
    return found, [
        f"the column '{heading[named[0]]}' holds no addresses; they were taken from '{heading[found]}'"
    ]


def _by_heading(
    heading: Sequence[str], rows: Sequence[Sequence[str]], address: int, starts: int, warnings: list[str]
) -> Layout:
    roles = {at: headings.role(cell) for at, cell in enumerate(heading) if at != address}
    taken = _people(roles) | {"address": address}
    own = {cell.casefold(): at for at, cell in enumerate(heading)}
    exported = own.keys() >= _OWN_EXPORT
    passed_by = {own[key] for key in _OWN_EXPORT} if exported else set()
    parts = {"first_name", "last_name"} if "name" in taken else set()
    passed_by |= {at for field, at in taken.items() if field not in parts}
    rest = [at for at, cell in enumerate(heading) if cell and at not in passed_by]
    attributes, remarks = _attributes(heading, rest)
    names = {at: _core_name(field) for field, at in taken.items()} | dict(attributes)
    title = None if exported else _title_column(roles, rows)
    if title is not None:
        remarks.append(f"the titles in the column '{heading[title]}' were put before the names")
    return Layout(
        starts=starts,
        heading=tuple(heading),
        attributes=attributes,
        columns=tuple(dict.fromkeys(names[at] for at in sorted(names))),
        warnings=(*warnings, *remarks),
        state=own["state"] if exported else None,
        title=title,
        **taken,
    )


def _title_column(roles: dict[int, Role], rows: Sequence[Sequence[str]]) -> int | None:
    """The column of titles such as `Dr`; those of offices and of salutations have the same headings."""
    counts: dict[int, int] = {}
    for at in (at for at, role in roles.items() if role is Role.TITLE):
        cells = _filled(rows, at)
        if sum(map(values.is_title, cells)) * 10 >= len(cells) * 8:
            counts[at] = sum(bool(values.academic_title(cell)) for cell in cells)
    best = max(counts, key=lambda at: counts[at], default=None)
    return best if best is not None and counts[best] else None


def _core_name(field: str) -> str:
    return {"address": "email", "first_name": "name", "last_name": "name"}.get(field, field)


def _people(roles: dict[int, Role]) -> dict[str, int]:
    """Which columns make a name: `Name` beside `Vorname` is the last, `Nombre` by `Apellidos` the first.

    Where one column holds whole names, first and last names stand in where it is empty.
    """

    def first_of(*wanted: Role) -> int | None:
        return next((at for role in wanted for at, found in roles.items() if found is role), None)

    whole = first_of(Role.NAME)
    first, last = first_of(Role.FIRST_NAME), first_of(Role.LAST_NAME)
    if whole is None and first is not None and last is None:
        last = first_of(Role.NAME_OR_LAST, Role.NAME_OR_FIRST)
    elif whole is None and last is not None and first is None:
        first = first_of(Role.NAME_OR_FIRST, Role.NAME_OR_LAST)
    elif whole is None:
        whole = first_of(Role.NAME_OR_LAST, Role.NAME_OR_FIRST)
    found = {"name": whole, "first_name": first, "last_name": last}
    found |= {"language": first_of(Role.LANGUAGE), "country": first_of(Role.COUNTRY)}
    return {field: at for field, at in found.items() if at is not None}


def _attributes(heading: Sequence[str], rest: Iterable[int]) -> tuple[tuple[tuple[int, str], ...], list[str]]:
    keys: dict[str, int] = {}
    warnings = []
    for at in rest:
        key = wanted = headings.attribute_key(heading[at]) or f"column_{at + 1}"
        number = 2
        while key in keys:
            key, number = f"{wanted}_{number}", number + 1
        if key != wanted:
            warnings.append(
                f"the heading '{heading[at]}' stands more than once; column {at + 1} became '{key}'"
            )
        elif headings.is_reserved(heading[at]):
            warnings.append(f"a second column is named '{heading[at]}'; column {at + 1} became '{key}'")
        keys[key] = at
    return tuple((at, key) for key, at in keys.items()), warnings


def _by_looking(rows: Sequence[Sequence[str]], address: int) -> Layout:
    """Without a heading only the addresses are sure; one other column that reads like names is the name."""
    width = max(map(len, rows))
    filled = {at: cells for at in range(width) if at != address and (cells := _filled(rows, at))}
    alike = [at for at, cells in filled.items() if _reads_like_names(cells, alone=len(filled) == 1)]
    name = alike[0] if len(alike) == 1 else None
    left_out = [
        str(at + 1) for at, cells in filled.items() if at != name and not all(map(_ADDRESS.search, cells))
    ]
    warnings = []
    if name is not None:
        warnings.append(f"there is no heading row; column {name + 1} was taken for the name")
    if left_out:
        some = (
            f"column {', '.join(left_out)} was"
            if len(left_out) == 1
            else f"columns {', '.join(left_out)} were"
        )
        warnings.append(f"there is no heading row; {some} left out (write one: email,name,language,country)")
    columns = {address: "email"} | ({} if name is None else {name: "name"})
    return Layout(
        starts=0,
        address=address,
        name=name,
        columns=tuple(columns[at] for at in sorted(columns)),
        warnings=tuple(warnings),
    )


def _filled(rows: Sequence[Sequence[str]], at: int) -> list[str]:
    return [cells[at].strip() for cells in rows if at < len(cells) and cells[at].strip()]


def _reads_like_names(cells: Sequence[str], *, alone: bool) -> bool:
    if any(map(_ADDRESS.search, cells)):
        return False
    if sum(bool(country_code(cell)) for cell in cells) * 2 >= len(cells):
        return False
    pattern = _HEADING if alone else _SEVERAL_WORDS
    return sum(pattern.fullmatch(cell) is not None for cell in cells) * 10 >= len(cells) * 7


def _no_addresses(cells: Sequence[str], name: str) -> ListFileError:
    found = ", ".join(f"'{clean_text(cell)[:30]}'" for cell in cells[:6] if cell.strip())
    return ListFileError(
        f"no column holds e-mail addresses: looked for a heading such as 'email' and for cells with an @, "
        f"found {found}",
        where=name,
        hint="name the column 'email', or give the file that holds the addresses",
    )
