"""Country names and codes as people write them -> ISO 3166 alpha-2."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from babel import Locale, localedata
from babel.core import get_global
from babel.languages import get_official_languages

from newsletter.languages import NAMES_READ_IN
from newsletter.letters import without_accents

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
    "congo drc": "CD",
    "congo dr": "CD",
    "dr congo": "CD",
    "rd congo": "CD",
    "rdc": "CD",
    "korea north": "KP",
    "dprk": "KP",
    "rok": "KR",
    "coree": "KR",
    "corea": "KR",
    "republic of china": "TW",
    "taiwan province of china": "TW",
    "prc": "CN",
    "pr china": "CN",
    "vr china": "CN",
    "china hong kong": "HK",
    "china macao": "MO",
    "macao": "MO",
    "britain": "GB",
    "great britain northern ireland": "GB",
    "grossbritannien": "GB",
    "grande bretagne": "GB",
    "gran bretana": "GB",
    "gran bretagna": "GB",
    "schottland": "GB",
    "nordirland": "GB",
    "ireland northern": "GB",
    "angleterre": "GB",
    "inglaterra": "GB",
    "inghilterra": "GB",
    "بريطانيا": "GB",
    "انجلترا": "GB",
    "america": "US",
    "vereinigte staaten von amerika": "US",
    "امريكا": "US",
    "brd": "DE",
    "ksa": "SA",
    "saudi": "SA",
    "السعودية": "SA",
    "vae": "AE",
    "eau": "AE",
    "emirates": "AE",
    "emirats": "AE",
    "emirate": "AE",
    "الامارات": "AE",
    "tschechische": "CZ",
    "weissrussland": "BY",
    "hollande": "NL",
    "east timor": "TL",
    "bosnia": "BA",
    "bosnien": "BA",
    "bosnie": "BA",
    "holy see": "VA",
    "virgin islands us": "VI",
    "virgin islands british": "VG",
    "samoa american": "AS",
    "sudan south": "SS",
    "saint helena ascension tristan da cunha": "SH",
    "syrian": "SY",
    "السورية": "SY",
    "lao": "LA",
    "libyan": "LY",
    "swiss": "CH",
    "hellenic": "GR",
    "slovak": "SK",
    "kyrgyz": "KG",
    "francaise": "FR",
}
_OFFICIAL_WORDS: Final = """
    of the republic kingdom state states federated federal federation confederation commonwealth union united
    islamic arab democratic people peoples s socialist plurinational bolivarian hashemite cooperative oriental
    sultanate principality independent former yugoslav grand duchy sar special administrative region
    republique royaume etat du de des la le les islamique arabe arabes unie unis democratique populaire
    republica reino estado del el los islamica democratica popular plurinacional bolivariana repubblica di
    bundesrepublik republik konigreich islamische demokratische arabische vereinigte volksrepublik
    جمهورية الجمهورية العربية المملكة مملكة دولة الديمقراطية"""
_OFFICIAL: Final = frozenset(_OFFICIAL_WORDS.split())
_DEMOCRATIC: Final = frozenset({"democratic", "democratique", "democratica", "demokratische", "الديمقراطية"})
_OF_TWO: Final = {"congo": "CD", "kongo": "CD", "korea": "KP", "coree": "KP", "corea": "KP", "الكونغو": "CD"}
_REMARK: Final = re.compile(r"([^()]+)\(([^()]*)\)\s*")
_PARTS: Final = re.compile(r"\s+[-–]\s+|[/|,]")
_MOST_PARTS: Final = 4
_UMLAUTS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue"})


def country_code(text: str) -> str:
    """Read a code of two or three letters, a name in a dozen languages or its own -> `FR`; else empty.

    Official names count in any order (`Iran, Islamic Republic of`), and one country named twice.
    """
    return _named(_folded(text)) or _officially_named(_folded(text)) or _remarked(text) or _named_twice(text)


def _named(folded: str) -> str:
    if not folded or folded in _by_name():
        return _by_name().get(folded, "")
    return _by_own_name().get(folded, "")


def _officially_named(folded: str) -> str:
    """A name without the words for a country's constitution, which tell only the Congos and Koreas apart."""
    words = folded.split()
    bare = " ".join(word for word in words if word not in _OFFICIAL)
    if bare in _OF_TWO and not _DEMOCRATIC.isdisjoint(words):
        return _OF_TWO[bare]
    return _named(bare)


def _remarked(text: str) -> str:
    """A name with a remark in brackets, unless that is another country."""
    match = _REMARK.fullmatch(text)
    if match is None:
        return ""
    found, remark = country_code(match[1]), country_code(match[2])
    return found if remark in {"", found} else ""


def _named_twice(text: str) -> str:
    parts = _PARTS.split(text)
    found = {country_code(part) for part in parts} if 1 < len(parts) <= _MOST_PARTS else set()
    return found.pop() if len(found) == 1 else ""


def country_name(code: str, language: str = "en") -> str:
    """What a country is called in a language; the code itself where that is unknown."""
    return _territories(language).get(code, code)


@cache
def _by_name() -> dict[str, str]:
    """Every known spelling; on a clash a code wins over a name, and the earlier language over the later."""
    known: dict[str, str] = {}
    for language in reversed(NAMES_READ_IN):
        known |= {_folded(name): code for code, name in _territories(language).items()}
    known |= {_folded(name.translate(_UMLAUTS)): code for code, name in _territories("de").items()} | known
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
    plain = without_accents(text.casefold().replace(".", ""))
    words = "".join(c if c.isalnum() else " " for c in plain).split()
    return " ".join(word for word in words if word not in _SMALL_WORDS)
