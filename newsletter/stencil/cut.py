"""Cuts a rendered edition into a stencil: which fields may stand where, headers, pieces and slots."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct
from msgspec.structs import replace

from newsletter.errors import IssueError
from newsletter.models import Field, RenderedEdition
from newsletter.stencil.encode import unstructured
from newsletter.stencil.headers import Envelope, HeaderSlot, bracketed, list_id, mailbox, refuse_breaks
from newsletter.stencil.mime import build_body, mime_headers
from newsletter.stencil.model import Slot, Stencil
from newsletter.stencil.places import Occurrence, Place, in_html, in_text, texts_around
from newsletter.stencil.values import SlotField, clean, is_link


class Misplaced(Struct, frozen=True, kw_only=True):
    """A personal field where no value can be made safe, and what stands there."""

    field: Field
    reason: str
    start: int
    end: int


def misplaced(rendered: RenderedEdition) -> list[Misplaced]:
    """The fields of the HTML that stand in CSS, scripts, tags, comments, or a link's scheme or host."""
    return [
        Misplaced(field=rendered.fields[found.field], reason=reason, start=found.start, end=found.end)
        for found in in_html(rendered.html, rendered.fields)
        if (reason := _refusal(found, rendered.fields[found.field]))
    ]


def link_fields(rendered: RenderedEdition) -> frozenset[str]:
    """The names of fields that stand as a whole link, whose values must be addresses."""
    places = in_html(rendered.html, rendered.fields)
    return frozenset(rendered.fields[found.field].name for found in places if found.place is Place.LINK)


def _refusal(found: Occurrence, field: Field) -> str:
    if found.place is Place.LINK and field.default is not None and not is_link(clean(field.default)):
        return "a link, and its default is no https:// address"
    return found.reason


def refuse_misplaced(rendered: RenderedEdition) -> None:
    """IssueError for the first misplaced field, with the line where the issue has it."""
    for wrong in misplaced(rendered):
        line = f":{wrong.field.line}" if wrong.field.line else ""
        raise IssueError(
            f"The field {{{{ {wrong.field.name} }}}} cannot stand in {wrong.reason}.",
            where=f"issues/{rendered.slug}/{rendered.language}.md{line}",
            hint="put it into the text, into a quoted attribute, or behind the host of a link",
        )


def cut(rendered: RenderedEdition, envelope: Envelope) -> Stencil:
    """The edition as MIME bytes with slots (RFC 2046), the same bytes for the same input.

    IssueError for a field where none may stand or a picture that is missing; UsageError or AddressError for
    a line break in anything that becomes a header.
    """
    refuse_misplaced(rendered)
    rendered = _with_plain_breaks(rendered)
    boundary, parts = build_body(rendered, envelope.domain)
    head = list(_head(rendered, envelope, boundary))
    pieces, slots = _join(parts)
    return Stencil(
        slug=rendered.slug,
        language=rendered.language,
        direction=rendered.direction,
        variant=rendered.variant,
        fields=tuple(map(as_slot_field, rendered.fields)),
        head=tuple(part for part in head if isinstance(part, bytes)),
        head_slots=tuple(part for part in head if isinstance(part, HeaderSlot)),
        subject=_subject(rendered),
        body=pieces,
        body_slots=slots,
    )


def _subject(rendered: RenderedEdition) -> tuple[str | int, ...]:
    found = in_text(rendered.subject, rendered.fields)
    if not found:
        return ()
    texts = texts_around(rendered.subject, found)
    numbers = [one.field for one in found]
    return (texts[0], *(part for pair in zip(numbers, texts[1:], strict=True) for part in pair))


def _with_plain_breaks(rendered: RenderedEdition) -> RenderedEdition:
    html, text = (body.replace("\r\n", "\n").replace("\r", "\n") for body in (rendered.html, rendered.text))
    return replace(rendered, html=html, text=text)


def as_slot_field(field: Field) -> SlotField:
    """What a stencil keeps of a field: neither token nor line, so that neither changes the digest."""
    return SlotField(name=field.name, default=None if field.default is None else clean(field.default))


def _head(rendered: RenderedEdition, envelope: Envelope, boundary: str) -> Iterator[bytes | HeaderSlot]:
    """Pieces and slots in turn, a piece first and last."""
    yield mailbox("From", envelope.sender_name, envelope.sender).encode()
    yield HeaderSlot.TO
    reply_to = mailbox("Reply-To", "", envelope.reply_to) if envelope.reply_to else ""
    subject = clean(refuse_breaks(rendered.subject, "The subject"))
    if _subject(rendered):
        yield reply_to.encode()
        yield HeaderSlot.SUBJECT
        yield b""
    else:
        yield (reply_to + unstructured("Subject", subject)).encode()
    yield HeaderSlot.DATE
    yield b""
    yield HeaderSlot.MESSAGE_ID
    yield list_id(envelope.list_name, envelope.list_id).encode()
    yield HeaderSlot.LIST_UNSUBSCRIBE
    yield "".join(_closing(rendered, envelope, boundary)).encode()


def _closing(rendered: RenderedEdition, envelope: Envelope, boundary: str) -> Iterator[str]:
    if envelope.one_click:
        yield "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    for header, url in (("List-Help", envelope.list_help), ("List-Archive", envelope.list_archive)):
        if url:
            yield f"{header}: {bracketed(header, url)}\r\n"
    if envelope.feedback_id:
        feedback = re.sub(r"[^!-~]+", "-", refuse_breaks(envelope.feedback_id, "The Feedback-ID"))
        yield f"Feedback-ID: {feedback}\r\n"
    yield mime_headers(rendered.language, boundary)


def _join(parts: Sequence[bytes | Slot]) -> tuple[tuple[bytes, ...], tuple[Slot, ...]]:
    """Neighbouring bytes made one piece, so that pieces and slots alternate."""
    pieces: list[list[bytes]] = [[]]
    slots = []
    for part in parts:
        if isinstance(part, Slot):
            slots.append(part)
            pieces.append([])
        else:
            pieces[-1].append(part)
    return tuple(map(b"".join, pieces)), tuple(slots)
