"""Tokens that cannot be forged, and links that are never dead."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from newsletter import links
from newsletter.config import Campaign, Config, Sender, Web
from newsletter.errors import TokenError
from newsletter.links import Purpose
from newsletter.models import Key

KEY = Key(id=1, purpose="token", secret=b"k" * 32, created=0)
OTHER = Key(id=2, purpose="token", secret=b"o" * 32, created=0)
PERSON = bytes(range(12))


def make_config(base: str = "", archive: str = "") -> Config:
    return Config(
        root=Path(),
        campaign=Campaign(
            name="News",
            organisation="Org",
            postal_address="",
            contact="office@example.org",
            language="en",
            timezone="UTC",
            list_id="n.x.localhost",
        ),
        sender=Sender(
            name="News",
            address="news@example.org",
            reply_to="",
            unsubscribe_address="leave+now@example.org",
        ),
        relay=None,
        web=Web(base_url=base, archive_url=archive),
    )


@given(
    st.sampled_from(Purpose),
    st.binary(min_size=12, max_size=12),
    st.integers(min_value=0, max_value=2**64 - 1),
)
def test_a_token_says_what_was_signed(purpose: Purpose, subject: bytes, about: int) -> None:
    text = links.sign(KEY, purpose=purpose, subject=subject, about=about)
    assert links.verify({1: KEY, 2: OTHER}, text) == links.Token(
        purpose=purpose, subject=subject, about=about
    )
    assert links.find_tokens(f"x {text}, y") == [text]


@given(st.integers(min_value=0, max_value=319))
def test_a_token_with_any_bit_changed_is_refused(bit: int) -> None:
    text = links.sign(KEY, purpose=Purpose.PREFERENCES, subject=PERSON, about=7)
    raw = bytearray(base64.urlsafe_b64decode(text + "=="))
    raw[bit // 8] ^= 1 << (bit % 8)
    changed = base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()
    with pytest.raises(TokenError):
        links.verify({1: KEY, 2: OTHER}, changed)


@pytest.mark.parametrize(
    "damage",
    [
        lambda t: t[:-1],
        lambda t: t[:20],
        lambda t: t + "A",
        lambda t: t[:-1] + chr(ord(t[-1]) + 1),
        lambda t: "",
        lambda t: "sample",
        lambda t: t.replace(t[5], "é"),
        lambda t: f"{t}==",
        lambda t: f" {t}",
    ],
)
def test_a_damaged_token_is_refused(damage: object) -> None:
    text = links.sign(KEY, purpose=Purpose.LEAVE_AT_ONCE, subject=PERSON, about=1)
    with pytest.raises(TokenError):
        links.verify({1: KEY}, damage(text))  # type: ignore[operator]


def test_a_token_of_a_revoked_or_other_key_is_refused() -> None:
    text = links.sign(KEY, purpose=Purpose.LEAVE_AT_ONCE, subject=PERSON, about=1)
    for keys in ({}, {2: OTHER}, {1: replace(OTHER, id=1)}):
        with pytest.raises(TokenError):
            links.verify(keys, text)


def test_a_token_holds_no_more_than_it_must_and_survives_mail() -> None:
    text = links.sign(KEY, purpose=Purpose.LEAVE_AT_ONCE, subject=PERSON, about=1)
    assert len(text) == 54
    assert text.isascii()
    assert unquote(text) == text


def test_without_pages_every_way_out_is_a_mail_and_no_link_is_dead() -> None:
    config = make_config()
    edition = links.edition_links(config, "x-rays", "en")
    assert (edition.public, edition.archive) == ("", "")
    assert edition.join == "mailto:office@example.org?subject=subscribe"
    assert edition.leave == "mailto:leave+now@example.org?subject=unsubscribe"
    personal = links.personal_links(config, KEY, 1)(PERSON)
    assert not personal.one_click
    assert personal.leave == personal.preferences == edition.leave
    assert links.find_tokens(personal.leave) == []
    assert personal.list_unsubscribe.startswith("<mailto:leave+now@example.org?subject=unsubscribe%20AQ")
    assert "https:" not in personal.list_unsubscribe


def test_with_live_pages_the_header_and_the_body_have_different_tokens() -> None:
    config = make_config(base="https://news.example.org")
    personal = links.personal_links(config, KEY, 9)(PERSON)
    assert personal.one_click
    header_page, header_mail = personal.list_unsubscribe.split(", ")
    assert header_page.startswith("<https://news.example.org/u/")
    assert header_mail.startswith("<mailto:")
    header = links.find_tokens(header_page)[0]
    assert links.find_tokens(unquote(header_mail)) == [header]
    body = links.find_tokens(urlsplit(personal.leave).path)[0]
    assert links.verify({1: KEY}, header).purpose is Purpose.LEAVE_AT_ONCE
    assert links.verify({1: KEY}, body).purpose is Purpose.PREFERENCES
    assert links.edition_links(config, "x", "en").leave == ""


@pytest.mark.parametrize(
    ("base", "archive", "public"),
    [
        ("https://a.example.org", "", "https://a.example.org/i/x-rays/pt-BR"),
        ("", "https://b.example.org/news", "https://b.example.org/news/i/x-rays/pt-BR/"),
        ("https://a.example.org", "https://b.example.org", "https://b.example.org/i/x-rays/pt-BR/"),
    ],
)
def test_public_links_go_to_the_archive_where_there_is_one(base: str, archive: str, public: str) -> None:
    assert links.edition_links(make_config(base, archive), "x-rays", "pt-BR").public == public


def test_inert_links_have_the_form_and_not_the_power() -> None:
    for config in (make_config(), make_config(base="https://news.example.org")):
        personal = links.inert_links(config)
        assert links.find_tokens(personal.list_unsubscribe + personal.leave) == []
