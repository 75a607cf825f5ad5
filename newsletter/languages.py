"""Language tags (BCP 47): their one spelling, script, direction, own names, and the edition for a reader."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.core import get_global
from babel.languages import get_official_languages
from babel.localedata import clear_caches, locale_identifiers

from newsletter.errors import UsageError

_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})"
    r"(?:-(?P<script>[a-z]{4}))?"
    r"(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?P<variants>(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*)",
    re.ASCII,
)
_RENAMED = {"iw": "he", "in": "id", "ji": "yi", "mo": "ro"}
NAMES_READ_IN: Final = ("en", "fr", "de", "es", "pt", "it", "ar", "nl", "pl", "cs", "ru", "zh", "ja")
"""The languages in which lists may name languages and countries; on a clash the earlier one wins."""
_ALSO_NAMED: Final = {"castellano": "es", "castilian": "es", "mandarin": "zh", "farsi": "fa", "flemish": "nl"}
_RIGHT_TO_LEFT = frozenset(
    ("Adlm", "Arab", "Aran", "Hebr", "Mand", "Mend", "Nkoo", "Rohg", "Samr", "Syrc", "Thaa", "Yezi")
)


def normalise_tag(text: str) -> str:
    """The one spelling of a language tag: `fr_FR` and `FR-fr` become `fr-FR`, `ZH_hant` becomes `zh-Hant`.

    RFC 5646 section 2.1 without extensions and private use, cased as its section 2.1.1 says; codes that were
    renamed long ago (`iw`) get their new name. Raises UsageError.
    """
    found = _TAG.fullmatch(text.strip().replace("_", "-").casefold())
    if not found:
        near = _named().get(text.strip().casefold(), "")
        hint = f"did you mean {near}?" if near else "write one like en, fr, pt-BR or zh-Hant"
        raise UsageError(f"'{text}' is no language tag", hint=hint)
    language = _RENAMED.get(found["language"], found["language"])
    script = (found["script"] or "").title()
    region = (found["region"] or "").upper()
    return "-".join(part for part in (language, script, region) if part) + found["variants"]


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
    for language in reversed(NAMES_READ_IN):
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


def script(tag: str) -> str:
    """The script that a tag is written in by ISO 15924 (`Latn`, `Arab`, `Hant`); `Zzzz` where unknown."""
    found = _TAG.fullmatch(normalise_tag(tag).casefold())
    if found is None:
        return "Zzzz"
    if found["script"]:
        return found["script"].title()
    likely: dict[str, str] = dict(get_global("likely_subtags"))
    language, region = found["language"], (found["region"] or "").upper()
    full = likely.get(f"{language}_{region}") or likely.get(language) or ""
    parts = full.split("_")
    return parts[1] if len(parts) > 1 else "Zzzz"


def direction(tag: str) -> str:
    """`rtl` where the tag's script runs from right to left, else `ltr`."""
    return "rtl" if script(tag) in _RIGHT_TO_LEFT else "ltr"


def own_name(tag: str) -> str:
    """What the speakers of a language call it (`Français`); the tag itself where that is unknown."""
    normal = normalise_tag(tag)
    try:
        name = Locale.parse(normal, sep="-").get_display_name() or normal
    except (UnknownLocaleError, ValueError):
        return normal
    return name[:1].upper() + name[1:]


def is_known(tag: str) -> bool:
    """Whether a tag's language is one that Unicode's CLDR has a name for."""
    return tag.partition("-")[0] in Locale("en").languages


def of_country(code: str) -> str:
    """What is spoken most in a country by its ISO 3166 code (`da` for `DK`); empty where that is unknown."""
    spoken = get_official_languages(code.upper(), de_facto=True)
    return spoken[0].replace("_", "-") if spoken else ""


def choose_edition(available: Collection[str], wanted: str, default: str) -> str:
    """The edition for a reader: the exact tag, then its base language, then the default.

    Never across scripts: `zh-Hant` does not get `zh`. `available` holds normalised tags, at least one. What a
    person asked for need not be a tag: anything else gets the default. Where there is no edition in the
    default language either, the first by name stands in; an empty default says that none may stand in, and
    gives an empty answer.
    """
    return _match(available, wanted) or _match(available, default) or (min(available) if default else "")


def _match(available: Collection[str], wanted: str) -> str:
    if not wanted:
        return ""
    try:
        tag = normalise_tag(wanted)
    except UsageError:
        return ""
    written = script(tag)
    subtags = tag.split("-")
    for length in range(len(subtags), 0, -1):
        shorter = "-".join(subtags[:length])
        if shorter in available and script(shorter) == written:
            return shorter
    kin = [t for t in available if t.split("-")[0] == subtags[0] and script(t) == written]
    return min(kin, key=lambda t: (t.count("-"), t), default="")
