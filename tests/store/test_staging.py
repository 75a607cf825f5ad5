"""What waits between a list file and its import: each address once, in any number."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.store.staging import Stage
from newsletter.store.subjects import SUBJECT_BYTES, sorted_ids
from tests.store.samples import profile

ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["", "x", "y"])), max_size=12)


@settings(deadline=None)
@given(ROWS, ROWS)
def test_repeats_add_up_and_the_first_row_stands(
    first: list[tuple[str, str]], more: list[tuple[str, str]]
) -> None:
    rows = [*first, *more]
    people = [profile(key, name=name, attributes={"n": name} if name else {}) for key, name in rows]
    with Stage(lambda key: key[::-1].encode()) as stage:
        stage.add(people[: len(first)])
        stage.add(people[len(first) :])
        found = list(stage.people())
    assert stage.rows == sum(one.rows for one in found) == len(rows)
    assert [one.mac for one in found] == sorted({f"gro.elpmaxe@{key}".encode() for key, _ in rows})
    for one in found:
        names = [name for key, name in rows if one.mac.decode().endswith(key)]
        name = next(filter(None, names), "")
        assert one.rows == len(names)
        assert (one.values[2], one.values[5]) == (name, f'{{"n":"{name}"}}' if name else "{}")


def test_the_address_stays_as_the_first_row_writes_it() -> None:
    people = [profile("Ana@example.org"), profile("ANA@example.org", name="Ana")]
    with Stage(lambda key: key.encode()) as stage:
        stage.add(people)
        (one,) = stage.people()
    assert one.values[:3] == ("Ana@example.org", "ana@example.org", "Ana")


@pytest.mark.parametrize("count", [0, 1, 3, 25_000])
def test_ids_come_in_order_and_are_all_different(count: int) -> None:
    ids = list(sorted_ids(count))
    assert ids == sorted(set(ids))
    assert len(ids) == count
    assert {len(one) for one in ids} <= {SUBJECT_BYTES}
    if count > 1_000:
        heads = [one[0] for one in ids]
        assert 100 < sum(heads) / count < 155, "they are drawn evenly from all there are"
