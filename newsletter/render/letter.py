"""A mail that the program writes to one person: its words put into the templates outbox.html and .txt."""

from __future__ import annotations

import re
from collections.abc import Sequence

from jinja2 import Environment
from markupsafe import Markup, escape
from msgspec import Struct

from newsletter.config import Config
from newsletter.languages import direction
from newsletter.mailwords import MailText, MailWords
from newsletter.phrases import fill
from newsletter.render.inline import inlined
from newsletter.render.templates import PREVIEW_PADDING, filled
from newsletter.typography import no_breaks

_FIRST_STRONG, _POP = "\u2068", "\u2069"


class Letter(Struct, frozen=True, kw_only=True):
    """A rendered mail to one person."""

    language: str
    subject: str
    html: str
    text: str


def letter(
    environment: Environment,
    config: Config,
    words: MailWords,
    mail: MailText,
    *,
    link: str,
    lists: Sequence[str],
) -> Letter:
    """The mail with its one link; without a link it says how to write to us. Raises ConfigError."""
    language = words.language
    way = direction(language)
    names = {
        "campaign": config.campaign.name,
        "organisation": config.campaign.organisation,
        "contact": config.campaign.contact,
    }
    sentences = {
        "title": mail.title,
        "text": mail.text,
        "action": mail.action,
        "button": mail.button,
        "ignore": mail.ignore,
        "no_page": words.no_page,
    }
    page = {
        "language": language,
        "direction": way,
        "start": "right" if way == "rtl" else "left",
        "end": "left" if way == "rtl" else "right",
        "campaign": config.campaign,
        "words": words,
        "link": link,
        "lists": tuple(lists),
    }
    isolated = {key: Markup("<bdi>{}</bdi>").format(name) for key, name in names.items()}
    html_words = {
        key: Markup(fill(str(escape(no_breaks(sentence, language))), **isolated))
        for key, sentence in sentences.items()
    }
    plain = {key: _set_apart(name, way) for key, name in names.items()}
    text_words = {key: fill(sentence, **plain) for key, sentence in sentences.items()}
    preview = Markup(fill(str(escape(mail.text)), **{k: str(escape(v)) for k, v in names.items()}))
    html = filled(environment, "outbox.html", page | html_words | {"preheader": preview + PREVIEW_PADDING})
    text = filled(environment, "outbox.txt", page | text_words)
    return Letter(
        language=language,
        subject=fill(mail.subject, **plain),
        html=inlined(html),
        text=re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n",
    )


def _set_apart(name: str, way: str) -> str:
    """A name that cannot reorder a right-to-left sentence around it."""
    return f"{_FIRST_STRONG}{name}{_POP}" if way == "rtl" else name
