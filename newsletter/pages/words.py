"""The fixed words of the pages, in the languages that the program speaks."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType

from newsletter.languages import choose_edition
from newsletter.phrases import FALLBACK, languages
from newsletter.typography import no_breaks

FOLDERS = ("pages", "people")
"""The public pages' words, and those of the pages on which people join and leave."""


@cache
def words_for(language: str) -> Mapping[str, str]:
    """All words for a tag: its own, its base language's, or English; `words["language"]` says which."""
    spoken = spoken_language(language)
    found = {
        key: no_breaks(words, spoken) for name in FOLDERS for key, words in read_words(name, spoken).items()
    }
    return MappingProxyType(found | {"language": spoken})


def spoken_language(language: str) -> str:
    """The language that pages speak to readers of another one."""
    return choose_edition(languages(), language, FALLBACK)


def read_words(folder: str, language: str) -> dict[str, str]:
    """The words of one folder in one language that the program speaks; none where the file is missing."""
    file = resources.files("newsletter") / "data" / folder / f"{language}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
