"""The first issue says all that it must in every language, and is the sample that projects begin with."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from newsletter.config import Config, load
from newsletter.fields import Tokens, tokenise
from newsletter.issue import load_issue
from newsletter.markdown import EVERY, Composed, compose
from newsletter.models import Issue
from newsletter.render.picturesize import picture_size
from newsletter.sample import SLUG, sample_files
from newsletter.typography import NO_BREAK
from tests.editions import ARCHIVE, PAGES, REPOSITORY, hrefs, rendered

FOLDER = REPOSITORY / "issues" / SLUG
LANGUAGES = ("ar", "en", "fr")
ISSUE = load_issue(REPOSITORY, SLUG)
SITES = {
    "www.aaomr.org",
    "www.acr.org",
    "www.ada.org",
    "www.imagegently.org",
    "www.wfpiweb.org",
}


def composed(language: str) -> tuple[Composed, Tokens]:
    edition = ISSUE.editions[language]
    tokens = Tokens([edition.body])
    body = tokenise(edition.body, path=edition.path, first_line=edition.body_line, fields=tokens)
    return compose(body, path=edition.path, first_line=edition.body_line, variant=EVERY), tokens


def one_line(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture(params=[{}, ARCHIVE, PAGES], ids=["no pages", "archive", "live pages"])
def config(request: pytest.FixtureRequest) -> Config:
    return load(REPOSITORY, request.param)


def test_the_issue_has_its_editions() -> None:
    assert tuple(ISSUE.editions) == LANGUAGES
    for edition in ISSUE.editions.values():
        assert len(edition.subject) <= 70 and 40 <= len(edition.preheader) <= 130
        assert edition.preheader != edition.subject and edition.title and edition.description
        assert edition.date == date(2026, 11, 20) and edition.reviewed_on == date(2026, 11, 20)
        assert edition.silence == ()


@pytest.mark.parametrize(
    "words",
    [
        ["individual need", "never routine", "dental history", "essential to diagnose and to treat"],
        ["fastest image receptor", "E- or F-speed", "digital", "exposure as low as"],
        ["cone-beam CT", "CBCT", "essential to the diagnosis and to planning the treatment"],
        ["collimate", "area of interest", "rectangular", "recording area of the detector", "extraoral"],
        ["thyroid shield", "particularly sensitive", "properly positioned", "significantly"],
        ["child-size the exposure time", "smaller than an adult", "less exposure time"],
    ],
)
def test_each_recommendation_has_its_detail(words: list[str]) -> None:
    items = re.findall(r"(?ms)^\d\. (.*?)(?=^\d\. |^:::)", ISSUE.editions["en"].body)
    assert len(items) == 6
    assert any(all(word.casefold() in one_line(item).casefold() for word in words) for item in items)


@pytest.mark.parametrize(
    "words",
    [
        ["Image Gently in Dentistry", "new campaign", "dental community"],
        [
            "World Federation of Pediatric Imaging",
            "framework",
            "stewardship",
            "radiation safety",
            "each region",
        ],
        [
            "Child-sizing CT Dose: Optimizing Patient Care through Quality Improvement",
            "free",
            "image quality",
        ],
        ["radiologists, radiologic technologists, medical physicists", "continuing education"],
        ["log in", "cart", "only so that CE credits can be tracked and reported", "immediate"],
        ["share this message", "colleagues", "dentistry", "your own dentist"],
        ["2014", "2023", "February 2024", "no longer advise thyroid collars", "National rules apply"],
    ],
)
def test_the_rest_of_the_message_is_there(words: list[str]) -> None:
    text = one_line(ISSUE.editions["en"].body).casefold()
    assert [word for word in words if word.casefold() not in text] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_thyroid_recommendation_is_followed_by_its_dated_note(language: str) -> None:
    body = ISSUE.editions[language].body
    note = body[body.index("::: callout") :].split("\n:::\n")[0]
    steps = body[body.index("::: steps") :].split("\n:::\n")[0]
    assert body.index("::: callout") - body.index(steps) - len(steps) < 10
    for sign in ("2014", "2023", "2024", "2026", "https://www.aaomr.org", "https://www.ada.org"):
        assert sign in note


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_edition_has_the_same_links_fields_and_shape(language: str) -> None:
    one, fields = composed(language)
    english, english_fields = composed("en")
    assert [link.href for link in one.links] == [link.href for link in english.links]
    assert (
        [field.name for field in fields.fields] == [field.name for field in english_fields.fields] == ["name"]
    )
    assert all(field.default for field in fields.fields)
    assert [heading.level for heading in one.headings] == [heading.level for heading in english.headings]
    assert one.html.count('role="listitem"') == 6
    assert one.html.count("<td") == english.html.count("<td")
    assert [image.picture for image in one.images] == ["collimation.png"] and len(one.images[0].alt) > 60


def test_links_go_to_the_top_pages_of_the_campaign_and_the_societies() -> None:
    found = {link.href for link in composed("en")[0].links}
    assert {urlsplit(href).hostname for href in found} == SITES
    assert all(urlsplit(href).scheme == "https" and not urlsplit(href).path for href in found)


@pytest.mark.parametrize(
    ("language", "sample"), [("en", "(sample name)"), ("fr", "(nom fictif)"), ("ar", "(اسم افتراضي)")]
)
def test_made_up_names_are_marked_and_stand_in_the_footer(config: Config, language: str, sample: str) -> None:
    edition = rendered(config, ISSUE, language)
    assert sample in ISSUE.editions[language].reviewed_by
    for part in (edition.html, edition.text):
        assert ISSUE.editions[language].reviewed_by in one_line(part)
    assert "2026" in edition.text[edition.text.index(sample) :]


@pytest.mark.parametrize("language", LANGUAGES)
def test_html_and_text_carry_the_whole_message_and_the_way_out(config: Config, language: str) -> None:
    edition = rendered(config, ISSUE, language)
    fixed = ISSUE.editions[language]
    for words in re.findall(r"^\d\. \*\*(.+?)\*\*", fixed.body, re.MULTILINE):
        assert words in edition.html.replace(NO_BREAK, " ") and words in one_line(edition.text)
    html = re.sub("<span[^>]*>|</span>", "", edition.html).replace(NO_BREAK, " ")
    for part in (html, one_line(edition.text)):
        for words in (fixed.title, fixed.share.sentence, fixed.share.forwarded, "1 Sample Street"):
            assert words in part
    leave = [field.token for field in edition.fields if field.name == "leave_url"]
    way_out = leave[0] if leave else "mailto:office@example.org?subject=unsubscribe"
    assert way_out in hrefs(edition.html) and f"<{way_out}>" in edition.text
    assert len(edition.html.encode()) < 80_000
    assert [picture.name for picture in edition.pictures] == ["collimation.png"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_number_is_torn_from_its_unit(config: Config, language: str) -> None:
    edition = rendered(config, ISSUE, language)
    for part in (edition.html, edition.text):
        assert not re.search(r"\d[ \n](?:cm|سم|×)", part)
        assert len(re.findall(r"\d\u00a0(?:cm|سم)", part)) == 4


def test_french_signs_stay_with_their_words(config: Config) -> None:
    edition = rendered(config, ISSUE, "fr")
    for part in (re.sub("<style.*?</style>|<[^>]*>", "", edition.html, flags=re.DOTALL), edition.text):
        assert not re.search(r"[\w»] [:;?!»]|« ", part)
        assert part.count("\u00a0:") > 8


def test_the_drawing_is_small_and_twice_as_sharp_as_shown() -> None:
    data = (FOLDER / "collimation.png").read_bytes()
    assert picture_size(data) == (1072, 568)
    assert len(data) <= 60 * 1024
    assert b"<script" not in (FOLDER / "collimation.svg").read_bytes()


def test_a_clone_takes_the_sample_from_its_own_issues() -> None:
    files = sample_files()
    assert set(files) == {f"issues/{SLUG}/{file.name}" for file in FOLDER.iterdir()}
    assert all((REPOSITORY / name).read_bytes() == data for name, data in files.items())
    assert list(files) == sorted(files)


def test_an_installed_program_takes_the_sample_from_its_data(tmp_path: Path) -> None:
    packed = tmp_path / "newsletter" / "data" / "sample" / SLUG
    packed.mkdir(parents=True)
    (packed / "en.md").write_bytes(b"x")
    assert sample_files(tmp_path / "newsletter") == {f"issues/{SLUG}/en.md": b"x"}


def test_the_build_packs_the_folder_that_the_sample_is_read_from() -> None:
    setup = (REPOSITORY / "setup.py").read_text(encoding="utf-8")
    assert f'Path("issues") / "{SLUG}"' in setup
    assert '"newsletter" / "data" / "sample"' in setup


def test_a_project_made_of_the_sample_is_the_same_issue(tmp_path: Path) -> None:
    for name, data in sample_files().items():
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    copy: Issue = load_issue(tmp_path, SLUG)
    assert copy.editions == ISSUE.editions and copy.pictures == ISSUE.pictures
