"""Every way to pass a page on: plain links into the reader's own programs, which tell nobody anything."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from msgspec import Struct

from newsletter.links import by_channel
from newsletter.pages.site import Site
from newsletter.pages.words import words_for
from newsletter.phrases import for_language
from newsletter.share import Share, public_title, share_block

SEND = ("whatsapp", "mail")
POST = ("linkedin", "facebook", "x", "mastodon", "bluesky")
BRANDS = {
    "whatsapp": "WhatsApp",
    "linkedin": "LinkedIn",
    "facebook": "Facebook",
    "x": "X",
    "mastodon": "Mastodon",
    "bluesky": "Bluesky",
}


class ShareLink(Struct, frozen=True, kw_only=True):
    """One way: its channel word, what it is called, and where it leads."""

    channel: str
    label: str
    href: str


def share_of(site: Site, slug: str, language: str) -> Share:
    """The share block of a public edition, as in its mail: its links are absolute."""
    edition = site.edition(slug, language)
    return share_block(edition, site.config, site.links(slug, language), for_language(language))


def join_url(site: Site, slug: str, language: str, channel: str = "page") -> str:
    """Where a reader of the page subscribes: the live page, or a mail where there is none."""
    base = site.config.web.base_url
    if not base:
        return site.links(slug, language).join
    query = urlencode({"via": channel, "issue": slug, "lang": language})
    return f"{site.place.live_root(base)}/join?{query}"


def share_links(site: Site, slug: str, language: str) -> dict[str, ShareLink]:
    """The ways by channel word; only the mail where the page has no public address."""
    mail = ShareLink(
        channel="mail",
        label=words_for(language)["share_by_mail"],
        href=share_of(site, slug, language).mailto,
    )
    if not site.links(slug, language).public:
        return {"mail": mail}
    title = public_title(site.edition(slug, language))
    ways = {
        channel: ShareLink(
            channel=channel,
            label=label,
            href=_href(channel, title, shared_url(site, slug, language, channel)),
        )
        for channel, label in BRANDS.items()
    }
    return {"whatsapp": ways.pop("whatsapp"), "mail": mail, **ways}


def shared_url(site: Site, slug: str, language: str, channel: str) -> str:
    """The public page's absolute URL for one channel; empty where it has none."""
    public = site.links(slug, language).public
    return by_channel(site.config, public, channel) if public else ""


def _href(channel: str, title: str, url: str) -> str:
    address, both = quote(url, safe=""), quote(f"{title}\n{url}", safe="")
    match channel:
        case "whatsapp":
            return f"https://wa.me/?text={both}"
        case "linkedin":
            return f"https://www.linkedin.com/sharing/share-offsite/?url={address}"
        case "facebook":
            return f"https://www.facebook.com/sharer/sharer.php?u={address}"
        case "x":
            return f"https://x.com/intent/post?text={quote(title, safe='')}&url={address}"
        case "mastodon":
            return f"https://share.joinmastodon.org/#text={both}"
        case _:
            return f"https://bsky.app/intent/compose?text={both}"
