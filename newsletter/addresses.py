"""Addresses as people type and paste them -> Address, or one plain sentence why not."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from newsletter.errors import AddressError
from newsletter.letters import caseless
from newsletter.models import Address

_MOST_CHARACTERS: Final = 2000  # of a mailbox with its name
_MOST_SHOWN: Final = 60  # of a text that an error quotes

_INVISIBLE: Final = (
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff\ufff9\ufffa\ufffb"
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
_JOINERS: Final = "\u200c\u200d"  # spell words in Persian, Urdu and many scripts of India
_FOLD: Final = dict.fromkeys(map(ord, _INVISIBLE)) | {0xFF20: "@", 0xFE6B: "@"}
# [^\x00-\u05ff] is [\u0600-\U0010ffff], which takes 20 times as long to compile
_STRAY_JOINER: Final = re.compile(r"(?<![^\x00-\u05ff])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\u05ff])")

_QUOTES: Final = "\"'`´“”„‟‘’‚‛«»‹›"
_EDGES_LEFT: Final = _QUOTES + "<([{,;: "
_EDGES_RIGHT: Final = _QUOTES + ">)]},;:. "
_SEPARATORS: Final = re.compile(r"[\s,;|/<>()\[\]]+")
_ANGLED: Final = re.compile(r"<([^<>]*)(?:>|$)")
_COMMENT: Final = re.compile(r"(\S+@\S+)\s*\(([^()@]*)\)")

_RESERVED_TOP: Final = frozenset({"arpa", "invalid", "local", "localhost", "onion", "test"})  # RFC 6761
_ORDINARY_LOCAL: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_+-]*(?:\.[A-Za-z0-9_+-]+)*")
_ORDINARY_DOMAIN: Final = re.compile(
    r"(?:(?![A-Za-z0-9-]*--)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+([A-Za-z]{2,24})"
)


def parse_address(text: str) -> Address:
    """Read one address that stands alone; AddressError says plainly what is wrong with it.

    Tolerated around it: blanks, NBSP, bidi and zero-width marks, quotes, brackets, `mailto:`, a trailing dot,
    comma or semicolon. `text` of the answer is the address as given, in NFC (a domain of other letters than
    ASCII in its canonical Unicode form); `key` is the case-folded local part at the IDNA domain.
    `needs_smtputf8` is true where the local part is not ASCII (RFC 6531). No DNS is asked.
    """
    return _ordinary(text) or _examine(_bare(text), text)


def parse_mailbox(text: str) -> tuple[str, Address]:
    """Read `"Name" <address>`, `Name <address>`, `address (Name)` or a bare address -> (name, Address).

    The name is cleaned by `clean_text` and is empty where there is none. Two different addresses in one text
    are an AddressError that says so.
    """
    ordinary = _ordinary(text)
    if ordinary is not None:
        return "", ordinary
    cleaned = _within_bounds(text)
    angled = [part for part in _ANGLED.findall(cleaned) if part.strip()]
    if len(angled) == 1 and "@" in angled[0]:
        return _named(before=_ANGLED.sub(" ", cleaned), inside=angled[0], text=text)
    comment = _COMMENT.fullmatch(cleaned)
    if comment is not None:
        return clean_text(comment[2]), parse_address(comment[1])
    return "", _examine(_bare(text), text)


def clean_text(text: str) -> str:
    """Make a cell's text safe for one line: NFC, no invisible marks, each control or blank run one space.

    ZWJ and ZWNJ stay only between letters beyond ASCII, where they are spelling.
    """
    if text.isprintable() and (text.isascii() or _is_plain(text)):
        return text if "  " not in text and text == text.strip() else " ".join(text.split())
    kept = _STRAY_JOINER.sub("", unicodedata.normalize("NFC", text.translate(_FOLD)))
    spaced = (" " if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp", "Zs"} else c for c in kept)
    return unicodedata.normalize("NFC", " ".join("".join(spaced).split()))


def mask(address: Address | str) -> str:
    """Show an address without giving it away: `jane@example.org` -> `j•••@e•••.org`."""
    text = address if isinstance(address, str) else address.text
    local, _, domain = text.rpartition("@")
    top = domain.rpartition(".")[2]
    return f"{local[:1]}•••@{domain[:1]}•••.{top}"


def _ordinary(text: str) -> Address | None:
    """Answer at once for a plain ASCII address at an ordinary domain, as email-validator would (tested)."""
    local, _, domain = text.partition("@")
    if len(text) > 254 or len(local) > 64 or not _ORDINARY_LOCAL.fullmatch(local):
        return None
    return Address(text=text, key=text.lower()) if _is_ordinary_domain(domain) else None


@lru_cache(maxsize=10_000)
def _is_ordinary_domain(domain: str) -> bool:
    match = _ORDINARY_DOMAIN.fullmatch(domain)
    return match is not None and match[1].lower() not in _RESERVED_TOP


def _is_plain(printable: str) -> bool:
    return unicodedata.is_normalized("NFC", printable) and "＠" not in printable and "﹫" not in printable


def _within_bounds(text: str) -> str:
    if len(text) > _MOST_CHARACTERS:
        raise AddressError(f"{_quoted(text)} is far too long for an address ({len(text):,} characters)")
    return clean_text(text)


def _bare(text: str) -> str:
    """Take off what may stand around a lone address."""
    cleaned = _within_bounds(text)
    for joiner in _JOINERS:
        cleaned = cleaned.replace(joiner, "")
    bare = cleaned.lstrip(_EDGES_LEFT)
    if bare[:7].lower() == "mailto:":
        bare = unquote(bare[7:].partition("?")[0])
    return clean_text(bare).lstrip(_EDGES_LEFT).rstrip(_EDGES_RIGHT)


def _named(*, before: str, inside: str, text: str) -> tuple[str, Address]:
    address = _examine(_bare(inside), text)
    name = clean_text(before.replace('\\"', '"')).strip(" ,;")
    while len(name) > 1 and name[0] in _QUOTES and name[-1] in _QUOTES:
        name = name[1:-1].strip()
    name = name.strip('"')
    if "@" not in name:
        return name, address
    _refuse_several(f"{name} {address.text}")
    return ("" if _is_address(name) else name), address


def _is_address(text: str) -> bool:
    return len(_addresses_in(text)) == 1 and not re.search(r"\s", text)


def _examine(bare: str, text: str) -> Address:
    """Decide on a bare address; `text` is what errors quote.

    email-validator is read when the first uncommon address comes: that takes as long as many thousand others.
    """
    from email_validator import EmailNotValidError, validate_email

    if not clean_text(text):
        raise AddressError("no address")
    shown = _quoted(text)
    if "@" not in bare:
        raise AddressError(f"no @ in {shown}")
    if bare.count("@") > 1:
        bare = _refuse_several(bare) or bare
    _refuse_shape(bare, shown)
    try:
        valid = validate_email(
            bare,
            allow_smtputf8=True,
            allow_empty_local=False,
            allow_quoted_local=False,
            allow_domain_literal=False,
            allow_display_name=False,
            strict=True,
            check_deliverability=False,
            test_environment=False,
            globally_deliverable=True,
        )
    except EmailNotValidError as error:
        raise AddressError(f"{shown} is no e-mail address: {_plain(str(error))}") from None
    local, _, domain = bare.rpartition("@")
    local = unicodedata.normalize("NFC", local)
    return Address(
        text=f"{local}@{domain if domain.isascii() else valid.domain}",
        key=f"{caseless(local)}@{(valid.ascii_domain or domain).lower()}",
        needs_smtputf8=not local.isascii(),
    )


def _refuse_several(text: str) -> str:
    """Raise where different addresses stand in `text`; answer the one that is merely repeated, else empty."""
    found = _addresses_in(text)
    if len({address.casefold() for address in found}) > 1:
        count = "two" if len(found) == 2 else str(len(found))
        raise AddressError(f"{count} addresses where one belongs: {', '.join(map(_quoted, found[:3]))}")
    return found[0] if found else ""


def _addresses_in(text: str) -> list[str]:
    pieces = (piece.lstrip(_EDGES_LEFT).rstrip(_EDGES_RIGHT) for piece in _SEPARATORS.split(text))
    return list(dict.fromkeys(piece for piece in pieces if "@" in piece.strip("@")))


def _refuse_shape(bare: str, shown: str) -> None:
    """Say the commonest slips in plainer words than a validator does."""
    local, _, domain = bare.rpartition("@")
    if "@" in local:
        raise AddressError(f"more than one @ in {shown}")
    if not local:
        raise AddressError(f"nothing before the @ in {shown}")
    if not domain:
        raise AddressError(f"nothing after the @ in {shown}")
    if " " in bare:
        raise AddressError(f"a space inside {shown}", hint="write a name as: Name <address>")
    for mark, what in ((",", "a comma"), (";", "a semicolon")):
        if mark in bare:
            raise AddressError(f"{what} inside {shown}")
    if ".." in bare:
        raise AddressError(f"two dots in a row in {shown}")
    if "." not in domain and domain.isascii():
        raise AddressError(f"the part after the @ has no dot in {shown}")


def _plain(message: str) -> str:
    """Turn email-validator's sentence into the tail of ours."""
    sentence = message.strip().rstrip(".").replace("@-sign", "@").replace("period", "dot")
    return sentence[:1].lower() + sentence[1:]


def _quoted(text: str) -> str:
    shown = clean_text(text[:_MOST_CHARACTERS])
    return f"'{shown}'" if len(shown) <= _MOST_SHOWN else f"'{shown[:_MOST_SHOWN]}…'"
