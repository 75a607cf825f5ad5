"""Every fixed sentence of a mail, in the languages the program speaks, and dates in any language."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from functools import cache
from importlib import resources

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, get_month_names
from msgspec import Struct

from newsletter.languages import choose_edition, direction

FALLBACK = "en"


class Phrases(Struct, frozen=True, kw_only=True):
    """The sentences in one language; `{title}`, `{campaign}`, `{contact}`, `{name}`, `{date}` and
    `{organisation}`, and `{alt}` are filled in.

    `language` is the language they are really in, which is English where the wanted one has none.
    """

    language: str
    read_online: str
    share_sentence: str
    share_button: str
    share_page: str
    share_text: str
    share_text_only: str
    share_mail_subject: str
    share_mail_text: str
    share_mail_page: str
    share_mail_join: str
    share_mail_join_by_mail: str
    forwarded: str
    join: str
    join_by_mail: str
    picture: str
    reviewed: str
    reviewed_by: str
    reviewed_on: str
    why: str
    passed_on: str
    unsubscribe: str
    leave_or_change: str
    contact: str

    def reviewed_line(self, name: str, day: date | None) -> str:
        """Who reviewed the issue, and when; empty where neither is known."""
        when = long_date(day, self.language) if day else ""
        if direction(self.language) == "rtl":
            name = name and f"\u2068{name}\u2069"
        if name and when:
            return fill(self.reviewed, name=name, date=when)
        if name:
            return fill(self.reviewed_by, name=name)
        return fill(self.reviewed_on, date=when) if when else ""


KEYS = frozenset(Phrases.__struct_fields__) - {"language"}


def fill(sentence: str, **values: str) -> str:
    """A sentence with its `{words}` filled in, in one pass; other braces stay."""
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[0]), sentence)


@cache
def languages() -> tuple[str, ...]:
    """The languages that have phrases of their own."""
    folder = resources.files("newsletter") / "data" / "phrases"
    return tuple(sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".toml")))


@cache
def for_language(tag: str) -> Phrases:
    """The phrases for a BCP 47 tag: its own, else its base language's, else English."""
    language = choose_edition(languages(), tag, FALLBACK)
    source = resources.files("newsletter") / "data" / "phrases" / f"{language}.toml"
    return Phrases(language=language, **tomllib.loads(source.read_text(encoding="utf-8")))


def long_date(day: date, tag: str) -> str:
    """A date written out for readers of a language, as in "24 November 2026".

    English without a country is international English: day before month.
    """
    return format_date(day, format="long", locale=_locale("en-001" if tag == "en" else tag))


def month_names(tag: str) -> frozenset[str]:
    """The names of the months in a language, whole and cut short, as they stand in dates."""
    locale = _locale(tag)
    return frozenset(
        name for width in ("wide", "abbreviated") for name in get_month_names(width, locale=locale).values()
    )


def _locale(tag: str) -> Locale:
    subtags = tag.split("-")
    for length in range(len(subtags), 0, -1):
        try:
            return Locale.parse("-".join(subtags[:length]), sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    return Locale.parse("en_001")
