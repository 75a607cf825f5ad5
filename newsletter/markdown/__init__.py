"""Markdown to HTML for mail and to plain text, from one parse."""

from __future__ import annotations

from newsletter.markdown.compose import compose
from newsletter.markdown.document import Image
from newsletter.markdown.outline import Composed, Heading, Link
from newsletter.markdown.source import line_of

__all__ = ["Composed", "Heading", "Image", "Link", "compose", "line_of"]
