"""A mail as it was written: its fields, its words up to what they quote, and who or what wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from html import unescape
from itertools import zip_longest
from typing import Final

from newsletter.addresses import clean_text
from newsletter.leaving.words import is_away

_MAILERS: Final = frozenset(
    {"mailer-daemon", "postmaster", "noreply", "no-reply", "donotreply", "do-not-reply"}
)
_QUOTE: Final = re.compile(r"^\s*(?:>|-{2,}|_{5,}|on .*wrote:|le .*:$|am .*schrieb|el .*:$)", re.IGNORECASE)
_QUOTED_HEAD: Final = re.compile(
    r"[*\s]*(?:from|von|de|da|van|från|fra|od|lähettäjä|от|από|من)[\s*]*:[^\n]*\n"
    r"[*\s]*[^\W\d_]+(?: [^\W\d_]+)?[\s*]*:",
    re.IGNORECASE,
)
_MOST_OF_A_SUBJECT: Final = 4_000


def by_a_program(mail: Message, senders: list[str]) -> str:
    """Say what shows that no person wrote the mail; empty where nothing does."""
    submitted = "".join(fields(mail, "auto-submitted")[:1]).partition(";")[0].strip().lower()
    if mail.get_content_type() == "multipart/report":
        return "a delivery report, not a request"
    if submitted not in {"", "no"}:
        return f"an automatic reply (Auto-Submitted: {submitted[:30]}), not a request"
    if any(value.strip() == "<>" for value in fields(mail, "return-path")):
        return "a bounce or an automatic reply (its return path is empty), not a request"
    if fields(mail, "x-autoreply", "x-autorespond", "x-failed-recipients"):
        return "an automatic reply, not a request"
    if any(sender.partition("@")[0].lower() in _MAILERS for sender in senders):
        return "from a program, not from a person"
    return ""


def for_somebody_away(mail: Message, subject: str) -> str:
    """Say what shows that a program answers for a person who is away; empty where nothing does."""
    suppressed = " ".join(fields(mail, "x-auto-response-suppress")).lower()
    if re.search(r"\b(?:all|oof|autoreply)\b", suppressed) or is_away(subject):
        return "an automatic reply, not a request"
    precedence = "".join(fields(mail, "precedence")[:1]).strip().lower()
    if precedence in {"bulk", "junk", "auto_reply"}:
        return f"from a program (Precedence: {precedence}), not from a person"
    return ""


def fields(mail: Message, *names: str) -> list[str]:
    """The values of header fields, unfolded, as text; bytes beyond ASCII are UTF-8 (RFC 6532)."""
    values = (str(value) for name, value in mail.raw_items() if name.lower() in names)
    return [_readable(value).replace("\r", "").replace("\n", "") for value in values]


def _readable(value: str) -> str:
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def subject_of(mail: Message) -> str:
    """The subject with its encoded words decoded (RFC 2047)."""
    raw = "".join(fields(mail, "subject")[:1])[:_MOST_OF_A_SUBJECT]
    try:
        chunks = decode_header(raw)
    except (HeaderParseError, ValueError):
        return raw
    return "".join(chunk if isinstance(chunk, str) else _decoded(chunk, charset) for chunk, charset in chunks)


def _decoded(data: bytes, charset: str | None) -> str:
    try:
        return data.decode(charset or "utf-8", "replace")
    except (LookupError, ValueError):
        return data.decode("utf-8", "replace")


def written_lines(mail: Message) -> Iterator[str]:
    """The lines that the sender wrote, up to the first that quotes or signs."""
    lines = [cleaned for line in _body(mail).splitlines() if (cleaned := clean_text(line))]
    for line, following in zip_longest(lines, lines[1:], fillvalue=""):
        if _QUOTE.match(line) or _QUOTED_HEAD.match(f"{line}\n{following}"):
            return
        yield line


def _body(mail: Message) -> str:
    parts = {part.get_content_type(): part for part in reversed(list(mail.walk())) if not part.is_multipart()}
    part = parts.get("text/plain") or parts.get("text/html")
    if part is None:
        return ""
    payload = part.get_payload(decode=True)
    text = _decoded(payload, part.get_content_charset()) if isinstance(payload, bytes) else ""
    return _of_html(text) if part.get_content_type() == "text/html" else text


def _of_html(text: str) -> str:
    """The text of HTML up to its first quotation, a line for each block."""
    body = re.split(r"(?i)</head\s*>", text, maxsplit=1)[-1]
    own = re.sub(r"(?is)<(?:blockquote|style|head)\b.*", "", body)
    lines = re.sub(r"(?i)</?(?:br|p|div|tr|table|ul|li|hr|h[1-6])\b[^<>]*>", "\n", " ".join(own.split()))
    return unescape(re.sub(r"<[^<>]*>", "", lines))
