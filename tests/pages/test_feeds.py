"""Feeds: one for each language, and the pages that lead to them."""

from __future__ import annotations

import json
from pathlib import Path
from posixpath import dirname, normpath
from xml.etree import ElementTree as ET

import pytest

from newsletter.pages import static_files, trouble_page
from tests.editions import ARCHIVE, PAGES
from tests.pages.scene import SAMPLE, make_site
from tests.pages.test_pages import Tags, made

EACH = pytest.mark.parametrize("pages", [PAGES, ARCHIVE, PAGES | ARCHIVE], ids=["live", "files", "both"])
PATHS = {"en": "feed.", "ar": "all/ar/feed.", "fr": "all/fr/feed."}
ATOM = {"a": "http://www.w3.org/2005/Atom"}
LANG = "{http://www.w3.org/XML/1998/namespace}lang"


@EACH
def test_every_language_has_its_feeds(tmp_path: Path, pages: dict[str, str]) -> None:
    site = make_site(tmp_path, SAMPLE, made(), pages=pages, files=True)
    files, known = static_files(site), set()
    assert {name for name in files if name.endswith("feed.xml")} == {f"{path}xml" for path in PATHS.values()}
    for language, path in PATHS.items():
        home = site.absolute(f"/{path.removesuffix('feed.').rstrip('/')}")
        atom = ET.fromstring(files[f"{path}xml"])
        links = {link.attrib["rel"]: link.attrib["href"] for link in atom.findall("a:link", ATOM)}
        assert atom.get(LANG) == language
        assert links == {"self": site.absolute(f"/{path}xml"), "alternate": home}
        known.add(atom.findtext("a:id", "", ATOM))
        feed = json.loads(files[f"{path}json"])
        assert (feed["language"], feed["home_page_url"]) == (language, home)
        assert feed["feed_url"] == site.absolute(f"/{path}json")
        second = "en" if language == "ar" else language
        assert [item["language"] for item in feed["items"]] == [language, second]
    assert len(known) == len(PATHS)


@EACH
def test_the_pages_of_a_language_lead_to_its_feeds(tmp_path: Path, pages: dict[str, str]) -> None:
    files = static_files(make_site(tmp_path, pages=pages, files=True))
    for language, path in PATHS.items():
        here = f"i/{SAMPLE.slug}/{language}/index.html"
        links = [link for link in Tags(files[here]).named("link") if "feed." in (link["href"] or "")]
        assert [(link["rel"], link["hreflang"], link["type"]) for link in links] == [
            ("alternate", language, "application/atom+xml"),
            ("alternate", language, "application/feed+json"),
        ]
        targets = [normpath(f"{dirname(here)}/{link['href']}") for link in links]
        assert targets == [f"{path}xml", f"{path}json"]


def test_pages_in_a_language_without_issues_lead_to_the_campaigns_feed(tmp_path: Path) -> None:
    page = trouble_page(make_site(tmp_path), 404, "de")
    links = {link.get("hreflang"): link["href"] for link in Tags(page.body).named("link") if "type" in link}
    assert links == {"en": "/feed.json"}
    french = trouble_page(make_site(tmp_path), 404, "fr")
    assert '<a href="/all/fr/feed.xml">' in french.body.decode()
