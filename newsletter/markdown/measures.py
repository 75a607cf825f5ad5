"""Measures of right-to-left text that run over the borders of emphasis or links, as in `**14** µSv`."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from newsletter.markdown.document import Anchor, Inline, Inlines, Styled, Text
from newsletter.markdown.plainlinks import is_spelt_out
from newsletter.typography import LEFT_TO_RIGHT, POP, measures

_OTHER = "\ufffc"


def in_order(children: Inlines, language: str) -> Inlines:
    """Inline content whose measures run from left to right; nothing else changes."""
    spans = measures("".join(map(_seen, children)), language)
    return _Marker(spans).inlines(children) if spans else children


def _seen(child: Inline) -> str:
    """The words, with one sign for each code, picture, break, and link that shows its own address."""
    if isinstance(child, Text):
        return _OTHER if child.code else child.text
    if not isinstance(child, Anchor | Styled):
        return _OTHER
    words = "".join(map(_seen, child.children))
    return _OTHER if isinstance(child, Anchor) and is_spelt_out(words, child.href) else words


class _Marker:
    """Sets measures apart, walking through a tree in its order."""

    def __init__(self, spans: Sequence[tuple[int, int]]) -> None:
        self._starts = {start for start, _ in spans}
        self._ends = {end for _, end in spans}
        self._at = 0

    def inlines(self, children: Inlines) -> Inlines:
        return tuple(map(self._inline, children))

    def _inline(self, child: Inline) -> Inline:
        if _seen(child) == _OTHER:
            self._at += len(_OTHER)
            return child
        if isinstance(child, Anchor | Styled):
            return replace(child, children=self.inlines(child.children))
        assert isinstance(child, Text)
        return Text(text="".join(map(self._marked, child.text)))

    def _marked(self, char: str) -> str:
        before = LEFT_TO_RIGHT if self._at in self._starts else ""
        self._at += 1
        return f"{before}{char}{POP if self._at in self._ends else ''}"
