"""Mails in a real browser: nothing is wider than its screen, pictures load, text can be read in dark mode."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from newsletter.issue import load_issue
from newsletter.models import Issue, RenderedEdition
from newsletter.render import environment
from newsletter.sample import SLUG
from newsletter.stencil import fill_html
from tests.editions import PAGES, REPOSITORY, make_config, make_edition, make_issue, rendered
from tests.web.browser import CHROMIUM, started

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here to look at mails with")

WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
LINK = "https://www.imagegently.org/a-very-long-address/that-does-not-end-soon/because_it_has_many_parts.aspx?x=1"
HARD = f"""\
{LINK} and www.acr.org/{WORD}

## {WORD}

| A | B | C | D | E |
|--:|--:|--:|--:|--:|
| 12.5 | 13.5 | 100.25 | 7 | 1,200 |

| Film | {WORD} |
|---|---|
| {WORD} | {LINK} |

| Receptor | Rectangular | Extraoral exam | Diagnostic need | Explanation | Orthodontics | Year |
|---|---|---|---|---|---|---|
| F-speed | Collimation | Panoramic | Orthodontics | Individual decision | Orthodontics | 2024 |

::: columns
An inline ![picture](collimation.png){{width=24}} one.

---

Second, {WORD}.
:::

::: callout {WORD}
{WORD} `{LINK}`
:::

::: steps
1. {WORD}
2. {LINK}
:::

Some words.

> {WORD}

```
{LINK}{LINK}
```

- {WORD}

[{WORD}](https://www.acr.org){{.button}}
"""

SAMPLE = load_issue(REPOSITORY, SLUG)
CONTENTS = ("sample ar", "sample en", "sample fr", "hard de", "hard ar")

UNREADABLE = """() => {
  const parts = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const linear = c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    const [x, y, z] = [r, g, b].map(c => linear(c / 255));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = parts(getComputedStyle(e).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.replace(/[\\s\\u200b]/g, '') || !element.checkVisibility()) continue;
    const colours = [parts(getComputedStyle(element).color), behind(element)];
    const [one, other] = colours.map(light).sort((a, b) => b - a);
    if ((one + 0.05) / (other + 0.05) < 4.5) found.push(node.textContent.trim().slice(0, 40));
  }
  return found;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Page]:
    """The one tab that all mails are looked at in."""
    with started() as found:
        yield found.new_page()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The mails as files, by what is in them."""
    folder = tmp_path_factory.mktemp("mails")
    config = make_config(folder, PAGES)
    for picture in SAMPLE.pictures.values():
        (folder / picture.name).write_bytes(picture.data)
    pictures = {name: picture.data for name, picture in SAMPLE.pictures.items()}
    found = {}
    for content in CONTENTS:
        kind, language = content.split()
        hard = make_issue(make_edition(HARD, language, title=f"Titel {WORD}"), pictures=pictures)
        issue: Issue = SAMPLE if kind == "sample" else hard
        found[content] = folder / f"{kind}-{language}.html"
        found[content].write_text(as_file(rendered(config, issue, language)), encoding="utf-8")
    return found


def as_file(edition: RenderedEdition) -> str:
    values = {field.name: field.default or "https://news.example.org/x" for field in edition.fields}
    return fill_html(edition, values).replace('src="cid:', 'src="')


def look(browser: Page, page: Path, script: str, width: int, scheme: Any = "light") -> Any:
    browser.set_viewport_size({"width": width, "height": 900})
    browser.emulate_media(color_scheme=scheme)
    browser.goto(page.as_uri())
    return browser.evaluate(script)


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("width", [320, 390, 800])
def test_nothing_is_wider_than_the_screen(
    browser: Page, pages: dict[str, Path], content: str, width: int
) -> None:
    script = """() => ({
      page: document.documentElement.scrollWidth,
      card: document.querySelector('.middle').getBoundingClientRect().width,
      beyond: [...document.querySelectorAll('.middle *')]
        .filter(e => !e.closest('.table') && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0)
        .map(e => e.outerHTML.slice(0, 80)),
    })"""
    seen = look(browser, pages[content], script, width)
    assert seen["page"] <= width and seen["card"] <= min(width, 600)
    assert seen["beyond"] == []


@pytest.mark.parametrize("content", CONTENTS)
def test_every_picture_loads(browser: Page, pages: dict[str, Path], content: str) -> None:
    script = "() => [...document.images].map(i => i.complete && i.naturalWidth > 0)"
    assert look(browser, pages[content], script, 390) == [True]


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_stands_out_from_what_is_behind_it(
    browser: Page, pages: dict[str, Path], content: str, scheme: str
) -> None:
    assert look(browser, pages[content], UNREADABLE, 800, scheme) == []


def test_unreadable_text_would_be_noticed(browser: Page, tmp_path: Path) -> None:
    page = tmp_path / "faint.html"
    page.write_text("<div style='background:#777'><p style='color:#666'>faint</p><p>fine</p></div>")
    assert look(browser, page, UNREADABLE, 390) == ["faint"]


@pytest.mark.parametrize("content", ["sample en", "sample ar"])
def test_boxes_stand_in_line_with_the_text_on_a_phone(
    browser: Page, pages: dict[str, Path], content: str
) -> None:
    script = """() => ['.content > p', '.callout', '.figure', '.share', '.table'].map(name => {
      const box = document.querySelector(name).getBoundingClientRect();
      return [Math.round(box.left), Math.round(box.right)];
    })"""
    assert look(browser, pages[content], script, 390) == [[20, 370]] * 5


def test_words_of_a_table_are_broken_only_where_they_must_be(browser: Page, pages: dict[str, Path]) -> None:
    script = """() => [...document.querySelectorAll('.data')].map(table =>
      [...table.rows[table.rows.length - 1].cells].filter(cell => {
        const range = document.createRange();
        range.selectNodeContents(cell);
        return range.getClientRects().length > 1;
      }).map(cell => cell.textContent.slice(0, 10)))"""
    numbers, long, wide = look(browser, pages["hard de"], script, 390)
    assert numbers == [] and len(long) == 2
    assert set(wide) <= {"Individual"}


def test_columns_are_apart_on_a_phone_and_side_by_side_on_a_desk(
    browser: Page, pages: dict[str, Path]
) -> None:
    script = """() => [...document.querySelectorAll('.column')].map(column => {
      const box = column.getBoundingClientRect();
      return [box.top, parseFloat(getComputedStyle(column).borderTopWidth), column.clientWidth];
    })"""
    for width, room in ((390, 350), (500, 420)):
        first, second = look(browser, pages["hard de"], script, width)
        assert second[0] > first[0] and (first[1], second[1]) == (0, 1) and first[2] == room
    first, second = look(browser, pages["hard de"], script, 800)
    assert second[0] == first[0] and second[1] == 0


def test_what_is_behind_a_small_picture_in_the_dark_is_no_wider(browser: Page, tmp_path: Path) -> None:
    picture = SAMPLE.pictures["collimation.png"].data
    issue = make_issue(make_edition("![One](a.png){width=80}\n"), pictures={"a.png": picture})
    page = tmp_path / "page.html"
    (tmp_path / "a.png").write_bytes(picture)
    page.write_text(as_file(rendered(make_config(tmp_path), issue)), encoding="utf-8")
    assert look(browser, page, "() => document.querySelector('.picture').offsetWidth", 390, "dark") == 100


def test_a_picture_that_is_not_shown_can_be_read(browser: Page, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    issue = make_issue(make_edition(f"![{'Some words. ' * 20}](a.png){{width=300}}\n"))
    page.write_text(as_file(rendered(make_config(tmp_path), issue)), encoding="utf-8")
    script = "() => getComputedStyle(document.images[0]).lineHeight"
    assert 20 < float(look(browser, page, script, 390).removesuffix("px")) < 24


def test_the_words_of_a_picture_that_is_not_shown_are_dark_on_white_in_the_dark(
    browser: Page, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    issue = make_issue(make_edition("![Some words](a.png)\n\nAn inline ![picture](a.png) one.\n"))
    page.write_text(as_file(rendered(make_config(tmp_path), issue)), encoding="utf-8")
    script = """() => [...document.images].map(i => getComputedStyle(i))
      .map(style => [style.color, style.backgroundColor])"""
    shown, inline = look(browser, page, script, 390, "dark")
    assert shown == ["rgb(34, 49, 58)", "rgb(255, 255, 255)"]
    assert inline[1] == "rgba(0, 0, 0, 0)"


def test_a_list_in_a_list_leaves_no_hole(browser: Page, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    issue = make_issue(make_edition("- one\n  - two\n- three\n"))
    page.write_text(as_file(rendered(make_config(tmp_path), issue)), encoding="utf-8")
    script = """() => [...document.querySelectorAll('li')].map(li => {
      const range = document.createRange();
      range.selectNodeContents(li.firstChild);
      return range.getBoundingClientRect().top;
    })"""
    one, two, three = look(browser, page, script, 390)
    assert two - one == three - two


def test_long_words_of_headings_are_hyphenated_in_their_language(
    browser: Page, pages: dict[str, Path]
) -> None:
    script = """() => ['.title', '.content h2', '.content p'].map(name => {
      const found = document.querySelector(name);
      return [getComputedStyle(found).hyphens, found.closest('[lang]').lang];
    })"""
    title, heading, words = look(browser, pages["hard de"], script, 320)
    assert title == heading == ["auto", "de"] and words[0] == "manual"


@pytest.mark.parametrize(("width", "beside"), [(1180, True), (1100, True), (1062, True), (800, False)])
def test_desktop_and_phone_stand_side_by_side_on_the_demo_page(
    browser: Page, tmp_path: Path, width: int, beside: bool
) -> None:
    config = make_config(tmp_path)
    reader = {"name": "Ana", "address": "ana@example.org", "language": "en"}
    words = {"campaign": config.campaign, "received": [], "shown": [(reader, "<p>Hello.</p>")]}
    page = tmp_path / "demo.html"
    page.write_text(environment(config.templates).get_template("demo.html").render(words), encoding="utf-8")
    script = """() => [
      document.querySelector('.narrow').offsetTop === document.querySelector('.wide').offsetTop,
      document.documentElement.scrollWidth <= innerWidth,
      document.querySelector('.wide iframe').clientWidth > 615,
    ]"""
    assert look(browser, page, script, width) == [beside, True, True]


def test_the_gaps_around_steps_are_alike(browser: Page, pages: dict[str, Path]) -> None:
    script = """() => {
      const box = name => document.querySelector(name).getBoundingClientRect();
      const after = document.querySelector('.steps').nextElementSibling.getBoundingClientRect();
      const words = document.createRange();
      words.selectNodeContents([...document.querySelectorAll('.step-text')].pop());
      const last = words.getBoundingClientRect();
      return [box('.step').top - box('.callout').bottom, after.top - last.bottom];
    }"""
    before, after = look(browser, pages["hard de"], script, 390)
    assert before == 24 and 20 <= after <= 32


def test_a_dose_is_read_number_first_in_arabic(browser: Page, tmp_path: Path) -> None:
    body = "جرعة 14 µSv وحزمة 3.5 × 4.5 cm.\n\n| طفل |\n|:-:|\n| 20–100 µSv |\n"
    page = tmp_path / "page.html"
    arabic = make_issue(make_edition(body, "ar"))
    page.write_text(as_file(rendered(make_config(tmp_path), arabic, "ar")), encoding="utf-8")
    script = """() => {
      const walker = document.createTreeWalker(document.querySelector('.content'), NodeFilter.SHOW_TEXT);
      const left = new Map();
      for (let node = walker.nextNode(); node; node = walker.nextNode())
        for (const found of node.textContent.matchAll(/14|3[.]5|×|4[.]5|cm|20|100|µSv/g)) {
          const range = document.createRange();
          range.setStart(node, found.index);
          range.setEnd(node, found.index + found[0].length);
          left.set(found[0] + (left.has(found[0]) ? "'" : ''), range.getBoundingClientRect().left);
        }
      return [['14', 'µSv'], ['3.5', '×', '4.5', 'cm'], ['20', '100', "µSv'"]]
        .map(parts => parts.map(part => left.get(part)));
    }"""
    for places in look(browser, page, script, 800):
        assert places == sorted(places)
