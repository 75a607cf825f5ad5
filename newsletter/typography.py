"""Spaces at which no line may break: between a number and its unit, and before French punctuation."""

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


def no_breaks(text: str, language: str) -> str:
    """The words with U+00A0 for the spaces that hold two signs together; nothing else changes.

    Text of French editions (any `fr` tag) gets them around `: ; ? ! « »` as well, where a space is written.
    """
    text = _TIMES.sub(f"{NO_BREAK}×{NO_BREAK}", _UNIT.sub(NO_BREAK, text))
    return _FRENCH.sub(NO_BREAK, text) if language.partition("-")[0] == "fr" else text
