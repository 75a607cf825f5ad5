"""What stands around the content of every page: head, masthead, language bar and foot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from markupsafe import Markup
from msgspec import Struct

from newsletter.languages import direction, own_name
from newsletter.pages import place
from newsletter.pages.page import PRIVATE, Page, make_page
from newsletter.pages.site import Site
from newsletter.pages.words import words_for
from newsletter.phrases import fill, for_language
from newsletter.render import page as render_page
from newsletter.typography import without_isolates

KNOWN_TROUBLES = (400, 404, 405, 410, 413, 429, 500, 503)


class Tongue(Struct, frozen=True, kw_only=True):
    """A language that a page can be read in: `href` is empty for the page itself, `absolute` for hreflang."""

    tag: str
    name: str
    direction: str
    href: str
    absolute: str = ""


class Look(Struct, frozen=True, kw_only=True):
    """What previews of a shared link show; empty where there is nothing to show."""

    title: str
    description: str = ""
    kind: str = "website"
    url: str = ""
    image: str = ""
    image_alt: str = ""
    published: str = ""


def tongue(tag: str, href: str, absolute: str = "") -> Tongue:
    """A language by its tag, named as its speakers do."""
    return Tongue(tag=tag, name=own_name(tag), direction=direction(tag), href=href, absolute=absolute)


def in_order(tongues: Iterable[Tongue]) -> list[Tongue]:
    """The languages by their own names: each stands in the same place on every page."""
    return sorted(tongues, key=lambda each: each.name.casefold())


def frame(
    site: Site,
    *,
    here: str,
    language: str,
    look: Look,
    tongues: Sequence[Tongue] = (),
    default_tongue: str = "",
    indexed: bool = True,
    spoken: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """What `pages/shell.html` is given. `here` is the page's address, by which links are written."""
    words = spoken or words_for(language)
    link = partial(_link, site, here)
    return {
        "language": language,
        "direction": direction(language),
        "words": words,
        "phrases": for_language(language),
        "words_tongue": _attributes(words["language"], language),
        "campaign": site.config.campaign,
        "look": look,
        "tab_title": without_isolates(look.title),
        "tongues": in_order(tongues),
        "default_tongue": default_tongue,
        "indexed": indexed,
        "link": link,
        "fill": fill,
        "stylesheet": link(place.STYLESHEET),
        "icon": link(place.ICON),
        "home": link(place.index_address(site.shelf(language))),
        "feeds": _feeds(site, language, here) if site.absolute("/") else {},
    }


def people_page(
    site: Site,
    template: str,
    language: str,
    status: int = 200,
    *,
    here: str = "/",
    tongues: Sequence[Tongue] = (),
    **words: Any,
) -> Page:
    """A page for one person, which nobody stores or indexes: `pages/TEMPLATE` in the shell.

    The template gets what every page gets, and `words` over it: give it a `title`. `tongues` make the
    language bar. The page is in a language that the program speaks.
    """
    spoken = words_for(language)
    look = Look(title=str(words.get("title", site.config.campaign.name)))
    around = frame(site, here=here, language=spoken["language"], look=look, tongues=tongues, indexed=False)
    body = render_page(site.environment, f"pages/{template}", **(around | words))
    headers = PRIVATE | {"content-language": spoken["language"]}
    return make_page(body, status=status, headers=headers)


def trouble_page(site: Site, status: int, language: str, *, here: str = "/") -> Page:
    """A page that says in plain words what went wrong, and where to go on."""
    known = status if status in KNOWN_TROUBLES else 500 if status >= 500 else 400
    words = words_for(language)
    return people_page(
        site,
        "trouble.html",
        language,
        status,
        here=here,
        title=words[f"trouble_{known}_title"],
        text=words[f"trouble_{known}_text"],
        number=status,
        newest=site.public()[:3],
        address=place.issue_address,
        edition_for=site.edition_for,
    )


def stylesheet(site: Site) -> Page:
    """The one style sheet of all pages."""
    parts = [render_page(site.environment, f"pages/{name}.css") for name in ("site", "people")]
    return make_page("".join(parts), "text/css; charset=utf-8")


def icon(site: Site) -> Page:
    """What a browser shows on the tab of a page."""
    return make_page(render_page(site.environment, "pages/icon.svg"), "image/svg+xml")


def _link(site: Site, here: str, target: str) -> str:
    return site.place.link(target, here)


def _feeds(site: Site, language: str, here: str) -> dict[str, str]:
    """The links to the feeds in a page's language, else in the campaign's, and which language that is."""
    shelf = site.shelf(language)
    return {
        "language": shelf or site.config.campaign.language,
        "atom": _link(site, here, place.feed_address(place.ATOM, shelf)),
        "json": _link(site, here, place.feed_address(place.JSON_FEED, shelf)),
    }


def _attributes(spoken: str, language: str) -> Markup:
    """The attributes for words in another language than the page's; none where it is the same."""
    if language.partition("-")[0] == spoken.partition("-")[0]:
        return Markup("")
    return Markup(' lang="{}" dir="{}"').format(spoken, direction(spoken))
