"""Suggested words for those who pass an issue on: subject lines, and a post for each network."""

from __future__ import annotations

from newsletter.pages.sharing import BRANDS, share_of, shared_url
from newsletter.pages.site import Site
from newsletter.pages.words import words_for
from newsletter.phrases import fill
from newsletter.share import public_description, public_title

LONGEST = {"x": 280, "bluesky": 300, "mastodon": 500}
"""How long a post may be, in letters; X counts every address as 23."""


def subject_lines(site: Site, slug: str, language: str, subject: str) -> list[str]:
    """Subject lines for a partner's mail; `subject` is the issue's own, without its reader."""
    edition = site.edition(slug, language)
    return list(dict.fromkeys([subject, public_title(edition), share_of(site, slug, language).mail_subject]))


def posts(site: Site, slug: str, language: str) -> dict[str, str]:
    """The text of a post by network, as long as its network allows."""
    edition = site.edition(slug, language)
    title, description = public_title(edition), public_description(edition)
    whole = fill(words_for(language)["post"], title=title, description=description) if description else title
    found = {}
    for channel in BRANDS:
        url = shared_url(site, slug, language, channel)
        choices = ["\n".join(filter(None, (text, url))) for text in (whole, title)]
        longest = LONGEST.get(channel, 3000)
        found[channel] = next((text for text in choices if len(text) <= longest), url or title[:longest])
    return found


def posts_file(site: Site, slug: str, language: str, subject: str) -> str:
    """posts.txt of a partner kit."""
    words = words_for(language)
    lines = [words["kit_subjects"], ""]
    lines += [f"    {line}" for line in subject_lines(site, slug, language, subject)]
    lines += ["", words["kit_before"], "", f"    {words['post_mail_intro']}", ""]
    for channel, text in posts(site, slug, language).items():
        lines += [BRANDS[channel], "-" * len(BRANDS[channel]), text, ""]
    return "\n".join(lines)
