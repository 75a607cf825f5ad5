"""What the rules read out of a mail's HTML: links, pictures, style blocks, visible words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from lxml import html as lxml_html
from lxml.etree import ParserError
from lxml.html import HtmlElement
from msgspec import Struct

from newsletter.typography import without_isolates

CODE = "\ufffc"
"""What stands for words set as code where these are left out."""

_BLOCKS = frozenset(
    (
        *("address", "article", "blockquote", "body", "caption", "center", "div", "dd", "dl", "dt", "figure"),
        *("footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "li", "main", "ol", "p"),
        *("pre", "section", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul"),
    )
)
_UNSEEN = ("style", "script", "title", "head")
_INVISIBLE = re.compile(r"[\s\u00ad\u200b-\u200f\u2060-\u2064\u2066-\u2069\ufeff]+")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


class Anchor(Struct, frozen=True, kw_only=True):
    """A link: `words` is what a reader sees or hears of it, `hidden` whether CSS hides it."""

    href: str
    words: str
    hidden: bool


class Image(Struct, frozen=True, kw_only=True):
    """A picture: `alt` is None without the attribute, `only_link` where it is all that a link has to show.

    `linked` is one that stands in a link.
    """

    src: str
    alt: str | None
    only_link: bool
    linked: bool


class Page(Struct, frozen=True, eq=False, dict=True):
    """A parsed HTML document, without the isolates that set measures apart."""

    root: HtmlElement

    @classmethod
    def read(cls, text: str) -> Page:
        """Parses leniently; a text without any element is an empty page."""
        parser = lxml_html.HTMLParser(encoding="utf-8")
        source = without_isolates(text).encode("utf-8", "replace")
        try:
            root = lxml_html.document_fromstring(source, parser=parser)
        except ParserError:
            root = lxml_html.document_fromstring(b"<html></html>", parser=parser)
        return cls(root)

    @cached_property
    def elements(self) -> tuple[HtmlElement, ...]:
        """Every element, comments left out."""
        return tuple(element for element in self.root.iter() if isinstance(element.tag, str))

    @cached_property
    def ids(self) -> frozenset[str]:
        """What a link may jump to within the page."""
        return frozenset(name for e in self.elements for key in ("id", "name") if (name := e.get(key)))

    @cached_property
    def anchors(self) -> tuple[Anchor, ...]:
        """Every link with an address."""
        return tuple(
            Anchor(href=href, words=_words(element), hidden=_is_hidden(element))
            for element in self.elements
            if element.tag in ("a", "area") and (href := element.get("href")) is not None
        )

    @cached_property
    def images(self) -> tuple[Image, ...]:
        """Every picture."""
        return tuple(
            Image(
                src=element.get("src", ""),
                alt=element.get("alt"),
                only_link=_is_only_link(element),
                linked=next(element.iterancestors("a"), None) is not None,
            )
            for element in self.elements
            if element.tag == "img"
        )

    @cached_property
    def styles(self) -> tuple[str, ...]:
        """The text of every style block."""
        return tuple(element.text or "" for element in self.elements if element.tag == "style")

    def visible(self, *, code: bool) -> Iterator[str]:
        """The words a reader sees, stretch by stretch; `code` includes what is set as code."""
        unseen = (*_UNSEEN, *(() if code else ("code", "pre")))
        for element in self.elements:
            if element.text and not _within(element, unseen):
                yield element.text
        for node in self.root.iter():
            parent = node.getparent()
            if node.tail and parent is not None and not _within(parent, unseen):
                yield node.tail

    @cached_property
    def passages(self) -> tuple[str, ...]:
        """The words a reader sees, block by block, lines as in the source; CODE stands for code."""
        pieces: list[str] = []
        _gather(self.root, pieces)
        return tuple(text for text in "".join(pieces).split("\0") if text.strip())


def _gather(element: HtmlElement, pieces: list[str]) -> None:
    """The visible words of an element, NUL at the borders of blocks and at line breaks."""
    edge = "\0" if element.tag in _BLOCKS else ""
    if isinstance(element.tag, str) and element.tag not in _UNSEEN:
        if element.tag in ("code", "pre"):
            pieces.append(f"{edge}{CODE}{edge}")
        else:
            pieces += [edge, "\n" if element.tag == "br" else "", element.text or ""]
            for child in element:
                _gather(child, pieces)
                pieces.append(child.tail or "")
            pieces.append(edge)


def bare(text: str) -> str:
    """The text without white space and invisible characters: empty where a reader sees nothing."""
    return _INVISIBLE.sub("", text)


def _within(element: HtmlElement, names: tuple[str, ...]) -> bool:
    return element.tag in names or any(above.tag in names for above in element.iterancestors())


def _words(element: HtmlElement) -> str:
    labels = [element.get("aria-label") or "", element.get("alt") or ""]
    labels += [image.get("alt") or "" for image in element.iter("img")]
    return " ".join([str(element.text_content()), *labels]).strip()


def _is_hidden(element: HtmlElement) -> bool:
    chain = [element, *element.iterancestors()]
    return any(_HIDDEN.search(one.get("style") or "") or one.get("hidden") is not None for one in chain)


def _is_only_link(image: HtmlElement) -> bool:
    link = next(image.iterancestors("a"), None)
    return link is not None and not bare(str(link.text_content()))
