"""Document to plain text, wrapped for reading."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

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
    Inlines,
    Items,
    Paragraph,
    Quote,
    Rule,
    Styled,
    Table,
    Text,
    Title,
)
from newsletter.markdown.layout import columns_of, table_lines, wrap

WIDTH = 72
NARROWEST = 24
_UNDERLINES = {1: "=", 2: "-", 3: "~", 4: "."}
_BETWEEN_COLUMNS = ["- - -"]


def to_text(blocks: Blocks) -> str:
    """The blocks in lines of at most 72 columns, but for words that are longer and for code.

    A link is written `its text <its URL>`, an image as what it shows in brackets.
    """
    lines = _blocks(blocks, WIDTH)
    return "\n".join(line.rstrip() for line in lines) + "\n" if lines else ""


def _blocks(blocks: Blocks, width: int) -> list[str]:
    lines: list[str] = []
    close = True
    for block in blocks:
        written = _block(block, max(width, NARROWEST))
        if lines and written and not (close and isinstance(block, Items)):
            lines.append("")
        lines += written
        close = isinstance(block, Paragraph) and block.tight
    return lines


def _block(block: Block, width: int) -> list[str]:
    match block:
        case Paragraph():
            lines = wrap(words(block.children), width)
        case Title():
            lines = _title(block, width)
        case Buttons():
            lines = [line for anchor in block.anchors for line in _button(anchor, width)]
        case Items():
            lines = _items(block, width)
        case Callout():
            title: Blocks = (Paragraph(children=block.title),) if block.title else ()
            lines = _prefixed(_blocks((*title, *block.blocks), width - 2), "| ")
        case Figure():
            captions = tuple(Paragraph(children=caption) for caption in block.captions)
            lines = _blocks((Paragraph(children=(block.image,)), *captions), width)
        case Columns():
            lines = _columns(block, width)
        case Quote():
            said = _blocks(block.blocks, width - 2)
            lines = _prefixed([*said, *wrap(words(block.attribution), width - 2)], "> ")
        case Table():
            lines = _table(block, width)
        case CodeBlock():
            lines = _prefixed(block.text.split("\n"), "    ")
        case Rule():
            lines = ["* * *"]
    return lines


def _title(title: Title, width: int) -> list[str]:
    lines = wrap(words(title.children), width)
    underline = _UNDERLINES.get(title.level)
    longest = max((columns_of(line) for line in lines), default=0)
    return [*lines, underline * min(longest, width)] if underline and lines else lines


def _columns(columns: Columns, width: int) -> list[str]:
    first, *others = (_blocks(blocks, width) for blocks in columns.columns)
    return [*first, *chain(*(["", *_BETWEEN_COLUMNS, "", *lines] for lines in others))]


def _button(anchor: Anchor, width: int) -> list[str]:
    return [*wrap(words(anchor.children), width), f"<{anchor.href}>"]


def _items(items: Items, width: int) -> list[str]:
    numbers = range(items.start, items.start + len(items.items)) if items.start is not None else ()
    marks = [f"{number}. " for number in numbers] or ["- "] * len(items.items)
    hang = max(len(mark) for mark in marks)
    apart = items.steps or any(isinstance(b, Paragraph) and not b.tight for item in items.items for b in item)
    lines: list[str] = []
    for mark, item in zip(marks, items.items, strict=True):
        lines += [""] if apart and lines else []
        inside = _blocks(item, width - hang) or [""]
        lines.append(mark.ljust(hang) + inside[0])
        lines += [" " * hang + line for line in inside[1:]]
    return lines


def _table(table: Table, width: int) -> list[str]:
    """The table with its links numbered, and their URLs below it."""
    notes: list[str] = []
    rows = [[words(cell, notes) for cell in row] for row in (table.head, *table.rows) if row]
    lines = table_lines(rows, headed=bool(table.head), alignments=table.alignments, width=width)
    return [*lines, *([""] if notes else []), *notes]


def words(children: Inlines, notes: list[str] | None = None) -> str:
    """Inline content with `\\n` for hard breaks; where `notes` are kept, links are listed there by number."""
    pieces = []
    for child in children:
        match child:
            case Text():
                pieces.append(child.text)
            case Styled():
                pieces.append(words(child.children, notes))
            case Anchor():
                pieces.append(_link(child, notes))
            case Image():
                pieces.append(f"[{child.spoken}]" if child.spoken else "")
            case Break():
                pieces.append("\n" if child.hard and notes is None else " ")
    return "".join(pieces)


def _link(anchor: Anchor, notes: list[str] | None) -> str:
    text = words(anchor.children, notes).strip()
    if text and anchor.href == f"mailto:{text}":
        return text
    if not text or bare(text) == bare(anchor.href):
        return f"<{anchor.href}>"
    if notes is None:
        return f"{text} <{anchor.href}>"
    notes.append(f"[{len(notes) + 1}] <{anchor.href}>")
    return f"{text} [{len(notes)}]"


def bare(url: str) -> str:
    """A URL without its scheme and a last slash, to compare what is shown with where it leads."""
    for scheme in ("https://", "http://", "mailto:", "tel:"):
        url = url.removeprefix(scheme)
    return url.removesuffix("/")


def _prefixed(lines: Iterable[str], prefix: str) -> list[str]:
    return [prefix + line for line in lines]
