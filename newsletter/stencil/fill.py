"""Fills a stencil, or a rendered edition, with one person's values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from newsletter.models import RenderedEdition
from newsletter.stencil.cut import as_slot_field, refuse_misplaced
from newsletter.stencil.encode import quoted_value, unstructured
from newsletter.stencil.headers import PERSONAL, FilledHeaders, HeaderSlot, refuse_breaks
from newsletter.stencil.model import Stencil
from newsletter.stencil.places import Occurrence, in_html, in_text, text_place, texts_around
from newsletter.stencil.values import clean, escape, resolve


def missing(stencil: Stencil, values: Mapping[str, str]) -> list[str]:
    """Names of the required fields that are empty in these values."""
    return [name for name in stencil.required if not clean(values.get(name, ""))]


def fill(stencil: Stencil, values: Mapping[str, str], headers: FilledHeaders) -> bytes:
    """The whole message, ready for DATA without dot-stuffing.

    UsageError for an empty required field, a line break in a header, a link that is none; AddressError for
    an address that cannot stand in a header.
    """
    return b"".join(fill_pieces(stencil, values, headers))


def fill_pieces(stencil: Stencil, values: Mapping[str, str], headers: FilledHeaders) -> list[bytes]:
    """The message as `fill` makes it, in pieces; most of them are the stencil's own bytes, not copied."""
    return [fill_head(stencil, values, headers) + b"\r\n", *body_parts(stencil, values)]


def fill_head(stencil: Stencil, values: Mapping[str, str], headers: FilledHeaders) -> bytes:
    """The header lines, without the empty line that ends them."""
    return b"".join(_head_parts(stencil, values, headers))


def body_parts(stencil: Stencil, values: Mapping[str, str]) -> list[bytes]:
    """The body, from after the empty line to the last CRLF, pieces and filled slots in turn.

    A value is encoded once for all slots of the same field and place.
    """
    resolved = [resolve(field, values) for field in stencil.fields]
    direction = stencil.direction
    filled = [
        quoted_value(escape(resolved[slot.field], slot.place, direction)) for slot in stencil.distinct_slots
    ]
    parts = [b""] * (2 * len(stencil.body) - 1)
    parts[::2] = stencil.body
    parts[1::2] = [filled[number] for number in stencil.slot_order]
    return parts


def _head_parts(stencil: Stencil, values: Mapping[str, str], headers: FilledHeaders) -> list[bytes]:
    parts = [b""] * (2 * len(stencil.head) - 1)
    parts[::2] = stencil.head
    parts[1::2] = [
        (_subject(stencil, values) if slot is HeaderSlot.SUBJECT else PERSONAL[slot](headers)).encode()
        for slot in stencil.head_slots
    ]
    return parts


def _subject(stencil: Stencil, values: Mapping[str, str]) -> str:
    parts = []
    for part in stencil.subject:
        if isinstance(part, str):
            parts.append(part)
            continue
        field = stencil.fields[part]
        refuse_breaks(values.get(field.name, ""), f"The field {field.name}, which the subject uses,")
        parts.append(escape(resolve(field, values), text_place(field.name), stencil.direction))
    return unstructured("Subject", "".join(parts))


def fill_html(rendered: RenderedEdition, values: Mapping[str, str]) -> str:
    """The edition's HTML for one person, escaped as `fill` does; pictures keep their `cid:` names.

    IssueError for a field where none may stand.
    """
    refuse_misplaced(rendered)
    return _filled(rendered.html, in_html(rendered.html, rendered.fields), rendered, values)


def fill_text(rendered: RenderedEdition, values: Mapping[str, str]) -> str:
    """The edition's plain text for one person."""
    return _filled(rendered.text, in_text(rendered.text, rendered.fields), rendered, values)


def fill_subject(rendered: RenderedEdition, values: Mapping[str, str]) -> str:
    """The edition's subject for one person, not yet encoded."""
    return _filled(rendered.subject, in_text(rendered.subject, rendered.fields), rendered, values)


def _filled(
    text: str, occurrences: Sequence[Occurrence], rendered: RenderedEdition, values: Mapping[str, str]
) -> str:
    texts = texts_around(text, occurrences)
    parts = [texts[0]]
    for found, after in zip(occurrences, texts[1:], strict=True):
        field = as_slot_field(rendered.fields[found.field])
        if found.place is not None:
            parts.append(escape(resolve(field, values), found.place, rendered.direction))
        parts.append(after)
    return "".join(parts)
