"""The handout as paper: one sheet in A4 and Letter, and a code that leads to the page."""

from __future__ import annotations

import re
import shutil
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import segno
from playwright.sync_api import Page, sync_playwright

from newsletter.models import Edition
from newsletter.pages import handout_page, kit_files, qr, qr_image, static_files
from tests.editions import ARCHIVE, make_edition, make_issue
from tests.pages.scene import SAMPLE, make_site

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here to print with")
URL = "https://archive.example.org/i/image-gently-in-dentistry/en/"
STEP = "**Choose each X-ray for the child in front of you.** Individual need decides, never routine. "


def steps(count: int, length: int, note: int) -> Edition:
    """An edition with so many steps of so many sentences, and a note of so many."""
    rows = "\n".join(f"{n}. {STEP * length}" for n in range(1, count + 1))
    box = f"\n\n::: callout Mind\n{'Guidance has moved since. ' * note}\n:::\n" if note else ""
    return make_edition(
        f"Hello.\n\n::: steps\n{rows}\n:::{box}", title="A title " * 8, description="Words. " * 30
    )


def parts(count: int, below: str) -> Edition:
    """An edition without steps: so many headings, and what stands below each."""
    rows = "".join(f"## Heading {n} of a part\n\n{below}\n" for n in range(1, count + 1))
    return make_edition(f"Hello.\n\n{rows}", title="A title " * 8, description="Words. " * 30)


EDITIONS = {
    "few": steps(3, 1, 0),
    "many": steps(8, 3, 10),
    "short": make_edition("::: steps\n1. Ask.\n2. Look.\n3. Tell.\n4. Write.\n5. Go.\n:::"),
    "uneven": make_edition(f"::: steps\n1. {STEP}\n2. {STEP * 3}\n3. {STEP}\n4. {STEP}\n:::"),
    "none": make_edition("Only words."),
    "parts": parts(12, f"{'Words of a paragraph. ' * 20}\n\nMore.\n\n"),
    "short parts": parts(3, "Words.\n\n- one\n- two\n\nSaved.\n\n"),
    "pictures": parts(
        2, "![A beam](collimation.png)\n\n::: figure\n![A beam](collimation.png)\n\nSaved.\n:::"
    ),
    "one picture": parts(1, "Words.\n\n::: figure\n![A beam](collimation.png)\n\nSaved.\n:::"),
    "headings": parts(20, ""),
    "lists": parts(2, "- an item\n" * 30),
    "paragraphs": make_edition("Dear you,\n\n" + f"{'Words of a paragraph. ' * 9}\n\n" * 12),
}


@pytest.fixture(scope="module")
def printer() -> Iterator[Page]:
    """The browser that prints."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield started.new_page()
        started.close()


def sheets(printer: Page, folder: Path, files: dict[str, bytes], name: str, paper: str) -> int:
    for file, data in files.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    printer.goto((folder / name).as_uri())
    assert printer.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
    return len(re.findall(rb"/Type\s*/Page\b", printer.pdf(format=paper)))


@needs_chromium
@pytest.mark.parametrize("paper", ["A4", "Letter"])
@pytest.mark.parametrize("language", list(SAMPLE.editions))
def test_the_sample_issue_fits_one_sheet(printer: Page, tmp_path: Path, paper: str, language: str) -> None:
    site = make_site(tmp_path, pages=ARCHIVE, files=True)
    name = f"i/{SAMPLE.slug}/{language}/handout/index.html"
    assert sheets(printer, tmp_path / "out", static_files(site), name, paper) == 1


@needs_chromium
@pytest.mark.parametrize("paper", ["A4", "Letter"])
@pytest.mark.parametrize("kind", EDITIONS)
def test_short_and_long_messages_fit_one_sheet(printer: Page, tmp_path: Path, paper: str, kind: str) -> None:
    pictures = {name: picture.data for name, picture in SAMPLE.pictures.items()}
    site = make_site(tmp_path, make_issue(EDITIONS[kind], pictures=pictures), pages=ARCHIVE, files=True)
    assert sheets(printer, tmp_path / "out", static_files(site), "i/sample/en/handout/index.html", paper) == 1


@needs_chromium
def test_the_kits_handout_is_whole_in_its_own_folder(printer: Page, tmp_path: Path) -> None:
    files = kit_files(make_site(tmp_path, pages=ARCHIVE, files=True), SAMPLE.slug)
    alone = {name: data for name, data in files.items() if name.startswith("fr/handout/")}
    assert set(alone) == {f"fr/handout/{name}" for name in ("handout.html", "site.css", "qr.svg")}
    assert sheets(printer, tmp_path / "out", alone, "fr/handout/handout.html", "A4") == 1


def handout_file(folder: Path, kind: str) -> str:
    """The address of a handout as a file."""
    site = make_site(folder, make_issue(EDITIONS[kind]), pages=ARCHIVE, files=True)
    for name, data in static_files(site).items():
        (folder / "out" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "out" / name).write_bytes(data)
    return (folder / "out/i/sample/en/handout/index.html").as_uri()


@needs_chromium
@pytest.mark.parametrize(
    ("kind", "width", "media", "columns"),
    [
        ("few", 800, "screen", 1),
        ("few", 700, "print", 1),
        ("short", 800, "screen", 2),
        ("short", 390, "screen", 1),
        ("short", 700, "print", 2),
        ("short", 390, "print", 2),
    ],
)
def test_steps_stand_in_two_columns_where_there_are_more_than_three(
    printer: Page, tmp_path: Path, kind: str, width: int, media: Any, columns: int
) -> None:
    printer.set_viewport_size({"width": width, "height": 1000})
    printer.emulate_media(media=media)
    printer.goto(handout_file(tmp_path, kind))
    places = "new Set([...document.querySelectorAll('.points > li')].map(li => li.offsetLeft)).size"
    room = """[...document.querySelectorAll('.points > li')].every(li =>
      li.clientHeight + 1 >= parseFloat(getComputedStyle(li, '::before').height))"""
    seen = printer.evaluate(places), printer.evaluate(room)
    printer.emulate_media(media="screen")
    assert seen == (columns, True)


@needs_chromium
def test_steps_of_one_row_begin_in_one_line(printer: Page, tmp_path: Path) -> None:
    printer.set_viewport_size({"width": 800, "height": 1000})
    printer.goto(handout_file(tmp_path, "uneven"))
    tops = "[...document.querySelectorAll('.points > li > div')].map(div => div.getBoundingClientRect().top)"
    first, second, third, fourth = printer.evaluate(tops)
    assert first == second < third == fourth


@needs_chromium
@pytest.mark.parametrize("width", [320, 340, 360, 380, 400, 420, 440])
def test_the_contact_address_breaks_only_where_it_is_wider_than_the_sheet(
    printer: Page, tmp_path: Path, width: int
) -> None:
    printer.set_viewport_size({"width": width, "height": 1000})
    printer.goto(handout_file(tmp_path, "few"))
    lines = """(() => {
      document.querySelector('.imprint bdi').textContent = 'image-gently@sample-society.org';
      const range = document.createRange();
      range.selectNodeContents(document.querySelector('.imprint bdi'));
      return range.getClientRects().length;
    })()"""
    assert printer.evaluate(lines) == 1


@needs_chromium
def test_a_second_sheet_would_be_noticed(printer: Page, tmp_path: Path) -> None:
    page = {"two.html": b"<p style='break-after: page'>one</p><p>two</p>"}
    assert sheets(printer, tmp_path, page, "two.html", "A4") == 2


def test_the_message_its_six_steps_and_their_note_are_on_it(tmp_path: Path) -> None:
    html = handout_page(make_site(tmp_path), SAMPLE.slug, "en").body.decode()
    assert html.count("<li><div>") == 6 and "Collimate the beam" in html
    assert "no longer advise thyroid collars" in html
    assert "Name of the practice" in html and "Sample Federation" in html
    assert "https://news.example.org/i/image-gently-in-dentistry/en" in html
    assert "Free to learn" not in html and "<strong>" in html


def handed_out(folder: Path, kind: str) -> str:
    return handout_page(make_site(folder, make_issue(EDITIONS[kind])), "sample", "en").body.decode()


def test_without_steps_the_headings_and_what_fits_below_them_are_on_it(tmp_path: Path) -> None:
    short = handed_out(tmp_path, "short parts")
    assert short.count("<h2>Heading") == 3 and short.count("<li>two</li>") == 3 and "Saved." in short
    long = handed_out(tmp_path, "parts")
    assert long.count("<h2>Heading") == 3 and "Words of a paragraph." in long and "More." not in long
    assert handed_out(tmp_path, "headings").count("<h2>Heading") == 10
    bare = handed_out(tmp_path, "paragraphs")
    assert "Words of a paragraph." in bare and "Dear you" not in bare
    assert "Only words." in handed_out(tmp_path, "none")


def test_without_a_public_address_there_is_no_code_on_it(tmp_path: Path) -> None:
    html = handout_page(make_site(tmp_path, pages={}), SAMPLE.slug, "en").body.decode()
    assert "qr.svg" not in html and "Scan" not in html and "Name of the practice" in html


def drawn(svg: bytes) -> list[list[int]]:
    """The modules that an SVG of strokes draws, without its border."""
    (size,) = {int(n) for n in re.findall(rb'viewBox="0 0 (\d+) \d+"', svg)}
    grid = [[0] * size for _ in range(size)]
    (path,) = re.findall(rb'<path[^>]*stroke="#000"[^>]*\bd="([^"]+)"', svg) or re.findall(
        rb'<path[^>]*\bd="(M[^"]+)"[^>]*stroke="#000"', svg
    )
    x, y = 0.0, 0.0
    for command, first, second in re.findall(rb"([Mmh])(-?[\d.]+)(?:[ ,]?(-?[\d.]+))?", path):
        if command == b"M":
            x, y = float(first), float(second)
        elif command == b"m":
            x, y = x + float(first), y + float(second)
        else:
            for at in range(int(x), int(x + float(first))):
                grid[int(y)][at] = 1
            x += float(first)
    return [row[4:-4] for row in grid[4:-4]]


def pixels(png: bytes, scale: int) -> list[list[int]]:
    """The modules of a PNG of one bit a pixel, without its border of four."""
    width, height, depth = struct.unpack(">IIB", png[16:25])
    assert depth == 1
    data = b"".join(png[at + 8 : at + 8 + length] for at, length, kind in chunks(png) if kind == b"IDAT")
    raw, row = zlib.decompress(data), (width + 7) // 8 + 1
    lines = [bytes(row - 1)]
    for n in range(height):
        kind, *line = raw[n * row : (n + 1) * row]
        assert kind in {0, 2}, "a filter that this test does not know"
        above = lines[-1] if kind == 2 else bytes(row - 1)
        lines.append(bytes((one + other) % 256 for one, other in zip(line, above, strict=True)))
    del lines[0]
    side = width // scale
    return [
        [
            1 - (lines[y * scale + 1][(x * scale + 1) // 8] >> (7 - (x * scale + 1) % 8) & 1)
            for x in range(4, side - 4)
        ]
        for y in range(4, side - 4)
    ]


def chunks(png: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        yield at, length, png[at + 4 : at + 8]
        at += length + 12


def test_the_code_says_the_address_of_the_page(tmp_path: Path) -> None:
    site = make_site(tmp_path, pages=ARCHIVE)
    wanted = [list(row) for row in segno.make(URL, error="m", micro=False).matrix]
    assert drawn(qr_image(site, SAMPLE.slug, "en").body) == wanted
    kit = kit_files(site, SAMPLE.slug)
    assert drawn(kit["en/qr/qr.svg"]) == drawn(kit["en/handout/qr.svg"]) == wanted
    assert pixels(kit["en/qr/qr.png"], 10) == wanted
    assert drawn(qr.svg(URL + "x")) != wanted


def test_the_live_pages_code_counts_as_one(tmp_path: Path) -> None:
    wanted = segno.make(
        "https://news.example.org/i/image-gently-in-dentistry/en?via=qr", error="m", micro=False
    ).matrix
    assert drawn(qr_image(make_site(tmp_path), SAMPLE.slug, "en").body) == [list(row) for row in wanted]


def test_few_words_are_set_large_and_many_small(tmp_path: Path) -> None:
    sizes = {kind: re.findall('class="paper (\\w+)"', handed_out(tmp_path, kind)) for kind in EDITIONS}
    assert sizes["few"] == sizes["none"] == sizes["lists"] == ["large"]
    assert sizes["short parts"] == ["full"] and sizes["many"] == ["tight"]


def test_its_foot_says_when_it_was_made_who_reviewed_it_and_whom_to_ask(tmp_path: Path) -> None:
    html = handout_page(make_site(tmp_path), SAMPLE.slug, "en").body.decode()
    (imprint,) = re.findall('<p class="imprint">(.*)</p>', html)
    assert "Reviewed by" in imprint and "office@example.org" in imprint and "2026" in imprint
    assert '<wbr><span class="whole">dentistry/en</span></p>' in html
