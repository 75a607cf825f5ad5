"""Language tags: spelling, script, direction, and which edition a reader gets."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.errors import UsageError
from newsletter.languages import choose_edition, direction, normalise_tag, own_name, script


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("en", "en"),
        ("fr_FR", "fr-FR"),
        ("FR-fr", "fr-FR"),
        (" pt-br ", "pt-BR"),
        ("ZH_hant", "zh-Hant"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("de-1996", "de-1996"),
        ("ca-ES-VALENCIA", "ca-ES-valencia"),
        ("iw", "he"),
        ("in-ID", "id-ID"),
    ],
)
def test_a_tag_has_one_spelling(text: str, tag: str) -> None:
    assert normalise_tag(text) == tag


@pytest.mark.parametrize(
    "text",
    [
        "",
        "e",
        "english",
        "notes",
        "fr-",
        "-fr",
        "fr--FR",
        "fr FR",
        "fr/FR",
        "１２",
        "ｆｒ",
        "fr\nFR",
        "d\u0131",
    ],
)
def test_what_is_no_tag_is_refused_with_its_text(text: str) -> None:
    with pytest.raises(UsageError, match="is no language tag") as caught:
        normalise_tag(text)
    assert text in caught.value.message


@pytest.mark.parametrize(
    ("tag", "written", "runs"),
    [
        ("en", "Latn", "ltr"),
        ("ar", "Arab", "rtl"),
        ("ar-EG", "Arab", "rtl"),
        ("he", "Hebr", "rtl"),
        ("iw", "Hebr", "rtl"),
        ("fa", "Arab", "rtl"),
        ("ur", "Arab", "rtl"),
        ("ckb", "Arab", "rtl"),
        ("yi", "Hebr", "rtl"),
        ("dv", "Thaa", "rtl"),
        ("az", "Latn", "ltr"),
        ("az-Arab", "Arab", "rtl"),
        ("az-IR", "Arab", "rtl"),
        ("pa", "Guru", "ltr"),
        ("pa-PK", "Arab", "rtl"),
        ("uz-AF", "Arab", "rtl"),
        ("ar-Latn", "Latn", "ltr"),
        ("zh", "Hans", "ltr"),
        ("zh-TW", "Hant", "ltr"),
        ("zh-Hant", "Hant", "ltr"),
        ("sr", "Cyrl", "ltr"),
        ("sr-Latn", "Latn", "ltr"),
        ("xx", "Zzzz", "ltr"),
    ],
)
def test_the_script_decides_the_direction(tag: str, written: str, runs: str) -> None:
    assert (script(tag), direction(tag)) == (written, runs)


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("fr", "Français"),
        ("ar", "العربية"),
        ("pt-BR", "Português (Brasil)"),
        ("es", "Español"),
        ("sw", "Kiswahili"),
        ("xx", "xx"),
    ],
)
def test_a_language_goes_by_its_own_name(tag: str, name: str) -> None:
    assert own_name(tag) == name


@pytest.mark.parametrize(
    ("available", "wanted", "chosen"),
    [
        (["en", "fr", "fr-CA"], "fr-CA", "fr-CA"),
        (["en", "fr", "fr-CA"], "fr_ca", "fr-CA"),
        (["en", "fr"], "fr-CA", "fr"),
        (["en", "fr-FR"], "fr", "fr-FR"),
        (["en", "fr-FR"], "fr-CA", "fr-FR"),
        (["en", "fr-FR", "fr-BE"], "fr-CA", "fr-BE"),
        (["en", "zh-Hant"], "zh-Hant-HK", "zh-Hant"),
        (["en", "zh-Hant"], "zh-TW", "zh-Hant"),
        (["en", "zh"], "zh-Hans", "zh"),
        (["en", "zh"], "zh-Hant", "en"),
        (["en", "zh"], "zh-TW", "en"),
        (["en", "zh-Hans"], "zh-Hant", "en"),
        (["en", "zh-Hant"], "zh", "en"),
        (["en", "sr"], "sr-Latn", "en"),
        (["en", "az"], "az-Arab", "en"),
        (["en", "fr"], "de", "en"),
        (["en", "fr"], "", "en"),
        (["en", "fr"], "French", "en"),
        (["en", "he"], "iw", "he"),
        (["en-GB", "fr"], "de", "en-GB"),
        (["fr", "es"], "de", "es"),
    ],
)
def test_the_edition_for_a_reader_with_english_as_default(
    available: list[str], wanted: str, chosen: str
) -> None:
    assert choose_edition(available, wanted, "en") == chosen


def test_an_empty_default_says_that_no_other_language_may_stand_in() -> None:
    assert choose_edition(["fr"], "de", "") == ""
    assert choose_edition(["fr"], "fr-CH", "") == "fr"


TAGS = st.sampled_from(["en", "fr", "fr-CA", "ar", "zh", "zh-Hant", "zh-TW", "sr", "sr-Latn", "pa", "pa-PK"])


@settings(max_examples=200)
@given(st.lists(TAGS, min_size=1, unique=True), TAGS | st.text(max_size=8), TAGS)
def test_an_edition_that_exists_is_chosen_in_the_wanted_script_or_as_the_default(
    available: list[str], wanted: str, default: str
) -> None:
    chosen = choose_edition(available, wanted, default)
    assert chosen in available
    if wanted in available:
        assert chosen == wanted
    own = choose_edition(available, wanted, "")
    assert own == "" or script(own) == script(wanted)
    assert chosen == (own or choose_edition(available, default, default))


@settings(max_examples=200)
@given(
    st.text(max_size=12) | st.from_regex(r"[a-zA-Z]{2,3}([-_][a-zA-Z]{4})?([-_][a-zA-Z]{2})?", fullmatch=True)
)
def test_normalising_twice_changes_nothing(text: str) -> None:
    try:
        tag = normalise_tag(text)
    except UsageError:
        return
    assert normalise_tag(tag) == tag
    assert direction(tag) in ("ltr", "rtl")
    assert own_name(tag)
