"""In which language a page speaks, and the pages for one person: forms, notes, troubles."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from newsletter.errors import ConfigError
from newsletter.languages import choose_edition
from newsletter.pages import Page, Site, people_page, tongue, trouble_page, words_for
from newsletter.phrases import fill, languages
from newsletter.web.desk import Desk, desk_of

KEPT = ("list", "via", "issue")
"""What a page's other languages carry on from its link."""
LETTER, DONE = "✉\ufe0e", "✓\ufe0e"
"""The signs on notes, as text: some phones make coloured pictures of them else."""
_TAG = re.compile(r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)\s*(?:;\s*q=([01](?:\.\d{1,3})?)\s*)?")
_ALONE = {
    421: "This is not the address of these pages.",
    414: "This address is too long.",
    431: "That was too much.",
}


def wanted_languages(header: str) -> list[str]:
    """The tags of an Accept-Language header, best first (RFC 9110 section 12.5.4)."""
    found = []
    for number, part in enumerate(header[:500].split(",")):
        match = _TAG.fullmatch(part)
        if match and float(match[2] or 1) > 0:
            found.append((-float(match[2] or 1), number, match[1]))
    return [tag for _, _, tag in sorted(found)]


def choose(offered: Sequence[str], header: str, otherwise: str) -> str:
    """The one of the offered languages that a browser's reader likes best."""
    for tag in wanted_languages(header):
        for each in offered:
            if each.lower() == tag.lower():
                return each
        for each in offered:
            if each.partition("-")[0].lower() == tag.partition("-")[0].lower():
                return each
    return otherwise


def language_of(request: Request, person: str = "") -> str:
    """What a page for one person speaks: as asked, else the person's language, else the browser's."""
    asked = request.query_params.get("lang", "")
    if asked in languages():
        return asked
    if person:
        return choose_edition(languages(), person, "en")
    own = choose_edition(languages(), desk_of(request).config.campaign.language, "en")
    return choose(languages(), request.headers.get("accept-language", ""), own)


def isolated(text: str) -> str:
    """Text that keeps its own direction among words of another one; empty stays empty."""
    return f"\u2068{text}\u2069" if text else ""


def without_isolates(text: str) -> str:
    """The same words without the marks, as they are written down."""
    return text.replace("\u2068", "").replace("\u2069", "")


def names_of(desk: Desk, **more: str) -> dict[str, str]:
    """What the words in braces stand for."""
    campaign = desk.config.campaign
    named = {
        "campaign": campaign.name,
        "organisation": campaign.organisation,
        "sender": desk.config.sender.address,
        "contact": campaign.contact,
    }
    return {key: isolated(value) for key, value in (named | more).items()}


def path_to(desk: Desk, path: str, **query: str) -> str:
    """A link to one of our pages, below base_url's own path."""
    kept = {key: value for key, value in query.items() if value}
    link = desk.library.site.place.link(path, "/")
    return f"{link}?{urlencode(kept)}" if kept else link


def see(desk: Desk, path: str, **query: str) -> Response:
    """Go and see another page of ours."""
    return RedirectResponse(path_to(desk, path, **query), 303)


def show(
    request: Request, template: str, language: str, *, title: str, here: str, status: int = 200, **words: Any
) -> Response:
    """A page for one person, with its other languages above; `here` is its own path."""
    desk = desk_of(request)
    names = words.setdefault("names", names_of(desk))
    kept = {key: request.query_params[key] for key in KEPT if key in request.query_params}
    tongues = [
        tongue(tag, "" if tag == language else path_to(desk, here, lang=tag, **kept)) for tag in languages()
    ]
    page = people_page(
        desk.library.site, template, language, status, title=fill(title, **names), tongues=tongues, **words
    )
    return plain_answer(page)


def note(
    request: Request,
    language: str,
    name: str,
    *,
    here: str,
    texts: Sequence[str] = (),
    status: int = 200,
    mark: str = "",
    actions: Sequence[tuple[str, str]] = (),
    names: Mapping[str, str] | None = None,
) -> Response:
    """A page that only says something: the words `NAME_title` and `NAME_text`, then more texts and links."""
    words, named = words_for(language), names or names_of(desk_of(request))
    said = [fill(text, **named) for text in (words[f"{name}_text"], *texts)]
    return show(
        request,
        "note.html",
        language,
        title=words[f"{name}_title"],
        here=here,
        status=status,
        texts=said,
        mark=mark,
        actions=actions,
        names=named,
    )


def trouble(request: Request, site: Site, status: int, headers: Mapping[str, str] | None = None) -> Response:
    """The page of an error; a bare one where the project's own templates have a fault."""
    language = language_of(request)
    words = words_for(language)
    try:
        if f"trouble_{status}_title" in words and status in {403, 408}:
            page = people_page(
                site,
                "note.html",
                language,
                status,
                title=words[f"trouble_{status}_title"],
                texts=[words[f"trouble_{status}_text"]],
                mark="",
                actions=(),
            )
        else:
            page = trouble_page(site, status, language)
    except ConfigError:
        return bare(status, headers)
    response = plain_answer(page)
    response.headers.update(headers or {})
    return response


def bare(status: int, headers: Mapping[str, str] | None = None) -> Response:
    """An error without anything that could fail."""
    text = html.escape(_ALONE.get(status, "Something went wrong. Please try again in a few minutes."))
    body = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{text}</title><p>{text}</p></html>'
    return Response(body, status, dict(headers or {}), "text/html")


def plain_answer(page: Page) -> Response:
    """A page that is never kept."""
    return Response(page.body, page.status, dict(page.headers), page.content_type)
