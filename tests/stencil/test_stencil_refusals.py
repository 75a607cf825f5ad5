"""What cannot be cut or filled, and the places of tokens."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from newsletter.errors import AddressError, IssueError, NewsletterError, StoreError, UsageError
from newsletter.models import Field
from newsletter.stencil import (
    Place,
    Stencil,
    cut,
    envelope_address,
    fill,
    fill_html,
    fill_text,
    message_id,
    misplaced,
    missing,
)
from newsletter.stencil.places import in_html
from newsletter.stencil.values import clean, is_link
from tests.stencil.samples import ENVELOPE, FIELDS, LEAVE, NAME, VALUES, address, edition, headers

STENCIL = cut(edition(), ENVELOPE)
NAMED = (Field(token=NAME, name="name", line=7), Field(token=LEAVE, name="leave_url"))


@pytest.mark.parametrize(
    ("page", "place"),
    [
        (f"<p>{NAME}</p>", Place.HTML),
        (f"1 < 2 {NAME}", Place.HTML),
        (f"<p>a<!-- x -->{NAME}", Place.HTML),
        (f"<!--[if !mso]><!-->{NAME}<!--<![endif]-->", Place.HTML),
        (f"<!-->{NAME}", Place.HTML),
        (f"<a>b</a>{NAME}</a>", Place.HTML),
        (f"<style>p{{}}</style>{NAME}", Place.HTML),
        (f"<title>{NAME}</title>", Place.ATTRIBUTE),
        (f"<img alt='a {NAME} b'>", Place.ATTRIBUTE),
        (f'<img title="a > {NAME}">', Place.ATTRIBUTE),
        (f'<a title="{LEAVE}">', Place.HTML),
        (f'<a href="{LEAVE}">', Place.LINK),
        (f"<a\n  HREF = ' {LEAVE} '>", Place.LINK),
        (f'<a href="https://example.org/{NAME}">', Place.URL_PART),
        (f'<a href="HTTPS://example.org?a={NAME}">', Place.URL_PART),
        (f'<a href="mailto:{NAME}">', Place.URL_PART),
        (f'<a href="mailto:x@example.org?subject={NAME}">', Place.URL_PART),
        (f'<a href="tel:{NAME}">', Place.URL_PART),
        (f'<a href="{NAME}/x">', None),
        (f'<a href="{NAME}://example.org">', None),
        (f'<a href="https://{NAME}/x">', None),
        (f'<a href="https://{NAME}.example.org/x">', None),
        (f'<a href="https://www.{NAME}/x">', None),
        (f'<a href="https://{NAME}@example.org/x">', None),
        (f'<a href="https://a@{NAME}/x">', None),
        (f'<a href="https:\\\\{NAME}/x">', None),
        (f'<a href="//{NAME}/x">', None),
        (f'<a href="javascript:alert({NAME})">', None),
        (f'<a href="java&#115;cript:alert({NAME})">', None),
        (f'<a href="data:text/html,{NAME}">', None),
        (f'<img src="cid:{NAME}">', None),
        (f"<a href={LEAVE}>", None),
        (f"<p class={NAME}>", None),
        (f'<p {NAME}="x">', None),
        (f"<p {NAME}>", None),
        (f"<{NAME}>", None),
        (f"<h{NAME}>", None),
        (f"</{NAME}>", None),
        (f'<p style="color:{NAME}">', None),
        (f'<p onclick="{NAME}">', None),
        (f'<img srcset="{NAME} 2x">', None),
        (f"<style>.{NAME} {{}}</style>", None),
        (f"<STYLE>.{NAME} {{}}", None),
        (f"<script>{NAME}</script>", None),
        (f"<script></scriptx>{NAME}</script>", None),
        (f"<!-- {NAME} -->", None),
        (f"<!--[if mso]>{NAME}<![endif]-->", None),
        (f"<!-- {NAME}", None),
        (f"<!doctype {NAME}>", None),
        (f"<?xml {NAME}?>", None),
        (f'<p title="{NAME}', Place.ATTRIBUTE),
    ],
)
def test_places(page: str, place: Place | None) -> None:
    (found,) = in_html(page, NAMED)
    assert found.place is place
    assert bool(found.reason) is (place is None)
    rendered = edition(html=page, fields=NAMED)
    assert bool(misplaced(rendered)) is (place is None)


@pytest.mark.parametrize(
    ("page", "words"),
    [
        (f'<p style="color:{NAME}">', "CSS"),
        (f'<a href="https://{NAME}">x</a>', "the scheme or host of a link"),
        (f"<{NAME}>", "a tag"),
    ],
)
def test_a_misplaced_field_is_told_with_its_line(page: str, words: str) -> None:
    rendered = edition(html=page, fields=NAMED)
    for act in (lambda: cut(rendered, ENVELOPE), lambda: fill_html(rendered, VALUES)):
        with pytest.raises(IssueError) as raised:
            act()
        assert raised.value.where == "issues/image-gently/en.md:7"
        assert "{{ name }}" in raised.value.message and words in raised.value.message


def test_a_link_with_a_default_that_is_none_is_refused_when_cut() -> None:
    field = Field(token=NAME, name="homepage", default="nowhere", line=3)
    with pytest.raises(IssueError, match=r"en\.md:3"):
        cut(edition(html=f'<a href="{NAME}">x</a>', fields=(field,)), ENVELOPE)


def test_a_picture_that_is_missing_is_named() -> None:
    with pytest.raises(IssueError, match=r"other\.png"):
        cut(edition(html='<img src="cid:other.png">'), ENVELOPE)


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "x", "http://example.org/", "https:", "data:text/html,x"]
)
def test_a_link_that_is_none_is_refused_when_filled(url: str) -> None:
    with pytest.raises(UsageError):
        fill(STENCIL, {**VALUES, "leave_url": url}, headers())


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://example.org", True),
        ("mailto:a@example.org?subject=x", True),
        ("http://127.0.0.1:8080/l/x", True),
        ("http://localhost:8080", True),
        ("http://[::1]/x", True),
        ("http://127.0.0.1.example.org/", False),
        ("http://localhost.example.org/", False),
        ("http://localhost@example.org/", False),
        ("https:///x", False),
        ("https://example.org/a b", False),
        (" https://example.org", False),
        ("", False),
    ],
)
def test_links(url: str, good: bool) -> None:
    assert is_link(url) is good


def test_defaults_and_required_fields() -> None:
    assert STENCIL.required == ("name", "leave_url", "email")
    assert missing(STENCIL, VALUES) == []
    assert missing(STENCIL, {**VALUES, "name": " \x00\u2028 "}) == ["name"]
    assert missing(STENCIL, {}) == ["name", "leave_url", "email"]
    with pytest.raises(UsageError, match="name"):
        fill(STENCIL, {**VALUES, "name": "  "}, headers())
    fields = tuple(replace(field, default="friend") if field.name == "name" else field for field in FIELDS)
    assert "Dear friend," in fill_text(edition(fields=fields), {**VALUES, "name": " \t"})


@pytest.mark.parametrize("mark", ["\r", "\n", "\0", "\r\nBcc: x@example.org"])
def test_line_breaks_never_reach_a_header(mark: str) -> None:
    subject = cut(edition(subject=f"For {NAME}"), ENVELOPE)
    acts: list[Callable[[], object]] = [
        lambda: fill(STENCIL, VALUES, headers(to_name=f"Ana{mark}")),
        lambda: fill(STENCIL, VALUES, headers(to=address(f"ana{mark}@example.org"))),
        lambda: fill(STENCIL, VALUES, headers(to=address(f"ana@example.org{mark}"))),
        lambda: fill(STENCIL, VALUES, headers(message_id=f"<a@b{mark}>")),
        lambda: fill(STENCIL, VALUES, headers(list_unsubscribe=f"<https://example.org/{mark}>")),
        lambda: fill(STENCIL, VALUES, headers(list_unsubscribe=f"<https://example.org/>{mark}")),
        lambda: fill(subject, {**VALUES, "name": f"a{mark}b"}, headers()),
        lambda: cut(edition(subject=f"a{mark}b"), ENVELOPE),
        lambda: cut(edition(language=f"en{mark}"), ENVELOPE),
        lambda: cut(edition(), replace(ENVELOPE, sender_name=f"a{mark}b")),
        lambda: cut(edition(), replace(ENVELOPE, list_name=f"a{mark}b")),
        lambda: cut(edition(), replace(ENVELOPE, list_id=f"a{mark}b")),
        lambda: cut(edition(), replace(ENVELOPE, list_help=f"mailto:a{mark}b")),
        lambda: cut(edition(), replace(ENVELOPE, feedback_id=f"a{mark}b")),
        lambda: cut(edition(), replace(ENVELOPE, sender=address(f"a{mark}@example.org"))),
    ]
    for act in acts:
        with pytest.raises((UsageError, AddressError)):
            act()


@pytest.mark.parametrize(
    "text", ["a b@example.org", "a@b@example.org>", "<a@example.org", "a@", "a", "a@exämple.org"]
)
def test_addresses_that_cannot_stand_in_a_header(text: str) -> None:
    with pytest.raises(AddressError):
        envelope_address(address(text))


def test_envelope_addresses() -> None:
    assert envelope_address(address("Ana.O'Neil+x@Example.org")) == "Ana.O'Neil+x@Example.org"
    assert envelope_address(address("ana@exämple.org", "ana@xn--exmple-cua.org")) == "ana@xn--exmple-cua.org"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("  Ana  ", "Ana"),
        ("a\r\nb\x00\x85c\u2028d", "a b c d"),
        ("a\u202eb", "ab"),
        ("a\u202eb\u202c", "a\u202eb\u202c"),
        ("a\u2067b\u2069", "a\u2067b\u2069"),
        ("a\u2067b\u202c", "ab"),
        ("a\u2069b", "ab"),
        ("\u202aa\u2066b\u202cc\u2069", "abc"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("a\ud800", "a\ufffd"),
    ],
)
def test_clean(value: str, expected: str) -> None:
    assert clean(value) == expected


def test_message_ids() -> None:
    first = message_id(b"seed", 1, "example.org")
    assert first == message_id(b"seed", 1, "example.org")
    assert len({first, message_id(b"seed", 2, "example.org"), message_id(b"other", 1, "example.org")}) == 3
    assert len(first) == len("<@example.org>") + 32 and first.endswith("@example.org>")


def test_a_stored_stencil_reads_back() -> None:
    stencil = cut(edition(subject=f"For {NAME}"), ENVELOPE)
    again = Stencil.from_bytes(stencil.to_bytes())
    assert again == stencil and again.digest == stencil.digest
    assert fill(again, VALUES, headers()) == fill(stencil, VALUES, headers())


@settings(max_examples=100, deadline=None)
@given(at=st.integers(min_value=0, max_value=len(STENCIL.to_bytes()) - 1), bit=st.integers(0, 7))
def test_a_changed_stored_stencil_is_refused(at: int, bit: int) -> None:
    data = bytearray(STENCIL.to_bytes())
    data[at] ^= 1 << bit
    for broken in (bytes(data), bytes(data[:at])):
        with pytest.raises(StoreError):
            Stencil.from_bytes(broken)


def test_errors_read_as_one_line() -> None:
    with pytest.raises(NewsletterError) as raised:
        fill(STENCIL, {**VALUES, "name": ""}, headers())
    assert "\n" not in str(raised.value)
