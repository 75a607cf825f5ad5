"""The public pages in a real browser: no page is wider than its screen, all can be read, by keyboard too."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Page

from newsletter.pages import static_files
from tests.editions import PAGES, make_edition, make_issue
from tests.pages.scene import SAMPLE, make_site
from tests.test_look import HARD, UNREADABLE, WORD
from tests.web.browser import CHROMIUM, started

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here to look at pages with")

ISSUE = f"/i/{SAMPLE.slug}"
RICH = """\
## A heading

::: callout Note
[Register](https://example.org/form){.button}
:::

::: steps
1. Select.
:::

::: columns
One.

---

Two.

---

Three.
:::

www.example.org
"""
SEEN = [
    "/",
    "/all/ar/",
    "/404.html",
    *(f"{ISSUE}/{language}/" for language in ("en", "fr", "ar")),
    *(f"{ISSUE}/{language}/share/" for language in ("en", "ar")),
    f"{ISSUE}/ar/handout/",
    "/i/sample/de/",
    "/i/sample/de/share/",
    "/i/sample/de/handout/",
    "/i/sample/en/",
]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The archive as a plain web host answers with it."""
    folder = tmp_path_factory.mktemp("host")
    pictures = {name: picture.data for name, picture in SAMPLE.pictures.items()}
    hard = make_issue(
        make_edition(HARD, "de", title=f"Titel {WORD}", description=WORD * 2),
        make_edition(RICH, title="Rich"),
        pictures=pictures,
    )
    for name, data in static_files(make_site(folder, SAMPLE, hard, pages=PAGES, files=True)).items():
        path = folder / "pages" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder / "pages")))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    """The one tab that all pages are looked at in."""
    with started() as found:
        yield found.new_page()


def look(browser: Page, url: str, script: str, width: int, scheme: Any = "light") -> Any:
    browser.set_viewport_size({"width": width, "height": 900})
    browser.emulate_media(color_scheme=scheme)
    browser.goto(url)
    return browser.evaluate(script)


@pytest.mark.parametrize("path", SEEN)
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_is_wider_than_the_screen(browser: Page, host: str, path: str, width: int) -> None:
    script = """() => ({
      page: document.documentElement.scrollWidth,
      beyond: [...document.querySelectorAll('main *, header *, footer *')]
        .filter(e => !e.closest('.table, input, svg') && e.clientWidth
          && e.scrollWidth > e.clientWidth + 1)
        .map(e => e.outerHTML.slice(0, 80)),
    })"""
    assert look(browser, host + path, script, width) == {"page": width, "beyond": []}


@pytest.mark.parametrize("path", SEEN)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out_from_what_is_behind_it(browser: Page, host: str, path: str, scheme: str) -> None:
    assert look(browser, host + path, UNREADABLE, 800, scheme) == []


@pytest.mark.parametrize("path", SEEN)
def test_a_page_is_whole_and_loads_nothing_from_elsewhere(browser: Page, host: str, path: str) -> None:
    asked: list[str] = []
    browser.on("request", lambda request: asked.append(request.url))
    whole = "() => document.styleSheets.length === 1 && [...document.images].every(i => i.naturalWidth > 0)"
    assert look(browser, host + path, whole, 390)
    assert {url.split("/")[2] for url in asked} == {host.split("/")[2]}


@pytest.mark.parametrize("path", [f"{ISSUE}/en/", f"{ISSUE}/ar/share/", "/"])
def test_all_is_reached_by_keyboard_and_shows_where_it_is(browser: Page, host: str, path: str) -> None:
    count = look(
        browser, host + path, "() => document.querySelectorAll('a[href], input, [tabindex]').length", 390
    )
    here = """() => {
      const e = document.activeElement, box = e.getBoundingClientRect();
      return [e.outerHTML, getComputedStyle(e).outlineStyle, box.width > 0 && box.height > 0];
    }"""
    reached = set()
    for _ in range(count):
        browser.keyboard.press("Tab")
        html, outline, visible = browser.evaluate(here)
        assert outline != "none" and visible, html
        reached.add(html)
    assert "skip" in next(iter(sorted(reached, key=lambda html: "skip" not in html)))
    assert len(reached) >= count - 4


@pytest.mark.parametrize(("width", "first"), [(390, "whatsapp"), (1280, "mail")])
def test_whatsapp_comes_first_on_a_phone(browser: Page, host: str, width: int, first: str) -> None:
    script = """() => [...document.querySelectorAll('.share .ways li')]
      .map(e => [e.getBoundingClientRect().top, e.getBoundingClientRect().left, e.className])
      .sort((a, b) => a[0] - b[0] || a[1] - b[1])[0][2]"""
    assert look(browser, f"{host}{ISSUE}/en/", script, width) == f"way-{first}"


def test_the_ways_to_share_stand_in_the_middle(browser: Page, host: str) -> None:
    script = """() => {
      const box = document.querySelector('.share .ways').getBoundingClientRect();
      const all = [...document.querySelectorAll('.share .ways li')].map(e => e.getBoundingClientRect());
      const row = all.filter(b => b.top === all[0].top);
      const left = Math.min(...row.map(b => b.left)) - box.left;
      return [row.length, Math.abs(left - (box.right - Math.max(...row.map(b => b.right))))];
    }"""
    together, askew = look(browser, f"{host}{ISSUE}/en/", script, 1280)
    assert together > 2 and askew < 2


def test_targets_are_large_enough_for_a_thumb(browser: Page, host: str) -> None:
    script = """() => [...document.querySelectorAll('.button, .tongues a')]
      .map(e => e.getBoundingClientRect()).filter(b => b.height < 34 || b.width < 34).length"""
    for path in SEEN:
        assert look(browser, host + path, script, 390) == 0, path


def test_the_words_of_a_picture_that_is_not_shown_are_dark_on_white_in_the_dark(
    browser: Page, host: str
) -> None:
    script = "() => getComputedStyle(document.querySelector('.prose img')).color"
    assert look(browser, f"{host}{ISSUE}/en/", script, 390, "dark") == "rgb(34, 49, 58)"


def test_headings_of_an_issue_stand_out(browser: Page, host: str) -> None:
    script = """() => {
      const style = getComputedStyle(document.querySelectorAll('.prose h2')[1]);
      return [style.fontSize, style.marginTop];
    }"""
    assert look(browser, f"{host}{ISSUE}/en/", script, 390) == ["24px", "44px"]


def test_what_looks_like_a_button_keeps_its_shape_in_forced_colours(browser: Page, host: str) -> None:
    shapes = """() => ['.callout .button', '.share .button', '.share .quiet', '.steps > li']
      .map(name => getComputedStyle(document.querySelector(name), name.endsWith('li') ? '::before' : null))
      .map(style => [style.borderTopStyle, parseFloat(style.borderTopWidth)])"""
    assert look(browser, f"{host}/i/sample/en/", shapes, 390) == [["solid", 2]] * 4
    shown = "() => getComputedStyle(document.querySelector('.tongues span')).outlineStyle"
    assert look(browser, f"{host}/i/sample/en/", shown, 390) == "solid"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", [".prose .button", ".tongues a", ".join .button"])
def test_the_ring_around_what_has_the_focus_can_be_seen(
    browser: Page, host: str, scheme: str, name: str
) -> None:
    ring = f"""() => {{
      const e = document.querySelector({name!r});
      e.focus({{focusVisible: true}});
      const light = colour => colour.match(/[\\d.]+/g).slice(0, 3).map(part => part / 255)
        .map(part => part <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4)
        .reduce((sum, part, at) => sum + part * [.2126, .7152, .0722][at], .05);
      let behind = e.parentElement;
      while (getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)') behind = behind.parentElement;
      const two = [getComputedStyle(e).outlineColor, getComputedStyle(behind).backgroundColor].map(light);
      return Math.max(...two) / Math.min(...two);
    }}"""
    assert look(browser, f"{host}/i/sample/en/", ring, 800, scheme) >= 3


def test_links_on_paper_show_where_they_lead(browser: Page, host: str) -> None:
    browser.emulate_media(media="print")
    script = """() => [...document.querySelectorAll('a')]
      .map(e => getComputedStyle(e, '::after').content).filter(c => c !== 'none')"""
    found = look(browser, f"{host}/i/sample/en/", script, 800)
    browser.emulate_media(media="screen")
    assert len(found) == 1 and "https://example.org/form" in found[0]


def test_three_columns_stand_side_by_side_where_there_is_room(browser: Page, host: str) -> None:
    script = (
        """() => [...document.querySelectorAll('.columns > div')].map(e => e.getBoundingClientRect().top)"""
    )
    assert len(set(look(browser, f"{host}/i/sample/en/", script, 1280))) == 1
    assert len(set(look(browser, f"{host}/i/sample/en/", script, 390))) == 3


def test_no_word_of_a_button_is_broken_on_a_narrow_phone(browser: Page, host: str) -> None:
    script = (
        """() => [...document.querySelectorAll('.ways .button')].map(e => e.getBoundingClientRect().height)"""
    )
    assert max(look(browser, f"{host}{ISSUE}/en/", script, 320)) < 60
