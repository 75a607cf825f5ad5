"""What stays together on a line, and in what order: measures, dates, French punctuation, compounds."""

from __future__ import annotations

import re
from functools import cache

from newsletter.languages import direction
from newsletter.phrases import month_names

NO_BREAK = "\u00a0"
LEFT_TO_RIGHT, POP = "\u2066", "\u2069"

_LATIN_UNITS = (
    *("cm", "mm", "µm", "km", "m", "cm²", "mm²", "m²", "cm³", "mL", "ml", "L", "l", "kg", "g", "mg", "µg"),
    *("mGy", "µGy", "Gy", "mSv", "µSv", "Sv", "kV", "kVp", "keV", "mA", "mAs", "ms", "s", "min", "h"),
    *("Hz", "MHz", "°C", "KB", "MB", "MBq", "Bq", "lp", "dpi"),
)
_OTHER_UNITS = ("%", "€", "$", "سم", "مم", "سم²", "مم²", "كغ", "ملغ")
_ENGLISH_YEARS = ("y", "yr", "yrs")


def _any_of(*words: str) -> str:
    return "|".join(re.escape(word).replace("µ", "[µμ]") for word in sorted(words, reverse=True))


def _units(*words: str) -> str:
    """One of these units, or several as in mGy/h and mGy·cm²."""
    return rf"(?:{_any_of(*words)})(?:[/·](?:{_any_of(*words)}))*(?![\w²³/])"


_UNIT = re.compile(rf"(?<=\d) (?={_units(*_LATIN_UNITS, *_OTHER_UNITS)})")
_TIMES = re.compile(r"(?<=\d) × (?=\d)")
_FRENCH = re.compile(r"(?:(?<=\S)|\A) (?=[:;?!»])|(?<=«) (?=\S|\Z)")
_YEARS = re.compile(rf"(?<=\d) (?=(?:{'|'.join(_ENGLISH_YEARS)})\b)")

_DIGIT = re.compile(r"\d")
_ISOLATES = re.compile("[\u2066-\u2069]")
_SPACE, _NUMBER = "[ \u00a0]?", r"\d(?:[\d.,٫٬]{0,12}\d)?"
_LATIN = _units(*_LATIN_UNITS)
_ONE = rf"(?:[<>≤≥≈~±+−-]{_SPACE})?{_NUMBER}"
_CHAIN = rf"(?:{_ONE}(?:{_SPACE}(?:{_LATIN}))?{_SPACE}[×x–—±/-]{_SPACE}){{0,4}}{_ONE}{_SPACE}{_LATIN}"

_BIG = re.compile(r"<(h[1-6]|a|button)\b[^>]*>.*?</\1>", re.DOTALL)
_TAG = re.compile(r"(<[^>]*>)")
_COMPOUND = re.compile(r"(?<![\w/.@-])[^\W\d_]+(?:-[^\W\d_]+)+(?![\w/@-])")
_RANGE = re.compile(rf"(?<![\w–]){_NUMBER}–{_NUMBER}(?![\w–])")
_LONGEST = 16
"""Letters of a word that fits on a phone's line."""


def no_breaks(text: str, language: str) -> str:
    """The words with U+00A0 for the spaces that hold two signs together, and measures left to right.

    Text of French editions (any `fr` tag) gets them around `: ; ? ! « »` as well, where a space is written;
    of English ones before the y of an age. Nothing else changes.
    """
    spoken = language.partition("-")[0]
    if _DIGIT.search(text):
        text = left_to_right(_with_numbers(text, language, spoken), language)
    return _FRENCH.sub(NO_BREAK, text) if spoken == "fr" else text


def _with_numbers(text: str, language: str, spoken: str) -> str:
    text = _TIMES.sub(f"{NO_BREAK}×{NO_BREAK}", _UNIT.sub(NO_BREAK, text))
    if language:
        text = _date(language).sub(_unbroken, text)
    return _YEARS.sub(NO_BREAK, text) if spoken == "en" else text


def left_to_right(text: str, language: str) -> str:
    """The words of a right-to-left edition with an isolate (U+2066…U+2069) around each Latin measure.

    Without one "14 µSv" is shown as "µSv 14", and "3.5 × 4.5 cm" with its sides exchanged.
    """
    parts, at = [], 0
    for start, end in measures(text, language):
        parts += [text[at:start], LEFT_TO_RIGHT, text[start:end], POP]
        at = end
    return "".join([*parts, text[at:]]) if parts else text


def measures(text: str, language: str) -> list[tuple[int, int]]:
    """Where the Latin measures of a right-to-left edition begin and end that need an isolate."""
    if not _runs_left(language):
        return []
    return [found.span("measure") for found in _measure().finditer(text) if found["measure"]]


def without_isolates(text: str) -> str:
    """The words without what sets a measure or a name apart."""
    return _ISOLATES.sub("", text)


@cache
def _measure() -> re.Pattern[str]:
    """A number with a Latin unit, or a product or range with one; else what is to be left as it is.

    That is what is set apart already, and a measure right behind Latin words: it is part of their stretch,
    and in order without help.
    """
    return re.compile(
        rf"[\u2066-\u2068][^\u2069]*\u2069|[A-Za-z](?:[,;:/]?[ \u00a0]|[/-])(?=\d){_CHAIN}"
        rf"|(?<![A-Za-z0-9٠-٩_.,])(?:(?=[<>≤≥≈~±])|(?<!\w)(?=[+−-])|(?=\d))(?P<measure>{_CHAIN})"
    )


@cache
def _runs_left(language: str) -> bool:
    return bool(language) and direction(language) == "rtl"


@cache
def _date(language: str) -> re.Pattern[str]:
    """A day and its month, in either order."""
    months = _any_of(*month_names(language))
    return re.compile(
        rf"(?<!\w)\d{{1,2}}(?:\.|er|[ºª°]|st|nd|rd|th)? (?:de )?(?:{months})(?!\w)"
        rf"|(?<!\w)(?:{months}) \d{{1,2}}(?![\w.]?\w)"
    )


def _unbroken(found: re.Match[str]) -> str:
    return found[0].replace(" ", NO_BREAK)


def whole_words(html: str) -> str:
    """A page with `<span class="whole">` around words like X-ray in its headings, links and buttons.

    The words stay as they are, to be copied and read aloud; a style sheet keeps them on one line.
    """
    return _BIG.sub(lambda big: "".join(map(_whole, _TAG.split(big[0]))), html)


def whole_ranges(html: str) -> str:
    """Words of running HTML with `<span class="whole">` around ranges like 20–100."""
    return _RANGE.sub(_span, html)


def _whole(piece: str) -> str:
    return piece if piece.startswith("<") else _COMPOUND.sub(_kept, piece)


def _kept(compound: re.Match[str]) -> str:
    return _span(compound) if len(compound[0]) <= _LONGEST else compound[0]


def _span(found: re.Match[str]) -> str:
    return f'<span class="whole">{found[0]}</span>'
