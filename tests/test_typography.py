"""Spaces that hold together what belongs together, and no others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.typography import NO_BREAK, no_breaks, whole_words


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "a beam of 6~cm exposes 28~cm²; one of 3.5~×~4.5~cm has 16~cm²."),
        ("en", "5~mGy, 10~%, 20~°C, 6~m, 6 months, 5 mGy/h, 3 and 4, a × b, E cm"),
        ("en", "What ? « Yes » : no ; never !"),
        ("fr", "Le message~: «~six gestes~»~; pourquoi~? Voilà~!"),
        ("fr-CA", "Prêts~? à 3,5~×~4,5~cm~;"),
        ("fr", "a  : b"),
        ("ar", "حزمة قطرها 6~سم تعرّض 28~سم²، ثم 3.5~×~4.5~سم"),
        ("", "un : deux"),
    ],
)
def test_where_no_line_may_break(language: str, text: str) -> None:
    assert no_breaks(text.replace("~", " "), language) == text.replace("~", NO_BREAK)


@given(st.text(st.sampled_from("1 6cm×%:;?!«»a PHq0001q\n")), st.sampled_from(["fr", "en"]))
def test_nothing_changes_but_spaces_and_once_is_enough(text: str, language: str) -> None:
    set_ = no_breaks(text, language)
    assert set_.replace(NO_BREAK, " ") == text
    assert no_breaks(set_, language) == set_


@pytest.mark.parametrize(
    "html",
    [
        "<h1>Children and [X-rays]: what&#39;s new?</h1>",
        '<a href="https://x.org/x-ray" title="e-mail">Subscribe by [e-mail]</a> or by e-mail',
        "<h2><em>Par [e-mail]</em> : [rendez-le], [E-Mail-Adresse], C'[est-à-dire], image-guided</h2>",
        "<h3>www.x-ray.org/e-mail me@e-mail.org Donau-Dampf-Schiff-in-Fahrt 3-D X-PHq0001q</h3>",
        "<button>Per [E-Mail]</button><p>e-mail</p><style>e-mail</style>",
    ],
)
def test_short_compounds_stay_whole_in_headings_links_and_buttons(html: str) -> None:
    plain = html.replace("[", "").replace("]", "")
    assert whole_words(plain) == html.replace("[", '<span class="whole">').replace("]", "</span>")
