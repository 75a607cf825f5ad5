"""Document to an HTML fragment for mail.

Looks are left to the template's stylesheet, by these class names: `button` (table), `button-cell`,
`button-link`; `steps`, `step`, `step-badge` with a `step-number`, `step-text`; `callout` (table),
`callout-cell`, `callout-title`; `figure`, `picture`, `caption`; `columns`, `column` with `of-2` or `of-3`;
`quote`, `attribution`; `table` (a wrapper that may scroll) with a `data` (table), `align-right`,
`align-center`, `long` (a word that must be broken on a phone) and `whole` (words that stay on one line) on
its cells; `code` (pre); `rule` (hr).
"""

from __future__ import annotations

from html import escape

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
    Styled,
    Table,
    Text,
    Title,
    plain,
)
from newsletter.typography import whole_ranges

LONGEST_WORD, LONGEST_LABEL = 16, 12
"""Letters that a narrow cell can hold on one line, and of a row's name that is not broken."""

LAYOUT = 'role="presentation" cellpadding="0" cellspacing="0" border="0"'


def to_html(blocks: Blocks) -> str:
    """The fragment for a mail, one line a block, without a wrapper."""
    return MailHtml().blocks(blocks)


class MailHtml:
    """Writes blocks with what mail programs need: tables where others have boxes."""

    def blocks(self, blocks: Blocks) -> str:
        """The fragment, one line a block, without a wrapper."""
        return "\n".join(self.block(block) for block in blocks)

    def block(self, block: Block) -> str:
        """One block."""
        match block:
            case Paragraph():
                words = self.inlines(block.children)
                html = words if block.tight else f"<p>{words}</p>"
            case Title():
                html = f"<h{block.level}>{self.inlines(block.children)}</h{block.level}>"
            case Buttons():
                html = "\n".join(self.button(anchor) for anchor in block.anchors)
            case Items():
                html = self.steps(block) if block.steps else self.items(block)
            case Callout():
                html = self.callout(block)
            case Figure():
                html = self.figure(block)
            case Columns():
                html = self.columns(block)
            case Quote():
                html = self.quote(block)
            case Table():
                html = self.table(block)
            case CodeBlock():
                html = f'<pre class="code"><code>{escape(block.text, quote=False)}</code></pre>'
            case Rule():
                html = '<hr class="rule">'
        return html

    def button(self, anchor: Anchor) -> str:
        """A link that looks like a button."""
        return (
            f'<table class="button" {LAYOUT}><tr><td class="button-cell">'
            f"{self.anchor(anchor, 'button-link')}</td></tr></table>"
        )

    def items(self, items: Items) -> str:
        """A list."""
        if items.start is None:
            opening, closing = "<ul>", "</ul>"
        else:
            opening = "<ol>" if items.start == 1 else f'<ol start="{items.start}">'
            closing = "</ol>"
        return "\n".join((opening, *(f"<li>{self.blocks(item)}</li>" for item in items.items), closing))

    def steps(self, items: Items) -> str:
        """A list to a screen reader, a row with a numbered badge to the eye, in every mail program."""
        rows = (
            f'<div class="step" role="listitem"><table {LAYOUT} width="100%"><tr>'
            f'<td class="step-badge" valign="top"><span class="step-number">{number}</span></td>'
            f'<td class="step-text" valign="top">{self.blocks(item)}</td></tr></table></div>'
            for number, item in enumerate(items.items, 1 if items.start is None else items.start)
        )
        return "\n".join(('<div class="steps" role="list">', *rows, "</div>"))

    def callout(self, callout: Callout) -> str:
        """A box with an optional title."""
        title = (
            f'<p class="callout-title"><strong>{self.inlines(callout.title)}</strong></p>\n'
            if callout.title
            else ""
        )
        return (
            f'<div role="note"><table class="callout" {LAYOUT} width="100%"><tr><td class="callout-cell">\n'
            f"{title}{self.blocks(callout.blocks)}\n</td></tr></table></div>"
        )

    def figure(self, figure: Figure) -> str:
        """A picture and its captions."""
        captions = "".join(f'<p class="caption">{self.inlines(caption)}</p>\n' for caption in figure.captions)
        image = f'<p class="picture">{self.inline(figure.image)}</p>'
        return f'<div class="figure" role="figure">\n{image}\n{captions}</div>'

    def columns(self, columns: Columns) -> str:
        """Blocks side by side where there is room; a table for Outlook, which knows no inline blocks.

        Nothing stands between the columns: a space there would have a width.
        """
        count = len(columns.columns)
        cell = f'<td valign="top" width="{100 // count}%">'
        between = f"<!--[if mso]></td>{cell}<![endif]-->"
        each = between.join(
            f'<div class="column of-{count}">\n{self.blocks(blocks)}\n</div>' for blocks in columns.columns
        )
        return (
            f'<div class="columns"><!--[if mso]><table {LAYOUT} width="100%"><tr>{cell}<![endif]-->'
            f"{each}<!--[if mso]></td></tr></table><![endif]--></div>"
        )

    def quote(self, quote: Quote) -> str:
        """A quotation and who said it."""
        who = f'\n<p class="attribution">{self.inlines(quote.attribution)}</p>' if quote.attribution else ""
        return f'<blockquote class="quote">\n{self.blocks(quote.blocks)}{who}\n</blockquote>'

    def table(self, table: Table) -> str:
        """A data table that may scroll."""
        head = "".join(
            self.cell("th" if cell else "td", ' scope="col"' if cell else "", cell, alignment, first=not at)
            for at, (cell, alignment) in enumerate(zip(table.head, table.alignments, strict=False))
        )
        rows = [
            "".join(
                self.cell("td", "", cell, alignment, first=not at)
                for at, (cell, alignment) in enumerate(zip(row, table.alignments, strict=False))
            )
            for row in table.rows
        ]
        lines = ['<div class="table"><table class="data" cellpadding="0" cellspacing="0" border="0">']
        lines += [f"<thead><tr>{head}</tr></thead>"] if head else []
        lines += ["<tbody>", *(f"<tr>{row}</tr>" for row in rows), "</tbody>"] if rows else []
        return "\n".join((*lines, "</table></div>"))

    def cell(self, tag: str, attributes: str, children: Inlines, alignment: str, *, first: bool) -> str:
        """One cell; `long` where a word of it must be broken on a phone, `whole` where it stays on a line."""
        words = plain(children)
        names = [f"align-{alignment}"] if alignment else []
        names += ["long"] if any(len(word) > LONGEST_WORD for word in words.split()) else []
        names += ["whole"] if first and " " in words and len(words) <= LONGEST_LABEL else []
        looks = f' class="{" ".join(names)}"' if names else ""
        return f"<{tag}{attributes}{looks}>{self.inlines(children)}</{tag}>"

    def inlines(self, children: Inlines) -> str:
        """Running words."""
        return "".join(self.inline(child) for child in children)

    def inline(self, child: Inline) -> str:
        """One piece of running words."""
        match child:
            case Text():
                words = escape(child.text, quote=False)
                return f"<code>{words}</code>" if child.code else whole_ranges(words)
            case Styled():
                return f"<{child.tag}>{self.inlines(child.children)}</{child.tag}>"
            case Anchor():
                return self.anchor(child)
            case Image():
                width = f' width="{child.width}"' if child.width else ""
                return (
                    f'<img src="{escape(child.src)}" alt="{escape(child.alt)}"{titled(child.title)}{width}>'
                )
            case Break():
                return "<br>\n" if child.hard else "\n"

    def anchor(self, anchor: Anchor, looks: str = "") -> str:
        """A link."""
        named = f' class="{looks}"' if looks else ""
        words = self.inlines(anchor.children)
        return f'<a{named} href="{escape(anchor.href)}"{titled(anchor.title)}>{words}</a>'


def titled(title: str) -> str:
    """The attribute for a link's or an image's title; nothing where it has none."""
    return f' title="{escape(title)}"' if title else ""
