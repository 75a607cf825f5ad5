"""Requests to leave that came by mail or were pasted -> addresses and tokens to act on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import getaddresses
from html import unescape
from io import BytesIO, TextIOWrapper
from itertools import pairwise, zip_longest
from typing import Final

from msgspec import Struct

from newsletter.addresses import clean_text, parse_address
from newsletter.errors import AddressError, ListFileError
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
_MAILERS: Final = frozenset(
    {"mailer-daemon", "postmaster", "noreply", "no-reply", "donotreply", "do-not-reply"}
)
_SEPARATORS: Final = re.compile(r"[\s,;|<>()\[\]\"]+")
_ASKS: Final = re.compile(
    r"unsubscri|\bun-?sub\b|\bopt(?:ing)?.?out\b"
    r"|\b(?:remove|delete) (?:me|us|my)\b|\btake (?:me|us) (?:off|out)\b"
    r"|\bleave (?:this|the|your) (?:mailing )?list\b|\bstreich\w* (?:sie )?mich\b"
    r"|(?<!never )(?<!not )(?<!n't )\bstop (?:sending|e?-?mailing) me\b"
    r"|\bcancel\w* (?:\w+ )?(?:subscri|suscri|inscri|assinat|abonn|newsletter)|\b(?:rimuov|cancell)\w*mi\b"
    r"|abmeld|austragen|aus (?:dem|ihrem) verteiler|abbestell"
    r"|d[ée]sabonn|d[ée]sinscri|d[ée]sus[ck]ri|\bd\w*(?:me|nos|ar) de baja|descadastr"
    r"|disiscri|uitschrijv|afmeld|avregistrer|peruuta|wypis|rezygn|odhl[aá]s|leiratkoz|dezabon|odjav|отпис"
    r"|(?:إلغاء|الغاء|لغو) (?:ال)?اشتراك|退订|退訂|配信停止|수신거부",
    re.IGNORECASE,
)
_MAY_ASK: Final = re.compile(
    r"(?<!\bon )(?<!annual )\bleave\b|\b(?:stop|remove|delete|cancel(?:ar)?)\b"
    r"|\b(?:borrar\w*|baja|remover|d[ée]sist\w*)\b"
    r"|\b(?:disdi|rimuov)|διαγραφ|إلغاء|الغاء|لغو|iptal",
    re.IGNORECASE,
)
_ASKS_NOT: Final = re.compile(
    r"\b(?:never|not|nicht|nie|pas|jamais|nunca|non|when|why|what|does|did|wann|warum|quand|pourquoi)\b|n['’]t\b",
    re.IGNORECASE,
)
_ANSWERS: Final = re.compile(r"(?:re|aw|wg|sv|vs|tr|rv|fwd?|antw)\s*:", re.IGNORECASE)
_WRAPPED: Final = 50  # characters of a line that may go on in the next
_LONE_TOKEN: Final = re.compile(r"(?:\w+\s+)?(\S+)")
_QUOTE: Final = re.compile(r"^\s*(?:>|-{2,}|_{5,}|on .*wrote:|le .*:$|am .*schrieb|el .*:$)", re.IGNORECASE)
_QUOTED_HEAD: Final = re.compile(
    r"[*\s]*(?:from|von|de|da|van|från|fra|od|lähettäjä|от|από|من)[\s*]*:[^\n]*\n"
    r"[*\s]*[^\W\d_]+(?: [^\W\d_]+)?[\s*]*:",
    re.IGNORECASE,
)
_AUTOMATIC: Final = re.compile(
    r"auto(?:matic)?[ -]?(?:reply|response)\b|auto:|out of (?:the )?office|abwesen"
    r"|automatische (?:antwort|abwesen)|réponse automatique|absence du bureau|respuesta autom|resposta autom"
    r"|risposta automatica|fuera de la oficina|automatisch antwoord|automatisk svar|autosvar|автоответ"
    r"|رد تلقائي|自動応答|自动答复",
    re.IGNORECASE,
)
_FORWARDED: Final = "quoted from a mail, so it may name whoever forwarded it: nobody was taken out by it"
_MOST_PARTS: Final = 60
_MOST_OF_A_SUBJECT: Final = 4_000
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
    senders = [address for _, address in getaddresses(_fields(mail, "from")) if address]
    subject = _subject(mail)
    reason = _automatic(mail, senders) or _away(mail, subject)
    if reason:
        who = f" from {senders[0]}" if senders else ""
        found.rejected.append(RejectedRow(line=line, reason=clean_text(f"the mail{who} is {reason}")))
        return
    written = list(_written(mail))
    tokens = find_tokens(" ".join([subject, *_fields(mail, *_RECIPIENTS)])) or _lone_tokens(written)
    if tokens:
        found.take_tokens(tokens, subject)
    elif len(senders) != 1:
        found.rejected.append(
            RejectedRow(line=line, reason=f"the mail names {len(senders)} senders, not one")
        )
    elif alone or _asks(subject, written[:10]):
        found.take(line, senders[0], subject)
    else:
        shown = clean_text(subject)[:_MOST_SHOWN]
        reason = clean_text(f"the mail from {senders[0]} ('{shown}') does not ask to leave")
        found.rejected.append(RejectedRow(line=line, reason=reason))


def _asks(subject: str, lines: Sequence[str]) -> bool:
    """Whether a mail asks to leave; `stop` and other words that say much else do so in a short line only."""
    if any(map(_ASKS.search, [subject, *lines])):
        return True
    whole = [line for before, line in pairwise(["", *lines]) if len(before) < _WRAPPED]
    short = [line for line in whole if len(line.split()) <= 5]
    own = [] if _ANSWERS.match(subject) or len(subject.split()) > 8 else [subject]
    return any(_MAY_ASK.search(line) and not _ASKS_NOT.search(line) for line in [*own, *short])


def _automatic(mail: Message, senders: list[str]) -> str:
    """Say what shows that no person wrote the mail; empty where nothing does."""
    submitted = "".join(_fields(mail, "auto-submitted")[:1]).partition(";")[0].strip().lower()
    if mail.get_content_type() == "multipart/report":
        return "a delivery report, not a request"
    if submitted not in {"", "no"}:
        return f"an automatic reply (Auto-Submitted: {submitted[:30]}), not a request"
    if any(value.strip() == "<>" for value in _fields(mail, "return-path")):
        return "a bounce or an automatic reply (its return path is empty), not a request"
    if _fields(mail, "x-autoreply", "x-autorespond", "x-failed-recipients"):
        return "an automatic reply, not a request"
    if any(sender.partition("@")[0].lower() in _MAILERS for sender in senders):
        return "from a program, not from a person"
    return ""


def _away(mail: Message, subject: str) -> str:
    """Say what shows that a program answers for a person who is away; empty where nothing does."""
    suppressed = " ".join(_fields(mail, "x-auto-response-suppress")).lower()
    if re.search(r"\b(?:all|oof|autoreply)\b", suppressed) or _AUTOMATIC.match(subject):
        return "an automatic reply, not a request"
    precedence = "".join(_fields(mail, "precedence")[:1]).strip().lower()
    if precedence in {"bulk", "junk", "auto_reply"}:
        return f"from a program (Precedence: {precedence}), not from a person"
    return ""


def _fields(mail: Message, *names: str) -> list[str]:
    """The values of header fields, unfolded, as text; bytes beyond ASCII are UTF-8 (RFC 6532)."""
    values = (str(value) for name, value in mail.raw_items() if name.lower() in names)
    return [_readable(value).replace("\r", "").replace("\n", "") for value in values]


def _readable(value: str) -> str:
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _subject(mail: Message) -> str:
    """The subject with its encoded words decoded (RFC 2047)."""
    raw = "".join(_fields(mail, "subject")[:1])[:_MOST_OF_A_SUBJECT]
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


def _written(mail: Message) -> Iterator[str]:
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


def _lone_tokens(lines: Iterable[str]) -> list[str]:
    """Tokens that stand alone in a line, or behind one word (`unsubscribe TOKEN`)."""
    alone = (_LONE_TOKEN.fullmatch(line) for line in lines)
    return [
        token for match in alone if match is not None for token in find_tokens(match[1]) if token == match[1]
    ]
