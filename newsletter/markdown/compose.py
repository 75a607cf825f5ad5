"""The one way in: a markdown body to HTML and plain text, or to its conditions alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from newsletter.errors import IssueError
from newsletter.markdown import outline
from newsletter.markdown.build import Builder
from newsletter.markdown.document import Blocks
from newsletter.markdown.html import to_html
from newsletter.markdown.outline import Composed
from newsletter.markdown.parse import parse
from newsletter.markdown.source import Source, first_fault
from newsletter.markdown.text import to_text

EVERY = -1
"""The variant in which all conditions hold."""


def compose(
    body: str,
    *,
    path: Path,
    first_line: int,
    variant: int,
    language: str = "",
    faults: Iterable[IssueError] = (),
) -> Composed:
    """The body as HTML and as text. Placeholders are tokens by now; raw HTML comes out as text.

    `first_line` is the line of `path` on which the body begins. In `variant` the n-th distinct `only`
    expression holds where bit n is set; what stands in one that does not hold is checked as well.
    `language` is the edition's tag, by which spaces are set. `faults` are errors that the file is known to
    have already.

    Raises the first IssueError by line, with the lines of the others in its hint: for a block that is
    unknown, unclosed or not of its shape, for a link that cannot be followed from a mail, and for more than
    five `only` expressions.
    """
    source = Source(path=path, first_line=first_line, language=language, faults=[*faults])
    blocks, found = _read(body, source, variant)
    images = tuple(outline.images(blocks))
    return Composed(
        html=to_html(blocks),
        text=to_text(blocks),
        condition_lines=found,
        headings=tuple(outline.headings(blocks)),
        links=tuple(outline.links(blocks)),
        images=images,
        pictures=tuple(dict.fromkeys(image.picture for image in images if image.picture)),
        blocks=blocks,
    )


def conditions(
    body: str, *, path: Path, first_line: int, faults: Iterable[IssueError] = ()
) -> Mapping[str, int]:
    """The distinct `only` expressions in order, with their lines. Raises IssueError as `compose` does."""
    return _read(body, Source(path=path, first_line=first_line, faults=[*faults]), EVERY)[1]


def _read(body: str, source: Source, variant: int) -> tuple[Blocks, Mapping[str, int]]:
    builder = Builder(source, variant)
    blocks: Blocks = ()
    try:
        blocks = builder.blocks(parse(body, source).children)
    except IssueError as fault:
        source.faults.append(fault)
    if source.faults:
        raise first_fault(source.faults)
    return blocks, builder.conditions
