"""Measures of right-to-left text that run over the borders of emphasis or links, as in `**14** µSv`."""

from __future__ import annotations

from msgspec.structs import replace

from newsletter.markdown.document import Anchor, Inline, Inlines, Styled, Text
from newsletter.typography import POP, left_to_right

_OTHER = "\ufffc"


def in_order(children: Inlines, language: str) -> Inlines:
    """Inline content whose measures run from left to right; nothing else changes."""
    seen = _seen(children)
    spelt = left_to_right(seen, language)
    return children if spelt == seen else _Speller(spelt).inlines(children)


def _seen(children: Inlines) -> str:
    """The words, with one sign for each code, picture and break."""
    return "".join(
        _seen(child.children)
        if isinstance(child, Anchor | Styled)
        else child.text
        if isinstance(child, Text) and not child.code
        else _OTHER
        for child in children
    )


class _Speller:
    """Gives the words of a tree their marks back, in the tree's order."""

    def __init__(self, spelt: str) -> None:
        self._spelt = spelt
        self._at = 0

    def inlines(self, children: Inlines) -> Inlines:
        return tuple(map(self._inline, children))

    def _inline(self, child: Inline) -> Inline:
        if isinstance(child, Anchor | Styled):
            return replace(child, children=self.inlines(child.children))
        if isinstance(child, Text) and not child.code:
            return Text(text=self._take(child.text))
        self._take(_OTHER)
        return child

    def _take(self, text: str) -> str:
        start = self._at
        for char in text:
            self._at = self._spelt.index(char, self._at) + 1
        self._at += self._spelt.startswith(POP, self._at)
        return self._spelt[start : self._at]
