"""Suggested words for those who pass an issue on: subject lines, and a post for each network."""

from __future__ import annotations

from urllib.parse import quote

from newsletter.pages.content import read_content
from newsletter.pages.sharing import BRANDS, share_of, shared_url
from newsletter.pages.site import Site
from newsletter.pages.words import words_for
from newsletter.share import public_description, public_title

LONGEST = {"x": 280, "bluesky": 300, "mastodon": 500}
"""How long a post may be, in letters; on the others there is room for what the issue is about."""
ADDRESS = 23
"""Letters as which X and Mastodon count every address."""


def subject_lines(site: Site, slug: str, language: str, subject: str) -> list[str]:
    """Subject lines for a partner's mail; `subject` is the issue's own, without its reader."""
    edition = site.edition(slug, language)
    return list(dict.fromkeys([subject, public_title(edition), share_of(site, slug, language).mail_subject]))


def posts(site: Site, slug: str, language: str) -> dict[str, str]:
    """The text of a post by network, as long as the network allows, in its customs."""
    edition = site.edition(slug, language)
    title, description = public_title(edition), public_description(edition)
    headings = read_content(site, slug, language, quote).headings
    about = "\n".join(f"– {each}" for each in headings if each != words_for(language)["share_title"])
    found = {}
    for channel in BRANDS:
        url = shared_url(site, slug, language, channel)
        if channel == "whatsapp":
            found[channel] = _lines(f"*{title}*", description, url)
        elif channel in LONGEST:
            room = LONGEST[channel] - (len(url) if channel == "bluesky" else min(ADDRESS, len(url))) - 1
            said = next((text for text in (_lines(title, description), title) if len(text) <= room), "")
            found[channel] = _lines(said, url) or title[:room]
        else:
            found[channel] = _lines(title, description, about, url, gap="\n\n")
    return found


def _lines(*parts: str, gap: str = "\n") -> str:
    return gap.join(filter(None, parts))


def posts_file(site: Site, slug: str, language: str, subject: str) -> str:
    """posts.txt of a partner kit."""
    words = words_for(language)
    lines = [words["kit_subjects"], ""]
    lines += [f"    {line}" for line in subject_lines(site, slug, language, subject)]
    lines += ["", words["kit_before"], "", f"    {words['post_mail_intro']}", ""]
    for channel, text in posts(site, slug, language).items():
        lines += [BRANDS[channel], "-" * len(BRANDS[channel]), text, ""]
    return "\n".join(lines)
