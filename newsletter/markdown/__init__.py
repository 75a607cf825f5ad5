"""Markdown to HTML for mail and to plain text, from one parse."""

from __future__ import annotations

from newsletter.markdown.compose import compose
from newsletter.markdown.document import Image
from newsletter.markdown.outline import Composed, Heading, Link

__all__ = ["Composed", "Heading", "Image", "Link", "compose"]
