"""What stands on the public pages, and what must never."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import date
from html import escape
from html.parser import HTMLParser
from pathlib import Path
from posixpath import dirname, normpath
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from newsletter.errors import ConfigError, NotFoundError
from newsletter.models import Issue
from newsletter.pages import (
    Page,
    Site,
    atom_feed,
    handout_page,
    index_page,
    issue_page,
    json_feed,
    live,
    people_page,
    robots,
    share_page,
    sitemap,
    static_files,
    tongue,
    trouble_page,
)
from newsletter.render import environment
from newsletter.stencil.values import clean
from newsletter.typography import without_isolates
from tests.editions import ARCHIVE, PAGES, REPOSITORY, TOML, make_config, make_edition, make_issue
from tests.pages.scene import LANGUAGES, SAMPLE, TODAY, make_site

BODY = """\
Dear {{ name | default("colleague") }},

::: only list:dentists
Only for dentists.
:::

::: callout Mind
[Read]({{ public_url }}) and {{ country | default("everywhere") }}.
:::

::: figure
![A drawing](drawing.png)

What it shows.
:::

![Elsewhere](https://www.wfpiweb.org/logo.png)

| A | B |
|---|--:|
| 1 | 2 |

[Go](https://www.imagegently.org){.button}
"""
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (1072).to_bytes(4, "big") + (568).to_bytes(4, "big") + b"\x08\x06"


def made(**words: Any) -> Issue:
    return make_issue(
        make_edition(BODY, **words),
        make_edition("Bonjour.", "fr", title="Un titre"),
        pictures={"drawing.png": PNG},
    )


class Tags(HTMLParser):
    """Every start tag with its attributes; errors of nesting are the browser's tests' matter."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def named(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


def all_pages(site: Site) -> Iterator[tuple[str, Page]]:
    for language in site.languages():
        yield f"index {language}", index_page(site, language)
    for each in site.public():
        for language in each.editions:
            for make in (issue_page, share_page, handout_page):
                yield f"{make.__name__} {language}", make(site, each.slug, language)
    for language in LANGUAGES:
        for status in (400, 404, 405, 410, 413, 418, 429, 500, 503, 599):
            yield f"trouble {language} {status}", trouble_page(site, status, language)


@pytest.mark.parametrize(
    "pages", [{}, PAGES, ARCHIVE, PAGES | ARCHIVE], ids=["none", "live", "files", "both"]
)
def test_every_page_is_sound_and_keeps_the_strict_policy(tmp_path: Path, pages: dict[str, str]) -> None:
    site = make_site(tmp_path, SAMPLE, made(), pages=pages)
    for name, page in all_pages(site):
        html, tags = page.body.decode(), Tags(page.body)
        (root,) = tags.named("html")
        assert root["lang"] and root["dir"] in {"ltr", "rtl"}, name
        assert len(tags.named("h1")) == len(tags.named("main")) == len(tags.named("title")) == 1, name
        assert not tags.named("script") and not tags.named("style"), name
        for tag, attributes in tags.tags:
            assert not [key for key in attributes if key == "style" or key.startswith("on")], (name, tag)
            assert "" not in (attributes.get("href"), attributes.get("src")), (name, tag)
        for image in tags.named("img"):
            assert image["alt"] and not urlsplit(str(image["src"])).scheme, name
        assert "{{" not in html and "PHq" not in html and "None" not in html, name
        ids = [attributes["id"] for _, attributes in tags.tags if "id" in attributes]
        assert len(ids) == len(set(ids)), name


def test_the_issue_has_the_mails_words_in_elements_that_mean_something(tmp_path: Path) -> None:
    page = issue_page(make_site(tmp_path, made()), "sample", "en")
    html, tags = page.body.decode(), Tags(page.body)
    assert "Dear colleague," in html and "everywhere" in html
    assert "Only for dentists" not in html
    assert 'role="presentation"' not in html
    assert len(tags.named("table")) == 1 and len(tags.named("figure")) == 2
    assert {
        "src": "/i/sample/drawing.png",
        "alt": "A drawing",
        "width": "1072",
        "height": "568",
    } in tags.named("img")
    assert '<a href="https://www.wfpiweb.org/logo.png">Elsewhere</a>' in html
    assert '<a href="https://news.example.org/i/sample/en">Read</a>' in html
    assert page.headers["content-language"] == "en"


@pytest.mark.parametrize(
    ("language", "body", "seen"),
    [
        ("en", "Dear {{ name }},", "Dear colleague,"),
        ("fr", "Bonjour {{ name }},", "Bonjour collègue,"),
        ("de-AT", "Guten Tag {{ name }},", "Guten Tag Kolleginnen und Kollegen,"),
        ("nl", "Beste {{ name }},", "Beste …,"),
        ("en", "Your number: {{ number }}.", "Your number: …."),
        ("en", 'Hello {{ name | default("") }}!', "Hello !"),
        ("en", "[Leave]({{ leave_url }})", '<a href="mailto:office@example.org">Leave</a>'),
        ("en", "[Mine]({{ portal }})", '<a href="mailto:office@example.org">Mine</a>'),
        (
            "en",
            '[Map](https://www.wfpiweb.org/?c={{ country | default("A&B") }})',
            "https://www.wfpiweb.org/?c=A%26B",
        ),
        ("en", '{{ name | default("<b>you</b>") }}', "&lt;b&gt;you&lt;/b&gt;"),
    ],
)
def test_what_stands_where_a_mail_has_its_reader(tmp_path: Path, language: str, body: str, seen: str) -> None:
    site = make_site(tmp_path, make_issue(make_edition(body, language)))
    assert seen in issue_page(site, "sample", language).body.decode()


def test_doses_keep_their_order_on_arabic_pages_and_in_feeds(tmp_path: Path) -> None:
    words = {"title": "جرعة 14 µSv", "description": "حزمة 5 cm", "date": TODAY}
    site = make_site(tmp_path, make_issue(make_edition("1. جرعة 8 µSv\n", "ar", **words)))
    measures = ("\u206614\u00a0µSv\u2069", "\u20665\u00a0cm\u2069", "\u20668\u00a0µSv\u2069")
    for page in (issue_page(site, "sample", "ar"), handout_page(site, "sample", "ar")):
        assert all(measure in page.body.decode() for measure in measures)
    [named] = re.findall("<title>(.*)</title>", issue_page(site, "sample", "ar").body.decode())
    assert without_isolates(named) == named
    for page in (atom_feed(site, "ar"), json_feed(site, "ar"), index_page(site, "ar")):
        assert "\u206614 µSv\u2069" in page.body.decode() and "\u20665 cm\u2069" in page.body.decode()


def test_previews_search_engines_and_other_languages_are_told(tmp_path: Path) -> None:
    site = make_site(tmp_path, made(description="What it is about."), pages=PAGES | ARCHIVE)
    tags = Tags(issue_page(site, "sample", "en").body)
    meta = {m.get("property") or m.get("name"): m.get("content") for m in tags.named("meta")}
    url = "https://archive.example.org/i/sample/en/"
    assert (
        meta["og:title"] == "A title" and meta["og:description"] == meta["description"] == "What it is about."
    )
    assert (meta["og:type"], meta["og:url"], meta["og:locale"]) == ("article", url, "en")
    assert meta["og:image"] == "https://archive.example.org/i/sample/drawing.png"
    assert meta["article:published_time"] == "2026-03-01"
    links = [(link["rel"], link.get("hreflang"), link["href"]) for link in tags.named("link")]
    assert ("canonical", None, url) in links
    assert ("alternate", "fr", "https://archive.example.org/i/sample/fr/") in links
    assert ("alternate", "x-default", url) in links
    others = [a for a in tags.named("a") if a.get("hreflang")]
    assert [(a["href"], a["lang"], a["dir"]) for a in others] == [("/i/sample/fr", "fr", "ltr")]


@pytest.mark.parametrize(
    ("pages", "files", "join"),
    [
        (PAGES, False, "/join?via=page&amp;issue=sample&amp;lang=en"),
        (PAGES, True, "https://news.example.org/join?via=page&amp;issue=sample&amp;lang=en"),
        ({}, True, "mailto:office@example.org?subject=subscribe"),
        (ARCHIVE, True, "mailto:office@example.org?subject=subscribe"),
    ],
)
def test_where_a_reader_subscribes(tmp_path: Path, pages: dict[str, str], files: bool, join: str) -> None:
    site = make_site(tmp_path, made(), pages=pages, files=files)
    assert f'href="{join}"' in issue_page(site, "sample", "en").body.decode()


def test_the_way_by_which_a_reader_came_is_passed_on_to_joining(tmp_path: Path) -> None:
    page = issue_page(make_site(tmp_path, made()), "sample", "en", via="whatsapp")
    assert 'href="/join?via=whatsapp&amp;issue=sample&amp;lang=en"' in page.body.decode()


@pytest.mark.parametrize("pages", [{}, PAGES, ARCHIVE], ids=["none", "live", "files"])
def test_every_link_between_files_leads_to_a_file(tmp_path: Path, pages: dict[str, str]) -> None:
    odd = replace(
        make_issue(make_edition("![x](gr%C3%B6%C3%9Fe%20%26%20co.png)"), pictures={"größe & co.png": PNG}),
        slug="été no 1",
    )
    files = static_files(make_site(tmp_path, SAMPLE, made(), odd, pages=pages, files=True))
    assert "i/été no 1/größe & co.png" in files
    assert {"index.html", "404.html", "site.css", "icon.svg", "robots.txt", "latest/index.html"} <= set(files)
    assert "i/sample/fr/share/index.html" in files and "i/sample/drawing.png" in files
    assert ("feed.xml" in files, "i/sample/en/qr.svg" in files) == (bool(pages), bool(pages))
    checked = 0
    for name, data in files.items():
        if not name.endswith(".html"):
            continue
        for tag, attributes in Tags(data).tags:
            target = attributes.get("src") if tag == "img" else attributes.get("href")
            if not target or urlsplit(target).scheme or target.startswith("#"):
                continue
            at = (
                unquote(target).lstrip("/")
                if name == "404.html"
                else normpath(f"{dirname(name)}/{unquote(target)}")
            )
            at = f"{at}index.html" if at.endswith("/") or not at else at.lstrip("/")
            assert at in files, f"{name} -> {target}"
            checked += 1
    assert checked > 100


def test_the_same_issues_give_the_same_bytes_in_any_process(tmp_path: Path) -> None:
    script = (
        "import hashlib, pathlib, sys; from newsletter.pages import kit_files, static_files, zipped;"
        "from tests.pages.scene import make_site; from tests.editions import ARCHIVE;"
        "s = make_site(pathlib.Path(sys.argv[1]), pages=ARCHIVE, files=True);"
        "d = hashlib.sha256(repr(sorted(static_files(s).items())).encode());"
        "d.update(zipped(kit_files(s, 'image-gently-in-dentistry'), 'kit')); print(d.hexdigest())"
    )
    found = set()
    for seed, zone in (("1", "Asia/Tokyo"), ("2", "America/Lima")):
        environ = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone}
        run = [sys.executable, "-c", script, str(tmp_path)]
        found.add(subprocess.run(run, cwd=REPOSITORY, env=environ, check=True, capture_output=True).stdout)
    assert len(found) == 1 and len(found.pop().strip()) == hashlib.sha256().digest_size * 2


def test_a_changed_page_has_another_tag(tmp_path: Path) -> None:
    site = make_site(tmp_path, made())
    one, same = (issue_page(site, "sample", "en") for _ in range(2))
    other = issue_page(make_site(tmp_path, made(title="Another")), "sample", "en")
    assert one == same and one.etag != other.etag and re.fullmatch(r'"[0-9a-f]{32}"', one.etag)


def test_atom_is_read_as_atom(tmp_path: Path) -> None:
    site = make_site(tmp_path, SAMPLE, made(description="About <it> & more"))
    feed = ET.fromstring(atom_feed(site, "fr").body)
    atom = {"a": "http://www.w3.org/2005/Atom"}
    entries = feed.findall("a:entry", atom)
    assert [e.findtext("a:id", "", atom) for e in entries] == [
        "https://news.example.org/i/image-gently-in-dentistry/fr",
        "https://news.example.org/i/sample/fr",
    ]
    assert feed.findtext("a:updated", "", atom) == "2026-11-20T12:00:00Z"
    content = entries[0].findtext("a:content", "", atom)
    assert 'src="https://news.example.org/i/image-gently-in-dentistry/collimation.png"' in content
    english = ET.fromstring(atom_feed(site, "en").body)
    assert english.findall("a:entry", atom)[1].findtext("a:summary", "", atom) == "About <it> & more"


def test_the_json_feed_and_the_sitemap_name_every_edition(tmp_path: Path) -> None:
    site = make_site(tmp_path, SAMPLE, made(), pages=ARCHIVE)
    feed = json.loads(json_feed(site, "en").body)
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert [item["url"] for item in feed["items"]] == [
        "https://archive.example.org/i/image-gently-in-dentistry/en/",
        "https://archive.example.org/i/sample/en/",
    ]
    places = re.findall(r"<loc>(.*?)</loc>", sitemap(site).body.decode())
    assert len(places) == 6 and len(set(places)) == 6
    assert b"Disallow: /p/" in robots(site).body
    assert b"Sitemap: https://archive.example.org/sitemap.xml" in robots(site).body


def test_without_an_address_there_is_no_feed(tmp_path: Path) -> None:
    site = make_site(tmp_path, pages={})
    for make in (atom_feed, json_feed):
        with pytest.raises(NotFoundError):
            make(site, "en")
    with pytest.raises(NotFoundError):
        sitemap(site)
    assert b"Sitemap" not in robots(site).body and b"feed" not in index_page(site, "en").body


def test_a_page_for_one_person_is_neither_kept_nor_indexed(tmp_path: Path) -> None:
    (tmp_path / "templates" / "pages").mkdir(parents=True)
    own = "{% extends 'pages/shell.html' %}{% block main %}<p>{{ secret }}</p>{% endblock %}"
    (tmp_path / "templates" / "pages" / "own.html").write_text(own, encoding="utf-8")
    page = people_page(make_site(tmp_path), "own.html", "ar-EG", title="<T>", secret="<s>")
    assert page.headers["cache-control"] == "no-store" and "noindex" in page.headers["x-robots-tag"]
    html = page.body.decode()
    assert "&lt;s&gt;" in html and "&lt;T&gt;" in html and '<html lang="ar" dir="rtl">' in html


def test_a_fault_in_an_own_template_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "templates" / "pages").mkdir(parents=True)
    (tmp_path / "templates" / "pages" / "issue.html").write_text("\n{{ nothing }}", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"issue\.html:2"):
        issue_page(make_site(tmp_path), SAMPLE.slug, "en")


def test_an_undated_issue_has_pages_and_feeds(tmp_path: Path) -> None:
    site = make_site(tmp_path, make_issue(make_edition(date=None)))
    assert b"<time" not in issue_page(site, "sample", "en").body
    assert b"1970-01-01T00:00:00Z" in atom_feed(site, "en").body
    assert site.public()[0].date == date.min


HOSTILE = '"><script>alert(1)</script>&amp;{% x %}\u202e'


def test_nothing_that_an_author_writes_becomes_markup(tmp_path: Path) -> None:
    toml = TOML.replace('"Sample Federation"', "'<b>\"Fed\"</b>'").replace('"Sample News"', "'<i>News</i>'")
    config = make_config(tmp_path, PAGES | ARCHIVE, toml)
    words = {"title": HOSTILE, "description": HOSTILE, "reviewed_by": HOSTILE}
    issue = make_issue(
        make_edition(f"{HOSTILE}\n\n::: steps\n1. {HOSTILE}\n:::\n".replace("{%", "("), **words)
    )
    site = Site(
        config=config,
        environment=environment(config.templates),
        issues={"sample": issue},
        today=TODAY,
        place=live(config),
    )
    for name, page in all_pages(site):
        tags = Tags(page.body)
        assert not tags.named("script") and not tags.named("b") and not tags.named("i"), name
    ET.fromstring(atom_feed(site, "en").body)
    json.loads(json_feed(site, "en").body)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(default=st.text(max_size=30), title=st.text(min_size=1, max_size=30))
def test_any_default_and_any_title_stay_words(tmp_path: Path, default: str, title: str) -> None:
    value = re.sub(r'[\x00-\x1f"\x7f-\x9f\u2028\u2029\ud800-\udfff{}]', "", default)
    shown = re.sub(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff{}]", "", title).strip() or "x"
    issue = make_issue(make_edition(f'Dear {{{{ name | default("{value}") }}}}!', title=shown))
    page = issue_page(make_site(tmp_path, issue), "sample", "en")
    tags = Tags(page.body)
    assert len(tags.named("h1")) == 1 and len(tags.named("script")) == 0
    assert escape(clean(value)) in page.body.decode().replace("&#39;", "&#x27;")


def test_an_issue_in_another_language_says_so_and_keeps_its_own_direction(tmp_path: Path) -> None:
    site = make_site(tmp_path, SAMPLE, made())
    html = index_page(site, "ar").body.decode()
    foreign, own = html.count('<article lang="en" dir="ltr">'), html.count("<article>")
    assert (foreign, own) == (1, 1)
    assert html.count('<span class="spoken">English</span>') == 1
    assert "spoken" not in index_page(site, "en").body.decode()


def test_languages_stand_in_one_order_everywhere(tmp_path: Path) -> None:
    site = make_site(tmp_path, SAMPLE)
    wanted = ["English", "Français", "العربية"]
    for page in (
        index_page(site, "ar"),
        issue_page(site, SAMPLE.slug, "fr"),
        share_page(site, SAMPLE.slug, "en"),
    ):
        (bar,) = re.findall(r'<nav class="tongues".*?</nav>', page.body.decode(), re.DOTALL)
        assert re.findall(r">([^<>]+)</(?:a|span)>", bar) == wanted
    tongues = [tongue(tag, "/x") for tag in LANGUAGES]
    page = people_page(site, "note.html", "de", title="T", texts=(), mark="", actions=(), tongues=tongues)
    (bar,) = re.findall(r'<nav class="tongues".*?</nav>', page.body.decode(), re.DOTALL)
    names = re.findall(r">([^<>]+)</a>", bar)
    assert names == ["Deutsch", "English", "Español", "Français", "Italiano", "Português", "العربية"]


def test_a_title_names_the_campaign_once_and_holds_no_unseen_mark(tmp_path: Path) -> None:
    def title(words: str) -> str:
        page = people_page(make_site(tmp_path), "note.html", "en", title=words, texts=(), mark="", actions=())
        (found,) = re.findall("<title>(.*)</title>", page.body.decode())
        return str(found)

    campaign = make_site(tmp_path).config.campaign.name
    assert title(f"Receive \u2068{campaign}\u2069") == f"Receive {campaign}"
    assert title("Your data") == f"Your data · {campaign}"


def test_fixed_french_words_keep_their_signs_beside_them(tmp_path: Path) -> None:
    html = issue_page(make_site(tmp_path), SAMPLE.slug, "fr").body.decode()
    assert "Responsable de cette lettre\u00a0:" in html and not re.search(r"[^\W\d_] [:?!;»]", html)
    english = issue_page(make_site(tmp_path), SAMPLE.slug, "en").body.decode()
    assert "Responsible for this newsletter:" in english


def test_the_name_of_an_arabic_table_has_arabic_commas(tmp_path: Path) -> None:
    table = "| أ | ب |\n|---|---|\n| ج | د |"
    site = make_site(tmp_path, make_issue(make_edition(table, "ar"), make_edition("| A | B |\n|---|---|\n")))
    assert 'aria-label="أ، ب"' in issue_page(site, "sample", "ar").body.decode()
    assert 'aria-label="A, B"' in issue_page(site, "sample", "en").body.decode()
