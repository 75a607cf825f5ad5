"""What is printed of many rows: it comes in parts, and says the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.cli.app import MOST_ROWS, put_json_list, put_table
from tests.cli.conftest import Box

TEXT = st.text(max_size=6) | st.sampled_from(["\n", "\u2028", "a\r\nb", "é"])


def printed(act: Callable[[], None]) -> str:
    return CliRunner().invoke(click.Command("x", callback=act)).output


@settings(deadline=None, max_examples=50)
@given(st.lists(st.dictionaries(TEXT, TEXT | st.none() | st.lists(TEXT, max_size=2), max_size=3), max_size=4))
def test_a_list_that_is_printed_as_it_comes_is_the_json_of_the_whole(values: list[dict[str, Any]]) -> None:
    said = printed(lambda: put_json_list(iter(values)))
    assert said == json.dumps(values, ensure_ascii=False, indent=2) + "\n"


@pytest.mark.parametrize("count", [MOST_ROWS + 1, 2 * MOST_ROWS, 2 * MOST_ROWS + 500])
def test_a_long_table_comes_in_aligned_parts_with_every_row(count: int) -> None:
    rows = [(f"p{n}@example.org", "氏名" if n % 2 else "Zoë", n) for n in range(count)]
    said = printed(lambda: put_table(("email", "name", "row"), iter(rows), right=("row",)))
    lines = said.splitlines()
    heads = [at for at, line in enumerate(lines) if line.startswith("email")]
    assert heads == list(range(0, count + len(heads), MOST_ROWS + 1))
    assert [tuple(line.split()) for line in lines if not line.startswith("email")] == [
        tuple(map(str, row)) for row in rows
    ]
    assert lines[1] == "p0@example.org    Zoë     0"
    assert lines[2] == "p1@example.org    氏名    1"


def test_a_long_cell_cannot_steer_the_terminal_either() -> None:
    said = printed(lambda: put_table(("name",), [["\x1b[31m"]] * (MOST_ROWS + 1)))
    assert "\x1b" not in said


def test_a_list_says_how_many_more_there_are(box: Box) -> None:
    box.fill([f"p{n:03}@example.net" for n in range(60)])
    box.write("q.csv", "email,country\nq1@example.net,FR\nq2@example.net,FR\n")
    box.run("subscribers", "import", "q.csv", "--list", "dentists", "--source", "x", "--yes")
    shown = box.run("subscribers", "list")
    assert (len(shown.stdout.splitlines()), "and 12 more" in shown.stderr) == (51, True)
    french = box.run("subscribers", "list", "--segment", "country:FR", "--limit", "1")
    assert ("q1@" in french.stdout, "q2@" in french.stdout) == (True, False)
    assert "and 1 more" in french.stderr
    everybody = box.run("subscribers", "list", "--limit", "0")
    assert (len(everybody.stdout.splitlines()), everybody.stderr) == (63, "")
