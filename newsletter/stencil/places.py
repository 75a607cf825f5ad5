"""Where each token of an edition stands, found by reading the HTML as a browser would."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Generator, Iterator, Sequence
from enum import StrEnum

from msgspec import Struct

from newsletter.fields import LINKS
from newsletter.models import Field


class Place(StrEnum):
    """What a value becomes part of, which decides how it is escaped."""

    HTML = "html"
    ATTRIBUTE = "attribute"
    LINK = "link"
    URL_PART = "url-part"
    TEXT = "text"
    VERBATIM = "verbatim"


class Occurrence(Struct, frozen=True, kw_only=True):
    """One token in a text: `field` is its index, `place` None where no value may stand, for `reason`."""

    start: int
    end: int
    field: int
    place: Place | None
    reason: str = ""


class Region(Struct, frozen=True, kw_only=True):
    """A stretch of HTML: `kind` is text, plain (title, textarea), value, bare, style, script or comment."""

    kind: str
    start: int
    end: int
    attribute: str = ""


_REASONS = {
    "bare": "an attribute without quotation marks",
    "style": "CSS",
    "script": "a script",
    "comment": "an HTML comment",
    "": "a tag or the name of an attribute",
}
_COMMENT = re.compile(r"<!--(?:-?>|.*?(?:--!?>|\Z))", re.DOTALL)
_DECLARATION = re.compile(r"<(?:[!?]|/(?![a-zA-Z]))[^>]*(?:>|\Z)")
_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]*)")
_ATTRIBUTE = re.compile(
    r"""[\s/]*(?P<name>[^\s/>][^\s/>=]*)"""
    r"""(?:\s*=\s*(?:"(?P<double>[^"]*)(?:"|\Z)|'(?P<single>[^']*)(?:'|\Z)|(?P<bare>[^\s>]*)))?"""
)
_TEXT_END = re.compile(r"<(?=[a-zA-Z/!?])|\Z")
_RAW = {"style": "style", "title": "plain", "textarea": "plain"} | dict.fromkeys(
    ("script", "xmp", "iframe", "noembed", "noframes", "noscript", "plaintext"), "script"
)
_URL_ATTRIBUTES = frozenset(
    ("href", "src", "action", "formaction", "background", "cite", "poster", "longdesc", "data", "xlink:href")
)
_SCRIPT_ATTRIBUTES = frozenset(("srcdoc", "srcset", "ping"))
_URL_START = re.compile(r"\s*(?:https?://[^\s/?#@\\]+[/?#]|mailto:|tel:)", re.IGNORECASE)


def regions(html: str) -> Iterator[Region]:
    """Every stretch of HTML that is not a tag's own syntax, in order."""
    at = 0
    while at < len(html):
        if comment := _COMMENT.match(html, at):
            at = comment.end()
            yield Region(kind="comment", start=comment.start(), end=at)
        elif tag := _TAG.match(html, at):
            at = yield from _tag(html, tag)
        elif declaration := _DECLARATION.match(html, at):
            at = declaration.end()
        else:
            following = _TEXT_END.search(html, at + 1)
            end = following.start() if following else len(html)
            yield Region(kind="text", start=at, end=end)
            at = end


def _tag(html: str, tag: re.Match[str]) -> Generator[Region, None, int]:
    """A tag's attribute values, then what stands in an element whose content is no markup."""
    at = tag.end()
    while (found := _ATTRIBUTE.match(html, at)) and found.end() > at:
        at = found.end()
        for group, kind in (("double", "value"), ("single", "value"), ("bare", "bare")):
            if found[group] is not None:
                start, end = found.span(group)
                yield Region(kind=kind, start=start, end=end, attribute=found["name"].lower())
    closing = html.find(">", at)
    at = closing + 1 if closing >= 0 else len(html)
    name = tag[2].lower()
    if not tag[1] and name in _RAW:
        closing_tag = re.compile(rf"</{re.escape(name)}(?=[\s/>])", re.IGNORECASE).search(html, at)
        stop = closing_tag.start() if closing_tag else len(html)
        yield Region(kind=_RAW[name], start=at, end=stop)
        at = stop
    return at


def token_pattern(fields: Sequence[Field]) -> re.Pattern[str]:
    """Matches any of the fields' tokens; nothing where there are none."""
    tokens = sorted((field.token for field in fields), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, tokens)) or r"(?!)")


def in_html(html: str, fields: Sequence[Field]) -> list[Occurrence]:
    """Every token of an HTML document with its place."""
    found = list(regions(html))
    starts = [region.start for region in found]
    numbers = {field.token: number for number, field in enumerate(fields)}
    occurrences = []
    for match in token_pattern(fields).finditer(html):
        at = bisect_right(starts, match.start()) - 1
        region = found[at] if at >= 0 and match.end() <= found[at].end else None
        number = numbers[match[0]]
        place, reason = _place(html, region, match)
        if place is Place.ATTRIBUTE and fields[number].name in LINKS:
            place = Place.HTML
        occurrences.append(
            Occurrence(start=match.start(), end=match.end(), field=number, place=place, reason=reason)
        )
    return occurrences


def _place(html: str, region: Region | None, match: re.Match[str]) -> tuple[Place | None, str]:
    kind = region.kind if region else ""
    if kind in ("text", "plain"):
        return Place.HTML if kind == "text" else Place.ATTRIBUTE, ""
    if region is None or kind != "value":
        return None, _REASONS[kind]
    if region.attribute == "style":
        return None, _REASONS["style"]
    if region.attribute.startswith("on") or region.attribute in _SCRIPT_ATTRIBUTES:
        return None, _REASONS["script"]
    if region.attribute in _URL_ATTRIBUTES:
        return _place_in_url(html[region.start : region.end], match.start() - region.start, match[0])
    return Place.ATTRIBUTE, ""


def _place_in_url(url: str, at: int, token: str) -> tuple[Place | None, str]:
    if url.strip() == token:
        return Place.LINK, ""
    if _URL_START.match(url, 0, at):
        return Place.URL_PART, ""
    return None, "the scheme or host of a link"


def in_text(text: str, fields: Sequence[Field]) -> list[Occurrence]:
    """Every token of a plain text or a subject with its place."""
    numbers = {field.token: number for number, field in enumerate(fields)}
    occurrences = []
    for match in token_pattern(fields).finditer(text):
        number = numbers[match[0]]
        place = text_place(fields[number].name)
        occurrences.append(Occurrence(start=match.start(), end=match.end(), field=number, place=place))
    return occurrences


def text_place(name: str) -> Place:
    """Links stand in plain text as they are; other values are isolated where their letters need it."""
    return Place.VERBATIM if name in LINKS else Place.TEXT


def texts_around(text: str, occurrences: Sequence[Occurrence]) -> list[str]:
    """The texts before, between and behind the occurrences: one more than there are."""
    starts = [0, *(found.end for found in occurrences)]
    ends = [*(found.start for found in occurrences), len(text)]
    return [text[start:end] for start, end in zip(starts, ends, strict=True)]
