"""Public pages over HTTP: languages, tags, caches, and where the newest issue is."""

from __future__ import annotations

import pytest

from newsletter.web.voice import choose, wanted_languages
from tests.web.served import Served

SLUG = "image-gently-in-dentistry"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html"),
        ("/all/ar", "text/html"),
        (f"/i/{SLUG}/en", "text/html"),
        (f"/i/{SLUG}/en/", "text/html"),
        (f"/i/{SLUG}/fr/share", "text/html"),
        (f"/i/{SLUG}/fr/handout", "text/html"),
        (f"/i/{SLUG}/fr/qr.svg", "image/svg+xml"),
        (f"/i/{SLUG}/collimation.png", "image/png"),
        ("/feed.xml", "application/atom+xml"),
        ("/feed.json", "application/feed+json"),
        ("/all/fr/feed.xml", "application/atom+xml"),
        ("/all/ar/feed.json", "application/feed+json"),
        ("/sitemap.xml", "application/xml"),
        ("/robots.txt", "text/plain"),
        ("/site.css", "text/css"),
        ("/icon.svg", "image/svg+xml"),
    ],
)
def test_public_pages_have_a_tag_and_may_be_kept(served: Served, path: str, kind: str) -> None:
    with served.client() as client:
        first = client.get(path)
        assert first.status_code == 200 and first.headers["content-type"].startswith(kind)
        assert "public" in first.headers["cache-control"] or "max-age" in first.headers["cache-control"]
        tag = first.headers["etag"]
        for sent in (tag, f'"other", W/{tag}'):
            again = client.get(path, headers={"If-None-Match": sent})
            assert again.status_code == 304 and again.content == b"" and again.headers["etag"] == tag
        assert client.get(path, headers={"If-None-Match": '"other"'}).content == first.content
        open_to_all = kind.startswith(("image/", "application/"))
        own = first.headers["cross-origin-resource-policy"]
        assert own == ("cross-origin" if open_to_all else "same-origin")


@pytest.mark.parametrize(
    "path",
    [
        "/all/xx",
        "/all/de/feed.xml",
        "/all/xx/feed.json",
        "/all/fr/sitemap.xml",
        f"/i/{SLUG}/xx",
        "/i/none/en",
        f"/i/{SLUG}/none.png",
        f"/i/{SLUG}/en/none",
        f"/i/{SLUG}/en/qr.svg/x",
    ],
)
def test_what_is_not_there_is_404(served: Served, path: str) -> None:
    with served.client() as client:
        assert client.get(path).status_code == 404


def test_the_newest_issue_is_one_step_away_in_the_readers_language(served: Served) -> None:
    with served.client() as client:
        for header, language in (("fr-CA, en;q=0.5", "fr"), ("ar", "ar"), ("ja", "en"), ("", "en")):
            answer = client.get("/latest", headers={"Accept-Language": header})
            assert answer.status_code == 302 and answer.headers["location"] == f"/i/{SLUG}/{language}"
            assert answer.headers["vary"] == "Accept-Language"
        assert client.get("/latest/ar").headers["location"] == f"/i/{SLUG}/ar"
        answer = client.get(f"/i/{SLUG}", headers={"Accept-Language": header})
        assert (
            answer.headers["location"]
            == client.get("/latest", headers={"Accept-Language": header}).headers["location"]
        )
        assert client.get("/i/no-such-issue").status_code == 404
        assert client.get("/latest?via=qr").headers["location"].endswith("?via=qr")
        assert "via=" not in client.get("/latest?via=spam").headers["location"]


def test_the_list_of_issues_speaks_the_readers_language(served: Served) -> None:
    with served.client() as client:
        arabic = client.get("/", headers={"Accept-Language": "ar"})
        assert 'lang="ar" dir="rtl"' in arabic.text and arabic.headers["vary"] == "Accept-Language"
        assert 'lang="en"' in client.get("/").text


def test_each_language_has_a_feed_of_its_own_and_the_campaigns_stays_where_it_was(served: Served) -> None:
    with served.client() as client:
        for path, language in (
            ("/feed.json", "en"),
            ("/all/fr/feed.json", "fr"),
            ("/all/ar/feed.json", "ar"),
        ):
            feed = client.get(path).json()
            assert feed["feed_url"] == f"{served.base}{path}"
            assert (feed["language"], feed["items"][0]["url"]) == (
                language,
                f"{served.base}/i/{SLUG}/{language}",
            )
        assert client.get("/all/en/feed.json").json() == client.get("/feed.json").json()
        assert 'hreflang="ar" title="Sample News" href="/all/ar/feed.xml"' in client.get("/all/ar").text


def test_a_shared_links_channel_goes_on_to_joining(served: Served) -> None:
    with served.client() as client:
        assert "via=whatsapp" in client.get(f"/i/{SLUG}/en?via=whatsapp").text
        assert "via=evil" not in client.get(f"/i/{SLUG}/en?via=evil").text


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ("", []),
        ("fr", ["fr"]),
        ("fr;q=0.2, ar", ["ar", "fr"]),
        ("en;q=0", []),
        ("*, de", ["de"]),
        ("de;q=abc, es", ["es"]),
        (", ,;;", []),
    ],
)
def test_accept_language(header: str, tags: list[str]) -> None:
    assert wanted_languages(header) == tags


@pytest.mark.parametrize(
    ("header", "chosen"),
    [("pt-BR", "pt"), ("PT-br, en", "pt"), ("zh, de-AT", "de"), ("zh", "en"), ("en-GB", "en")],
)
def test_the_best_of_what_is_offered(header: str, chosen: str) -> None:
    assert choose(("de", "en", "pt"), header, "en") == chosen
