"""The fixed sentences are complete in every language, and dates are written as its readers write them."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.languages import own_name
from newsletter.phrases import KEYS, Phrases, fill, for_language, languages, long_date

DAY = date(2026, 3, 1)


def words(language: str) -> dict[str, str]:
    path = resources.files("newsletter") / "data" / "phrases" / f"{language}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def test_the_languages_that_the_program_speaks() -> None:
    assert set(languages()) == {"ar", "de", "en", "es", "fr", "it", "pt"}


@pytest.mark.parametrize("language", languages())
def test_a_language_is_complete(language: str) -> None:
    found = words(language)
    assert set(found) == KEYS
    for key, sentence in found.items():
        assert sentence == sentence.strip() != "", key
        assert "\n" not in sentence and "{{" not in sentence, key
        assert set(re.findall(r"{(\w+)}", sentence)) == set(re.findall(r"{(\w+)}", words("en")[key])), key


@pytest.mark.parametrize("language", sorted(set(languages()) - {"en"}))
def test_no_sentence_was_left_in_english(language: str) -> None:
    english = words("en")
    assert not [key for key, sentence in words(language).items() if sentence == english[key]], own_name(
        language
    )


@pytest.mark.parametrize(
    ("wanted", "spoken"),
    [
        ("fr", "fr"),
        ("fr-CA", "fr"),
        ("pt-BR", "pt"),
        ("ar-EG", "ar"),
        ("nl", "en"),
        ("zh-Hant", "en"),
        ("ar-Latn", "en"),
        ("", "en"),
    ],
)
def test_the_phrases_for_a_language_are_its_own_its_base_or_english(wanted: str, spoken: str) -> None:
    assert for_language(wanted).language == spoken


@pytest.mark.parametrize(
    ("tag", "written"),
    [
        ("en", "1 March 2026"),
        ("en-US", "March 1, 2026"),
        ("fr", "1 mars 2026"),
        ("de-AT", "1. März 2026"),
        ("es", "1 de marzo de 2026"),
        ("ar", "1 مارس 2026"),
        ("zh-Hant", "2026年3月1日"),
        ("tlh", "1 March 2026"),
    ],
)
def test_a_date_is_written_out_in_its_language(tag: str, written: str) -> None:
    assert re.sub("[\u200e\u200f]", "", long_date(DAY, tag)) == written


@pytest.mark.parametrize(
    ("name", "day", "line"),
    [
        ("Dr Sample", DAY, "Reviewed by Dr Sample on 1 March 2026."),
        ("Dr Sample", None, "Reviewed by Dr Sample."),
        ("", DAY, "Reviewed on 1 March 2026."),
        ("", None, ""),
    ],
)
def test_who_reviewed_an_issue_and_when(name: str, day: date | None, line: str) -> None:
    assert for_language("en").reviewed_line(name, day) == line


def test_a_reviewers_name_is_set_apart_in_right_to_left_lines() -> None:
    name = "Prof. Sample Reviewer, MD, PhD"
    for day in (DAY, None):
        assert f": \u2068{name}\u2069" in for_language("ar").reviewed_line(name, day)


@given(title=st.text(), campaign=st.text())
def test_what_is_filled_in_is_never_filled_in_again(title: str, campaign: str) -> None:
    assert (
        fill("{title}|{other}|{campaign}", title=title, campaign=campaign) == f"{title}|{{other}}|{campaign}"
    )


def test_phrases_are_frozen() -> None:
    with pytest.raises(AttributeError):
        for_language("en").why = "because"  # type: ignore[misc]
    assert isinstance(for_language("en"), Phrases)
