"""The public pages as files for any web host: relative path and bytes of each."""

from __future__ import annotations

from collections.abc import Iterator

from newsletter.pages import place
from newsletter.pages.content import public_pictures
from newsletter.pages.feeds import atom_feed, json_feed, robots, sitemap
from newsletter.pages.frame import icon, stylesheet, trouble_page
from newsletter.pages.page import Page
from newsletter.pages.site import PublicIssue, Site, latest
from newsletter.pages.views import handout_page, index_page, issue_page, picture, qr_image, share_page


def static_files(site: Site) -> dict[str, bytes]:
    """Every public page by its file's path, sorted. The same issues give the same bytes."""
    pages = dict(_pages(site))
    return {place.file_of(address): pages[address].body for address in sorted(pages, key=place.file_of)}


def _pages(site: Site) -> Iterator[tuple[str, Page]]:
    own = site.config.campaign.language
    yield place.HOME, index_page(site, own)
    yield place.STYLESHEET, stylesheet(site)
    yield place.ICON, icon(site)
    yield place.ROBOTS, robots(site)
    yield place.NOT_FOUND, trouble_page(site, 404, own, here=place.NOT_FOUND)
    if site.absolute(place.HOME):
        yield place.SITEMAP, sitemap(site)
        for language in {own, *site.languages()}:
            yield place.feed_address(place.ATOM, site.shelf(language)), atom_feed(site, language)
            yield place.feed_address(place.JSON_FEED, site.shelf(language)), json_feed(site, language)
    for language in site.languages():
        if language != own:
            yield place.index_address(language), index_page(site, language)
        yield from _latest(site, language, f"{place.LATEST}/{language}")
    yield from _latest(site, own, place.LATEST)
    for each in site.public():
        yield from _issue(site, each)


def _latest(site: Site, language: str, address: str) -> Iterator[tuple[str, Page]]:
    """A copy of the newest issue: plain files cannot redirect; its canonical link names the page itself."""
    if site.public():
        slug, found = latest(site, language)
        yield address, issue_page(site, slug, found, here=address)


def _issue(site: Site, each: PublicIssue) -> Iterator[tuple[str, Page]]:
    for language in each.editions:
        yield place.issue_address(each.slug, language), issue_page(site, each.slug, language)
        yield place.issue_address(each.slug, language, "share"), share_page(site, each.slug, language)
        yield place.issue_address(each.slug, language, "handout"), handout_page(site, each.slug, language)
        if site.absolute(place.HOME):
            yield place.issue_address(each.slug, language, "qr.svg"), qr_image(site, each.slug, language)
    for name in public_pictures(site, each.slug):
        yield place.picture_address(each.slug, name), picture(site, each.slug, name)
