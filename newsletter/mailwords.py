"""The sentences of the mails that the program writes to one person by itself, in the languages it speaks."""

from __future__ import annotations

import tomllib
from functools import cache, lru_cache
from importlib import resources
from typing import Any

from msgspec import Struct

from newsletter.languages import choose_edition
from newsletter.models import OutboxKind

FALLBACK = "en"


class MailText(Struct, frozen=True, kw_only=True):
    """One mail's sentences; `{campaign}` and `{organisation}` are filled in."""

    subject: str
    title: str
    text: str
    action: str
    button: str
    ignore: str


class MailWords(Struct, frozen=True, kw_only=True):
    """All mails in one language; `language` is the one they are really in."""

    language: str
    link_below: str
    lists: str
    no_page: str
    mails: dict[OutboxKind, MailText]


@cache
def languages() -> tuple[str, ...]:
    """The languages that have these mails."""
    folder = resources.files("newsletter") / "data" / "mails"
    return tuple(sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".toml")))


def read(language: str) -> dict[str, Any]:
    """The file of a language, as it is."""
    source = resources.files("newsletter") / "data" / "mails" / f"{language}.toml"
    return tomllib.loads(source.read_text(encoding="utf-8"))


@lru_cache(maxsize=64)
def mails_for(tag: str) -> MailWords:
    """The mails for a BCP 47 tag: in that language, else its base language, else English."""
    language = choose_edition(languages(), tag, FALLBACK)
    words = read(language)
    mails = {kind: MailText(**words.pop(kind.value)) for kind in OutboxKind}
    return MailWords(language=language, mails=mails, **words)
