"""Where no line may break: between a number and its unit, before French punctuation, in a short compound."""

from __future__ import annotations

import re

NO_BREAK = "\u00a0"

_UNITS = (
    *("cm", "mm", "µm", "km", "m", "cm²", "mm²", "m²", "cm³", "ml", "l", "kg", "g", "mg", "µg"),
    *("mGy", "µGy", "Gy", "mSv", "µSv", "Sv", "kV", "kVp", "keV", "mA", "mAs", "ms", "s", "min", "h"),
    *("Hz", "MHz", "%", "°C", "KB", "MB", "€", "$"),
    *("سم", "مم", "سم²", "مم²", "كغ", "ملغ"),
)
_UNIT = re.compile(rf"(?<=\d) (?=(?:{'|'.join(sorted(map(re.escape, _UNITS), reverse=True))})(?![\w²³/]))")
_TIMES = re.compile(r"(?<=\d) × (?=\d)")
_FRENCH = re.compile(r"(?:(?<=\S)|\A) (?=[:;?!»])|(?<=«) (?=\S|\Z)")

_BIG = re.compile(r"<(h[1-6]|a|button)\b[^>]*>.*?</\1>", re.DOTALL)
_TAG = re.compile(r"(<[^>]*>)")
_COMPOUND = re.compile(r"(?<![\w/.@-])[^\W\d_]+(?:-[^\W\d_]+)+(?![\w/@-])")
_SHORT_PART, _LONGEST = 2, 16
"""Letters of a part that cannot stand alone at a line's end, and of a word that fits on a phone's line."""


def no_breaks(text: str, language: str) -> str:
    """The words with U+00A0 for the spaces that hold two signs together; nothing else changes.

    Text of French editions (any `fr` tag) gets them around `: ; ? ! « »` as well, where a space is written.
    """
    text = _TIMES.sub(f"{NO_BREAK}×{NO_BREAK}", _UNIT.sub(NO_BREAK, text))
    return _FRENCH.sub(NO_BREAK, text) if language.partition("-")[0] == "fr" else text


def whole_words(html: str) -> str:
    """A page with `<span class="whole">` around words like X-ray in its headings, links and buttons.

    The words stay as they are, to be copied and read aloud; a style sheet keeps them on one line.
    """
    return _BIG.sub(lambda big: "".join(map(_whole, _TAG.split(big[0]))), html)


def _whole(piece: str) -> str:
    return piece if piece.startswith("<") else _COMPOUND.sub(_kept, piece)


def _kept(compound: re.Match[str]) -> str:
    word = compound[0]
    short = min(map(len, word.split("-"))) <= _SHORT_PART and len(word) <= _LONGEST
    return f'<span class="whole">{word}</span>' if short else word
