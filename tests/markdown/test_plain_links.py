"""Addresses without markdown around them become links."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.fields import TOKEN
from newsletter.markdown.plainlinks import plain_links
from tests.markdown.samples import made, tree


@pytest.mark.parametrize(
    ("body", "links"),
    [
        ("See https://www.acr.org.", ["https://www.acr.org"]),
        ("(https://www.acr.org/a_b_(c)?x=1&y=*z) and", ["https://www.acr.org/a_b_(c)?x=1&y=*z"]),
        ("https://www.acr.org/a, http://www.ada.org!", ["https://www.acr.org/a", "http://www.ada.org"]),
        ("www.acr.org/x; WWW.ADA.ORG", ["https://www.acr.org/x", "https://WWW.ADA.ORG"]),
        ("« https://www.acr.org » “www.ada.org”", ["https://www.acr.org", "https://www.ada.org"]),
        ("اقرأ https://www.acr.org/ar، ثم", ["https://www.acr.org/ar"]),
        ("見る https://www.acr.org/ja。次", ["https://www.acr.org/ja"]),
        ("https://münchen.example/ä", ["https://xn--mnchen-3ya.example/%C3%A4"]),
        ("Write to jo.doe+x@imagegently.org, please", ["mailto:jo.doe+x@imagegently.org"]),
        ("https://www.acr.org/?q=PHq0001q.", ["https://www.acr.org/?q=PHq0001q"]),
        ("**https://www.acr.org** *www.ada.org*", ["https://www.acr.org", "https://www.ada.org"]),
        (
            "## On www.acr.org\n\n| a |\n|---|\n| www.ada.org |",
            ["https://www.acr.org", "https://www.ada.org"],
        ),
        ("[https://www.acr.org](https://www.ada.org)", ["https://www.ada.org"]),
        ("[a *www.acr.org* b](https://www.ada.org)", ["https://www.ada.org"]),
        ("<https://www.acr.org> [x](https://www.ada.org)", ["https://www.acr.org", "https://www.ada.org"]),
        ("`https://www.acr.org` `a@b.org`", []),
        ("```\nhttps://www.acr.org\n```", []),
        ("![www.acr.org](a.png)", []),
        ("https:// http://. www. www.. a@b @acr.org ftp://acr.org acr.org xwww.acr.org", []),
        ("https://PHq0001q/x www.PHq0001q PHq0001q@acr.org a@PHq0001q.org", []),
    ],
)
def test_which_addresses_become_links(body: str, links: list[str]) -> None:
    assert [link.href for link in made(body).links] == links
    assert tree(body).xpath("//a/@href") == links


def test_the_words_stay_as_they_are_and_the_text_has_each_address_once() -> None:
    composed = made("See https://www.acr.org/x, www.ada.org or a@imagegently.org.\nAnd https://www.who.int")
    assert re.sub("<[^>]*>", "", composed.html) == (
        "See https://www.acr.org/x, www.ada.org or a@imagegently.org.\nAnd https://www.who.int"
    )
    assert composed.text == (
        "See <https://www.acr.org/x>, <https://www.ada.org> or a@imagegently.org.\n"
        "And <https://www.who.int>\n"
    )
    assert [link.line for link in composed.links] == [1, 1, 1, 2]


BITS = st.sampled_from(
    [
        "https://",
        "www.",
        "a",
        ".org",
        "@",
        "/",
        "(",
        ")",
        ".",
        ",",
        " ",
        "PHq0001q",
        "?x=",
        "é",
        "[",
        "]",
        "-",
    ]
)


@settings(max_examples=300)
@given(st.lists(BITS, max_size=12).map("".join))
def test_cutting_a_text_loses_nothing_of_it(text: str) -> None:
    pieces = list(plain_links(text))
    assert "".join(words for words, _ in pieces) == text
    for words, href in pieces:
        assert not href or (words in href and not href.endswith((".", ",")))
        assert not href or TOKEN.findall(href) == TOKEN.findall(words)
