"""Beginning an issue."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.errors import IssueError, UsageError
from newsletter.fields import Tokens, tokenise
from newsletter.issue import edition_skeleton, slugify
from newsletter.markdown import compose
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
    composed = compose(body, path=PATH, first_line=found.body_line, holds=lambda _: True)
    assert [field.name for field in tokens.fields] == ["name"]
    assert "1. " in composed.text


def test_a_title_in_quotation_marks_stays_as_it_is() -> None:
    title = 'He said: "six" #1 \\ {{ x }} — ok'
    assert edition(edition_skeleton(title, "en", date(2026, 1, 2))).subject == title
