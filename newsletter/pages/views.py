"""What everybody may read of an issue: its page, sharing it, its handout, its pictures; and the list."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from newsletter.errors import NotFoundError
from newsletter.models import Edition, Picture
from newsletter.pages import place, qr
from newsletter.pages.content import public_pictures, read_content, read_handout
from newsletter.pages.frame import Look, Tongue, frame, in_order, tongue
from newsletter.pages.page import PUBLIC, Page, make_page
from newsletter.pages.sharing import POST, SEND, join_url, share_links, share_of, shared_url
from newsletter.pages.site import PublicIssue, Site
from newsletter.phrases import for_language, long_date
from newsletter.render import page as render_page
from newsletter.share import public_description, public_title
from newsletter.typography import no_breaks

SVG = "image/svg+xml"
LARGE, ROOMY, FULL = 600, 1100, 2300
"""Letters of a handout up to which it is set in each size; parts may be as many as ROOMY to be set large."""


def issue_page(site: Site, slug: str, language: str, *, via: str = "page", here: str = "") -> Page:
    """An issue in public. `via` is the channel word that its link to joining passes on.

    `here` is where the page stands, if not at its own address.
    """
    own = place.issue_address(slug, language)
    here = here or own
    content = read_content(site, slug, language, _picture_links(site, slug, here))
    words = _common(site, slug, language, here=here, part="", pictures=content.pictures)
    link = words["link"]
    return _page(
        site,
        "issue.html",
        language,
        words
        | {
            "content": Markup(content.html),
            "join": join_url(site, slug, language, via),
            "share_page": link(place.issue_address(slug, language, "share")),
            "handout": link(place.issue_address(slug, language, "handout")),
        },
    )


def share_page(site: Site, slug: str, language: str) -> Page:
    """Every way to pass an issue on, for the reader to choose from."""
    here = place.issue_address(slug, language, "share")
    words = _common(site, slug, language, here=here, part="share")
    link = words["link"]
    url = shared_url(site, slug, language, "qr")
    return _page(
        site,
        "share.html",
        language,
        words
        | {
            "issue": link(place.issue_address(slug, language)),
            "handout": link(place.issue_address(slug, language, "handout")),
            "public": site.links(slug, language).public,
            "copied": shared_url(site, slug, language, "link"),
            "qr": link(place.issue_address(slug, language, "qr.svg")) if url else "",
        },
    )


def handout_page(site: Site, slug: str, language: str, *, kept: Mapping[str, str] | None = None) -> Page:
    """One printed sheet: the message in short, a blank for the practice's name, the QR code.

    `kept` replaces the links to the `stylesheet`, the `qr` code and the `issue` where the sheet is kept in a
    folder of its own, beside its pictures.
    """
    here = place.issue_address(slug, language, "handout")
    handout = read_handout(site, slug, language, quote if kept else _picture_links(site, slug, here))
    words = _common(site, slug, language, here=here, part="handout", pictures=handout.pictures)
    link, public = words["link"], site.links(slug, language).public
    size = handout.size + len(words["look"].description)
    words |= {
        "issue": link(place.issue_address(slug, language)),
        "qr": link(place.issue_address(slug, language, "qr.svg")) if public else "",
        "public": public,
        "address": _breaking(public),
        "steps": [Markup(step) for step in handout.steps],
        "note": Markup(handout.note),
        "parts": [Markup(part) for part in handout.parts],
        "size": _size(size, ROOMY if handout.parts else LARGE),
    }
    return _page(site, "handout.html", language, words | dict(kept or {}))


def qr_image(site: Site, slug: str, language: str) -> Page:
    """The QR code of the public page, as SVG; NotFoundError where the page has no public address."""
    site.edition(slug, language)
    url = shared_url(site, slug, language, "qr")
    if not url:
        raise NotFoundError("the pages have no public address", hint="set [web] base_url or archive_url")
    return make_page(qr.svg(url), SVG)


def picture(site: Site, slug: str, name: str) -> Page:
    """One of the pictures that a public issue shows; raises NotFoundError."""
    found = public_pictures(site, slug).get(name)
    if found is None:
        raise NotFoundError(f"the public issue '{slug}' has no picture '{name}'")
    return make_page(found.data, found.media_type)


def index_page(site: Site, language: str, *, here: str = "") -> Page:
    """All public issues, newest first, each in the edition for a reader of that language."""
    here = here or place.index_address(site.shelf(language))
    tongues = [
        tongue(tag, "" if tag == language else site.place.link(address, here), site.absolute(address))
        for tag in site.languages()
        for address in [place.index_address(site.shelf(tag))]
    ]
    campaign = site.config.campaign
    look = Look(title=campaign.name, url=site.absolute(here))
    around = frame(
        site,
        here=here,
        language=language,
        look=look,
        tongues=tongues,
        default_tongue=site.absolute("/"),
    )
    listed = [_listed(site, each, language, here) for each in site.public()]
    join = _join(site, language)
    return _page(site, "index.html", language, around | {"issues": listed, "join": join})


def _listed(site: Site, each: PublicIssue, language: str, here: str) -> dict[str, Any]:
    """One entry of the list of all issues."""
    tag = site.edition_for(each.slug, language)
    edition = each.editions[tag]
    own = tongue(tag, site.place.link(place.issue_address(each.slug, tag), here))
    others = [
        tongue(other, site.place.link(place.issue_address(each.slug, other), here))
        for other in each.editions
        if other != tag
    ]
    return {
        "tongue": own,
        "foreign": tag.partition("-")[0] != language.partition("-")[0],
        "title": public_title(edition),
        "description": public_description(edition),
        "date": long_date(edition.date, tag) if edition.date else "",
        "others": in_order(others),
    }


def _join(site: Site, language: str) -> str:
    """Where a reader of the list of issues subscribes."""
    base = site.config.web.base_url
    if base:
        return f"{site.place.live_root(base)}/join?via=page&lang={language}"
    return site.links("", language).join


def _common(
    site: Site, slug: str, language: str, *, here: str, part: str, pictures: Sequence[Picture] = ()
) -> dict[str, Any]:
    """What all pages of one edition are given."""
    edition = site.edition(slug, language)
    address = place.issue_address(slug, language, part)
    around = frame(
        site,
        here=here,
        language=language,
        look=_look(site, slug, edition, site.absolute(address), pictures),
        tongues=_tongues(site, slug, language, part, here),
        default_tongue=site.absolute(
            place.issue_address(slug, site.edition_for(slug, site.config.campaign.language), part)
        ),
    )
    ways = share_links(site, slug, language)
    return around | {
        "share": share_of(site, slug, language),
        "send": [ways[channel] for channel in SEND if channel in ways],
        "post": [ways[channel] for channel in POST if channel in ways],
        "date": long_date(edition.date, language) if edition.date else "",
        "reviewed": _reviewed(edition),
        "join_label": around["phrases"].join if site.config.web.base_url else around["phrases"].join_by_mail,
    }


def _look(site: Site, slug: str, edition: Edition, url: str, pictures: Sequence[Picture]) -> Look:
    shown = pictures[0] if pictures else None
    return Look(
        title=no_breaks(public_title(edition), edition.language),
        description=no_breaks(public_description(edition), edition.language),
        kind="article",
        url=url,
        image=site.absolute(place.picture_address(slug, shown.name)) if shown else "",
        image_alt=public_title(edition) if shown else "",
        published=edition.date.isoformat() if edition.date else "",
    )


def _tongues(site: Site, slug: str, language: str, part: str, here: str) -> Sequence[Tongue]:
    """The editions of an issue, each in its own name."""
    found = []
    for tag in site.issue(slug).editions:
        address = place.issue_address(slug, tag, part)
        href = "" if tag == language else site.place.link(address, here)
        found.append(tongue(tag, href, site.absolute(address)))
    return found


def _size(letters: int, large: int) -> str:
    if letters <= large:
        return "large"
    return "roomy" if letters <= ROOMY else "full" if letters <= FULL else "tight"


def _breaking(url: str) -> Markup:
    """An address that may break behind its slashes and hyphens, but not before its last word alone."""
    parts = re.split(r"(?<=[/-])(?=[^/])", url)
    return Markup("<wbr>").join(parts[:-2]) + Markup('<wbr><span class="whole">{}</span>').format(
        "".join(parts[-2:])
    )


def _picture_links(site: Site, slug: str, here: str) -> Any:
    return lambda name: site.place.link(place.picture_address(slug, name), here)


def _reviewed(edition: Edition) -> str:
    phrases = for_language(edition.language)
    line = phrases.reviewed_line(edition.reviewed_by, edition.reviewed_on)
    return no_breaks(line, edition.language)


def _page(site: Site, template: str, language: str, words: dict[str, Any]) -> Page:
    body = render_page(site.environment, f"pages/{template}", **words)
    return make_page(body, headers=PUBLIC | {"content-language": language})
