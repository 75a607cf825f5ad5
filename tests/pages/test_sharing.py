"""The ways to share: where each leads, what it carries, and how it is counted."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from newsletter.links import by_channel
from newsletter.pages import share_page
from newsletter.pages.posts import LONGEST, posts
from newsletter.pages.sharing import share_links
from tests.editions import ARCHIVE, PAGES, make_config, make_edition, make_issue
from tests.pages.scene import LANGUAGES, SAMPLE, make_site

LIVE = "https://news.example.org/i/sample/en"


@pytest.mark.parametrize(
    ("channel", "starts"),
    [
        ("whatsapp", "https://wa.me/?text="),
        ("mail", "mailto:?subject="),
        ("linkedin", "https://www.linkedin.com/sharing/share-offsite/?url="),
        ("facebook", "https://www.facebook.com/sharer/sharer.php?u="),
        ("x", "https://x.com/intent/post?text="),
        ("mastodon", "https://share.joinmastodon.org/#text="),
        ("bluesky", "https://bsky.app/intent/compose?text="),
    ],
)
def test_a_way_leads_to_the_readers_own_program_with_the_page_and_its_channel(
    tmp_path: Path, channel: str, starts: str
) -> None:
    ways = share_links(make_site(tmp_path, make_issue(make_edition(title="A & B?"))), "sample", "en")
    href = ways[channel].href
    assert href.startswith(starts)
    assert f"{LIVE}?via={channel}" in unquote(href)
    assert ways[channel].channel == channel and ways[channel].label
    if channel not in {"linkedin", "facebook"}:
        assert "A & B?" in unquote(href) and "A & B" not in href


def test_the_mail_that_a_reader_sends_leads_to_whole_addresses(tmp_path: Path) -> None:
    site = make_site(tmp_path, make_issue(make_edition()))
    body = unquote(share_links(site, "sample", "en")["mail"].href.partition("&body=")[2])
    links = [line for line in body.split("\r\n") if "/" in line]
    assert links == [f"{LIVE}?via=mail", "https://news.example.org/join?via=forward&issue=sample"]


def test_the_social_sites_get_the_whole_address_back(tmp_path: Path) -> None:
    ways = share_links(make_site(tmp_path, make_issue(make_edition())), "sample", "en")
    for channel, key in (("linkedin", "url"), ("facebook", "u"), ("x", "url")):
        assert parse_qs(urlsplit(ways[channel].href).query)[key] == [f"{LIVE}?via={channel}"]


@pytest.mark.parametrize("pages", [ARCHIVE, PAGES | ARCHIVE])
def test_links_into_the_archive_carry_no_channel(tmp_path: Path, pages: dict[str, str]) -> None:
    ways = share_links(make_site(tmp_path, make_issue(make_edition()), pages=pages), "sample", "en")
    for way in ways.values():
        shared = unquote(way.href)
        assert (
            "https://archive.example.org/i/sample/en/" in shared
            and "archive.example.org/i/sample/en/?" not in shared
        )


@pytest.mark.parametrize(
    ("url", "found"),
    [
        (LIVE, f"{LIVE}?via=qr"),
        (f"{LIVE}?a=b", f"{LIVE}?a=b&via=qr"),
        ("https://news.example.org", "https://news.example.org?via=qr"),
        ("https://news.example.org.evil.example/i", "https://news.example.org.evil.example/i"),
        ("https://archive.example.org/i/sample/en/", "https://archive.example.org/i/sample/en/"),
        ("", ""),
    ],
)
def test_only_links_to_the_live_pages_say_how_they_travelled(tmp_path: Path, url: str, found: str) -> None:
    assert by_channel(make_config(tmp_path, PAGES), url, "qr") == found


def test_without_a_public_address_the_mail_is_left(tmp_path: Path) -> None:
    site = make_site(tmp_path, make_issue(make_edition()), pages={})
    assert list(share_links(site, "sample", "en")) == ["mail"]
    html = share_page(site, "sample", "en").body.decode()
    assert "no public address yet" in html and "qr.svg" not in html and "<input" not in html


def test_the_share_page_offers_every_way(tmp_path: Path) -> None:
    html = share_page(make_site(tmp_path, make_issue(make_edition())), "sample", "en").body.decode()
    for way in share_links(make_site(tmp_path, make_issue(make_edition())), "sample", "en").values():
        assert way.href in unescape(html)
    assert f">{LIVE}?via=link<" in html
    assert "/i/sample/en/qr.svg" in html and "/i/sample/en/handout" in html
    for outside in re.findall(r"<a [^>]*href=\"https:[^>]*>", html):
        assert 'rel="noopener noreferrer"' in outside


@pytest.mark.parametrize("language", LANGUAGES)
def test_posts_are_as_long_as_their_network_allows(tmp_path: Path, language: str) -> None:
    long = make_edition("Text.", language, title="T" * 120, description="d" * 180)
    site = make_site(tmp_path, make_issue(long))
    found = posts(site, "sample", language)
    for channel, text in found.items():
        assert f"{LIVE[:-2]}{language}?via={channel}" in text
        short = text if channel == "bluesky" else re.sub(r"https:\S+", "u" * 23, text)
        assert len(short) <= LONGEST.get(channel, 3000)
    assert "d" * 180 in found["linkedin"] and "d" * 180 not in found["x"]


def test_posts_follow_the_customs_of_their_networks(tmp_path: Path) -> None:
    body = "## What changed\n\nThat.\n\n### In detail\n\n## For {{ name }}\n\nThis.\n"
    site = make_site(tmp_path, make_issue(make_edition(body, title="What's new?", description="All of it.")))
    found = posts(site, "sample", "en")
    assert found["whatsapp"] == f"*What's new?*\nAll of it.\n{LIVE}?via=whatsapp"
    assert found["x"] == f"What's new?\nAll of it.\n{LIVE}?via=x"
    assert found["facebook"] == f"What's new?\n\nAll of it.\n\n– What changed\n\n{LIVE}?via=facebook"


def test_the_sample_issue_is_shared_in_each_of_its_languages(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    for language in SAMPLE.editions:
        assert len(share_links(site, SAMPLE.slug, language)) == 7
