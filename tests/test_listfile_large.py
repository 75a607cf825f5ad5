"""List files that are never held as a whole: read in pieces, and what is wrong far down is found."""

from __future__ import annotations

from io import BytesIO
from itertools import islice

import pytest

from newsletter.errors import ListFileError
from newsletter.languages import language_tag
from newsletter.listfile import open_list, read_list
from newsletter.models import ListRow

MANY = 8_000
HEAD = "email,name\n"
ROWS = "".join(f"p{n}@example.org,{'Ana Maria ' * 20}\n" for n in range(MANY))


class Metered(BytesIO):
    """A file that counts what was read of it since it was opened last."""

    read_so_far = 0

    def __init__(self) -> None:
        super().__init__((HEAD + ROWS).encode())
        type(self).read_so_far = 0

    def read1(self, size: int | None = -1, /) -> bytes:
        data = super().read1(size)
        type(self).read_so_far += len(data)
        return data


def test_rows_come_while_the_file_is_read_and_as_often_as_wanted() -> None:
    listing = open_list(Metered, name="people.csv")
    first = list(islice(listing, 3))
    assert 0 < Metered.read_so_far < len(ROWS) / 10
    assert [row.line for row in first] == [2, 3, 4]
    assert list(islice(listing, 3)) == first
    assert sum(isinstance(row, ListRow) for row in listing) == MANY


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ((HEAD + ROWS).encode() + b"a\0@example.org\n", "people.csv:8002: there are NUL bytes"),
        (("\ufeff" + HEAD + ROWS + "a\0").encode("utf-16-le"), "people.csv:8002: there are NUL bytes"),
        (
            ("\ufeff" + HEAD + ROWS).encode("utf-16-le") + b"a\xd8",
            f"goes wrong at byte {2 * len(HEAD + ROWS):,}",
        ),
    ],
)
def test_what_is_no_text_far_down_is_said_with_its_place(data: bytes, says: str) -> None:
    with pytest.raises(ListFileError, match=says):
        read_list(data, name="people.csv")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("tail", "encoding", "names", "warns"),
    [
        ("z@example.org,Zoë\n".encode() * 3, "utf-8", ["Zoë"] * 3, ""),
        ("z@example.org,Renée\n".encode("cp1252"), "cp1252", ["Renée"], "whether 'Renée'"),
        (
            "z@example.org,Zoë\n".encode() * 3 + "z@example.org,Noël\n".encode("cp1252"),
            "utf-8",
            ["Zoë"] * 3 + ["Noël"],
            "first: line 8005",
        ),
    ],
)
def test_letters_far_down_are_read_as_they_were_written(
    end: str, tail: bytes, encoding: str, names: list[str], warns: str
) -> None:
    data = ((HEAD + ROWS).encode() + tail).replace(b"\n", end.encode())
    found = read_list(data, name="people.csv")
    assert (found.encoding, len(found.rows), len(found.rejected)) == (encoding, MANY + len(names), 0)
    assert [row.profile.name for row in found.rows[MANY:]] == names
    assert found.rows[-1].line == MANY + 1 + len(names)
    assert warns in "".join(found.warnings)


@pytest.mark.parametrize(("heading", "first"), [("email,name\n", 2_502), ("who,name\n", 2_502), ("", 2_501)])
def test_addresses_that_begin_late_are_found(heading: str, first: int) -> None:
    text = heading + "nobody,Ann\n" * 2_500 + "ana@example.org,Ana Sample\n" * 3
    found = read_list(text.encode(), name="people.csv")
    assert [row.line for row in found.rows] == [first, first + 1, first + 2]
    assert len(found.rejected) == 2_500


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("pt-BR", "pt-BR"),
        ("zh_hant", "zh-Hant"),
        ("kiswahili", "sw"),
        ("ትግርኛ", "ti"),
        ("Lëtzebuergesch", "lb"),
        ("klingon-ish", ""),
    ],
)
def test_languages_by_tag_and_by_what_their_speakers_call_them(text: str, tag: str) -> None:
    assert language_tag(text) == tag


def test_any_number_of_unknown_values_is_told_in_a_sentence() -> None:
    rows = "".join(f"p{n}@example.org,Nowhere {n}\n" for n in range(1_500))
    found = read_list(f"email,country\n{rows}z@example.org,Nowhere 7\n".encode(), name="people.csv")
    (warning,) = found.warnings
    assert "1,501 people" in warning
    assert "'Nowhere 7' (2)" in warning
    assert warning.endswith("and more than 995 more")
