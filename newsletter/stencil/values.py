"""What a person's values become before they enter a message: cleaned, isolated, escaped by place."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote

from msgspec import Struct

from newsletter.errors import UsageError
from newsletter.stencil.places import Place

_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_BIDI = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
_CLOSERS = dict.fromkeys("\u202a\u202b\u202d\u202e", "\u202c") | dict.fromkeys("\u2066\u2067\u2068", "\u2069")
_AGAINST = {  # bidirectional classes that run against an edition
    "ltr": frozenset({"R", "AL", "AN", "RLE", "RLO", "RLI"}),
    "rtl": frozenset({"L", "EN", "LRE", "LRO", "LRI"}),
}
_URL = re.compile(
    r"(?:https://[^\s/?#]|mailto:|http://(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?(?:[/?#]|\Z))\S*\Z",
    re.IGNORECASE,
)


class SlotField(Struct, frozen=True, kw_only=True):
    """A personal field of a stencil; `default` is clean, and None where the field is required."""

    name: str
    default: str | None = None


def clean(value: str) -> str:
    """The value without line breaks and control characters (spaces instead), trimmed.

    Bidi embeddings, overrides and isolates are removed unless they are balanced, so that a value cannot
    reorder what follows it. Halves of surrogate pairs become U+FFFD.
    """
    if value.isprintable():
        return value.strip()
    value = _SURROGATES.sub("\ufffd", _BREAKS.sub(" ", value))
    if not _balanced(value):
        value = _BIDI.sub("", value)
    return value.strip()


def _balanced(value: str) -> bool:
    open_: list[str] = []
    for mark in _BIDI.findall(value):
        if mark in _CLOSERS:
            open_.append(_CLOSERS[mark])
        elif not open_ or open_.pop() != mark:
            return False
    return not open_


def isolate(value: str, direction: str) -> str:
    """The value in U+2068…U+2069 where its letters run against the edition's direction."""
    if direction != "rtl" and value.isascii():
        return value
    against = _AGAINST["rtl" if direction == "rtl" else "ltr"]
    if any(unicodedata.bidirectional(char) in against for char in value):
        return f"\u2068{value}\u2069"
    return value


def resolve(field: SlotField, values: Mapping[str, str]) -> str:
    """The field's cleaned value, or its default. UsageError where it has neither."""
    value = clean(values.get(field.name, ""))
    if value:
        return value
    if field.default is None:
        raise UsageError(
            f"The field {field.name} is empty for this person and has no default.",
            hint=f'write {{{{ {field.name} | default("…") }}}} in the issue, or give the person a value',
        )
    return field.default


def is_link(value: str) -> bool:
    """Whether the value may stand as a whole href: https, mailto, or http on this machine."""
    return _URL.match(value) is not None


@lru_cache(maxsize=4)
def _link(value: str) -> str:
    if not is_link(value):
        raise UsageError(
            f"A link of this message would lead to {value!r}.",
            hint="a field that is a whole link must begin with https:// or mailto:",
        )
    return html.escape(value)


def escape(value: str, place: Place, direction: str) -> str:
    """The value as it may stand at this place, before any transfer encoding. UsageError for a bad link."""
    if place is Place.HTML:
        return html.escape(value)
    if place is Place.TEXT:
        return isolate(value, direction)
    if place is Place.LINK:
        return _link(value)
    if place is Place.ATTRIBUTE:
        return html.escape(isolate(value, direction))
    if place is Place.URL_PART:
        return quote(value, safe="")
    return value
