"""Every URL that a mail carries, and every signed token in one.

A token says who, for what and about what, and is signed; it holds no address. Layout, base64url without
padding: version (1 byte), purpose (1), key id (2), subject (12), about (8), HMAC-SHA256 cut to 128 bits (16).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from urllib.parse import quote, urlencode

from newsletter.config import Config
from newsletter.errors import TokenError
from newsletter.models import Key

VERSION = 1
BODY = struct.Struct(">BBH12sQ")
MAC_BYTES = 16
TOKEN = re.compile(r"(?<![\w-])AQ[A-Za-z0-9_-]{52}(?![\w-])", re.ASCII)
KEY_PURPOSE = "token"


class Purpose(IntEnum):
    """What a token is good for: nothing else."""

    LEAVE_AT_ONCE = 1
    PREFERENCES = 2


@dataclass(frozen=True, kw_only=True)
class Token:
    """A token that verified: `about` is the number of the send that carried it."""

    purpose: Purpose
    subject: bytes
    about: int


@dataclass(frozen=True, kw_only=True)
class EditionLinks:
    """The links of an edition that are the same for every reader; empty where there is no such page.

    `leave` is the mailto way out that acts on the sender's own address; it is empty where every reader has
    a page of their own.
    """

    public: str
    archive: str
    join: str
    contact: str
    leave: str


@dataclass(frozen=True, kw_only=True)
class PersonalLinks:
    """One reader's ways out; `list_unsubscribe` is the header's value (RFC 2369 section 3.2)."""

    leave: str
    preferences: str
    list_unsubscribe: str
    one_click: bool


def sign(key: Key, *, purpose: Purpose, subject: bytes, about: int) -> str:
    """A token for one person and one purpose."""
    body = BODY.pack(VERSION, purpose, key.id, subject, about)
    return base64.urlsafe_b64encode(body + _mac(key, body)).rstrip(b"=").decode("ascii")


def verify(keys: Mapping[int, Key], text: str) -> Token:
    """The token in `text`, signed under one of `keys` (revoked ones are not among them).

    Raises TokenError for anything that is cut, changed, foreign or of another version.
    """
    refused = TokenError("this link was not made by this project, or was cut", where=text[:80])
    try:
        raw = base64.urlsafe_b64decode(text + "==")
    except (binascii.Error, ValueError):
        raise refused from None
    if len(raw) != BODY.size + MAC_BYTES or base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != text:
        raise refused
    body, mac = raw[: BODY.size], raw[BODY.size :]
    version, purpose, key_id, subject, about = BODY.unpack(body)
    key = keys.get(key_id)
    if version != VERSION or key is None or not hmac.compare_digest(_mac(key, body), mac):
        raise refused
    try:
        return Token(purpose=Purpose(purpose), subject=subject, about=about)
    except ValueError:
        raise refused from None


def find_tokens(text: str) -> list[str]:
    """Everything in a text that has a token's form, in order; verify() says which are ours."""
    return TOKEN.findall(text)


def edition_links(config: Config, slug: str, language: str, *, list_name: str = "") -> EditionLinks:
    """The links of one edition; without any public place there is no public link, so none can be dead."""
    base, archive = config.web.base_url, config.web.archive_url
    page = f"i/{quote(slug)}/{quote(language)}"
    contact = f"mailto:{_mailbox(config.campaign.contact)}"
    if archive:
        public, all_issues = f"{archive}/{page}/", f"{archive}/"
    elif base:
        public, all_issues = f"{base}/{page}", f"{base}/"
    else:
        public = all_issues = ""
    join_query = f"?{urlencode({'list': list_name})}" if list_name else ""
    return EditionLinks(
        public=public,
        archive=all_issues,
        join=f"{base}/join{join_query}" if base else f"{contact}?subject=subscribe",
        contact=contact,
        leave="" if base else _leave_by_mail(config, "unsubscribe"),
    )


def personal_links(config: Config, key: Key, subject: bytes, send_number: int) -> PersonalLinks:
    """One reader's signed links: RFC 8058 one-click where there are live pages, else by mail."""
    header = sign(key, purpose=Purpose.LEAVE_AT_ONCE, subject=subject, about=send_number)
    body = sign(key, purpose=Purpose.PREFERENCES, subject=subject, about=send_number)
    return _personal(config, header=header, body=body, mail_subject="unsubscribe")


def inert_links(config: Config) -> PersonalLinks:
    """Links of the same form that do nothing: for `build`, `send --test` and samples."""
    return _personal(config, header="sample", body="sample", mail_subject="sample copy")


def _personal(config: Config, *, header: str, body: str, mail_subject: str) -> PersonalLinks:
    mail = f"<{_leave_by_mail(config, f'{mail_subject} {header}')}>"
    base = config.web.base_url
    if not base:
        leave = _leave_by_mail(config, mail_subject)
        return PersonalLinks(leave=leave, preferences=leave, list_unsubscribe=mail, one_click=False)
    page = f"{base}/p/{body}"
    return PersonalLinks(
        leave=page, preferences=page, list_unsubscribe=f"<{base}/u/{header}>, {mail}", one_click=True
    )


def _leave_by_mail(config: Config, subject: str) -> str:
    return f"mailto:{_mailbox(config.sender.unsubscribe_address)}?subject={quote(subject)}"


def _mailbox(address: str) -> str:
    """An address inside a mailto URL (RFC 6068 section 2)."""
    return quote(address, safe="@!$'*+-._~")


def _mac(key: Key, body: bytes) -> bytes:
    return hmac.digest(key.secret, body, "sha256")[:MAC_BYTES]
