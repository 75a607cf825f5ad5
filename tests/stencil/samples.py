"""Rendered editions and recipients that the stencil's tests share."""

from __future__ import annotations

from newsletter.models import Address, Field, Picture, RenderedEdition
from newsletter.stencil import Envelope, FilledHeaders

NAME, COLLEAGUE, LEAVE, MAIL, CITY = "PHq0000q", "PHq0001q", "PHq0002q", "PHq0003q", "PHq0004q"

BLANKS = "   "

FIELDS = (
    Field(token=NAME, name="name", line=7),
    Field(token=COLLEAGUE, name="name", default="colleague", line=9),
    Field(token=LEAVE, name="leave_url"),
    Field(token=MAIL, name="email", line=11),
    Field(token=CITY, name="city", default="", line=12),
)

HTML = f"""<!doctype html>
<html lang="en" dir="ltr"><head><meta charset="utf-8"><title>For {COLLEAGUE}</title>
<style>.a {{ color: red }} .b::after {{ content: "x" }}</style></head>
<body><!--[if mso]><table role="presentation"><tr><td><![endif]-->
<div lang="en" dir="ltr"><h1>Dear <bdi>{NAME}</bdi>,</h1>
.a line that begins with a dot
From here on it is long: {"image gently, " * 30}{COLLEAGUE}{COLLEAGUE}.{NAME}
<p title="For {NAME} &amp; you">Trailing blanks{BLANKS}
	tab, é, 漢字, &#x1F600; 😀 and = signs ==</p>
<a href="{LEAVE}">Leave</a> <a href='{LEAVE}'>{LEAVE}</a>
<a href="https://example.org/list?who={MAIL}&amp;from={NAME}">a list</a>
<img src="cid:six-steps.png" alt="For {CITY}" width="600"><img src="cid:d%C3%A9tail%201.jpg" alt="">
<!--[if mso]></td></tr></table><![endif]-->
{NAME}</div></body></html>
"""

TEXT = f"""Dear {NAME},

.hidden
From the alliance: {COLLEAGUE}
{"a very long line " * 20}{MAIL}{BLANKS}
Leave: {LEAVE}

{NAME}"""

PICTURES = (
    Picture(name="six-steps.png", media_type="image/png", data=bytes(range(256)) * 5),
    Picture(name="détail 1.jpg", media_type="image/jpeg", data=b"\xff\xd8\xff" + b"\x00.\r\n" * 99),
)


def edition(**changes: object) -> RenderedEdition:
    facts: dict[str, object] = {
        "slug": "image-gently",
        "language": "en",
        "direction": "ltr",
        "variant": 0,
        "subject": "Image gently in dentistry",
        "preheader": "Six things to do when you image a child's teeth",
        "title": "Image gently",
        "html": HTML,
        "text": TEXT,
        "fields": FIELDS,
        "pictures": PICTURES,
    }
    return RenderedEdition(**{**facts, **changes})  # type: ignore[arg-type]


def address(text: str, key: str = "") -> Address:
    return Address(text=text, key=key or text.casefold(), needs_smtputf8=not text.isascii())


ENVELOPE = Envelope(
    sender=address("office@alliance.example.org"),
    sender_name="Alliance for Radiation Safety, Pediatric Imaging",
    reply_to=address("answers@alliance.example.org"),
    list_name="Image Gently News",
    list_id="image-gently.alliance.example.org",
    list_help="mailto:office@alliance.example.org?subject=help",
    list_archive="https://news.example.org/",
    feedback_id="image-gently:en:newsletter:alliance",
    one_click=True,
)


def headers(**changes: object) -> FilledHeaders:
    facts: dict[str, object] = {
        "to": address("ana@example.com"),
        "to_name": "Ana García",
        "date": 1_790_000_000_000,
        "message_id": "<0123@alliance.example.org>",
        "list_unsubscribe": "<https://news.example.org/u/abc>, <mailto:office@example.org?subject=leave>",
    }
    return FilledHeaders(**{**facts, **changes})  # type: ignore[arg-type]


VALUES = {
    "name": "Ana García",
    "email": "ana@example.com",
    "leave_url": "https://news.example.org/l/abc=def&x=1",
    "city": "Lyon",
}
