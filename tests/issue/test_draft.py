"""Beginning an issue."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.errors import IssueError, UsageError
from newsletter.fields import Tokens, tokenise
from newsletter.issue import edition_skeleton, sample_words, slugify
from newsletter.issue.draftwords import WORDS
from newsletter.markdown import EVERY, compose
from newsletter.phrases import languages
from tests.issue.samples import PATH, edition


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Image Gently in Dentistry", "image-gently-in-dentistry"),
        ("  Für Zahnärzte: größer?  ", "fur-zahnarzte-grosser"),
        ("L’été — n° 3", "l-ete-n-3"),
        ("Çocuklar İçin ışın", "cocuklar-icin-isin"),
        ("Łódź, Ærø & Þing", "lodz-aero-thing"),
        ("CT/CBCT ½ dose", "ct-cbct-1-2-dose"),
        ("صورة بلطف", "صورة-بلطف"),
        ("हिन्दी में", "हिन्दी-में"),
        ("CON", "issue-con"),
        ("com1", "issue-com1"),
        ("../../etc", "etc"),
        ("_old", "old"),
    ],
)
def test_a_title_gives_a_name_for_its_folder(title: str, slug: str) -> None:
    assert slugify(title) == slug


@pytest.mark.parametrize("title", ["", "!!!", " ", "—", "\u0301"])
def test_a_title_without_letters_gives_none(title: str) -> None:
    with pytest.raises(UsageError, match="no letter"):
        slugify(title)


@settings(max_examples=200)
@given(st.text(max_size=80))
def test_every_slug_is_a_safe_name_of_a_folder_and_stays_one(title: str) -> None:
    try:
        slug = slugify(title)
    except UsageError:
        return
    assert 0 < len(slug) <= 66
    assert slug == slugify(slug)
    assert not set(slug) & set('/\\:*?"<>|. \x00')
    assert slug[0] not in "._-"


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60), st.sampled_from(["en", "ar", "pt_BR", "xx"]))
def test_a_new_edition_can_be_read_and_composed(title: str, lang: str) -> None:
    text = edition_skeleton(title, lang, date(2026, 11, 24))
    try:
        found = edition(text)
    except IssueError as error:
        assert "subject is empty" in str(error)
        assert not any(char.isalnum() for char in title)
        return
    assert found.subject == found.title
    assert [c for c in found.subject if c.isalnum()] == [c for c in title if c.isalnum()]
    assert found.date == date(2026, 11, 24)
    tokens = Tokens([found.body])
    body = tokenise(found.body, path=PATH, first_line=found.body_line, fields=tokens)
    composed = compose(body, path=PATH, first_line=found.body_line, variant=EVERY)
    assert [field.name for field in tokens.fields] == ["name"]
    assert "1. " in composed.text
    assert len([line for line in found.body.split("\n") if sample_words(line)]) == 5


@pytest.mark.parametrize("lang", ["en", "fr-CA", "es", "de", "pt-BR", "it", "ar"])
def test_a_draft_speaks_the_language_of_its_edition(lang: str) -> None:
    text = edition_skeleton("Title", lang, date(2026, 1, 2))
    assert ("The first thing to do." in text) == (lang == "en")
    assert "sample words below are in English" not in text
    words = WORDS[lang.split("-", maxsplit=1)[0]]
    assert words.greeting in text and words.opening in text and words.link in text
    assert "https://www.example.org" in text


def test_a_draft_in_another_language_says_that_its_words_are_english() -> None:
    text = edition_skeleton("Title", "nl", date(2026, 1, 2))
    assert "The first thing to do." in text
    assert "# The sample words below are in English: write yours in Nederlands." in text


def test_every_language_of_the_mails_has_words_for_a_draft() -> None:
    assert set(WORDS) == set(languages())


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("## A heading", "A heading"),
        ("  2. Was danach zu tun ist. ", "2. Was danach zu tun ist."),
        ("[What readers should do next](https://www.acr.org){.button}", "What readers should do next"),
        (WORDS["ar"].opening, WORDS["ar"].opening),
        ("### A heading", ""),
        ("## A heading of mine", ""),
        ('Dear {{ name | default("colleague") }},', ""),
        ("", ""),
    ],
)
def test_sample_words_are_known_by_their_whole_line(line: str, found: str) -> None:
    assert sample_words(line) == found


def test_a_title_in_quotation_marks_stays_as_it_is() -> None:
    title = 'He said: "six" #1 \\ {{ x }} — ok'
    assert edition(edition_skeleton(title, "en", date(2026, 1, 2))).subject == title
