"""An edition in the templates: the same bytes each time, nothing fetched, tokens whole, faults in words."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from html import escape
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.config import Config
from newsletter.errors import ConfigError, IssueError, NotFoundError
from newsletter.models import Field, Picture
from newsletter.render import conditions, environment
from newsletter.render.fragment import attach_pictures, isolate_values
from newsletter.render.inline import _sheet
from newsletter.render.picturesize import picture_size
from tests.editions import (
    ARCHIVE,
    PAGES,
    REPOSITORY,
    TOML,
    hrefs,
    make_config,
    make_edition,
    make_issue,
    rendered,
    token,
)

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (1072).to_bytes(4, "big") + (568).to_bytes(4, "big") + b"\x08\x06"
EVERYTHING = """\
Dear {{ name | default("colleague") }},

## A heading

::: steps
1. **First.** One.
2. **Second.** Two.
:::

::: callout Mind
A [link](https://www.imagegently.org).
:::

::: figure
![A drawing](drawing.png)

A caption.
:::

::: columns
One

---

Two
:::

::: quote
Words.

— Somebody
:::

| A | B |
|---|--:|
| 1 | 2 |

[Read it](https://www.wfpiweb.org){.button}

```
code
```
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_config(tmp_path, PAGES)


class Elements(HTMLParser):
    """Every start tag with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


# --- the page ---------------------------------------------------------------


@pytest.mark.parametrize(("language", "direction"), [("en", "ltr"), ("ar", "rtl"), ("fa-IR", "rtl")])
def test_language_and_direction_stand_on_html_and_on_a_wrapper(
    config: Config, language: str, direction: str
) -> None:
    page = rendered(config, make_issue(make_edition(language=language)), language)
    elements = Elements(page.html)
    (html,) = elements.of("html")
    wrapper = next(e for e in elements.of("div") if e.get("role") == "article")
    assert page.direction == direction
    for element in (html, wrapper):
        assert (element["lang"], element["dir"]) == (language, direction)


@pytest.mark.parametrize(("language", "forbidden"), [("ar", "left"), ("en", "right")])
def test_an_edition_begins_its_lines_on_its_own_side(config: Config, language: str, forbidden: str) -> None:
    body = EVERYTHING.replace("```\ncode\n```\n", "").replace("--:", "---")
    page = rendered(config, make_issue(make_edition(body, language), pictures={"drawing.png": PNG}), language)
    for tag, attributes in Elements(page.html).found:
        placed = f"{attributes.get('style', '')} {attributes.get('align', '')}"
        placed = (
            re.sub(r"padding-(left|right):16px", "", placed)
            if "column" in str(attributes.get("class"))
            else placed
        )
        assert forbidden not in placed, (tag, attributes)


def test_layout_tables_are_presentation_and_data_tables_are_not(config: Config) -> None:
    page = rendered(config, make_issue(make_edition(EVERYTHING), pictures={"drawing.png": PNG}))
    tables = Elements(page.html).of("table")
    assert len(tables) > 8
    for table in tables:
        assert (table.get("role") == "presentation") == (table.get("class") != "data"), table


def test_the_preheader_comes_first_and_is_padded(config: Config) -> None:
    page = rendered(config, make_issue(make_edition(preheader="First & foremost")))
    body = re.sub("<[^>]*>", "", page.html[page.html.index("<body") :])
    assert body.lstrip().startswith("First &amp; foremost\u034f\u200c\u00a0")
    assert page.preheader == "First & foremost"
    assert "\u034f" not in page.text


def test_there_is_one_h1_and_it_is_the_title(config: Config) -> None:
    page = rendered(config, make_issue(make_edition(EVERYTHING), pictures={"drawing.png": PNG}))
    assert re.findall(r"<h1[^>]*>(.*?)</h1>", page.html) == ["A title"]
    assert page.title == "A title"


def test_what_an_issue_and_the_settings_say_is_no_markup(tmp_path: Path) -> None:
    config = make_config(tmp_path, PAGES, TOML.replace('"Sample News"', "'<i>\"News\"&'"))
    words = {"title": "<b>1 & 2</b>", "preheader": '"><script>', "reviewed_by": "<u>Dr</u>"}
    page = rendered(config, make_issue(make_edition("<b>raw</b>", **words)))
    assert not re.search(r"<(b|i|u|script)\b", page.html)
    assert "<b>raw</b>" in page.text and "<b>1 & 2</b>" in page.text and '<i>"News"&' in page.text


def test_the_text_has_no_entities_and_no_long_lines(config: Config) -> None:
    body = EVERYTHING + "\n" + "Fish & chips “quoted” <b>. " * 30
    page = rendered(config, make_issue(make_edition(body), pictures={"drawing.png": PNG}))
    assert not re.search(r"&(\w+|#\d+);", page.text)
    assert [line for line in page.text.split("\n") if len(line) > 72 and "https://" not in line] == []
    assert "\n\n\n" not in page.text and page.text.endswith("\n")


@pytest.mark.parametrize("pages", [{}, PAGES, ARCHIVE])
def test_every_link_of_the_html_stands_in_the_text(tmp_path: Path, pages: dict[str, str]) -> None:
    config = make_config(tmp_path, pages)
    page = rendered(config, make_issue(make_edition(EVERYTHING), pictures={"drawing.png": PNG}))
    links = [href for href in hrefs(page.html) if not href.startswith("mailto:?")]
    assert len(links) >= 5
    for href in links:
        assert f"<{href}>" in page.text
    assert len([href for href in hrefs(page.html) if href.startswith("mailto:?")]) == 1
    assert "mailto:?" not in page.text


def test_a_language_without_phrases_says_in_which_language_they_are(config: Config) -> None:
    page = rendered(config, make_issue(make_edition(language="nl", reviewed_by="Dr Sample")), "nl")
    footer = next(e for e in Elements(page.html).of("td") if e.get("class") == "footer")
    assert (footer["lang"], footer["dir"]) == ("en", "ltr")
    assert "1 maart 2026" in page.html and "Reviewed by Dr Sample." in page.html
    french = rendered(config, make_issue(make_edition(language="fr-CA")), "fr-CA")
    assert "lang" not in next(e for e in Elements(french.html).of("td") if e.get("class") == "footer")


# --- personal fields --------------------------------------------------------


def test_tokens_stay_whole_and_values_in_text_are_isolated(config: Config) -> None:
    body = (
        'Dear {{ name | default("colleague") }}, [write](https://www.acr.org/{{ country }}?n={{ name }}).\n'
    )
    page = rendered(
        config, make_issue(make_edition(body, subject="For {{ name }}", preheader="{{ name }}, read"))
    )
    required = next(f for f in page.fields if f.name == "name" and f.default is None).token
    greeted = next(f for f in page.fields if f.default == "colleague").token
    assert page.subject == f"For {required}"
    assert f"Dear <bdi>{greeted}</bdi>," in page.html
    assert f"<bdi>{required}</bdi>, read" in page.html
    assert f'href="https://www.acr.org/{token(page, "country")}?n={required}"' in page.html
    assert f"Dear {greeted}," in page.text and "bdi" not in page.text
    assert {field.line for field in page.fields if field.name == "country"} == {10}


def test_the_ways_out_are_the_readers_own_where_there_are_pages(config: Config) -> None:
    page = rendered(config, make_issue(make_edition()))
    leave, said = token(page, "leave_url"), "Unsubscribe or change language and lists"
    assert re.search(rf'href="{leave}"[^>]*>{said}</a>', page.html) and f"{said} <{leave}>" in page.text
    assert {(f.name, f.line) for f in page.fields} == {("leave_url", 0)}


def test_without_pages_no_link_is_dead(tmp_path: Path) -> None:
    page = rendered(make_config(tmp_path), make_issue(make_edition()))
    assert page.fields == []
    share, *others = hrefs(page.html)
    assert share.startswith("mailto:?subject=")
    assert others == [
        "mailto:office@example.org?subject=subscribe",
        "mailto:news@example.org?subject=unsubscribe",
        "mailto:office@example.org",
        "mailto:office@example.org",
    ]
    assert "Unsubscribe <mailto:news@example.org?subject=unsubscribe>" in page.text
    assert "Read online" not in page.html + page.text and "http" not in page.text


@pytest.mark.parametrize(
    ("pages", "name", "leads_to"),
    [
        (PAGES, "public_url", "https://news.example.org/i/sample/en"),
        (ARCHIVE, "public_url", "https://archive.example.org/i/sample/en/"),
        (PAGES, "join_url", "https://news.example.org/join?via=forward&issue=sample"),
        ({}, "join_url", "mailto:office@example.org?subject=subscribe"),
        ({}, "leave_url", "mailto:news@example.org?subject=unsubscribe"),
        ({}, "preferences_url", "mailto:news@example.org?subject=unsubscribe"),
    ],
)
def test_links_that_all_readers_share_are_no_fields(
    tmp_path: Path, pages: dict[str, str], name: str, leads_to: str
) -> None:
    body = f"See [this page]({{{{ {name} }}}})."
    page = rendered(make_config(tmp_path, pages), make_issue(make_edition(body)))
    assert re.search(rf'<a href="{re.escape(escape(leads_to))}"[^>]*>this page</a>', page.html)
    assert name not in {field.name for field in page.fields}


def test_a_link_to_a_public_page_that_there_is_not_is_refused(tmp_path: Path) -> None:
    issue = make_issue(make_edition("One.\n\n[Read]({{ public_url }})"))
    with pytest.raises(
        IssueError, match=r"issues/sample/en\.md:12: .*public_url.*no public pages.*archive_url"
    ):
        rendered(make_config(tmp_path), issue)


def test_a_dead_link_is_told_with_the_other_faults(tmp_path: Path) -> None:
    issue = make_issue(make_edition("[Read]({{ public_url }})\n\n::: callout\n:::\n\n{{ ''.x }}"))
    with pytest.raises(IssueError, match=r"en\.md:10: .*no public pages.*lines 12, 15 have errors too"):
        rendered(make_config(tmp_path), issue)


def test_editions_that_share_a_style_sheet_come_out_as_on_their_own(config: Config) -> None:
    issue = make_issue(make_edition(EVERYTHING), make_edition("Salut.", "fr"), pictures={"drawing.png": PNG})
    alone: dict[str, str] = {}
    for language in ("en", "fr"):
        _sheet.cache_clear()
        alone[language] = rendered(config, issue, language).html
    assert {language: rendered(config, issue, language).html for language in ("fr", "en")} == alone
    assert _sheet.cache_info().hits >= 2


def test_a_bad_placeholder_is_refused_with_its_line(config: Config) -> None:
    with pytest.raises(IssueError, match=r"issues/sample/en\.md:12"):
        rendered(config, make_issue(make_edition("One.\n\n{{ ''.__class__ }}")))
    with pytest.raises(IssueError, match=r"issues/sample/en\.md:7"):
        rendered(config, make_issue(make_edition(preheader="{% if %}", lines={"preheader": 7})))


@pytest.mark.parametrize("key", ["subject", "preheader"])
@pytest.mark.parametrize("link", ["public_url", "join_url", "share_url", "leave_url", "preferences_url"])
def test_a_link_where_nobody_can_follow_it_is_refused(config: Config, key: str, link: str) -> None:
    words: dict[str, Any] = {key: f"See {{{{ {link} }}}}", "lines": {key: 4}}
    edition = make_edition("[x]({{ public_url }})", **words)
    with pytest.raises(IssueError, match=rf"en\.md:4: the {key} cannot hold the link {{{{ {link} }}}}"):
        rendered(config, make_issue(edition))


def test_bad_placeholders_and_bad_blocks_are_told_together(config: Config) -> None:
    body = "One [x](page.html).\n\n{{ name! }} {% x %}\n\n::: calout\n{{ a.b }}\n:::\n"
    with pytest.raises(IssueError, match=r"en\.md:10: .*page\.html.*; lines 12, 14, 15 have errors too"):
        rendered(config, make_issue(make_edition(body)))
    with pytest.raises(IssueError, match=r"en\.md:12"):
        conditions(make_issue(make_edition(body.replace("page.html", "https://www.acr.org"))), "en")


WORD = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="<>&\"'"), max_size=8)


@given(before=WORD, after=WORD, inside=WORD)
def test_isolating_changes_nothing_but_the_text(before: str, after: str, inside: str) -> None:
    field = Field(token="PHq0001q", name="name")
    link = Field(token="PHq0002q", name="leave_url")
    fragment = f'{before}<a title="{inside} PHq0001q" href="x?PHq0002q">PHq0001q{after}</a> PHq0002q'
    isolated = isolate_values(fragment, [field, link])
    assert isolated.replace("<bdi>", "").replace("</bdi>", "") == fragment
    assert isolated.count("<bdi>PHq0001q</bdi>") == 1 and isolated.count("<bdi>") == 1


# --- variants ---------------------------------------------------------------

VARIED = """\
For all.

::: only country:FR
Only France, {{ region }}.
:::

::: only country:BE
Only Belgium.
:::

::: only country:FR
France again.
:::
"""


@pytest.mark.parametrize(
    ("variant", "shown"), [(0, ()), (1, ("France", "again")), (2, ("Belgium",)), (3, ("France", "Belgium"))]
)
def test_a_variant_holds_what_its_bits_say(config: Config, variant: int, shown: tuple[str, ...]) -> None:
    issue = make_issue(make_edition(VARIED))
    assert list(conditions(issue, "en")) == ["country:FR", "country:BE"]
    page = rendered(config, issue, variant=variant)
    assert page.variant == variant
    for word in ("France", "again", "Belgium"):
        expected = word in shown or (word == "again" and variant & 1 == 1)
        assert (word in page.html) == (word in page.text) == expected
    assert ("region" in {field.name for field in page.fields}) == bool(variant & 1)


def test_a_variant_or_an_edition_that_there_is_not(config: Config) -> None:
    issue = make_issue(make_edition(VARIED), make_edition(language="fr"))
    with pytest.raises(ValueError, match="variant 4"):
        rendered(config, issue, variant=4)
    with pytest.raises(NotFoundError, match=r"no edition in 'de' \(it has: en, fr\)"):
        rendered(config, issue, "de")


# --- pictures ---------------------------------------------------------------


def test_pictures_are_attached_with_a_width_for_outlook(config: Config) -> None:
    body = "![One](drawing.png)\n\n![Two](drawing.png){width=120}\n\n![Web](https://www.acr.org/x.png)\n"
    page = rendered(config, make_issue(make_edition(body), pictures={"drawing.png": PNG, "unused.png": PNG}))
    images = Elements(page.html).of("img")
    assert [(i["src"], i["width"], i["alt"]) for i in images] == [
        ("cid:drawing.png", "536", "One"),
        ("cid:drawing.png", "120", "Two"),
        ("https://www.acr.org/x.png", "536", "Web"),
    ]
    assert all("max-width:100%" in str(i["style"]) and "height:auto" in str(i["style"]) for i in images)
    assert [picture.name for picture in page.pictures] == ["drawing.png"]


def test_a_small_picture_keeps_its_size_and_a_strange_name_its_bytes() -> None:
    name = "größe & co.gif"
    picture = Picture(name=name, media_type="image/gif", data=b"GIF89a\x50\0\x28\0")
    found = attach_pictures('<img src="cid:gr%C3%B6%C3%9Fe%20%26%20co.gif" alt="x">', {name: picture})
    assert found.html.startswith('<img width="80" src="cid:') and found.pictures == (picture,)


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (PNG, (1072, 568)),
        (b"GIF87a\x01\x02\x03\x04", (513, 1027)),
        (b"\xff\xd8\xff\xe0\0\x04JF\xff\xc2\0\x11\x08\x01\x00\x02\x00\x03", (512, 256)),
        (b"\xff\xd8\xff\xff\xff\xc0\0\x11\x08\x00\x10\x00\x20\x03\0", (32, 16)),
        (b"\xff\xd8\xff\xe0\0", None),
        (b"RIFF....WEBP", None),
        (b"", None),
    ],
)
def test_the_size_of_a_picture_is_read_from_its_header(data: bytes, size: tuple[int, int] | None) -> None:
    assert picture_size(data) == size


@given(st.binary(max_size=60))
def test_no_bytes_confuse_the_reading_of_a_size(data: bytes) -> None:
    for head in (b"", b"\xff\xd8", b"\xff\xd8\xff\xe0", b"GIF89a", b"\x89PNG\r\n\x1a\n"):
        size = picture_size(head + data)
        assert size is None or len(size) == 2


# --- styles -----------------------------------------------------------------


def test_styles_are_in_the_elements_and_enhancements_in_the_head(config: Config) -> None:
    page = rendered(config, make_issue(make_edition(EVERYTHING), pictures={"drawing.png": PNG}))
    head, body = page.html.split("</head>")
    assert "@media only screen and (max-width: 480px)" in head
    assert "prefers-color-scheme: dark" in head and "[data-ogsc] .card" in head
    assert head.count("!important") > 40
    assert "{{" not in page.html and "data-premailer" not in page.html
    for tag in ("p", "h1", "h2", "td", "a", "img", "li"):
        for attributes in Elements(body).of(tag):
            assert attributes.get("style"), (tag, attributes)
    assert len(re.findall("<style", head)) == 4
    assert max(len(block) for block in re.findall(r"<style.*?</style>", head, re.DOTALL)) < 16_000


@pytest.mark.parametrize(("language", "side"), [("en", "right"), ("ar", "left")])
def test_a_column_of_numbers_ends_where_lines_end(config: Config, language: str, side: str) -> None:
    body = "| A | B |\n|---|--:|\n| x | 1,000 |\n"
    page = rendered(config, make_issue(make_edition(body, language)), language)
    cells = [c for c in Elements(page.html).of("td") if c.get("class") == "align-right"]
    assert [f"text-align:{side}" in str(cell["style"]) for cell in cells] == [True]


def colours(name: str) -> dict[str, str]:
    module: Any = environment(None).get_template("palette.jinja").module
    found: dict[str, str] = getattr(module, name)
    return found


def contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize(
    ("text", "background"),
    [
        *((text, place) for text in ("ink", "heading", "link") for place in ("card", "soft")),
        *((text, place) for text in ("muted", "link") for place in ("page", "card")),
        ("note_ink", "note"),
        ("link", "note"),
        ("band_ink", "band"),
        ("band_muted", "band"),
        ("button_ink", "button"),
    ],
)
def test_text_stands_out_from_what_is_behind_it(mode: str, text: str, background: str) -> None:
    palette = colours(mode)
    assert contrast(palette[text], palette[background]) >= 4.5


def test_every_colour_of_light_mode_has_one_in_dark_mode() -> None:
    assert set(colours("light")) == set(colours("dark"))


# --- templates --------------------------------------------------------------


def test_a_projects_template_replaces_the_built_in_one_of_its_name(config: Config) -> None:
    config.templates.mkdir()
    (config.templates / "footer.html").write_text("<tr><td>Our own, {{ campaign.name }}</td></tr>")
    page = rendered(config, make_issue(make_edition()))
    assert "Our own, Sample News" in page.html
    assert "A title" in page.html and "You receive this newsletter" not in page.html
    assert "You receive this newsletter" in page.text


def test_a_projects_colours_are_used(config: Config) -> None:
    config.templates.mkdir()
    built_in = (REPOSITORY / "newsletter/data/templates/palette.jinja").read_text(encoding="utf-8")
    own = "\ufeff" + built_in.replace("#0b4f5c", "#402060").replace("\n", "\r\n")
    (config.templates / "palette.jinja").write_bytes(own.encode())
    page = rendered(config, make_issue(make_edition()))
    assert 'bgcolor="#402060"' in page.html and "#0b4f5c" not in page.html and "\r" not in page.html


@pytest.mark.parametrize(
    ("template", "content", "message"),
    [
        ("header.html", "<tr>\n{% if %}", r"header\.html:2: the template has a fault"),
        ("header.html", "\n\n{{ nobody }}", r"header\.html:3: .*'nobody' is undefined"),
        ("header.html", "\n{{ campaign.nothing }}", r"header\.html:2: .*nothing"),
        ("header.html", "{{ ''.__class__.__mro__ }}", r"header\.html:1: .*unsafe"),
        ("header.html", "\n{{ 1 / 0 }}", r"header\.html:2: .*division"),
        ("header.html", "\n{{ 'a' + 1 }}", r"header\.html:2: the template has a fault"),
        (
            "header.html",
            "{% include 'nowhere.html' %}",
            r"header\.html:1: .*there is no template 'nowhere\.html'",
        ),
        ("header.html", "{% include 'header.html' %}", r"header\.html:1: .*includes itself"),
        ("mail.txt", "\n\n\n{{ nobody }}", r"mail\.txt:4: "),
        ("mail.css", "td {}\n@IMPORT url(x.css);", r"mail\.css:2: @import cannot stand"),
        (
            "mail.css",
            "p:nth-child { color: red }",
            r"templates/mail\.css: .*styles cannot be read: .*nth-child",
        ),
        ("mail.css", "@media print { @media print { p { color: red } } }", r"mail\.css: .*inside another"),
        ("footer.html", b"caf\xe9", r"templates/footer\.html: is not UTF-8 text"),
    ],
)
def test_a_fault_in_a_template_is_one_line_with_its_place(
    config: Config, template: str, content: str | bytes, message: str
) -> None:
    config.templates.mkdir()
    data = content if isinstance(content, bytes) else content.encode()
    (config.templates / template).write_bytes(data)
    with pytest.raises(ConfigError, match=message) as caught:
        rendered(config, make_issue(make_edition()))
    assert "\n" not in str(caught.value)


@pytest.fixture
def web() -> Iterator[tuple[str, list[str]]]:
    """A web server on this machine, and the paths that were asked of it."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("template", "content"),
    [
        ("mail.css", "@\\69mport url({web}/escaped.css);\ntd {{ color: #123456 }}"),
        ("mail.css", "td {{ background: url({web}/picture.png); color: #123456 }}"),
        ("mail.css", "</style><link rel='stylesheet' href='{web}/linked.css'><style>td {{ color: #123456 }}"),
    ],
)
def test_nothing_is_fetched_while_rendering(
    config: Config, web: tuple[str, list[str]], template: str, content: str
) -> None:
    address, asked = web
    config.templates.mkdir()
    (config.templates / template).write_text(content.format(web=address))
    page = rendered(config, make_issue(make_edition()))
    assert "color:#123456" in page.html
    assert asked == []


# --- the same bytes ---------------------------------------------------------

PROGRAM = """
import sys
from pathlib import Path
from tests.editions import PAGES, make_config, make_edition, make_issue, rendered
from tests.test_render import EVERYTHING, PNG
issue = make_issue(make_edition(EVERYTHING, reviewed_by="Dr"), pictures={"b.png": PNG, "drawing.png": PNG})
page = rendered(make_config(Path(sys.argv[1]), PAGES), issue)
sys.stdout.buffer.write(repr(page).encode())
"""


def test_the_same_input_gives_the_same_bytes_in_any_process(tmp_path: Path) -> None:
    seen = set()
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(tmp_path / seed)],
            cwd=REPOSITORY,
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        )
        seen.add(hashlib.sha256(run.stdout).hexdigest())
        assert len(run.stdout) > 10_000
    assert len(seen) == 1


def test_a_templates_age_does_not_matter(config: Config) -> None:
    config.templates.mkdir()
    source = REPOSITORY / "newsletter/data/templates/footer.html"
    own = config.templates / "footer.html"
    own.write_bytes(source.read_bytes())
    issue = make_issue(make_edition(EVERYTHING), pictures={"drawing.png": PNG})
    first = rendered(config, issue)
    os.utime(own, (1, 1))
    assert rendered(config, issue) == first
    own.unlink()
    assert rendered(config, issue) == first


@pytest.mark.parametrize(
    ("pages", "french"),
    [
        (PAGES, "https://news.example.org/i/sample/fr"),
        (ARCHIVE, "https://archive.example.org/i/sample/fr/"),
        (PAGES | ARCHIVE, "https://archive.example.org/i/sample/fr/"),
        ({}, ""),
    ],
)
def test_the_other_languages_stand_above_the_content_in_their_own_names(
    tmp_path: Path, pages: dict[str, str], french: str
) -> None:
    issue = make_issue(
        *(make_edition(language=tag) for tag in ("en", "fr", "ar")), make_edition(language="de", draft=True)
    )
    page = rendered(make_config(tmp_path, pages), issue)
    found = re.findall(
        r'<a href="([^"]*)" lang="(\w+)" hreflang="\w+" dir="(\w+)"[^>]*>([^<]*)</a>', page.html
    )
    if not french:
        assert found == [] and "Français" not in page.text
        return
    assert [(tag, way, name) for _, tag, way, name in found] == [
        ("fr", "ltr", "Français"),
        ("ar", "rtl", "العربية"),
    ]
    assert found[0][0] == french and f"Français <{french}>" in page.text
    assert page.html.index(french) < page.html.index("Good day.")
    assert page.text.index(french) < page.text.index("Good day.")


def test_an_issue_in_one_language_has_no_line_for_others(tmp_path: Path) -> None:
    page = rendered(make_config(tmp_path, PAGES), make_issue(make_edition()))
    assert "hreflang" not in page.html


def test_doses_and_sizes_keep_their_order_in_arabic_mails(tmp_path: Path) -> None:
    body = "جرعة 14 µSv، حزمة 3.5 × 4.5 cm.\n\n| طفل |\n|--|\n| 8 µSv |\n\n![حقل 6 cm](a.png)\n"
    words = {"subject": "جرعة 14 µSv", "title": "حزمة 5 cm", "preheader": "جرعة 20–100 µSv"}
    page = rendered(make_config(tmp_path), make_issue(make_edition(body, "ar", **words)), "ar")
    assert page.subject == "جرعة \u206614 µSv\u2069" and page.title == "حزمة \u20665 cm\u2069"
    for part in (page.html, page.text):
        for measure in ("14~µSv", "3.5~×~4.5~cm", "8~µSv", "6~cm", "5~cm"):
            assert f"\u2066{measure.replace('~', chr(0xA0))}\u2069" in part
    assert "\u206620–100\u00a0µSv\u2069" in page.html
    english = rendered(make_config(tmp_path), make_issue(make_edition(body, **words)))
    assert "\u2066" not in english.html + english.text + english.subject
