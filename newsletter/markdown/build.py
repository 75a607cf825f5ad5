"""Syntax tree to document: every shape that an author can get wrong is refused here, with its line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from markdown_it.tree import SyntaxTreeNode

from newsletter.errors import IssueError
from newsletter.fields import TOKEN
from newsletter.markdown.document import (
    Anchor,
    Block,
    Blocks,
    Break,
    Buttons,
    Callout,
    CodeBlock,
    Columns,
    Figure,
    Image,
    Inline,
    Inlines,
    Items,
    Paragraph,
    Quote,
    Rule,
    Table,
    Text,
    Title,
)
from newsletter.markdown.inline import InlineReader, clean
from newsletter.markdown.measures import in_order
from newsletter.markdown.source import Source

MOST_CONDITIONS = 5
"""An edition has a variant for each subset of its conditions: 32 at the most."""

_DASHES = ("— ", "– ", "― ", "—\u00a0", "–\u00a0")


class Builder:
    """Builds the document of one variant.

    `conditions` are the distinct expressions of all `only` blocks with the lines of their first appearance.
    The n-th holds where bit n of `variant` is set; what stands in a block that does not hold is checked and
    left out.
    """

    def __init__(self, source: Source, variant: int) -> None:
        self.conditions: dict[str, int] = {}
        self._source = source
        self._variant = variant

    def blocks(self, nodes: Iterable[SyntaxTreeNode]) -> Blocks:
        """The nodes as blocks; what cannot be read goes to the source's faults."""
        return tuple(block for node in nodes for block in self._read_block(node))

    def _read_block(self, node: SyntaxTreeNode) -> Blocks:
        try:
            return self._block(node)
        except IssueError as fault:
            self._source.faults.append(fault)
            return ()

    def _block(self, node: SyntaxTreeNode) -> Blocks:
        single = _SINGLE.get(node.type)
        if single:
            return (single(self, node),)
        match node.type:
            case "bullet_list":
                return self._list(node, None)
            case "ordered_list":
                return self._list(node, int(node.attrs.get("start", 1)))
            case "blockquote":
                return self._quoted(node)
        return self._container(node)

    def _container(self, node: SyntaxTreeNode) -> Blocks:
        name = node.type.removeprefix("container_")
        if name not in _CONTAINERS:
            return self.blocks(node.children)
        if not node.children:
            raise self._error(node, f"'::: {name}' is empty", "write something in it, or remove it")
        return _CONTAINERS[name](self, node)

    def _paragraph(self, node: SyntaxTreeNode) -> Block:
        reader, children = self._read(node)
        if len(children) == 1 and not node.hidden and (image := _picture(children[0])):
            return Figure(image=image, captions=())
        if not reader.buttons:
            return Paragraph(children=children, tight=node.hidden)
        others = [child for child in children if not (isinstance(child, Anchor) and child in reader.buttons)]
        if any(not isinstance(child, Break) and str(getattr(child, "text", "x")).strip() for child in others):
            raise self._source.error(
                reader.buttons[0].line,
                "a button stands among other words",
                "put it in a paragraph of its own",
            )
        return Buttons(anchors=tuple(reader.buttons))

    def _title(self, node: SyntaxTreeNode) -> Title:
        return Title(level=int(node.tag[1]), children=self._words(node), line=self._line(node))

    def _list(self, node: SyntaxTreeNode, start: int | None, *, steps: bool = False) -> Blocks:
        items = [(item, self.blocks(item.children)) for item in node.children]
        kept = tuple(blocks for item, blocks in items if blocks or not item.children)
        return (Items(items=kept, start=start, steps=steps),) if kept else ()

    def _steps(self, node: SyntaxTreeNode) -> Blocks:
        if [child.type for child in node.children] != ["ordered_list"]:
            hint = "begin each step with its number, like '1. Look at the patient first.'"
            raise self._error(node, "'::: steps' holds a numbered list and nothing else", hint)
        numbered = node.children[0]
        return self._list(numbered, int(numbered.attrs.get("start", 1)), steps=True)

    def _quoted(self, node: SyntaxTreeNode) -> Blocks:
        return _quote(self.blocks(node.children))

    def _only(self, node: SyntaxTreeNode) -> Blocks:
        expression = str(node.meta["words"])
        if TOKEN.search(expression):
            raise self._error(node, "'::: only' cannot hold a placeholder", "name a list or a segment")
        self.conditions.setdefault(expression, self._line(node))
        if len(self.conditions) > MOST_CONDITIONS:
            hint = f"use at most {MOST_CONDITIONS} different ones in an edition"
            raise self._error(node, f"'::: only {expression}' is one condition too many", hint)
        bit = list(self.conditions).index(expression)
        blocks = self.blocks(node.children)
        return blocks if self._variant >> bit & 1 else ()

    def _callout(self, node: SyntaxTreeNode) -> Blocks:
        first = node.children[0]
        title = self._words(first) if first.type == "callout_title" else ()
        inside = node.children[1:] if first.type == "callout_title" else node.children
        if not inside:
            raise self._error(node, "'::: callout' has a title and nothing else", "write something in it")
        blocks = self.blocks(inside)
        return (Callout(title=title, blocks=blocks),) if blocks else ()

    def _figure(self, node: SyntaxTreeNode) -> Blocks:
        if any(child.type != "paragraph" for child in node.children):
            raise self._error(node, "'::: figure' holds one image and its caption, and nothing else")
        paragraphs = [self._words(child) for child in node.children]
        first, below = first_line(paragraphs[0])
        image = _picture(first[0]) if len(first) == 1 else None
        if image is None:
            hint = "write ![What it shows](picture.png) there, and the caption below"
            raise self._error(node, "'::: figure' does not begin with an image on a line of its own", hint)
        return (Figure(image=image, captions=tuple(words for words in (below, *paragraphs[1:]) if words)),)

    def _columns(self, node: SyntaxTreeNode) -> Blocks:
        groups: list[list[SyntaxTreeNode]] = [[]]
        for child in node.children:
            if child.type != "hr" or child.markup[:1] != "-":
                groups[-1].append(child)
            if child.type in ("hr", "heading") and child.markup[:1] == "-":
                groups.append([])
        if len(groups) not in (2, 3) or not all(groups):
            hint = "put a line of '---' between one column and the next"
            raise self._error(node, "'::: columns' holds two or three columns", hint)
        built = [self._column(group) for group in groups]
        columns = tuple(blocks for blocks in built if blocks)
        return (Columns(columns=columns),) if len(columns) > 1 else sum(columns, ())

    def _column(self, nodes: Sequence[SyntaxTreeNode]) -> Blocks:
        """A column's blocks; a paragraph right above the '---' is one, though markdown sees a heading."""
        blocks: list[Block] = []
        for node in nodes:
            under = node.type == "heading" and node.markup[:1] == "-"
            blocks.extend((self._paragraph(node),) if under else self._block(node))
        return tuple(blocks)

    def _table(self, node: SyntaxTreeNode) -> Table:
        rows = [row.children for part in node.children for row in part.children]
        alignments = tuple(str(cell.attrs.get("style", "")).removeprefix("text-align:") for cell in rows[0])
        head, *others = [tuple(self._words(cell) for cell in row) for row in rows]
        return Table(
            head=head if any(head) else (),
            rows=tuple(others),
            alignments=tuple("" if alignment == "left" else alignment for alignment in alignments),
        )

    def _words(self, node: SyntaxTreeNode) -> Inlines:
        reader, children = self._read(node)
        if reader.buttons:
            line = reader.buttons[0].line
            raise self._source.error(line, "a button cannot stand here", "put it in a paragraph of its own")
        return children

    def _read(self, node: SyntaxTreeNode) -> tuple[InlineReader, Inlines]:
        reader = InlineReader(self._source, self._line(node))
        children = reader.read(child for inline in node.children for child in inline.children)
        return reader, children if reader.buttons else in_order(children, self._source.language)

    def _line(self, node: SyntaxTreeNode) -> int:
        while node.map is None and node.parent is not None:
            node = node.parent
        return self._source.line(node.map[0] if node.map else 0)

    def _error(self, node: SyntaxTreeNode, message: str, hint: str = "") -> Exception:
        return self._source.error(self._line(node), message, hint)


_SINGLE: dict[str, Callable[[Builder, SyntaxTreeNode], Block]] = {
    "paragraph": Builder._paragraph,
    "heading": Builder._title,
    "table": Builder._table,
    "fence": lambda _, node: _code(node),
    "code_block": lambda _, node: _code(node),
    "hr": lambda *_: Rule(),
}
_CONTAINERS: dict[str, Callable[[Builder, SyntaxTreeNode], Blocks]] = {
    "callout": Builder._callout,
    "columns": Builder._columns,
    "figure": Builder._figure,
    "only": Builder._only,
    "quote": Builder._quoted,
    "steps": Builder._steps,
}


def _code(node: SyntaxTreeNode) -> CodeBlock:
    return CodeBlock(text="\n".join(clean(line) for line in node.content.rstrip("\n").split("\n")))


def _picture(child: Inline) -> Image | Anchor | None:
    """An image, also one that is all there is of a link; None for anything else."""
    linked = isinstance(child, Anchor) and len(child.children) == 1 and isinstance(child.children[0], Image)
    return child if isinstance(child, Image) or (isinstance(child, Anchor) and linked) else None


def first_line(children: Inlines) -> tuple[Inlines, Inlines]:
    """What stands before and after the first break."""
    at = next((i for i, child in enumerate(children) if isinstance(child, Break)), len(children))
    return children[:at], children[at + 1 :]


def _quote(blocks: Blocks) -> Blocks:
    """A quotation, its last line taken for the attribution where it begins with a dash."""
    if not blocks:
        return ()
    last = blocks[-1]
    children = last.children if isinstance(last, Paragraph) else ()
    at = max((i for i, child in enumerate(children) if isinstance(child, Break)), default=-1)
    start = children[at + 1] if children else None
    if not (isinstance(start, Text) and start.text.startswith(_DASHES)) or (at < 0 and len(blocks) == 1):
        return (Quote(blocks=blocks, attribution=()),)
    above: Blocks = (Paragraph(children=children[:at]),) if at >= 0 else ()
    return (Quote(blocks=blocks[:-1] + above, attribution=children[at + 1 :]),)
