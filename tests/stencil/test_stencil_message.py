"""The filled message as a mail reader sees it, and as bytes on the wire."""

from __future__ import annotations

import email
import html
import re
from collections.abc import Iterator
from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from newsletter.stencil import (
    Stencil,
    body_parts,
    cut,
    fill,
    fill_head,
    fill_html,
    fill_subject,
    fill_text,
)
from tests.stencil.samples import (
    CITY,
    COLLEAGUE,
    ENVELOPE,
    HTML,
    MAIL,
    NAME,
    PICTURES,
    VALUES,
    address,
    edition,
    headers,
)

STENCIL = cut(edition(), ENVELOPE)
PERSONAL_SUBJECT = cut(edition(subject=f"{NAME}, image gently: {CITY}"), ENVELOPE)
RTL = edition(language="ar", direction="rtl")

hostile = st.one_of(
    st.text(max_size=60),
    st.text(alphabet=".=From \t\"'<>&;:,@?_\\()[]é漢😀\u202e\u2069\u2066\u202c\u05d0\u200d", max_size=200),
    st.sampled_from(
        [
            "x\r\nBcc: victim@example.org",
            "x\r\n.\r\nMAIL FROM:<a@example.org>",
            '"><script>alert(1)</script>',
            "' onmouseover='x",
            "=?utf-8?q?=0D=0ABcc:_x?=",
            "أحمد بن علي",
            "." * 300,
            "From " * 50,
            "é" * 120,
        ]
    ),
)


def parsed(data: bytes) -> EmailMessage:
    message = email.message_from_bytes(data, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def part(message: EmailMessage, subtype: str) -> str:
    (found,) = [one for one in message.walk() if one.get_content_type() == f"text/{subtype}"]
    payload = found.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode().replace("\r\n", "\n")


def body_text_lines(data: bytes) -> Iterator[bytes]:
    return iter(data.partition(b"\r\n\r\n")[2].split(b"\r\n"))


def header(data: bytes, name: str) -> str:
    """One header, unfolded and decoded by the library's older decoder; there must be exactly one."""
    message = email.message_from_bytes(data, policy=policy.compat32)
    values = message.get_all(name, [])
    assert len(values) == 1
    raw = re.sub(r"\r\n(?=[ \t])", "", str(values[0]))
    return str(make_header(decode_header(raw)))


def assert_wire(data: bytes) -> None:
    assert b"\r" not in data.replace(b"\r\n", b"") and b"\n" not in data.replace(b"\r\n", b"")
    assert all(len(line) <= 998 for line in data.split(b"\r\n"))
    assert all(len(line) <= 76 for line in body_text_lines(data))
    assert not any(line.startswith(b".") or line.startswith(b"From ") for line in data.split(b"\r\n"))
    assert not any(line.endswith((b" ", b"\t")) for line in body_text_lines(data))
    assert data.endswith(b"--\r\n")


def test_bodies_are_what_was_rendered() -> None:
    message = parsed(fill(STENCIL, VALUES, headers()))
    ids = re.findall(r'src="cid:([^"]+)"', part(message, "html"))
    expected = fill_html(edition(), VALUES)
    expected = expected.replace("cid:six-steps.png", f"cid:{ids[0]}")
    expected = expected.replace("cid:d%C3%A9tail%201.jpg", f"cid:{ids[1]}")
    assert part(message, "html") == expected
    assert part(message, "plain") == fill_text(edition(), VALUES)


def test_values_are_escaped_by_place() -> None:
    shown = fill_html(edition(), {**VALUES, "name": 'A & <b>"C"</b>', "email": "a+b&c@example.com"})
    assert "<h1>Dear <bdi>A &amp; &lt;b&gt;&quot;C&quot;&lt;/b&gt;</bdi>,</h1>" in shown
    assert 'title="For A &amp; &lt;b&gt;&quot;C&quot;&lt;/b&gt; &amp; you"' in shown
    assert '<a href="https://news.example.org/l/abc=def&amp;x=1">Leave</a>' in shown
    assert "who=a%2Bb%26c%40example.com&amp;from=A%20%26%20%3Cb%3E%22C%22%3C%2Fb%3E" in shown
    assert 'Dear A & <b>"C"</b>,' in fill_text(edition(), {**VALUES, "name": 'A & <b>"C"</b>'})


def test_structure_and_headers() -> None:
    data = fill(STENCIL, VALUES, headers())
    message = parsed(data)
    assert [one.get_content_type() for one in message.walk()] == [
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "image/jpeg",
    ]
    assert list(message.keys()) == [
        "From",
        "To",
        "Reply-To",
        "Subject",
        "Date",
        "Message-ID",
        "List-Id",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "List-Help",
        "List-Archive",
        "Feedback-ID",
        "MIME-Version",
        "Content-Language",
        "Content-Type",
    ]
    assert (
        message["From"] == '"Alliance for Radiation Safety, Pediatric Imaging" <office@alliance.example.org>'
    )
    assert message["To"].addresses[0].display_name == "Ana García"
    assert message["Date"] == "Mon, 21 Sep 2026 14:13:20 +0000"
    assert message["List-Id"] == "Image Gently News <image-gently.alliance.example.org>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["List-Archive"] == "<https://news.example.org/>"
    assert b"\r\nTo: =?utf-8?q?Ana_Garc=C3=ADa?= <ana@example.com>\r\n" in data
    assert not message.defects
    assert_wire(data)


def test_pictures_are_attached_and_referred_to() -> None:
    message = parsed(fill(STENCIL, VALUES, headers()))
    attached = [one for one in message.walk() if one.get_content_maintype() == "image"]
    assert [one.get_content() for one in attached] == [picture.data for picture in PICTURES]
    assert [one.get_filename() for one in attached] == [picture.name for picture in PICTURES]
    assert {one.get_content_disposition() for one in attached} == {"inline"}
    for one in attached:
        assert f'src="cid:{one["Content-ID"][1:-1]}"' in part(message, "html")
        assert one["Content-ID"].endswith("@alliance.example.org>")


def test_without_pictures_there_is_no_related() -> None:
    page = re.sub("<img[^>]*>", "", HTML)
    message = parsed(fill(cut(edition(html=page, pictures=()), ENVELOPE), VALUES, headers()))
    assert [one.get_content_type() for one in message.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]


def test_a_long_picture_name_survives() -> None:
    name = "длинное имя картинки, " * 4 + ".png"
    page = f'<img src="cid:{html.escape(name)}" alt="x">'
    picture = type(PICTURES[0])(name=name, media_type="image/png", data=b"x")
    data = fill(cut(edition(html=page, pictures=(picture,)), ENVELOPE), VALUES, headers())
    assert [one.get_filename() for one in parsed(data).walk() if one.get_filename()] == [name]
    assert_wire(data)


def test_same_input_same_bytes() -> None:
    again = cut(edition(), ENVELOPE)
    assert again == STENCIL
    assert again.to_bytes() == STENCIL.to_bytes()
    assert fill(again, VALUES, headers()) == fill(STENCIL, VALUES, headers())


def test_tokens_and_lines_do_not_change_the_digest() -> None:
    def renamed(text: str) -> str:
        return text.replace("PHq", "XYq")

    fields = tuple(
        type(field)(token=renamed(field.token), name=field.name, default=field.default, line=99)
        for field in edition().fields
    )
    other = edition(html=renamed(HTML), text=renamed(edition().text), fields=fields)
    assert cut(other, ENVELOPE).digest == STENCIL.digest


@pytest.mark.parametrize("change", [{"html": HTML + "x"}, {"subject": "y"}, {"text": "z"}])
def test_other_input_has_another_digest(change: dict[str, object]) -> None:
    assert cut(edition(**change), ENVELOPE).digest != STENCIL.digest


def test_windows_line_ends_give_the_same_stencil() -> None:
    other = edition(html=HTML.replace("\n", "\r\n"), text=edition().text.replace("\n", "\r\n"))
    assert cut(other, ENVELOPE) == STENCIL


def test_head_and_body_are_the_message() -> None:
    head, body = fill_head(STENCIL, VALUES, headers()), b"".join(body_parts(STENCIL, VALUES))
    assert head + b"\r\n" + body == fill(STENCIL, VALUES, headers())


def test_without_one_click_there_is_no_post_header() -> None:
    envelope = type(ENVELOPE)(sender=ENVELOPE.sender, sender_name="", list_id="news.example.org")
    message = parsed(fill(cut(edition(), envelope), VALUES, headers(list_unsubscribe="")))
    assert message["From"] == "office@alliance.example.org"
    for name in ("List-Unsubscribe", "List-Unsubscribe-Post", "List-Help", "List-Archive", "Reply-To"):
        assert message[name] is None


@settings(max_examples=150, deadline=None)
@given(name=hostile, city=hostile, to_name=hostile)
def test_no_value_breaks_the_wire(name: str, city: str, to_name: str) -> None:
    values = {**VALUES, "name": name + "x", "city": city}
    to_name = re.sub("[\r\n\0]", "", to_name)
    data = fill(STENCIL, values, headers(to_name=to_name))
    assert_wire(data)
    message = parsed(data)
    assert len(message.get_all("To", [])) == 1
    assert list(message.keys()) == list(parsed(fill(STENCIL, VALUES, headers())).keys())
    assert part(message, "plain") == fill_text(edition(), values)
    assert [one.get_content_type() for one in message.walk()][3:] == ["text/html", "image/png", "image/jpeg"]


@settings(max_examples=150, deadline=None)
@given(name=hostile, city=hostile)
def test_subject_round_trips(name: str, city: str) -> None:
    values = {**VALUES, "name": re.sub("[\r\n\0]", "", name) + "x", "city": re.sub("[\r\n\0]", "", city)}
    rendered = edition(subject=f"{NAME}, image gently: {CITY}")
    data = fill(PERSONAL_SUBJECT, values, headers())
    assert_wire(data)
    assert all(len(line) <= 76 for line in data.partition(b"\r\nDate:")[0].split(b"\r\n"))
    assert header(data, "Subject") == fill_subject(rendered, values).strip()


@settings(max_examples=150, deadline=None)
@given(name=hostile)
def test_to_name_round_trips(name: str) -> None:
    name = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", "", name)
    data = fill(STENCIL, VALUES, headers(to_name=name))
    line = header(data, "To")
    shown, _, target = line.rpartition("ana@example.com")
    assert target in (">", "")
    shown = shown.removesuffix("<").strip()
    if shown.startswith('"') and shown.endswith('"') and len(shown) > 1 and name.strip() != shown:
        shown = re.sub(r"\\(.)", r"\1", shown[1:-1])
    assert shown == name.strip()


class Shape(HTMLParser):
    """Tags and attribute names in order: what markup a page has, whatever its words."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[object] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, tuple(name for name, _ in attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.seen.append(f"/{tag}")

    def handle_comment(self, data: str) -> None:
        self.seen.append(f"!{data}")


@settings(max_examples=150, deadline=None)
@given(name=hostile, city=hostile, mail=hostile)
def test_no_value_becomes_markup(name: str, city: str, mail: str) -> None:
    values = {**VALUES, "name": name + "x", "city": city, "email": mail + "x"}
    assert Shape(fill_html(edition(), values)).seen == Shape(fill_html(edition(), VALUES)).seen


@settings(max_examples=80, deadline=None)
@given(name=hostile)
def test_html_names_read_back(name: str) -> None:
    plain = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", "", name).strip() or "x"
    shown = fill_html(edition(), {**VALUES, "name": plain})
    found = re.search(r"<bdi>(.*?)</bdi>", shown)
    assert found and html.unescape(found[1]) == plain


@settings(max_examples=60, deadline=None)
@given(body=st.text(alphabet="ab .=\t\néFrom\u2028", max_size=400), subject=st.text(max_size=120))
def test_any_text_round_trips(body: str, subject: str) -> None:
    subject = re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", "", subject)
    page = html.escape(body)
    stencil = cut(edition(html=page, text=f"{COLLEAGUE}{body}{MAIL}", subject=subject, pictures=()), ENVELOPE)
    data = fill(stencil, VALUES, headers())
    assert_wire(data)
    assert part(parsed(data), "html") == page
    assert part(parsed(data), "plain") == f"Ana García{body}ana@example.com"
    assert header(data, "Subject") == subject.strip()
    assert Stencil.from_bytes(stencil.to_bytes()) == stencil


def test_names_against_the_direction_are_isolated() -> None:
    assert "Dear \u2068أحمد\u2069," in fill_text(edition(), {**VALUES, "name": "أحمد"})
    assert "Dear Ana García," in fill_text(edition(), VALUES)
    assert "Dear \u2068Ana García\u2069," in fill_text(RTL, VALUES)
    assert "Dear أحمد," in fill_text(RTL, {**VALUES, "name": "أحمد"})
    assert 'title="For \u2068أحمد\u2069 &amp; you"' in fill_html(edition(), {**VALUES, "name": "أحمد"})
    assert "<bdi>أحمد</bdi>" in fill_html(edition(), {**VALUES, "name": "أحمد"})
    assert "\nLeave: https://news.example.org/l/abc=def&x=1\n" in fill_text(RTL, VALUES)


def test_the_feedback_id_is_never_encoded_or_folded() -> None:
    feedback = "a-very-long-issue-name-" * 4 + ":élan:news"
    data = fill(cut(edition(), replace(ENVELOPE, feedback_id=feedback)), VALUES, headers())
    assert f"\r\nFeedback-ID: {feedback.replace('é', '-')}\r\n".encode() in data


def test_unicode_addresses_go_as_they_are_with_a_punycode_domain() -> None:
    to = address("jörg@exämple.org", "jörg@xn--exmple-cua.org")
    data = fill(STENCIL, VALUES, headers(to=to, to_name="Jörg"))
    assert "<jörg@xn--exmple-cua.org>\r\n".encode() in data
