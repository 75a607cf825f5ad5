"""Requests to leave that came by mail or were pasted -> addresses and tokens to act on."""

from __future__ import annotations

import re
from collections.abc import Iterable
from email import message_from_bytes
from email.parser import BytesHeaderParser
from email.utils import getaddresses
from io import BytesIO, TextIOWrapper
from typing import Final

from msgspec import Struct

from newsletter.addresses import clean_text, parse_address
from newsletter.errors import AddressError, ListFileError
from newsletter.leaving.mails import by_a_program, fields, for_somebody_away, subject_of, written_lines
from newsletter.leaving.words import asks
from newsletter.links import find_tokens
from newsletter.listfile import decoding, read_list, workbook
from newsletter.models import Address, RejectedRow

_FIELD: Final = re.compile(r"([!-9;-~]+)[ \t]*:")
_MAIL_FIELDS: Final = frozenset(
    {
        "from",
        "to",
        "date",
        "subject",
        "message-id",
        "received",
        "return-path",
        "mime-version",
        "delivered-to",
    }
)
_BLANK: Final = b"\xef\xbb\xbf\r\n"
_ENVELOPE: Final = re.compile(rb"(?:\A|(?<=\n\n)|(?<=\n\r\n))From [^\n]*\n")
_RECIPIENTS: Final = ("to", "cc", "delivered-to", "x-original-to", "envelope-to")
_SEPARATORS: Final = re.compile(r"[\s,;|<>()\[\]\"]+")
_LONE_TOKEN: Final = re.compile(r"(?:\w+\s+)?(\S+)")
_FORWARDED: Final = "quoted from a mail, so it may name whoever forwarded it: nobody was taken out by it"
_MOST_PARTS: Final = 60
_MOST_SHOWN: Final = 60  # characters of a subject
_SAVE_AS: Final = "save the mails as .eml or mbox, or paste the addresses into a text file"


class LeaveRequests(Struct, frozen=True, kw_only=True):
    """Who asks to leave: each address once, each token once (not yet verified), and what is no request.

    `line` of a rejected one is its line in the file (of its first line, for a mail). `subjects` are those of
    the mails that asked, by the key of the address or by the token.
    """

    addresses: tuple[Address, ...]
    tokens: tuple[str, ...]
    rejected: tuple[RejectedRow, ...]
    subjects: dict[str, str] = {}


class _Found(Struct):
    addresses: dict[str, Address]
    tokens: dict[str, None]
    rejected: list[RejectedRow]
    subjects: dict[str, str] = {}

    def take(self, line: int, text: str, subject: str | None = None) -> None:
        """Keep an address, and the subject of the mail that it is from, or the reason why it is none."""
        try:
            address = parse_address(text)
        except AddressError as error:
            self.rejected.append(RejectedRow(line=line, reason=error.message))
        else:
            self.addresses.setdefault(address.key, address)
            self._ask(address.key, subject)

    def take_tokens(self, tokens: Iterable[str], subject: str) -> None:
        """Keep the tokens of a mail."""
        for token in tokens:
            self.tokens[token] = None
            self._ask(token, subject)

    def _ask(self, who: str, subject: str | None) -> None:
        if subject is not None:
            self.subjects.setdefault(who, clean_text(subject)[:_MOST_SHOWN] or "(no subject)")


def read_requests(data: bytes, *, name: str) -> LeaveRequests:
    """Read pasted addresses and tokens, a saved mail (.eml), a mailbox (mbox) or a workbook of addresses.

    In a mail a token in the subject or in a recipient's address decides, whoever sent it; so does one that
    stands alone in a line that the sender wrote. Any other token in the text is not looked at: who answers a
    forwarded copy quotes the links of the person who forwarded it. Without a token the mail acts on its From
    address; in a mailbox of several mails only where it asks to leave. Bounces and automatic replies
    (RFC 3834, RFC 6522) are rejected with the reason. `name` is the file's name, for messages; ListFileError
    where the file cannot be read.
    """
    found = _Found({}, {}, [])
    if workbook.is_workbook(data):
        _from_workbook(data, name, found)
    elif _ENVELOPE.match(data):
        _from_mailbox(data, found)
    elif _is_mail(data):
        _from_mail(data, 1, found, alone=True)
    else:
        _from_text(decoding.decode(lambda: BytesIO(data), name=name).lines(), found)
    return LeaveRequests(
        addresses=tuple(found.addresses.values()),
        tokens=tuple(found.tokens),
        rejected=tuple(found.rejected),
        subjects=found.subjects,
    )


def _from_workbook(data: bytes, name: str, found: _Found) -> None:
    if "__substg1.0".encode("utf-16-le") in data:
        raise ListFileError("this is a mail in Outlook's own format (.msg)", where=name, hint=_SAVE_AS)
    listed = read_list(data, name=name)
    found.addresses |= {row.profile.address.key: row.profile.address for row in listed.rows}
    found.rejected += listed.rejected


def _from_text(lines: Iterable[str], found: _Found) -> None:
    """Pasted text, line by line; what is quoted, and links of a copy, speak of whoever forwarded it."""
    for number, line in enumerate(lines, 1):
        tokens, cleaned = find_tokens(line), clean_text(line)
        if cleaned.startswith(">") or (tokens and "/p/AQ" in line):
            if tokens or "@" in cleaned:
                found.rejected.append(RejectedRow(line=number, reason=_FORWARDED))
            continue
        found.tokens |= dict.fromkeys(tokens)
        if tokens or not cleaned:
            continue
        pieces = [piece for piece in _SEPARATORS.split(cleaned) if "@" in piece]
        for piece in pieces or [cleaned]:
            found.take(number, piece)


def _is_mail(data: bytes) -> bool:
    """Whether it begins with header fields of a mail, however long, From and another one among them."""
    names: set[str] = set()
    for line in TextIOWrapper(BytesIO(data.lstrip(_BLANK)), "latin-1"):
        field = _FIELD.match(line)
        if line == "\n" or not (names or field):
            return False
        names |= {field[1].lower()} if field is not None else set()
        if "from" in names and len(names & _MAIL_FIELDS) > 1:
            return True
    return False


def _from_mailbox(data: bytes, found: _Found) -> None:
    starts = [match.start() for match in _ENVELOPE.finditer(data)]
    line = 1
    for start, end in zip(starts, [*starts[1:], len(data)], strict=True):
        mail = data[start:end]
        _from_mail(mail.partition(b"\n")[2], line, found, alone=len(starts) == 1)
        line += mail.count(b"\n")


def _from_mail(data: bytes, line: int, found: _Found, *, alone: bool) -> None:
    data = data.lstrip(_BLANK)
    nested = data.count(b"multipart/") + data.count(b"message/") > _MOST_PARTS
    mail = BytesHeaderParser().parsebytes(data) if nested else message_from_bytes(data)
    senders = [address for _, address in getaddresses(fields(mail, "from")) if address]
    subject = subject_of(mail)
    written = list(written_lines(mail))
    tokens = find_tokens(" ".join([subject, *fields(mail, *_RECIPIENTS)])) or _lone_tokens(written)
    reason = by_a_program(mail, senders) or ("" if tokens else for_somebody_away(mail, subject))
    if reason:
        who = f" from {senders[0]}" if senders else ""
        found.rejected.append(RejectedRow(line=line, reason=clean_text(f"the mail{who} is {reason}")))
        return
    if tokens:
        found.take_tokens(tokens, subject)
    elif len(senders) != 1:
        found.rejected.append(
            RejectedRow(line=line, reason=f"the mail names {len(senders)} senders, not one")
        )
    elif alone or asks(subject, written[:10]):
        found.take(line, senders[0], subject)
    else:
        shown = clean_text(subject)[:_MOST_SHOWN]
        reason = clean_text(f"the mail from {senders[0]} ('{shown}') does not ask to leave")
        found.rejected.append(RejectedRow(line=line, reason=reason))


def _lone_tokens(lines: Iterable[str]) -> list[str]:
    """Tokens that stand alone in a line, or behind one word (`unsubscribe TOKEN`)."""
    alone = (_LONE_TOKEN.fullmatch(line) for line in lines)
    return [
        token for match in alone if match is not None for token in find_tokens(match[1]) if token == match[1]
    ]
