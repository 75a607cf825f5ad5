"""Markdown to HTML for mails and for pages, and to plain text, from one parse."""

from __future__ import annotations

from newsletter.markdown.compose import EVERY, compose, conditions
from newsletter.markdown.document import Blocks, Image
from newsletter.markdown.handout import message
from newsletter.markdown.outline import Composed, Heading, Link
from newsletter.markdown.source import line_of
from newsletter.markdown.web import Shown, web_html

__all__ = [
    "EVERY",
    "Blocks",
    "Composed",
    "Heading",
    "Image",
    "Link",
    "Shown",
    "compose",
    "conditions",
    "line_of",
    "message",
    "web_html",
]
