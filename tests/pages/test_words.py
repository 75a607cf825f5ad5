"""The pages' words are complete in every language that the program speaks."""

from __future__ import annotations

import re

import pytest

from newsletter.pages.words import FOLDERS, read_words, words_for
from tests.pages.scene import LANGUAGES

OTHERS = [tag for tag in LANGUAGES if tag != "en"]


def braces(sentence: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", sentence))


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("language", OTHERS)
def test_a_language_has_every_word_with_the_same_blanks(folder: str, language: str) -> None:
    english, found = read_words(folder, "en"), read_words(folder, language)
    assert set(found) == set(english)
    for key, sentence in found.items():
        assert sentence == sentence.strip() != "" and "{{" not in sentence, key
        assert braces(sentence) == braces(english[key]), key


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("language", OTHERS)
def test_no_sentence_was_left_in_english(folder: str, language: str) -> None:
    english = {key: words for key, words in read_words(folder, "en").items() if " " in words}
    assert [key for key, words in read_words(folder, language).items() if english.get(key) == words] == []


def test_the_folders_share_no_word_and_none_hides_a_method() -> None:
    both = [set(read_words(folder, "en")) for folder in FOLDERS]
    assert not both[0] & both[1]
    assert not (both[0] | both[1]) & (set(dir(dict)) | {"language"})


@pytest.mark.parametrize(
    ("wanted", "spoken"), [("fr-CA", "fr"), ("ar-EG", "ar"), ("nl", "en"), ("zh-Hant", "en"), ("", "en")]
)
def test_the_words_for_a_language_are_its_own_its_base_or_english(wanted: str, spoken: str) -> None:
    assert words_for(wanted)["language"] == spoken
