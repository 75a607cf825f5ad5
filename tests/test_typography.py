"""Spaces that hold together what belongs together, and no others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.typography import NO_BREAK, no_breaks, whole_ranges, whole_words, without_isolates


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "a beam of 6~cm exposes 28~cm²; one of 3.5~×~4.5~cm has 16~cm²."),
        ("en", "5~mGy, 10~%, 20~°C, 6~m, 6 months, 5~mGy/h, 3 and 4, a × b, E cm"),
        ("en", "What ? « Yes » : no ; never !"),
        ("fr", "Le message~: «~six gestes~»~; pourquoi~? Voilà~!"),
        ("fr-CA", "Prêts~? à 3,5~×~4,5~cm~;"),
        ("fr", "a  : b"),
        ("ar", "حزمة قطرها 6~سم تعرّض 28~سم²، ثم 3.5~×~4.5~سم"),
        ("ar", "في 20~نوفمبر 2026"),
        ("en", "3 to 5~March 2027, 20~Nov. or March~5, 2027; in March 2027, 28 may"),
        ("en", "A child of 10~y, 10 years, 3 yes"),
        ("fr", "le 1er~mars, le 20~novembre 2026, 3 y 4"),
        ("de", "am 20.~November 2026"),
        ("es", "20~de~noviembre de 2026, 3 y 4"),
        ("", "un : deux"),
    ],
)
def test_where_no_line_may_break(language: str, text: str) -> None:
    assert no_breaks(text.replace("~", " "), language) == text.replace("~", NO_BREAK)


@pytest.mark.parametrize(
    "text",
    [
        "بانوراما [14~µSv]، وللطفل [8~μSv].",
        "حزمة مستطيلة [3.5~×~4.5~cm]. ثم 3.5~×~4.5~سم",
        "[20–100~µSv] و[5~mGy/h] و[10~mGy·cm²] بـ[60-70~kV]",
        "[<0.1~mSv] و[≤~2~mGy] عند [-5~°C] وال-[5~cm]",
        "[٣٫٥~×~٤٫٥~cm] و[3~cm~×~4~cm~×~5~cm] و[3.5x4.5cm]",
        "20% من 14 طفلًا في عام 2026",
        "في Child-sizing CT 5~mSv limit",
        "جرعة CBCT 14–20~µSv للطفل، ومجال FOV 3.5~×~4.5~cm فقط",
        "تصوير (HASTE, 3~min) أو CBCT: 14~µSv أو CT; 5~mSv أو MRI/3~min، ثم [3~min]",
        "جرعة CBCT 14 - 20~µSv ثم [14–20~µSv]",
        "كُتب \u2068هنا 5~cm\u2069",
    ],
)
def test_measures_run_from_left_to_right_in_right_to_left_editions(text: str) -> None:
    words = text.translate({ord("["): "\u2066", ord("]"): "\u2069"}).replace("~", NO_BREAK)
    plain = text.replace("[", "").replace("]", "").replace("~", NO_BREAK)
    assert no_breaks(plain, "ar") == words == no_breaks(words, "ar-EG")
    assert no_breaks(plain, "en") == plain


@given(st.text(st.sampled_from("1 6cm×%:;?!«»a PHq0001q\n–-<µSv.")), st.sampled_from(["fr", "en", "ar"]))
def test_nothing_changes_but_spaces_and_isolates_and_once_is_enough(text: str, language: str) -> None:
    set_ = no_breaks(text, language)
    assert without_isolates(set_).replace(NO_BREAK, " ") == text
    assert no_breaks(set_, language) == set_


@pytest.mark.parametrize(
    "html",
    [
        "<h1>Children and [X-rays]: what&#39;s new?</h1>",
        '<a href="https://x.org/x-ray" title="e-mail">Subscribe by [e-mail]</a> or by e-mail',
        "<h2><em>Par [e-mail]</em> : [rendez-le], [E-Mail-Adresse], C'[est-à-dire], [image-guided]</h2>",
        "<h3>www.x-ray.org/e-mail me@e-mail.org Donau-Dampf-Schiff-in-Fahrt 3-D X-PHq0001q</h3>",
        "<h2>Free: [child-sizing] CT dose</h2>",
        "<button>Per [E-Mail]</button><p>e-mail</p><style>e-mail</style>",
    ],
)
def test_short_compounds_stay_whole_in_headings_links_and_buttons(html: str) -> None:
    plain = html.replace("[", "").replace("]", "")
    assert whole_words(plain) == html.replace("[", '<span class="whole">').replace("]", "</span>")


def test_ranges_stay_whole() -> None:
    assert whole_ranges("20–100 µSv, 1.5–2, A5–7") == (
        '<span class="whole">20–100</span> µSv, <span class="whole">1.5–2</span>, A5–7'
    )
