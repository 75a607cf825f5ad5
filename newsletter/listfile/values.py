"""Cells -> values: languages, countries and names, and what went wrong with names before they came here."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Final

from babel import Locale
from babel.core import get_global
from babel.localedata import clear_caches, locale_identifiers

from newsletter.addresses import clean_text
from newsletter.countries import country_code
from newsletter.errors import UsageError
from newsletter.languages import normalise_tag

_NAMED_IN: Final = ("en", "fr", "de", "es", "pt", "it", "ar", "nl", "pl", "cs", "ru", "zh", "ja")
_ALSO_NAMED: Final = {"castellano": "es", "castilian": "es", "mandarin": "zh", "farsi": "fa", "flemish": "nl"}
_SALUTATION_WORDS: Final = """
    mr mrs ms miss mx dame m mme mlle monsieur madame mademoiselle herr herrn frau hr fr sr sra srta senor
    senora señor señora sig sigra signor signora dhr mevr mw pan pani bay sayin mister et und السيد السيدة"""
_SALUTATIONS: Final = frozenset(_SALUTATION_WORDS.split())
_TITLE_WORDS: Final = """
    dr dra dre drs prof profa profs pr pra professor professeur professeure professorin doctor doctora
    docteur docteure doktor doutor doutora dott dottssa dottoressa dottore med dent phd md dds dmd msc ing
    dipl univ habil pd priv doz privatdozent privdoz sir mgr mudr mddr lek doc docent assoc asst associate
    assistant lic hc mult rer nat د دكتور دكتورة الدكتور الدكتورة أد أ"""
_TITLES: Final = frozenset(_TITLE_WORDS.split()) | _SALUTATIONS
_FORMULA_GUARD: Final = re.compile(r"'(?=[=+\-@])")
_KEPT: Final = 4_096  # cells of a column


def language_tag(text: str) -> str:
    """`fr_FR`, `fra`, `French` or `français` -> `fr-FR` or `fr`; empty where it is no language."""
    name = re.sub(r"\s*\(.*\)", "", text).casefold()
    named = _named().get(name)
    if named:
        return named
    try:
        tag = normalise_tag(text)
    except UsageError:
        return _named_by_speakers().get(name, "") if len(name) > 3 or not name.isascii() else ""
    base, _, rest = tag.partition("-")
    known = _named().get(base, "")
    return f"{known}-{rest}" if known and rest else known


@cache
def _named() -> dict[str, str]:
    """Codes and names, case-folded; a code wins over a name, English over the other languages."""
    codes = {code: code for code in _names_in("en").values() if code.isalpha()}
    threes = get_global("language_aliases").items()
    codes |= {old: new for old, new in threes if len(old) == 3 and new in codes}
    names: dict[str, str] = dict(_ALSO_NAMED)
    for language in reversed(_NAMED_IN):
        names |= _names_in(language)
    return {name: code.replace("_", "-") for name, code in names.items() if len(name) > 3} | codes


def _names_in(language: str) -> dict[str, str]:
    names = Locale.parse(language).languages.items()
    return {str(name).casefold(): str(code) for code, name in names}


@cache
def _named_by_speakers() -> dict[str, str]:
    """What the speakers of each language call it. All that babel knows is 130 MB, which are not kept."""
    names: dict[str, str] = {}
    for code in locale_identifiers():
        if "_" not in code:
            names[(Locale.parse(code).get_language_name() or code).casefold()] = code
        if len(names) % 20 == 0:
            clear_caches()
    return names


def plain_cell(text: str) -> str:
    """A cell as one clean line, without the apostrophe that guards formulas in exports."""
    cleaned = clean_text(text) if text else ""
    return _FORMULA_GUARD.sub("", cleaned, count=1) if text[:1] == "'" else cleaned


def languages() -> Callable[[str], str]:
    """A reader of language cells: the tag, empty where it is not known; those that recur are read once."""
    return lru_cache(_KEPT)(lambda cell: language_tag(plain_cell(cell)))


def countries() -> Callable[[str], str]:
    """The same of country cells."""
    return lru_cache(_KEPT)(lambda cell: country_code(plain_cell(cell)))


def is_title(text: str) -> bool:
    """Whether a text is how people are addressed, `Prof. Dr.` or `Mme`, and not their office."""
    words = re.sub(r"[.'’ªº-]", " ", text.casefold().replace(".ssa", "ssa")).split()
    return 0 < len(words) <= 5 and all(word in _TITLES for word in words)


def academic_title(text: str) -> str:
    """What of a title belongs to the name: `Herr Prof. Dr.` -> `Prof. Dr.`; else empty."""
    if not is_title(text):
        return ""
    return " ".join(word for word in text.split() if word.strip(".").casefold() not in _SALUTATIONS)


def titled(title: str, name: str) -> str:
    """The title before the name, unless the name begins with it."""
    begins = [word.strip(".").casefold() for word in name.split()[: len(title.split())]]
    same = begins == [word.strip(".").casefold() for word in title.split()]
    return name if same or not (title and name) else f"{title} {name}"
