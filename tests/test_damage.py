"""Text whose letters were lost on the way: it takes no sound value's place."""

from __future__ import annotations

import pytest

from newsletter.damage import without_damaged
from newsletter.models import Profile
from tests.store.samples import profile


def with_note(note: str) -> Profile:
    return profile("ana", attributes={"note": note})


@pytest.mark.parametrize(
    ("new", "known", "lost"),
    [
        ("M?ller", "Müller", True),
        ("M\ufffdller", "Müller", True),
        ("Ren? Dupont", "René Dupont", True),
        ("?????", "Привет", True),
        ("H?l?ne", "Hélène", True),
        ("H??l??ne", "Hélène", True),
        ("Hél?ne", "Hélène", True),
        ("Really?", "Müller", False),
        ("?a", "éé", False),
        ("M?ller", "Muller", False),
        ("M?ller", "M?ller", False),
        ("Möller", "Müller", False),
        ("?é" * 12 + "x", "é" * 60, False),  # of a pattern with a repetition for each, this one has no end
    ],
)
def test_a_field_counts_as_damaged_where_it_is_the_known_one_without_letters(
    new: str, known: str, lost: bool
) -> None:
    kept = without_damaged(with_note(new), with_note(known))
    assert kept.attributes == ({} if lost else {"note": new})
