"""Addresses of links as mail programs understand them."""

from __future__ import annotations

import mdurl
from markdown_it.common.normalize_url import normalizeLink


def normal_address(url: str) -> str:
    """The URL in ASCII, with every token as it was."""
    return mdurl.encode(url) if url.isascii() else normalizeLink(url)
