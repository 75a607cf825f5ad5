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
from collections.abc import Callable, Mapping
from enum import IntEnum
from urllib.parse import quote, urlencode

from msgspec import Struct

from newsletter.config import Config
from newsletter.errors import TokenError
from newsletter.mac import Mac
from newsletter.models import Key

VERSION = 1
BODY = struct.Struct(">BBH12sQ")
MAC_BYTES = 16
TOKEN = re.compile(r"(?<![\w-])AQ[A-Za-z0-9_-]{52}(?![\w-])", re.ASCII)
KEY_PURPOSE = "token"
CHANNELS = frozenset(
    {
        *("mail", "whatsapp", "linkedin", "facebook", "x", "mastodon", "bluesky"),
        *("link", "print", "qr", "forward", "page", "other"),
    }
)
_URL_SAFE = bytes.maketrans(b"+/", b"-_")  # RFC 4648 section 5


class Purpose(IntEnum):
    """What a token is good for: nothing else."""

    LEAVE_AT_ONCE = 1
    PREFERENCES = 2
    CONFIRM = 3
    UNDO = 4
    DATA = 5
    UNDO_ON_PAGE = 6


class Token(Struct, frozen=True, kw_only=True):
    """A token that verified.

    `about` is the number of the send that carried it; for CONFIRM and both kinds of undo the consent event;
    for DATA when it was made, in UTC seconds. UNDO is only ever mailed.
    """

    purpose: Purpose
    subject: bytes
    about: int


class EditionLinks(Struct, frozen=True, kw_only=True):
    """The links of an edition that are the same for every reader; empty where there is no such page.

    `leave` is the mailto way out that acts on the sender's own address; it is empty where every reader has
    a page of their own.
    """

    public: str
    archive: str
    join: str
    contact: str
    leave: str


class PersonalLinks(Struct, frozen=True, kw_only=True):
    """One reader's ways out; `list_unsubscribe` is the header's value (RFC 2369 section 3.2)."""

    leave: str
    preferences: str
    list_unsubscribe: str
    one_click: bool


def sign(key: Key, *, purpose: Purpose, subject: bytes, about: int) -> str:
    """A token for one person and one purpose."""
    return _token(Mac(key.secret), BODY.pack(VERSION, purpose, key.id, subject, about))


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
    if version != VERSION or key is None or not hmac.compare_digest(Mac(key.secret)(body)[:MAC_BYTES], mac):
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
    join_query = urlencode(({"list": list_name} if list_name else {}) | {"via": "forward", "issue": slug})
    return EditionLinks(
        public=public,
        archive=all_issues,
        join=f"{base}/join?{join_query}" if base else f"{contact}?subject=subscribe",
        contact=contact,
        leave="" if base else _leave_by_mail(config, "unsubscribe"),
    )


def by_channel(config: Config, url: str, channel: str) -> str:
    """A link to one of the live pages that says how it travelled, so that joins can be counted by channel.

    It names no person. Links that do not lead to the live pages stay as they are.
    """
    base = config.web.base_url
    if not base or not (url == base or url.startswith((f"{base}/", f"{base}?"))):
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode({'via': channel})}"


def personal_links(config: Config, key: Key, send_number: int) -> Callable[[bytes], PersonalLinks]:
    """What makes one reader's signed links of a send: RFC 8058 one-click with live pages, else by mail.

    What is the same for everybody is made once: a token is URL-safe, and the key is set up once for all.
    """
    keyed, personal = Mac(key.secret), _personal(config, "unsubscribe")
    leave, preferences = int(Purpose.LEAVE_AT_ONCE), int(Purpose.PREFERENCES)

    def of(subject: bytes) -> PersonalLinks:
        header = _token(keyed, BODY.pack(VERSION, leave, key.id, subject, send_number))
        return personal(header, _token(keyed, BODY.pack(VERSION, preferences, key.id, subject, send_number)))

    return of


def confirm_link(config: Config, key: Key, subject: bytes, event: int) -> str:
    """The page on which a person confirms what was asked up to this JOINED event."""
    return f"{config.web.base_url}/c/{sign(key, purpose=Purpose.CONFIRM, subject=subject, about=event)}"


def undo_link(config: Config, key: Key, subject: bytes, event: int) -> str:
    """The page on which a person undoes one leaving."""
    return f"{config.web.base_url}/undo/{sign(key, purpose=Purpose.UNDO, subject=subject, about=event)}"


def data_link(config: Config, key: Key, subject: bytes, now: int) -> str:
    """The page with a person's data, good for an hour from `now` (UTC ms)."""
    return f"{config.web.base_url}/d/{sign(key, purpose=Purpose.DATA, subject=subject, about=now // 1000)}"


def preferences_link(config: Config, key: Key, subject: bytes) -> str:
    """A person's own page, from a mail that belongs to no send."""
    return f"{config.web.base_url}/p/{sign(key, purpose=Purpose.PREFERENCES, subject=subject, about=0)}"


def channel_word(text: str) -> str:
    """One of CHANNELS: what a link says of the way by which it came, `other` where it is none of them."""
    return text if text in CHANNELS else "other"


def inert_links(config: Config) -> PersonalLinks:
    """Links of the same form that do nothing: for `build`, `send --test` and samples."""
    return _personal(config, "sample copy")("sample", "sample")


def _personal(config: Config, mail_subject: str) -> Callable[[str, str], PersonalLinks]:
    """What makes the links from the header's token and the body's."""
    base = config.web.base_url
    leave, signed = _leave_by_mail(config, mail_subject), _leave_by_mail(config, f"{mail_subject} ")
    if not base:
        return lambda header, body: PersonalLinks(
            leave=leave, preferences=leave, list_unsubscribe=f"<{signed}{header}>", one_click=False
        )

    def with_pages(header: str, body: str) -> PersonalLinks:
        page = f"{base}/p/{body}"
        unsubscribe = f"<{base}/u/{header}>, <{signed}{header}>"
        return PersonalLinks(leave=page, preferences=page, list_unsubscribe=unsubscribe, one_click=True)

    return with_pages


def _leave_by_mail(config: Config, subject: str) -> str:
    return f"mailto:{_mailbox(config.sender.unsubscribe_address)}?subject={quote(subject)}"


def _mailbox(address: str) -> str:
    """An address inside a mailto URL (RFC 6068 section 2)."""
    return quote(address, safe="@!$'*+-._~")


def _token(mac: Mac, body: bytes) -> str:
    signed = binascii.b2a_base64(body + mac(body)[:MAC_BYTES], newline=False)
    return signed.translate(_URL_SAFE).rstrip(b"=").decode("ascii")
