"""Which editions are public, on which day, in which order, and where their pages stand."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from newsletter.errors import NotFoundError
from newsletter.models import Edition, Issue
from newsletter.pages import Place, index_page, issue_page, latest, picture, qr_image, static_files
from newsletter.pages.place import file_of
from newsletter.pages.site import is_public
from tests.editions import ARCHIVE, PAGES, make_edition, make_issue
from tests.pages.scene import SAMPLE, TODAY, make_site


def issue(slug: str, *editions: Edition) -> Issue:
    return replace(make_issue(*editions), slug=slug)


@pytest.mark.parametrize(
    ("facts", "public"),
    [
        ({}, True),
        ({"date": None}, True),
        ({"date": TODAY}, True),
        ({"date": date(2026, 12, 2)}, False),
        ({"draft": True}, False),
        ({"draft": True, "date": None}, False),
    ],
)
def test_what_is_public_today(facts: dict[str, Any], public: bool) -> None:
    assert is_public(make_edition(**facts), TODAY) is public


def test_issues_stand_newest_first_and_only_with_public_editions(tmp_path: Path) -> None:
    site = make_site(
        tmp_path,
        issue("old", make_edition(date=date(2026, 1, 1))),
        issue("undated", make_edition(date=None)),
        issue("new", make_edition(date=date(2026, 3, 3)), make_edition(language="fr", draft=True)),
        issue("hidden", make_edition(draft=True)),
        issue("later", make_edition(date=date(2027, 1, 1))),
    )
    assert [each.slug for each in site.public()] == ["new", "old", "undated"]
    assert list(site.issue("new").editions) == ["en"]
    assert site.languages() == ("en",)
    assert latest(site, "fr") == ("new", "en")
    html = index_page(site, "en").body.decode()
    assert html.index("/i/new/en") < html.index("/i/old/en") < html.index("/i/undated/en")
    assert "hidden" not in html and "later" not in html and "/fr" not in html


@pytest.mark.parametrize(
    ("slug", "language"), [("hidden", "en"), ("nothing", "en"), ("new", "fr"), ("new", "de"), ("..", "en")]
)
def test_what_is_not_public_is_not_found(tmp_path: Path, slug: str, language: str) -> None:
    site = make_site(
        tmp_path,
        issue("new", make_edition(), make_edition(language="fr", draft=True)),
        issue("hidden", make_edition(draft=True)),
    )
    for page in (issue_page, qr_image):
        with pytest.raises(NotFoundError):
            page(site, slug, language)


def test_a_site_without_public_issues_has_a_list_and_nothing_newest(tmp_path: Path) -> None:
    site = make_site(tmp_path, issue("hidden", make_edition(draft=True)))
    with pytest.raises(NotFoundError):
        latest(site, "en")
    assert "No issue has been published yet." in index_page(site, "en").body.decode()


def test_no_picture_is_public_that_no_public_page_shows(tmp_path: Path) -> None:
    body = "![Seen](seen%20it.png)\n\n::: only tag:board\n![Board](board.png)\n:::\n"
    names = ("seen it.png", "board.png", "next.png", "draft.png", "leftover.png")
    parted = make_issue(
        make_edition(body),
        make_edition("![A](next.png)", "fr", date=date(2026, 12, 2)),
        make_edition("![B](draft.png)", "de", draft=True),
        pictures=dict.fromkeys(names, b"\x89PNG\r\n\x1a\n"),
    )
    site = make_site(tmp_path, parted, files=True)
    assert [name for name in static_files(site) if name.endswith(".png")] == ["i/sample/seen it.png"]
    assert picture(site, "sample", names[0]).body
    for name in names[1:]:
        with pytest.raises(NotFoundError):
            picture(site, "sample", name)


def test_pictures_are_served_by_their_own_names_only(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    found = picture(site, SAMPLE.slug, "collimation.png")
    assert (found.content_type, found.body) == ("image/png", SAMPLE.pictures["collimation.png"].data)
    for name in ("en.md", "../en.md", "collimation.svg", ""):
        with pytest.raises(NotFoundError):
            picture(site, SAMPLE.slug, name)


@pytest.mark.parametrize(
    ("place", "target", "here", "link"),
    [
        (Place(), "/i/a/en", "/i/a/fr", "/i/a/en"),
        (Place(prefix="/news"), "/site.css", "/", "/news/site.css"),
        (Place(static=True), "/i/a/en", "/i/a/fr", "../en/index.html"),
        (Place(static=True), "/site.css", "/", "site.css"),
        (Place(static=True), "/", "/i/a/en/share", "../../../../index.html"),
        (Place(static=True), "/i/a/b%20c.png", "/i/a/en", "../b%20c.png"),
        (Place(static=True, prefix="/news"), "/", "/404.html", "/news/"),
        (Place(static=True, prefix="/news"), "/site.css", "/404.html", "/news/site.css"),
        (Place(static=True), "/", "/404.html", "/"),
        (Place(static=True, housed=False), "/", "/404.html", "index.html"),
        (Place(static=True, housed=False), "/i/a/en", "/404.html", "i/a/en/index.html"),
    ],
)
def test_how_one_page_links_to_another(place: Place, target: str, here: str, link: str) -> None:
    assert place.link(target, here) == link


@pytest.mark.parametrize(
    ("address", "file"),
    [("/", "index.html"), ("/latest", "latest/index.html"), ("/i/v1.2/en", "i/v1.2/en/index.html")],
)
def test_the_file_of_an_address(address: str, file: str) -> None:
    assert file_of(address) == file


@pytest.mark.parametrize(
    ("pages", "page", "picture"),
    [
        ({}, "", ""),
        (PAGES, "https://news.example.org/i/a/en", "https://news.example.org/i/a/b.png"),
        (ARCHIVE, "https://archive.example.org/i/a/en/", "https://archive.example.org/i/a/b.png"),
        (PAGES | ARCHIVE, "https://archive.example.org/i/a/en/", "https://archive.example.org/i/a/b.png"),
    ],
)
def test_the_archive_is_the_one_absolute_address(
    tmp_path: Path, pages: dict[str, str], page: str, picture: str
) -> None:
    site = make_site(tmp_path, pages=pages)
    assert (site.absolute("/i/a/en"), site.absolute("/i/a/b.png")) == (page, picture)
    assert site.absolute("/i/sample/en") == site.links("sample", "en").public
