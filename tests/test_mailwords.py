"""The program's own mails are complete in every language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from newsletter import phrases
from newsletter.mailwords import languages, mails_for, read
from newsletter.models import OutboxKind


def sentences(words: dict[str, Any], place: str = "") -> Iterator[tuple[str, str]]:
    for key, value in words.items():
        if isinstance(value, dict):
            yield from sentences(value, f"{key}.")
        else:
            yield f"{place}{key}", value


ENGLISH = dict(sentences(read("en")))


def test_the_languages_are_those_of_the_phrases() -> None:
    assert languages() == phrases.languages()


@pytest.mark.parametrize("language", languages())
def test_a_language_is_complete(language: str) -> None:
    found = dict(sentences(read(language)))
    assert set(found) == set(ENGLISH)
    for key, sentence in found.items():
        assert sentence == sentence.strip() != "", key
        assert "\n" not in sentence, key
        assert set(re.findall(r"{(\w+)}", sentence)) == set(re.findall(r"{(\w+)}", ENGLISH[key])), key
    assert all(len(found[f"{kind.value}.subject"]) < 60 for kind in OutboxKind)


@pytest.mark.parametrize("language", sorted(set(languages()) - {"en"}))
def test_no_sentence_was_left_in_english(language: str) -> None:
    assert not [key for key, sentence in sentences(read(language)) if sentence == ENGLISH[key]]


@pytest.mark.parametrize(
    ("wanted", "spoken"), [("fr-CA", "fr"), ("pt-BR", "pt"), ("nl", "en"), ("", "en"), ("x", "en")]
)
def test_the_mails_are_in_the_language_its_base_or_english(wanted: str, spoken: str) -> None:
    assert mails_for(wanted).language == spoken


def test_each_mail_says_that_nothing_need_be_done() -> None:
    for mail in mails_for("en").mails.values():
        assert "need do nothing" in mail.ignore
