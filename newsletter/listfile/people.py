"""The good rows of a file, kept small: a million of them fit into a laptop's memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

from newsletter.addresses import parse_address
from newsletter.models import Address, ListRow, Profile


class People(Sequence[ListRow]):
    """Rows in the file's order; each is made when it is asked for."""

    def __init__(self, attributes: Sequence[str]) -> None:
        self._attributes = tuple(attributes)
        self._kept: list[tuple[int, str, str, str, str, tuple[str, ...]]] = []

    def add(
        self, *, line: int, address: Address, name: str, language: str, country: str, values: tuple[str, ...]
    ) -> None:
        """Keep one row; `values` are the attributes' in their order, empty where unknown."""
        self._kept.append((line, address.text, name, language, country, values))

    def __len__(self) -> int:
        return len(self._kept)

    @overload
    def __getitem__(self, at: int) -> ListRow: ...
    @overload
    def __getitem__(self, at: slice) -> list[ListRow]: ...
    def __getitem__(self, at: int | slice) -> ListRow | list[ListRow]:
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(len(self)))]
        line, address, name, language, country, values = self._kept[at]
        profile = Profile(
            address=parse_address(address),
            name=name,
            language=language,
            country=country,
            attributes={key: value for key, value in zip(self._attributes, values, strict=True) if value},
        )
        return ListRow(line=line, profile=profile)
