"""What stands inside a line of text: links, images and emphasis, each checked where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PureWindowsPath
from typing import Literal
from unicodedata import normalize
from urllib.parse import quote, unquote

from markdown_it.tree import SyntaxTreeNode

from newsletter.fields import TOKEN
from newsletter.markdown.address import normal_address
from newsletter.markdown.document import Anchor, Break, Image, Inline, Inlines, Styled, Text, plain
from newsletter.markdown.plainlinks import is_spelt_out, plain_links
from newsletter.markdown.source import Source
from newsletter.phrases import fill, for_language
from newsletter.typography import no_breaks

PICTURE_NAME = re.compile(r"[^/\\:*?\"<>|]+\.(?:png|jpe?g|gif)", re.IGNORECASE)
BUTTON = "button"
SCHEMES = ("https", "mailto", "tel", "http")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):(.*)", re.IGNORECASE | re.DOTALL)
_WEB = re.compile(r"//[^/?#]+.*", re.DOTALL)
_STRAY = re.compile(r"\{\s*(?:\.[\w-]+|width\s*=)[^{}]*\}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_TAGS: dict[str, Literal["em", "strong"]] = {"em": "em", "strong": "strong"}


class InlineReader:
    """Reads the inline nodes of one block; counts the lines that go by. Raises IssueError with path:line."""

    def __init__(self, source: Source, line: int) -> None:
        self._source = source
        self._line = line
        self._href = ""  # of the link that is being read
        self.buttons: list[Anchor] = []

    def read(self, nodes: Iterable[SyntaxTreeNode]) -> Inlines:
        """The nodes in the document's own terms; links that are buttons are kept in `buttons`."""
        return tuple(_joined([child for node in nodes for child in self._node(node)]))

    def _node(self, node: SyntaxTreeNode) -> Inlines:
        if node.type == "text":
            return self._words(node.content)
        return (self._single(node),)

    def _single(self, node: SyntaxTreeNode) -> Inline:
        match node.type:
            case "softbreak" | "hardbreak":
                self._line += 1
                return Break(hard=node.type == "hardbreak")
            case "em" | "strong":
                return Styled(tag=_TAGS[node.type], children=self.read(node.children))
            case "link":
                return self._anchor(node)
            case "image":
                return self._image(node)
            case "code_inline":
                return Text(text=clean(node.content), code=True)
        return Text(text=clean(node.content))

    def _words(self, content: str) -> Inlines:
        if stray := _STRAY.search(content):
            raise self._error(f"'{stray[0]}' stands alone", "write it right behind the ) of a link or image")
        text = clean(content)
        if self._href:
            own = is_spelt_out(text, self._href)
            return (Text(text=text if own else no_breaks(text, self._source.language)),)
        return tuple(
            self._plain_link(words, normal_address(href))
            if href
            else Text(text=no_breaks(words, self._source.language))
            for words, href in plain_links(text)
        )

    def _plain_link(self, words: str, href: str) -> Inline:
        if link_problem(href):
            return Text(text=words)
        return Anchor(href=href, title="", children=(Text(text=words),), line=self._line)

    def _anchor(self, node: SyntaxTreeNode) -> Anchor:
        href, line = str(node.attrs.get("href", "")), self._line
        if problem := link_problem(href):
            raise self._error(*problem)
        self._refuse_attributes(node, "class")
        button = node.attrs.get("class")
        if button not in (None, BUTTON):
            raise self._error(f"'{{.{button}}}' is unknown", "a link can only be a {.button}")
        self._href = href
        children = self.read(node.children)
        self._href = ""
        title = clean(str(node.attrs.get("title", "")))
        anchor = Anchor(href=href, title=title, children=children, line=line)
        if button:
            self.buttons.append(anchor)
        return anchor

    def _image(self, node: SyntaxTreeNode) -> Image:
        src, line = str(node.attrs.get("src", "")), self._line
        self._refuse_attributes(node, "width")
        width = str(node.attrs.get("width", ""))
        if width and not re.fullmatch(r"[1-9][0-9]{0,3}", width):
            raise self._error(f"the width '{width}' is no whole number", "write it like {width=560}")
        picture = self._picture(src)
        inside = InlineReader(self._source, line)
        alt = plain(inside.read(node.children))
        self._line = inside._line
        return Image(
            src=f"cid:{quote(picture, safe='')}" if picture else src,
            picture=picture,
            alt=alt,
            spoken=fill(for_language(self._source.language).picture, alt=alt) if alt else "",
            title=clean(str(node.attrs.get("title", ""))),
            width=int(width) if width else None,
            linked=bool(self._href),
            line=line,
        )

    def _picture(self, src: str) -> str:
        """The name of the issue's picture that an image shows; empty where it shows one from the web."""
        if _SCHEME.match(src):
            if src[:8].casefold() != "https://" or not _WEB.fullmatch(src[6:]):
                raise self._error(
                    f"the image '{src}' cannot be shown in mails", "put it beside the issue's text"
                )
            return ""
        name = normalize("NFC", clean(unquote(src)))
        if "/" in name or "\\" in name:
            hint = f"put the file there, and write its name alone: {PureWindowsPath(name).name}"
            raise self._error(f"the picture '{name}' does not lie in this issue's own folder", hint)
        if TOKEN.search(name) or name.startswith("."):
            hint = "a picture's name holds no field, and does not begin with a dot"
            raise self._error(f"'{name}' is no name of a picture", hint)
        if not PICTURE_NAME.fullmatch(name):
            hint = "pictures are PNG, JPEG or GIF files beside the issue's text"
            raise self._error(f"the image '{name}' cannot be used", hint)
        return name

    def _refuse_attributes(self, node: SyntaxTreeNode, allowed: str) -> None:
        refused: dict[str, str] = node.meta.get("insecure_attrs", {})
        known = {"href", "title", "src", "alt", allowed}
        for name in (*refused, *(key for key in node.attrs if key not in known)):
            hint = "a link can be a {.button}, an image can have {width=560}, and nothing else goes in there"
            raise self._error(f"'{name}' cannot be set here", hint)

    def _error(self, message: str, hint: str = "") -> Exception:
        return self._source.error(self._line, message, hint)


def link_problem(href: str) -> tuple[str, str] | None:
    """Why a link cannot be followed from a mail, and what to do; None where it can."""
    found = _SCHEME.fullmatch(href)
    scheme, rest = (found[1].casefold(), found[2]) if found else ("", "")
    if TOKEN.match(href):
        whole = ("a placeholder that begins a link must be all of it", "as in ({{ leave_url }})")
        return None if TOKEN.fullmatch(href) else whole
    if not href or (scheme in ("mailto", "tel") and not rest):
        problem = "this link leads nowhere"
    elif href.startswith("#"):
        problem = f"the link '{href}' leads to a place in the mail itself, which few mail programs follow"
    elif scheme and scheme not in SCHEMES:
        return f"a link cannot begin with '{scheme}:'", f"use {', '.join(SCHEMES)}"
    elif not scheme or (scheme in ("https", "http") and not _WEB.fullmatch(rest)):
        problem = f"the link '{href}' is no web address"
    else:
        return None
    return problem, "write the whole address, like https://example.org/page"


def clean(text: str) -> str:
    """The text with spaces for control characters, and U+FFFD for halves of surrogate pairs."""
    return re.sub(r"[\ud800-\udfff]", "\ufffd", _CONTROL.sub(" ", text))


def _joined(children: Sequence[Inline]) -> Iterator[Inline]:
    """Neighbouring stretches of text made one, empty ones left out."""
    words: list[str] = []
    for child in children:
        if isinstance(child, Text) and not child.code:
            words.append(child.text)
            continue
        if any(words):
            yield Text(text="".join(words))
        words = []
        yield child
    if any(words):
        yield Text(text="".join(words))
