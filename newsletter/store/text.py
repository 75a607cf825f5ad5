"""Text functions that SQL lacks: Unicode case-folding and comma-separated tags."""

from __future__ import annotations

import sqlite3
from functools import lru_cache

from newsletter.letters import caseless, without_accents

_KEPT = 4_096  # answers
_PLAIN = str.maketrans("łøđı’", "lodi'")


def fold(text: str | None) -> str | None:
    """NFC and case-folded, without blanks around; None stays None."""
    if text is None:
        return None
    if text.isascii():
        return text.strip().lower()
    return caseless(text).strip()


def bare(text: str | None) -> str | None:
    """Case-folded and without accents: what somebody types who looks for a name."""
    if text is None:
        return None
    if not text.isascii():
        text = without_accents(text.casefold()).translate(_PLAIN)
    return " ".join(text.lower().split())


def has_tag(tags: str | None, tag: str) -> int:
    """1 where the folded `tag` stands in the comma-separated `tags`."""
    return int(tags is not None and any(fold(part) == tag for part in tags.split(",")))


def register(raw: sqlite3.Connection) -> None:
    """Make the functions known to SQL as news_fold(), news_bare() and news_has_tag().

    news_fold_again() is for values that many people share; a name would only push such ones out.
    """
    again, known_tag = lru_cache(_KEPT)(fold), lru_cache(_KEPT)(has_tag)
    raw.create_function("news_fold", 1, fold, deterministic=True)
    raw.create_function("news_bare", 1, bare, deterministic=True)
    raw.create_function("news_fold_again", 1, again, deterministic=True)
    raw.create_function("news_has_tag", 2, known_tag, deterministic=True)
