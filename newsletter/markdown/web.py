"""Document to an HTML fragment for web pages: elements that mean something, without tables for layout.

Looks are left to the pages' style sheet, by the class names of the mail's fragment.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from msgspec import Struct

from newsletter.markdown.document import (
    Anchor,
    Blocks,
    Callout,
    Columns,
    Figure,
    Image,
    Inline,
    Items,
    Table,
    plain,
)
from newsletter.markdown.html import MailHtml, titled


class Shown(Struct, frozen=True, kw_only=True):
    """Where a page finds one of the issue's pictures, and its size in pixels (0 where unknown)."""

    src: str
    width: int = 0
    height: int = 0


def web_html(blocks: Blocks, picture: Callable[[str], Shown | None], comma: str = ", ") -> str:
    """The fragment for a page. `picture` says where the issue's own ones are, `comma` parts what is read out.

    An image of another host becomes a link: opening a page tells no third party who reads it.
    """
    return WebHtml(picture, comma).blocks(blocks)


class WebHtml(MailHtml):
    """Writes blocks as a browser understands them."""

    def __init__(self, picture: Callable[[str], Shown | None], comma: str) -> None:
        self._picture, self._comma = picture, comma

    def anchor(self, anchor: Anchor, looks: str = "") -> str:
        """A link; `bare` where its words are its address, so that paper need not show that twice."""
        return super().anchor(anchor, looks or ("bare" if plain(anchor.children) in anchor.href else ""))

    def button(self, anchor: Anchor) -> str:
        """A link that looks like a button."""
        return f'<p class="action">{self.anchor(anchor, "button")}</p>'

    def steps(self, items: Items) -> str:
        """A numbered list, its numbers drawn by the style sheet."""
        start = "" if items.start in {None, 1} else f' start="{items.start}"'
        rows = (f"<li>{self.blocks(item)}</li>" for item in items.items)
        return "\n".join((f'<ol class="steps"{start} role="list">', *rows, "</ol>"))

    def callout(self, callout: Callout) -> str:
        """A box with an optional title."""
        title = f'<p class="callout-title"><strong>{self.inlines(callout.title)}</strong></p>\n'
        return (
            f'<div class="callout" role="note">\n{title if callout.title else ""}'
            f"{self.blocks(callout.blocks)}\n</div>"
        )

    def figure(self, figure: Figure) -> str:
        """A picture and its captions."""
        captions = "".join(f"<p>{self.inlines(caption)}</p>" for caption in figure.captions)
        caption = f"\n<figcaption>{captions}</figcaption>" if captions else ""
        return (
            f'<figure class="figure">\n<p class="picture">{self.inline(figure.image)}</p>{caption}\n</figure>'
        )

    def columns(self, columns: Columns) -> str:
        """Blocks side by side where there is room."""
        each = "\n".join(f"<div>\n{self.blocks(blocks)}\n</div>" for blocks in columns.columns)
        return f'<div class="columns">\n{each}\n</div>'

    def table(self, table: Table) -> str:
        """A data table in a box that scrolls, by keyboard too."""
        first = table.head or (table.rows[0] if table.rows else ())
        label = self._comma.join(filter(None, (plain(cell).strip() for cell in first)))
        box = f'<div class="table" role="group" tabindex="0" aria-label="{escape(label)}">'
        html = super().table(table).replace('<div class="table">', box, 1)
        return html.replace(' cellpadding="0" cellspacing="0" border="0"', "", 1)

    def inline(self, child: Inline) -> str:
        """One piece of running words; a picture with its size, so that nothing jumps while it loads."""
        if not isinstance(child, Image):
            return super().inline(child)
        shown = self._picture(child.picture) if child.picture else None
        if shown is None:
            words = escape(child.alt or child.src, quote=False)
            if child.linked or child.picture:
                return words
            return f'<a href="{escape(child.src)}"{titled(child.title)}>{words}</a>'
        width = child.width or shown.width
        height = round(shown.height * width / shown.width) if shown.width else 0
        size = f' width="{width}" height="{height}"' if width and height else ""
        return f'<img src="{escape(shown.src)}" alt="{escape(child.alt)}"{titled(child.title)}{size}>'
