"""What of a body is handed out on one printed sheet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from msgspec import Struct

from newsletter.markdown.document import Block, Blocks, Callout, Figure, Items, Paragraph, Title, plain
from newsletter.markdown.outline import images

ROOM, LINE, HEADING, PICTURE = 2200, 80, 200, 800
"""Letters that a sheet without steps holds, and as how many a line, a heading and a picture count."""


class Message(Struct, frozen=True, kw_only=True):
    """What is handed out of a body: its first steps, and the box that stands right below them.

    Without steps it is `parts`: the headings with what stands below them, where all of it fits, else with
    the words right below them; without headings the paragraphs. What does not fit is left out. `size` is
    the room that the parts take, in letters.
    """

    steps: tuple[Blocks, ...] = ()
    note: Blocks = ()
    parts: tuple[Blocks, ...] = ()
    size: int = 0


def message(blocks: Blocks) -> Message:
    """The first `::: steps` of the body, else its parts."""
    for at, block in enumerate(blocks):
        if isinstance(block, Items) and block.steps:
            below = blocks[at + 1 : at + 2]
            return Message(
                steps=block.items, note=below if isinstance(below[0] if below else None, Callout) else ()
            )
    parts = list(_parts(blocks))
    if sum(_size(*part) for part in parts) > ROOM:
        parts = list(_fitting(parts))
    return Message(parts=tuple(parts), size=sum(_size(*part) for part in parts))


def _parts(blocks: Blocks) -> Iterator[Blocks]:
    """What stands below each heading of the highest level; without headings, each paragraph."""
    levels = [block.level for block in blocks if isinstance(block, Title)]
    shown = [
        b for b in blocks if isinstance(b, Title | Paragraph | Items | Figure | Callout) and not _greets(b)
    ]
    if not levels:
        yield from ((block,) for block in shown)
        return
    starts = [at for at, b in enumerate(shown) if isinstance(b, Title) and b.level == min(levels)]
    for start, end in pairwise((*starts, len(shown))):
        yield tuple(shown[start:end])


def _greets(block: Block) -> bool:
    return isinstance(block, Paragraph) and plain(block.children).rstrip().endswith((",", "،"))


def _fitting(parts: Iterable[Blocks]) -> Iterator[Blocks]:
    """As many parts as fit: heading and the words right below it, where these are not too long."""
    room = ROOM
    for part in parts:
        kept = next((some for some in (part[:2], part[:1]) if _size(*some) <= room), ())
        if not kept:
            return
        room -= _size(*kept)
        yield kept


def _size(*blocks: Block) -> int:
    """How much room blocks take, in letters: a line that is not full counts whole."""
    pictures = sum(1 for _ in images(blocks))
    return PICTURE * pictures + sum(map(_size_of, blocks))


def _size_of(block: Block) -> int:
    match block:
        case Title():
            return HEADING + len(plain(block.children))
        case Paragraph():
            return LINE * (1 + len(plain(block.children)) // LINE)
        case Items():
            return sum(LINE // 2 + sum(map(_size_of, item)) for item in block.items)
        case Callout():
            return HEADING + len(plain(block.title)) + sum(map(_size_of, block.blocks))
        case Figure():
            return LINE + sum(len(plain(caption)) for caption in block.captions)
        case _:
            return ROOM + 1
