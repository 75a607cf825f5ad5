"""Docs cannot drift from the program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.reference import DOCS, PAGES

ROOT = DOCS.parent
TEXTS = sorted([*DOCS.glob("*.md"), *ROOT.glob("*.md")])


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_up_to_date(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "run: make docs"


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_links_between_files_lead_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```|`[^`]*`", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\((?!https?:|mailto:|#)([^)#]+)", text):
        assert (path.parent / target).exists(), f"{path.name} -> {target}"


def test_every_command_has_an_example() -> None:
    pages = PAGES["commands.md"]().split("\n## ")[2:]
    for page in pages:
        if "COMMAND [ARGS]" not in page:
            assert "newsletter " in page.split("```text", 1)[1].split("\n", 1)[1], page.splitlines()[0]


def test_no_command_is_described_by_half_a_sentence() -> None:
    lines = (DOCS / "commands.md").read_text("utf-8").splitlines()
    assert not [line for line in lines if line.startswith("  ") and line.endswith("...")]
