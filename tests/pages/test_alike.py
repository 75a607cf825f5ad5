"""One issue as a mail and as a public page in a real browser: where lines break, and where figures stand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from newsletter.pages import static_files
from tests.editions import make_config, make_edition, make_issue, rendered
from tests.pages.scene import SAMPLE, make_site
from tests.test_look import as_file
from tests.web.browser import CHROMIUM, started

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here to look at pages with")

BODY = """\
## Ask for X-rays by e-mail, not for a T-shirt

::: figure
![A round beam beside a rectangular one](collimation.png){width=200}

What it saves.
:::

[Write an e-mail](https://www.imagegently.org){.button}
"""
TITLES = {
    "en": "Children and X-rays: what's new?",
    "fr": "Enfants et radios par e-mail : quoi de neuf ?",
    "ar": "X-ray: ما الجديد؟",
}

PLACE = {"NEWSLETTER_ARCHIVE_URL": "https://news.federation.org/newsletter/dentists/archive"}

BROKEN = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (!node.parentElement.closest('h1, h2, h3, a, button')) continue;
    for (const word of node.textContent.matchAll(/(?<![\\p{L}.\\/-])\\p{L}{1,2}-\\p{L}+/gu)) {
      const range = document.createRange();
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      if (new Set([...range.getClientRects()].map(box => Math.round(box.top))).size > 1) found.push(word[0]);
    }
  }
  return found;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    """The one tab that all is looked at in."""
    with started() as found:
        yield found.new_page()


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The files, by what is in them: `mail en`, `page en`, `handout en` …"""
    folder = tmp_path_factory.mktemp("alike")
    pictures = {name: picture.data for name, picture in SAMPLE.pictures.items()}
    editions = [make_edition(BODY, language, title=title) for language, title in TITLES.items()]
    issue, config = make_issue(*editions, pictures=pictures), make_config(folder, PLACE)
    for name, data in static_files(make_site(folder, issue, pages=PLACE, files=True)).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    for name, data in pictures.items():
        (folder / name).write_bytes(data)
    found = {}
    for language in TITLES:
        found[f"mail {language}"] = folder / f"{language}.html"
        found[f"mail {language}"].write_text(as_file(rendered(config, issue, language)), encoding="utf-8")
        found[f"page {language}"] = folder / f"i/sample/{language}/index.html"
        found[f"handout {language}"] = folder / f"i/sample/{language}/handout/index.html"
    return found


@pytest.mark.parametrize("language", TITLES)
@pytest.mark.parametrize("kind", ["mail", "page"])
def test_no_title_or_button_breaks_inside_a_short_compound(
    browser: Page, seen: dict[str, Path], kind: str, language: str
) -> None:
    browser.goto(seen[f"{kind} {language}"].as_uri())
    assert "-" in (browser.text_content("h1") or "")
    for width in range(280, 700, 20):
        browser.set_viewport_size({"width": width, "height": 900})
        assert (width, browser.evaluate(BROKEN)) == (width, [])


@pytest.mark.parametrize("language", TITLES)
@pytest.mark.parametrize("kind", ["mail", "page"])
def test_a_small_figure_begins_where_the_text_does_with_its_caption(
    browser: Page, seen: dict[str, Path], kind: str, language: str
) -> None:
    script = """() => {
      const side = document.documentElement.dir === 'rtl' ? 'right' : 'left';
      return ['h2', '.figure img', '.figure .caption, figcaption p'].map(name => {
        const range = document.createRange(), found = document.querySelector(name);
        name.endsWith('img') ? range.selectNode(found) : range.selectNodeContents(found);
        return Math.round(range.getBoundingClientRect()[side]);
      });
    }"""
    browser.goto(seen[f"{kind} {language}"].as_uri())
    browser.set_viewport_size({"width": 800, "height": 900})
    assert len(set(browser.evaluate(script))) == 1


@pytest.mark.parametrize("language", TITLES)
def test_the_address_on_a_handout_breaks_behind_its_marks_only(
    browser: Page, seen: dict[str, Path], language: str
) -> None:
    script = """() => {
      const lines = [], url = document.querySelector('.url');
      const walker = document.createTreeWalker(url, NodeFilter.SHOW_TEXT);
      let top = null;
      for (let node = walker.nextNode(); node; node = walker.nextNode())
        for (let at = 0; at < node.length; at++) {
          const range = document.createRange();
          range.setStart(node, at);
          range.setEnd(node, at + 1);
          const box = range.getBoundingClientRect();
          if (top === null || box.top > top + 2) { lines.push(''); top = box.top; }
          lines[lines.length - 1] += node.textContent[at];
        }
      return lines;
    }"""
    browser.goto(seen[f"handout {language}"].as_uri())
    browser.set_viewport_size({"width": 695, "height": 1024})
    browser.emulate_media(media="print")
    lines = browser.evaluate(script)
    assert len(lines) > 1 and all(line.endswith(("/", "-")) for line in lines)
    browser.emulate_media(media="screen")
