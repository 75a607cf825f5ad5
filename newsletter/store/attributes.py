"""The names of the attributes that people have, as a collection that looks only as far as it must."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from newsletter.store.database import Connection
from newsletter.store.segments_sql import Binder, attribute_sql


class AttributeNames(Collection[str]):
    """Every attribute that some person has. A single name is looked for until it is found."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __contains__(self, name: object) -> bool:
        bind = Binder()
        value = attribute_sql(str(name), bind)
        sql = f"SELECT 1 FROM subscribers s WHERE s.attributes <> '{{}}' AND {value} IS NOT NULL LIMIT 1"
        return self._connection.value(sql, bind.values) is not None

    def __iter__(self) -> Iterator[str]:
        rows = self._connection.rows(
            "SELECT DISTINCT j.key FROM subscribers s, json_each(s.attributes) j WHERE s.attributes <> '{}'"
        )
        return (name for (name,) in rows)

    def __len__(self) -> int:
        return len(list(iter(self)))
