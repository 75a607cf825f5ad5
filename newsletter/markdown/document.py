"""An edition's body as a tree that both HTML and plain text are written from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True, kw_only=True)
class Text:
    """Words without a line break; `code` where they are set as code."""

    text: str
    code: bool = False


@dataclass(frozen=True, kw_only=True)
class Styled:
    """Emphasised (`em`) or strongly emphasised (`strong`) words."""

    tag: Literal["em", "strong"]
    children: Inlines


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """A link: `href` is absolute, or one token. `line` is the file's."""

    href: str
    title: str
    children: Inlines
    line: int


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image: `src` is https, or `cid:` and the quoted name of the issue's picture, which `picture` holds.

    `linked` where it stands in a link; `width` in CSS pixels, where the author gave one. `line` is the
    file's.
    """

    src: str
    picture: str
    alt: str
    title: str
    width: int | None
    linked: bool
    line: int


@dataclass(frozen=True, kw_only=True)
class Break:
    """The end of a source line; `hard` where the reader sees it too."""

    hard: bool


Inline: TypeAlias = Text | Styled | Anchor | Image | Break
Inlines: TypeAlias = tuple[Inline, ...]


@dataclass(frozen=True, kw_only=True)
class Paragraph:
    """Running text; `tight` where a list wants no space around it."""

    children: Inlines
    tight: bool = False


@dataclass(frozen=True, kw_only=True)
class Title:
    """A heading of level 1 to 6. `line` is the file's."""

    level: int
    children: Inlines
    line: int


@dataclass(frozen=True, kw_only=True)
class Buttons:
    """A paragraph of nothing but buttons."""

    anchors: tuple[Anchor, ...]


@dataclass(frozen=True, kw_only=True)
class Items:
    """A list; `start` is None for bullets. `steps` where it is drawn as numbered steps."""

    items: tuple[Blocks, ...]
    start: int | None
    steps: bool = False


@dataclass(frozen=True, kw_only=True)
class Callout:
    """A box with an optional title."""

    title: Inlines
    blocks: Blocks


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One image, perhaps in a link, and its captions."""

    image: Image | Anchor
    captions: tuple[Inlines, ...]


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Two or three columns."""

    columns: tuple[Blocks, ...]


@dataclass(frozen=True, kw_only=True)
class Quote:
    """Quoted blocks, and who said it; `attribution` begins with its dash."""

    blocks: Blocks
    attribution: Inlines


@dataclass(frozen=True, kw_only=True)
class Table:
    """A data table: `alignments` are `right`, `center` or empty, one a column; `head` may be empty."""

    head: tuple[Inlines, ...]
    rows: tuple[tuple[Inlines, ...], ...]
    alignments: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CodeBlock:
    """Preformatted lines."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Rule:
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
