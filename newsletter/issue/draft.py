"""Beginning an issue: the folder's name for a title, and the file to write in."""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import date

from newsletter.errors import UsageError
from newsletter.issue.draftwords import draft_words
from newsletter.languages import normalise_tag, own_name

LONGEST_SLUG = 60
_LETTERS = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "ı": "i", "ħ": "h", "ŋ": "n"}
)
_WINDOWS_DEVICES = re.compile(r"con|prn|aux|nul|com[0-9]|lpt[0-9]")

_SKELETON = """\
---
# The edition in {language}. Lines that begin with a # are notes to you: no reader sees them.
{note}subject: {title}
# One sentence that inboxes show behind the subject, of 40 to 130 characters.
preheader: ""
# What stands above the text, and on the public page.
title: {title}
# One sentence for search engines and for previews of shared links.
description: ""
date: {date}
draft: true
# Who has read it as an expert, and when: shown at the end of the mail.
reviewed_by: ""
reviewed_on:
---

{greeting}

{opening}

{heading}

::: steps
{first}
{second}
:::

{link}https://www.example.org){{.button}}
"""


def slugify(title: str) -> str:
    """The folder's name for a title: lower-case letters, digits and hyphens, at most 60 characters.

    Latin letters lose their accents, other scripts stay as they are. Raises UsageError where nothing is left.
    """
    letters = "".join(_plain(char) for char in unicodedata.normalize("NFKC", title).casefold())
    slug = _cut("-".join(part for part in re.split(r"-+", letters) if part))
    if not slug:
        raise UsageError(
            f"the title '{title}' has no letter to name a folder by", hint="give it a longer one"
        )
    return f"issue-{slug}" if _WINDOWS_DEVICES.fullmatch(slug) else slug


def edition_skeleton(title: str, lang: str, date: date) -> str:
    """The text of a new edition, with notes on what to write where.

    Its sample words are in the edition's language, else in English; a check finds those that are left.
    """
    tag = normalise_tag(lang)
    words = " ".join("".join(char if _is_text(char) else " " for char in title).split())
    spoken, sample = draft_words(tag)
    opening, heading, first, second = sample.lines
    foreign = spoken != tag.partition("-")[0]
    return _SKELETON.format(
        language=f"{own_name(tag)} ({tag})",
        note=f"# The sample words below are in English: write yours in {own_name(tag)}.\n" if foreign else "",
        greeting=sample.greeting,
        opening=opening,
        heading=heading,
        first=first,
        second=second,
        link=sample.link,
        title=json.dumps(words, ensure_ascii=False),
        date=date.isoformat(),
    )


def _plain(char: str) -> str:
    if "\u0300" <= char <= "\u036f":
        return ""
    char = char.translate(_LETTERS)
    base = unicodedata.normalize("NFKD", char)
    if base.isascii() or base[0].isascii():
        kept = "".join(c for c in base if c.isascii() and c.isalnum())
        return kept or "-"
    return char if char.isalnum() or unicodedata.category(char)[0] == "M" else "-"


def _cut(slug: str) -> str:
    if len(slug) > LONGEST_SLUG:
        slug = slug[: LONGEST_SLUG + 1].rpartition("-")[0] or slug[:LONGEST_SLUG]
    return slug.strip("-")


def _is_text(char: str) -> bool:
    return unicodedata.category(char) not in ("Cc", "Cs", "Cn", "Co")
