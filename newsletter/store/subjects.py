"""The random ids by which persons are known: 96 bits that say nothing of anybody."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator

SUBJECT_BYTES = 12
_HEAD_BYTES, _TAIL_BYTES = 2, 10
_AT_ONCE = 10_000


def new_id() -> bytes:
    """One person's id."""
    return secrets.token_bytes(SUBJECT_BYTES)


def sorted_ids(count: int) -> Iterator[bytes]:
    """So many ids in order, as if all had been drawn and sorted, with a bounded number of them in memory.

    How many begin with which two bytes is drawn first, then the rest of each.
    """
    heads: Counter[int] = Counter()
    for done in range(0, count, _AT_ONCE):
        drawn = secrets.token_bytes(_HEAD_BYTES * min(_AT_ONCE, count - done))
        heads.update(memoryview(drawn).cast("H"))
    for head in sorted(heads):
        drawn, first = secrets.token_bytes(_TAIL_BYTES * heads[head]), head.to_bytes(_HEAD_BYTES, "big")
        yield from sorted(first + drawn[at : at + _TAIL_BYTES] for at in range(0, len(drawn), _TAIL_BYTES))
