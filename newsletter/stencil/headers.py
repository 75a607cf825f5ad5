"""The header lines of a mail: those that are the same for everybody, and one person's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from enum import StrEnum
from functools import lru_cache

from msgspec import Struct

from newsletter.errors import AddressError, UsageError
from newsletter.mac import Mac
from newsletter.models import Address
from newsletter.stencil.encode import phrase
from newsletter.stencil.values import clean

_BREAKING = re.compile(r"[\r\n\0]")
_ADDRESS = re.compile(r"[^\s\x00-\x20\x7f-\xa0<>()\[\]:;,\\\"\ud800-\udfff]+@[A-Za-z0-9.-]+")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]+@[!-;=?-~]+>")
_URL = r"<[!-;=?-~]+>"
_URLS = re.compile(rf"{_URL}(?:, ?{_URL})*")
_LINE = 76
_FOLD = "\r\n "


class HeaderSlot(StrEnum):
    """A header that is written whole for each recipient."""

    TO = "To"
    SUBJECT = "Subject"
    DATE = "Date"
    MESSAGE_ID = "Message-ID"
    LIST_UNSUBSCRIBE = "List-Unsubscribe"


class Envelope(Struct, frozen=True, kw_only=True):
    """What the headers say to everybody.

    `list_id` is the bare identifier (RFC 2919), `list_help` and `list_archive` are bare URLs. `one_click`
    adds List-Unsubscribe-Post (RFC 8058): every filled List-Unsubscribe must then hold a web address.
    """

    sender: Address
    sender_name: str
    list_id: str
    list_name: str = ""
    reply_to: Address | None = None
    list_help: str = ""
    list_archive: str = ""
    feedback_id: str = ""
    one_click: bool = False

    @property
    def domain(self) -> str:
        """The sender's domain in its ASCII form."""
        return envelope_address(self.sender).rpartition("@")[2]


class FilledHeaders(Struct, frozen=True, kw_only=True):
    """One recipient's headers.

    `date` is UTC milliseconds; `list_unsubscribe` is the whole value, `<https://…>, <mailto:…>` (RFC 2369),
    and empty where the copy carries no such header; `message_id` stands in angle brackets.
    """

    to: Address
    to_name: str = ""
    date: int
    message_id: str
    list_unsubscribe: str = ""


def message_id(seed: bytes, delivery: int, domain: str) -> str:
    """The Message-ID of a delivery, the same in every attempt: 128 bits of HMAC-SHA256 at the domain."""
    return f"<{_mac(seed)(delivery.to_bytes(8, 'big'))[:16].hex()}@{domain}>"


@lru_cache(maxsize=8)
def _mac(seed: bytes) -> Mac:
    return Mac(seed)


def envelope_id(delivery: int, message_id: str) -> str:
    """A delivery's ENVID (RFC 3461): which row it is, and the Message-ID's letters as the proof."""
    return f"{delivery}-{message_id[1:].partition('@')[0]}"


def envelope_address(address: Address) -> str:
    """The address for MAIL and RCPT: local part as given, domain as punycode. AddressError if malformed."""
    text = address.text
    if not text.isascii():
        text = f"{text.rpartition('@')[0]}@{address.key.rpartition('@')[2]}"
    if not _ADDRESS.fullmatch(text):
        raise AddressError(
            "This address cannot stand in a mail's header.",
            where=repr(address.text)[1:-1],
            hint="correct it in the list, or remove the person",
        )
    return text


def refuse_breaks(text: str, what: str, where: str = "") -> str:
    """The text, or UsageError where it holds CR, LF or NUL."""
    if _BREAKING.search(text):
        raise UsageError(
            f"{what} holds a line break, which would forge a header.",
            where=where,
            hint="write it on one line",
        )
    return text


def mailbox(header: str, name: str, address: Address) -> str:
    """A whole address header with its CRLF: display name encoded and folded, address in angle brackets."""
    target = envelope_address(address)
    name = clean(refuse_breaks(name, f"The name for {header}", target))
    if not name:
        return f"{header}: {target}\r\n"
    line = f"{header}: {phrase(name, len(header) + 2)}"
    column = len(line) - line.rfind("\n") - 1
    gap = " " if column + len(target) + 3 <= _LINE else _FOLD
    return f"{line}{gap}<{target}>\r\n"


def list_id(name: str, identifier: str) -> str:
    """The List-Id line (RFC 2919)."""
    name = clean(refuse_breaks(name, "The newsletter's name"))
    identifier = bracketed("List-Id", identifier)
    shown = phrase(name, len("List-Id: ")) + _FOLD if name else ""
    return f"List-Id: {shown}{identifier}\r\n"


def bracketed(header: str, url: str) -> str:
    """`<url>`; UsageError where it is no printable ASCII without spaces and angle brackets."""
    if not re.fullmatch(_URL, f"<{url}>"):
        raise UsageError(f"{header} cannot hold {url!r}.", hint="use ASCII without spaces or line breaks")
    return f"<{url}>"


@lru_cache(maxsize=64)
def _date(seconds: int) -> str:
    return f"Date: {format_datetime(datetime.fromtimestamp(seconds, UTC))}\r\n"


def _to(headers: FilledHeaders) -> str:
    return mailbox("To", headers.to_name, headers.to)


def _message_id(headers: FilledHeaders) -> str:
    if not _MESSAGE_ID.fullmatch(headers.message_id):
        raise UsageError(f"{headers.message_id!r} is no Message-ID.", hint="it is made as <text@domain>")
    return f"Message-ID: {headers.message_id}\r\n"


def _list_unsubscribe(headers: FilledHeaders) -> str:
    value = headers.list_unsubscribe
    if not value:
        return ""
    if not _URLS.fullmatch(value):
        raise UsageError(
            f"List-Unsubscribe cannot hold {value!r}.", hint="write <https://…>, <mailto:…> in ASCII"
        )
    folded = value.replace(">, <", f">,{_FOLD}<")
    return f"List-Unsubscribe: {folded}\r\n"


PERSONAL: Mapping[HeaderSlot, Callable[[FilledHeaders], str]] = {
    HeaderSlot.TO: _to,
    HeaderSlot.DATE: lambda headers: _date(headers.date // 1000),
    HeaderSlot.MESSAGE_ID: _message_id,
    HeaderSlot.LIST_UNSUBSCRIBE: _list_unsubscribe,
}
