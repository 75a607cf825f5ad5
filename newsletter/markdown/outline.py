"""A composed body, and what the checks want to know of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain

from msgspec import Struct

from newsletter.markdown.document import (
    Anchor,
    Block,
    Blocks,
    Buttons,
    Callout,
    Columns,
    Figure,
    Image,
    Inline,
    Inlines,
    Items,
    Paragraph,
    Quote,
    Styled,
    Table,
    Title,
    plain,
)


class Link(Struct, frozen=True, kw_only=True):
    """A link as it stands in the file: `text` is what readers see, with the alternative texts of images."""

    line: int
    href: str
    text: str


class Heading(Struct, frozen=True, kw_only=True):
    """A heading of level 1 to 6."""

    line: int
    level: int
    text: str


class Composed(Struct, frozen=True, kw_only=True):
    """A body as an HTML fragment and as plain text, for one variant.

    `condition_lines` are the distinct expressions of all `only` blocks in order of appearance, whether they
    hold or not, with the lines of their first appearance. All else is of this variant only:
    `links` and `images` in order, and `pictures`, the distinct names of the issue's own ones; `blocks` is the
    document itself. Lines are the file's.
    """

    html: str
    text: str
    condition_lines: Mapping[str, int]
    headings: tuple[Heading, ...]
    links: tuple[Link, ...]
    images: tuple[Image, ...]
    pictures: tuple[str, ...]
    blocks: Blocks


def headings(blocks: Blocks) -> Iterator[Heading]:
    """Every heading in order."""
    for block in _all_blocks(blocks):
        if isinstance(block, Title):
            yield Heading(line=block.line, level=block.level, text=plain(block.children))


def links(blocks: Blocks) -> Iterator[Link]:
    """Every link and button in order."""
    for child in _all_inlines(blocks):
        if isinstance(child, Anchor):
            yield Link(line=child.line, href=child.href, text=plain(child.children))


def images(blocks: Blocks) -> Iterator[Image]:
    """Every image in order."""
    for child in _all_inlines(blocks):
        if isinstance(child, Image):
            yield child


def _all_blocks(blocks: Blocks) -> Iterator[Block]:
    for block in blocks:
        yield block
        match block:
            case Items():
                yield from _all_blocks(tuple(chain(*block.items)))
            case Columns():
                yield from _all_blocks(tuple(chain(*block.columns)))
            case Callout() | Quote():
                yield from _all_blocks(block.blocks)


def _all_inlines(blocks: Blocks) -> Iterator[Inline]:
    for block in blocks:
        match block:
            case Paragraph() | Title():
                yield from _within(block.children)
            case Buttons():
                yield from _within(block.anchors)
            case Figure():
                yield from _within((block.image, *chain(*block.captions)))
            case Table():
                yield from _within(tuple(chain(*block.head, *chain(*block.rows))))
            case Items():
                yield from _all_inlines(tuple(chain(*block.items)))
            case Columns():
                yield from _all_inlines(tuple(chain(*block.columns)))
            case Callout():
                yield from _within(block.title)
                yield from _all_inlines(block.blocks)
            case Quote():
                yield from _all_inlines(block.blocks)
                yield from _within(block.attribution)


def _within(children: Inlines) -> Iterator[Inline]:
    for child in children:
        yield child
        if isinstance(child, Anchor | Styled):
            yield from _within(child.children)
