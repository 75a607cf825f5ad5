"""Cells -> values: languages, countries and names, and what went wrong with names before they came here."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from newsletter.addresses import clean_text
from newsletter.countries import country_code
from newsletter.languages import language_tag

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
