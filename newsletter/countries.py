"""Country names and codes as people write them -> ISO 3166 alpha-2."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Final

from babel import Locale, localedata
from babel.core import get_global
from babel.languages import get_official_languages

_LANGUAGES: Final = ("en", "fr", "de", "es", "pt", "it", "ar", "nl", "pl", "cs", "ru", "zh", "ja")
_NO_COUNTRIES: Final = frozenset({"EU", "EZ", "UN", "XA", "XB", "ZZ", "QO"})
_SMALL_WORDS: Final = frozenset({"and", "und", "et", "y", "e", "the"})
_ALSO: Final = {
    "uk": "GB",
    "great britain": "GB",
    "england": "GB",
    "scotland": "GB",
    "wales": "GB",
    "northern ireland": "GB",
    "el": "GR",
    "usa": "US",
    "united states of america": "US",
    "etats unis d amerique": "US",
    "eeuu": "US",
    "ee uu": "US",
    "uae": "AE",
    "holland": "NL",
    "ger": "DE",
    "sui": "CH",
    "ned": "NL",
    "den": "DK",
    "rsa": "ZA",
    "czech republic": "CZ",
    "republique tcheque": "CZ",
    "republica checa": "CZ",
    "korea": "KR",
    "south korea": "KR",
    "republic of korea": "KR",
    "ivory coast": "CI",
    "turkey": "TR",
    "viet nam": "VN",
    "russian federation": "RU",
    "republic of ireland": "IE",
    "swaziland": "SZ",
    "macedonia": "MK",
    "burma": "MM",
    "drc": "CD",
    "hong kong": "HK",
    "macau": "MO",
    "palestine": "PS",
    "korea south": "KR",
    "congo kinshasa": "CD",
    "congo brazzaville": "CG",
}


def country_code(text: str) -> str:
    """Read a code of two or three letters, a name in a dozen languages or its own -> `FR`; else empty."""
    folded = _folded(text)
    if not folded or folded in _by_name():
        return _by_name().get(folded, "")
    return _by_own_name().get(folded, "")


def country_name(code: str, language: str = "en") -> str:
    """What a country is called in a language; the code itself where that is unknown."""
    return _territories(language).get(code, code)


@cache
def _by_name() -> dict[str, str]:
    """Every known spelling; on a clash a code wins over a name, and the earlier language over the later."""
    known: dict[str, str] = {}
    for language in reversed(_LANGUAGES):
        known |= {_folded(name): code for code, name in _territories(language).items()}
    codes = _territories("en")
    threes = get_global("territory_aliases").items()
    known |= {
        old.lower(): new[0] for old, new in threes if len(old) == 3 and old.isalpha() and new[0] in codes
    }
    return known | {code.lower(): code for code in codes} | _ALSO


@cache
def _by_own_name() -> dict[str, str]:
    """What each country is called in its own languages, where they are known."""
    known = {
        _folded(_territories(language).get(code, "")): code
        for code in _territories("en")
        for language in get_official_languages(code, regional=True, de_facto=True)
        if localedata.exists(language)
    }
    known.pop("", None)
    return known


@cache
def _territories(language: str) -> dict[str, str]:
    names = Locale.parse(language).territories.items()
    return {str(code): str(name) for code, name in names if _is_country(str(code))}


def _is_country(code: str) -> bool:
    return len(code) == 2 and code.isalpha() and code not in _NO_COUNTRIES


def _folded(text: str) -> str:
    """Case, accents, punctuation and small words do not tell countries apart."""
    plain = (
        c
        for c in unicodedata.normalize("NFKD", text.casefold().replace(".", ""))
        if not unicodedata.combining(c)
    )
    words = "".join(c if c.isalnum() else " " for c in plain).split()
    return " ".join(word for word in words if word not in _SMALL_WORDS)
