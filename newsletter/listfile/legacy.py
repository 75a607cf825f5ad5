"""Guessing which code page wrote a text that is not Unicode: each is judged by the words it would spell."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final

from babel import Locale

_WESTERN: Final = ("fr", "de", "es", "pt", "it", "sv", "da", "nb", "fi", "nl", "is", "ca")
_CENTRAL: Final = ("pl", "cs", "sk", "hu", "ro", "hr", "sl", "sq")
_SPELLED: Final = {
    "cp1252": _WESTERN,
    "cp1250": _CENTRAL,
    "cp1256": ("ar", "fa", "ur"),
    "cp1251": ("ru", "uk", "bg", "sr"),
    "cp1253": ("el",),
    "cp1254": ("tr",),
    "cp1255": ("he",),
    "cp1257": ("lt", "lv", "et"),
    "mac_roman": _WESTERN,
    "cp850": _WESTERN,
}
_RARER: Final = {
    "cp1251": 8,
    "cp1253": 8,
    "cp1254": 8,
    "cp1255": 8,
    "cp1257": 8,
    "mac_roman": 12,
    "cp850": 12,
}
_COMMON: Final = {
    "cp932": (range(0x82, 0x98), 0x40),
    "cp949": (range(0xB0, 0xC9), 0xA1),
    "gb18030": (range(0xB0, 0xD8), 0xA1),
    "big5": (range(0xA4, 0xC7), 0x40),
}
"""Where the everyday characters of East Asia stand: the first bytes, and the least second byte."""
_ALIKE: Final = ("cp1251", "cp1253", "cp1256")  # whose letters stand where the everyday characters do
_LATIN: Final = re.compile(r"[A-Za-z]")
_MOST_LINES: Final = 400  # that are kept
_LONG_LINE: Final = 5_000  # bytes
_LEAST_COMMON: Final = 0.7
_WORD: Final = re.compile(rb"[^\s,;|:<>()@\"./0-9_-]*[\x80-\xff][^\s,;|:<>()@\"./0-9_-]*")
_MOST_WORDS: Final = 400
_MOST_KEPT: Final = 100_000  # distinct words

ENGLISH_NAMES: Final = {
    "cp1252": "Western European",
    "cp1250": "Central European",
    "cp1256": "Arabic",
    "cp1251": "Cyrillic",
    "cp1253": "Greek",
    "cp1254": "Turkish",
    "cp1255": "Hebrew",
    "cp1257": "Baltic",
    "mac_roman": "old Macintosh",
    "cp850": "MS-DOS",
    "cp932": "Japanese",
    "cp949": "Korean",
    "gb18030": "simplified Chinese",
    "big5": "traditional Chinese",
}


class Words:
    """The words beyond ASCII in the lines of a text: by what they would spell, its code page is guessed.

    `lines` counts those with such words.
    """

    def __init__(self) -> None:
        self.lines = 0
        self._words: dict[bytes, None] = {}
        self._ends: set[bytes] = set()
        self._lines: list[bytes] = []

    def add(self, line: bytes) -> None:
        """Look at a line with its end."""
        self._ends.add(line[-1:])
        if not line.isascii():
            self.lines += 1
            if len(self._lines) < _MOST_LINES and len(line) < _LONG_LINE:
                self._lines.append(line)
            if len(self._words) < _MOST_KEPT:
                self._words |= dict.fromkeys(_WORD.findall(line))

    def encoding(self) -> str:
        """The code page in which the words look most like some language; cp1252 in doubt."""
        common = {encoding: _common(encoding, self._lines) for encoding in _COMMON}
        asian = max(common, key=lambda encoding: common[encoding])
        words = self._evenly_drawn()
        if common[asian] >= _LEAST_COMMON and not any(_is_spelled(alike, words) for alike in _ALIKE):
            return asian
        scores = {encoding: _score(encoding, words) - _RARER.get(encoding, 0) for encoding in _SPELLED}
        if b"\r" in self._ends and b"\n" not in self._ends:
            scores["mac_roman"] += 2 * _RARER["mac_roman"]
        best = max(scores, key=lambda encoding: scores[encoding])
        return best if scores[best] > -math.inf else "cp1252"

    def _evenly_drawn(self) -> list[bytes]:
        words = list(self._words)
        return words[:: len(words) // _MOST_WORDS + 1]


def _common(encoding: str, lines: Iterable[bytes]) -> float:
    """How many of the characters of two bytes are everyday ones, and beside no ASCII letter; else 0."""
    firsts, least = _COMMON[encoding]
    good = pairs = count = 0
    try:
        texts = [f" {line.decode(encoding)} " for line in lines]
    except UnicodeDecodeError:
        return 0.0
    for text in texts:
        for at, letter in enumerate(text):
            pair = b"" if letter.isascii() else letter.encode(encoding)
            count += len(pair) > 0
            if len(pair) > 1:
                pairs += 1
                alone = not _LATIN.search(text[at - 1] + text[at + 1])
                good += pair[0] in firsts and pair[1] >= least and alone
    return good / pairs if pairs > max(1, count // 10) else 0.0


def _is_spelled(encoding: str, words: Iterable[bytes]) -> bool:
    """Whether nearly all words are letters in a case that people write, as by chance they never are."""
    spelled = [word.decode(encoding, "replace") for word in words]
    good = sum(word.isalpha() and word in {word.lower(), word.upper(), word.title()} for word in spelled)
    return good * 10 >= len(spelled) * 9


def _score(encoding: str, words: Iterable[bytes]) -> float:
    try:
        spelled = [word.decode(encoding) for word in words]
    except UnicodeDecodeError:
        return -math.inf
    return max(_model(language).score(spelled) for language in _SPELLED[encoding])


class _Model:
    """How likely each letter beyond ASCII is in a language, and its neighbours beside it."""

    def __init__(self, words: Iterable[str]) -> None:
        self._letters: Counter[str] = Counter()
        self._pairs: Counter[tuple[str, str, str]] = Counter()
        for word in words:
            for before, letter, after in _neighbours(word):
                self._letters[letter] += 1
                self._pairs[before, letter, ""] += 1
                self._pairs["", letter, after] += 1
        self._total = self._letters.total()

    def score(self, words: Iterable[str]) -> float:
        """Log-likelihood, smoothed: unseen letters and neighbours are improbable, not impossible."""
        return sum(self._one(*three) for word in words for three in _neighbours(word))

    def _one(self, before: str, letter: str, after: str) -> float:
        seen = self._letters[letter]
        beside = (self._pairs[before, letter, ""] + 0.3) * (self._pairs["", letter, after] + 0.3)
        return math.log((seen + 0.05) / (self._total + 10)) + math.log(beside / (seen + 12) ** 2)


def _neighbours(word: str) -> Iterator[tuple[str, str, str]]:
    padded = f" {word.lower()} "
    for at in range(1, len(padded) - 1):
        if not padded[at].isascii():
            yield padded[at - 1], padded[at], padded[at + 1]


@cache
def _model(language: str) -> _Model:
    return _Model(_vocabulary(language))


def _vocabulary(language: str) -> Iterator[str]:
    """The words that babel knows in a language: countries, languages, scripts, months, days."""
    locale = Locale.parse(language)
    for names in (locale.territories, locale.languages, locale.scripts):
        for name in names.values():
            yield from str(name).split()
    for use in ("format", "stand-alone"):
        for calendar in (locale.months, locale.days):
            for name in calendar[use]["wide"].values():
                yield from str(name).split()
