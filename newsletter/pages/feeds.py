"""What programs read of the public pages: Atom, JSON Feed, sitemap, robots."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from xml.sax.saxutils import escape, quoteattr

from newsletter.errors import NotFoundError
from newsletter.models import Edition
from newsletter.pages import place
from newsletter.pages.content import read_content
from newsletter.pages.page import Page, make_page
from newsletter.pages.site import PublicIssue, Site
from newsletter.share import public_description, public_title

MOST = 20
"""How many issues stand in a feed."""

_PRIVATE = ("/u/", "/p/", "/c/", "/undo/", "/d/")


def atom_feed(site: Site, language: str) -> Page:
    """The newest issues as Atom (RFC 4287), each in the edition for a reader of that language.

    Raises NotFoundError where the pages have no public address: every entry needs one.
    """
    home, own = _home(site, language), _own_address(site, place.ATOM, language)
    campaign = site.config.campaign
    entries = [_entry(site, each, site.edition_for(each.slug, language)) for each in site.public()[:MOST]]
    newest = site.public()[0].date if site.public() else None
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang={quoteattr(language)}>',
        f"<title>{escape(campaign.name)}</title>",
        f"<id>{escape(home)}</id>",
        f"<updated>{_moment(site, newest)}</updated>",
        f"<author><name>{escape(campaign.organisation)}</name></author>",
        f'<link rel="alternate" type="text/html" href={quoteattr(home)}/>',
        f'<link rel="self" type="application/atom+xml" href={quoteattr(own)}/>',
        *entries,
        "</feed>",
    ]
    return make_page("\n".join(lines) + "\n", "application/atom+xml; charset=utf-8")


def json_feed(site: Site, language: str) -> Page:
    """The newest issues as JSON Feed 1.1; raises NotFoundError where the pages have no public address."""
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": site.config.campaign.name,
        "home_page_url": _home(site, language),
        "feed_url": _own_address(site, place.JSON_FEED, language),
        "language": language,
        "authors": [{"name": site.config.campaign.organisation}],
        "items": [_item(site, each, site.edition_for(each.slug, language)) for each in site.public()[:MOST]],
    }
    text = json.dumps(feed, ensure_ascii=False, indent=1) + "\n"
    return make_page(text, "application/feed+json; charset=utf-8")


def sitemap(site: Site) -> Page:
    """Every public page for search engines, with its other languages; NotFoundError without an address."""
    home = _home(site)
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:xhtml="http://www.w3.org/1999/xhtml">',
        f"<url><loc>{escape(home)}</loc></url>",
    ]
    for each in site.public():
        addresses = {tag: site.absolute(place.issue_address(each.slug, tag)) for tag in each.editions}
        others = "".join(
            f'<xhtml:link rel="alternate" hreflang={quoteattr(tag)} href={quoteattr(url)}/>'
            for tag, url in addresses.items()
        )
        for tag, url in addresses.items():
            day = each.editions[tag].date
            changed = f"<lastmod>{day.isoformat()}</lastmod>" if day else ""
            lines.append(
                f"<url><loc>{escape(url)}</loc>{changed}{others if len(addresses) > 1 else ''}</url>"
            )
    return make_page("\n".join([*lines, "</urlset>"]) + "\n", "application/xml; charset=utf-8")


def robots(site: Site) -> Page:
    """What search engines may read: everything but the pages that are one person's."""
    lines = ["User-agent: *", *(f"Disallow: {site.place.prefix}{path}" for path in _PRIVATE)]
    lines += [f"Sitemap: {site.absolute(place.SITEMAP)}"] if site.absolute("/") else []
    return make_page("\n".join(lines) + "\n", "text/plain; charset=utf-8")


def _entry(site: Site, each: PublicIssue, language: str) -> str:
    edition, url = each.editions[language], site.absolute(place.issue_address(each.slug, language))
    summary = public_description(edition)
    return "\n".join(
        [
            f"<entry xml:lang={quoteattr(language)}>",
            f"<title>{escape(public_title(edition))}</title>",
            f"<id>{escape(url)}</id>",
            f'<link rel="alternate" type="text/html" hreflang={quoteattr(language)} href={quoteattr(url)}/>',
            f"<published>{_moment(site, edition.date)}</published>",
            f"<updated>{_moment(site, edition.date)}</updated>",
            *([f"<summary>{escape(summary)}</summary>"] if summary else []),
            f'<content type="html">{escape(_content(site, each, language))}</content>',
            "</entry>",
        ]
    )


def _item(site: Site, each: PublicIssue, language: str) -> dict[str, object]:
    edition: Edition = each.editions[language]
    url = site.absolute(place.issue_address(each.slug, language))
    return {
        "id": url,
        "url": url,
        "title": public_title(edition),
        "summary": public_description(edition),
        "content_html": _content(site, each, language),
        "date_published": _moment(site, edition.date),
        "language": language,
    }


def _content(site: Site, each: PublicIssue, language: str) -> str:
    def absolute(name: str) -> str:
        return site.absolute(place.picture_address(each.slug, name))

    return read_content(site, each.slug, language, absolute).html


def _own_address(site: Site, feed: str, language: str) -> str:
    return site.absolute(place.feed_address(feed, site.shelf(language)))


def _home(site: Site, language: str = "") -> str:
    home = site.absolute(place.index_address(site.shelf(language)))
    if not home:
        raise NotFoundError(
            "the pages have no public address", hint="set [web] archive_url or base_url in newsletter.toml"
        )
    return home


def _moment(site: Site, day: date | None) -> str:
    """Noon of the day in the campaign's time zone, as RFC 3339 in UTC; 1970 where there is no date."""
    if day is None or day == date.min:
        return "1970-01-01T00:00:00Z"
    noon = datetime.combine(day, time(12), site.config.campaign.zone).astimezone(UTC)
    return noon.strftime("%Y-%m-%dT%H:%M:%SZ")
