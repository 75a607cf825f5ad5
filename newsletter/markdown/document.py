"""An edition's body as a tree that both HTML and plain text are written from."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct


class Text(Struct, frozen=True, kw_only=True):
    """Words without a line break; `code` where they are set as code."""

    text: str
    code: bool = False


class Styled(Struct, frozen=True, kw_only=True):
    """Emphasised (`em`) or strongly emphasised (`strong`) words."""

    tag: Literal["em", "strong"]
    children: Inlines


class Anchor(Struct, frozen=True, kw_only=True):
    """A link: `href` is absolute, or one token. `line` is the file's."""

    href: str
    title: str
    children: Inlines
    line: int


class Image(Struct, frozen=True, kw_only=True):
    """An image: `src` is https, or `cid:` and the quoted name of the issue's picture, which `picture` holds.

    `spoken` is what plain text has in its place, `linked` where it stands in a link; `width` in CSS pixels,
    where the author gave one. `line` is the file's.
    """

    src: str
    picture: str
    alt: str
    spoken: str
    title: str
    width: int | None
    linked: bool
    line: int


class Break(Struct, frozen=True, kw_only=True):
    """The end of a source line; `hard` where the reader sees it too."""

    hard: bool


Inline: TypeAlias = Text | Styled | Anchor | Image | Break
Inlines: TypeAlias = tuple[Inline, ...]


class Paragraph(Struct, frozen=True, kw_only=True):
    """Running text; `tight` where a list wants no space around it."""

    children: Inlines
    tight: bool = False


class Title(Struct, frozen=True, kw_only=True):
    """A heading of level 1 to 6. `line` is the file's."""

    level: int
    children: Inlines
    line: int


class Buttons(Struct, frozen=True, kw_only=True):
    """A paragraph of nothing but buttons."""

    anchors: tuple[Anchor, ...]


class Items(Struct, frozen=True, kw_only=True):
    """A list; `start` is None for bullets. `steps` where it is drawn as numbered steps."""

    items: tuple[Blocks, ...]
    start: int | None
    steps: bool = False


class Callout(Struct, frozen=True, kw_only=True):
    """A box with an optional title."""

    title: Inlines
    blocks: Blocks


class Figure(Struct, frozen=True, kw_only=True):
    """One image, perhaps in a link, and its captions."""

    image: Image | Anchor
    captions: tuple[Inlines, ...]


class Columns(Struct, frozen=True, kw_only=True):
    """Two or three columns."""

    columns: tuple[Blocks, ...]


class Quote(Struct, frozen=True, kw_only=True):
    """Quoted blocks, and who said it; `attribution` begins with its dash."""

    blocks: Blocks
    attribution: Inlines


class Table(Struct, frozen=True, kw_only=True):
    """A data table: `alignments` are `right`, `center` or empty, one a column; `head` may be empty."""

    head: tuple[Inlines, ...]
    rows: tuple[tuple[Inlines, ...], ...]
    alignments: tuple[str, ...]


class CodeBlock(Struct, frozen=True, kw_only=True):
    """Preformatted lines."""

    text: str


class Rule(Struct, frozen=True, kw_only=True):
    """A thematic break."""


Block: TypeAlias = (
    Paragraph | Title | Buttons | Items | Callout | Figure | Columns | Quote | Table | CodeBlock | Rule
)
Blocks: TypeAlias = tuple[Block, ...]


def plain(children: Inlines) -> str:
    """The words alone, with the alternative texts of images, on one line."""
    words = []
    for child in children:
        match child:
            case Text():
                words.append(child.text)
            case Styled() | Anchor():
                words.append(plain(child.children))
            case Image():
                words.append(child.alt)
            case Break():
                words.append(" ")
    return "".join(words)
