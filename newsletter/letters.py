"""Letters that count as the same: upper and lower case, composed or not, with accents or without (pure)."""

from __future__ import annotations

import unicodedata


def caseless(text: str) -> str:
    """Case-folded as Unicode's canonical caseless matching does (D145), in NFC."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def without_accents(text: str) -> str:
    """Letters without the marks that combine with them; ligatures and other forms are taken apart (NFKD)."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
