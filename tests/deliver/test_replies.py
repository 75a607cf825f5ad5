from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.deliver.smtp.replies import MAX_TEXT, ReplyReader, extensions
from newsletter.models import Reply

WIRE = (
    b"220-relay.example.org ESMTP\r\n220 ready\r\n"
    b"250 2.1.0 Ok\r\n"
    b"550-5.1.1 The account does not exist.\r\n550-5.1.1 Look for typing errors\r\n550 5.1.1 gsmtp\r\n"
    b"354\r\n"
    b"250 done \xe9\xff\r\n"
)
REPLIES = [
    Reply(code=220, text="relay.example.org ESMTP ready"),
    Reply(code=250, enhanced="2.1.0", text="Ok"),
    Reply(code=550, enhanced="5.1.1", text="The account does not exist. Look for typing errors gsmtp"),
    Reply(code=354),
    Reply(code=250, text="done \ufffd\ufffd"),
]


@given(cuts=st.lists(st.integers(0, len(WIRE)), max_size=30))
def test_replies_however_the_bytes_are_cut(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(WIRE)]
    reader, replies = ReplyReader(), list[Reply]()
    for start, end in pairwise(edges):
        replies += reader.feed(WIRE[start:end])
    assert replies == REPLIES
    assert not reader.pending


def test_bare_line_feeds_are_understood() -> None:
    assert ReplyReader().feed(b"250-a\n250 b\n") == [Reply(code=250, text="a b")]


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        b"\r\n",
        b"25 short\r\n",
        b"199 no such class\r\n",
        b"250-one\r\n550 other\r\n",
        b"250_x\r\n",
        b"\x15\x03\x01\x00\x02\x02\x16\r\n",
        b"250 " + b"x" * 5000,
        b"250-x\r\n" * 200,
    ],
)
def test_what_is_no_smtp_is_refused_and_what_came_before_it_is_not(data: bytes) -> None:
    reader = ReplyReader()
    assert reader.feed(b"250 ok\r\n" + data) == [Reply(code=250, text="ok")]
    assert reader.nonsense
    assert reader.feed(b"250 ok\r\n") == []


def test_texts_are_printable_and_bounded() -> None:
    (reply,) = ReplyReader().feed(b"550 \x1b[31mred\x07\x00 \xe2\x80\xae" + b"x" * 2000 + b"\r\n")
    assert reply.text.isprintable()
    assert len(reply.text) == MAX_TEXT


def test_an_enhanced_code_of_another_class_is_text() -> None:
    (reply,) = ReplyReader().feed(b"250 5.1.1 odd\r\n")
    assert reply == Reply(code=250, text="5.1.1 odd")


def test_extensions() -> None:
    reader = ReplyReader()
    reader.feed(b"250-mail\r\n250-SIZE 100\r\n250-AUTH PLAIN\r\n250-AUTH=LOGIN\r\n250 pipelining\r\n")
    assert extensions(reader.last) == {"SIZE": "100", "AUTH": "PLAIN LOGIN", "PIPELINING": ""}


@given(st.binary(max_size=300))
def test_any_bytes_give_replies_or_nonsense(data: bytes) -> None:
    assert all(200 <= reply.code < 600 for reply in ReplyReader().feed(data))
