"""Text of others on one line."""

from __future__ import annotations


def one_line(text: str) -> str:
    """The text without control characters and line breaks, one blank for each run of them."""
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(text.split())
