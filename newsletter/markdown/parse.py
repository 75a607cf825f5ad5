"""The markdown parser: CommonMark with tables, containers and a few attributes; raw HTML stays text."""

from __future__ import annotations

from itertools import accumulate

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode
from mdit_py_plugins.attrs import attrs_plugin

from newsletter.markdown.address import normal_address
from newsletter.markdown.containers import container_plugin
from newsletter.markdown.source import Source

DEEPEST = 40
"""How deep blocks may stand in one another; markdown-it drops what lies deeper, so it is refused before."""


class _Parser(MarkdownIt):
    """Lets every link through, so that a bad one is refused with its line instead of being left as text."""

    def __init__(self) -> None:
        super().__init__("commonmark", {"html": False, "maxNesting": DEEPEST})
        self.enable("table")
        self.use(attrs_plugin, after=("image", "link_close"), allowed=("class", "width"))
        self.use(container_plugin)

    def validateLink(self, url: str) -> bool:
        return True

    def normalizeLink(self, url: str) -> str:
        return normal_address(url)

    def normalizeLinkText(self, url: str) -> str:
        return url


_PARSER = _Parser()


def parse(body: str, source: Source) -> SyntaxTreeNode:
    """The syntax tree of a body. Raises IssueError with path:line."""
    tokens = _PARSER.parse(body, {"source": source})
    for token in tokens:
        line = source.line(token.map[0] if token.map else 0)
        if token.nesting == 1 and token.level >= DEEPEST - 1:
            raise source.error(line, "lists, quotes and blocks stand too deep in one another here")
        if _depth(token) > DEEPEST:
            raise source.error(line, "emphasised words stand too deep in one another here")
    return SyntaxTreeNode(tokens)


def _depth(token: Token) -> int:
    """How deep the inline content of a token is nested, in images too."""
    children = token.children or []
    nested = max(accumulate(child.nesting for child in children), default=0)
    return nested + max((_depth(child) for child in children), default=0)
