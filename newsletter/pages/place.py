"""Where pages stand and how they link to each other: on a server by path, as files by relative path."""

from __future__ import annotations

import posixpath
from urllib.parse import quote, unquote, urlsplit

from msgspec import Struct

from newsletter.config import Config

HOME = "/"
STYLESHEET = "/site.css"
ICON = "/icon.svg"
LATEST = "/latest"
ATOM = "/feed.xml"
JSON_FEED = "/feed.json"
SITEMAP = "/sitemap.xml"
ROBOTS = "/robots.txt"
NOT_FOUND = "/404.html"


class Place(Struct, frozen=True, kw_only=True):
    """How links are written: `prefix` is the path above the pages, `static` says that they are files.

    `housed` where the path on their host is known: the page for what is not found, which a host shows at any
    path, links by it; else it can at least be opened where it lies.

    An address is a page's path on a server that has it at its root, percent-encoded: `/i/SLUG/LANG`.
    """

    prefix: str = ""
    static: bool = False
    housed: bool = True

    def link(self, target: str, here: str) -> str:
        """The link to one address from the page at another."""
        if not self.static:
            return f"{self.prefix}{target}"
        if here == NOT_FOUND and self.housed:
            return f"{self.prefix}/{quote(file_of(target)).removesuffix('index.html')}"
        return quote(posixpath.relpath(file_of(target), posixpath.dirname(file_of(here)) or "."))

    def live_root(self, base_url: str) -> str:
        """What stands before the path of a page that only the server has."""
        return base_url if self.static else self.prefix


def live(config: Config) -> Place:
    """The pages that a server answers with."""
    return Place(prefix=urlsplit(config.web.base_url).path)


def static(config: Config) -> Place:
    """The pages as files, for any web host and from a disk."""
    url = config.web.archive_url
    return Place(prefix=urlsplit(url).path, static=True, housed=bool(url))


def file_of(address: str) -> str:
    """The file that an address is in a static archive: a relative path, not encoded."""
    path = unquote(address).strip("/")
    name = path.rpartition("/")[2]
    return path if "." in name else f"{path}/index.html".lstrip("/")


def issue_address(slug: str, language: str, part: str = "") -> str:
    """The address of an issue in public, or of a part of it: `share`, `handout`, `qr.svg`."""
    page = f"/i/{quote(slug, safe='')}/{quote(language)}"
    return f"{page}/{part}" if part else page


def picture_address(slug: str, name: str) -> str:
    """The address of one of an issue's pictures."""
    return f"/i/{quote(slug, safe='')}/{quote(name, safe='')}"


def index_address(language: str = "") -> str:
    """The address of the list of all issues: in the campaign's language at the root, else in one language."""
    return f"/all/{quote(language)}" if language else HOME


def feed_address(feed: str, language: str = "") -> str:
    """The address of a feed: in the campaign's language at the root, else below the list in one language."""
    return f"{index_address(language)}{feed}" if language else feed
