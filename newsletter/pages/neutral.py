"""An edition without its reader: what stands where a mail has personal fields."""

from __future__ import annotations

import re
from html import escape

from msgspec.structs import replace

from newsletter.fields import LINKS
from newsletter.links import EditionLinks
from newsletter.models import RenderedEdition
from newsletter.pages.words import spoken_language, words_for
from newsletter.stencil import fill_html, fill_subject, fill_text, link_fields

UNNAMED = "…"
"""What stands for a field that has no default, and for which the pages know no word."""


def neutral(rendered: RenderedEdition, links: EditionLinks) -> RenderedEdition:
    """The edition for everybody: each field's default; without one a kind word for `name`, else an ellipsis.

    A field that is a whole link leads to the campaign's contact. Raises IssueError for a field where none
    may stand.
    """
    html, text = rendered.html, rendered.text
    known = {"public_url": links.public, "join_url": links.join}
    for field in rendered.fields:
        if field.name in LINKS:
            url = known.get(field.name) or links.contact
            html, text = html.replace(field.token, escape(url)), text.replace(field.token, url)
    left = replace(rendered, html=html, text=text, fields=[f for f in rendered.fields if f.name not in LINKS])
    values = _values(left, links)
    return replace(
        left,
        subject=_sentence(left, fill_subject(left, values)),
        html=fill_html(left, values),
        text=fill_text(left, values),
        fields=(),
    )


def _sentence(rendered: RenderedEdition, subject: str) -> str:
    """The subject with a capital where a field's word has come to its beginning."""
    if not any(rendered.subject.startswith(field.token) for field in rendered.fields):
        return subject
    return re.sub(r"\w", lambda first: first[0].upper(), subject, count=1)


def _values(rendered: RenderedEdition, links: EditionLinks) -> dict[str, str]:
    """Values for the fields without a default only: any other one would win over its default."""
    required = {f.name for f in rendered.fields if f.default is None}
    whole_links = link_fields(rendered)
    values = {}
    for field in rendered.fields:
        if field.name in required:
            values[field.name] = field.default or _word(field.name, rendered.language)
        if field.name in whole_links:
            values[field.name] = links.contact
    return values


def _word(name: str, language: str) -> str:
    spoken = spoken_language(language)
    if name == "name" and spoken.partition("-")[0] == language.partition("-")[0]:
        return words_for(language)["colleague"]
    return UNNAMED
