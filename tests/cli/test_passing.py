"""Kits, archives and drafts through the command line; and that nothing passed on knows any reader."""

from __future__ import annotations

import base64
import email
import email.policy
import io
import quopri
import re
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from urllib.parse import unquote

import pytest

from newsletter.config import load
from newsletter.issue import load_issue
from newsletter.links import find_tokens
from newsletter.pages import (
    Site,
    atom_feed,
    handout_page,
    index_page,
    issue_page,
    json_feed,
    live,
    share_page,
    trouble_page,
)
from newsletter.render import environment
from tests.cli.conftest import ISSUE, Box
from tests.deliver.relay import ScriptedRelay

Named = Callable[[int], Box]
BASE, ARCHIVE = "https://news.example.org", "https://archive.example.org"
DATED = ISSUE.replace("title:", "date: 2026-01-02\ntitle:", 1)
PNG = (Path(__file__).parents[2] / "issues/image-gently-in-dentistry/collimation.png").read_bytes()
PERSONAL = """\
---
subject: For {{ name }} and {{ ward | default("your ward") }}
title: A message with fields
preheader: For you, {{ name }}, in {{ country | default("your country") }}, and only for you.
description: What the sample federation wants to tell everybody.
date: 2026-01-02
---
Dear {{ name }}, {{ email }}, {{ ward }}, {{ language }}, {{ country }}:

::: only list:dentists
A word for dentists, {{ name }}.
:::

::: steps
1. **One** for {{ name }}.
2. **Two** for {{ email }}.
:::

![A drawing](drawing.png)

[Leave]({{ leave_url }}), [change]({{ preferences_url }}), [join]({{ join_url }}), [share]({{ share_url }}),
[read]({{ public_url }}), [map](https://www.imagegently.org/?q={{ ward }}).
"""
PEOPLE = """\
email,name,language,country,ward
zoe.unmistakable@example.net,Dr Zoë Unmistakable,en,FR,Ward Heliotrope
omar.singular@example.net,Dr Omar Singular,ar,EG,Ward Ultramarine
"""


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def kit_of(box: Box, slug: str) -> dict[str, bytes]:
    path = box.folder / box.run("kit", slug).stdout.strip()
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def public(box: Box) -> Box:
    """A project with an archive and one issue that is public."""
    box.environ["NEWSLETTER_ARCHIVE_URL"] = ARCHIVE
    box.write("issues/short/en.md", DATED)
    return box


def test_the_archive_is_written_twice_alike_and_follows_the_issues(public: Box) -> None:
    told = public.run("archive")
    folder = public.folder / "archive"
    assert Path(told.stdout.strip()) == folder
    assert "1 issue" in told.stderr and f"{ARCHIVE}/" in told.stderr
    first = files(folder)
    assert {"index.html", "feed.xml", "i/short/en/index.html", "i/short/en/handout/index.html"} <= set(first)
    public.run("archive")
    assert files(folder) == first
    public.write("issues/short/fr.md", DATED)
    (public.folder / "issues/short/en.md").unlink()
    public.run("archive")
    assert "i/short/fr/index.html" in files(folder) and "i/short/en/index.html" not in files(folder)


def test_what_others_put_into_the_archive_stays(public: Box) -> None:
    public.run("archive", "--output", "site")
    public.write("site/CNAME", "news.example.org\n")
    public.write("site/.git/config", "[core]\n")
    public.run("archive", "--output", "site")
    public.run("archive", "--output", "site")
    found = files(public.folder / "site")
    assert found["CNAME"] == b"news.example.org\n" and ".git/config" in found
    left = [path.name for path in public.folder.iterdir() if path.name.startswith(".site")]
    assert left == []


@pytest.mark.parametrize("name", ["notes.txt", "index.html", "issues/a.md"])
def test_a_folder_of_somebody_else_is_left_alone(public: Box, name: str) -> None:
    public.write(f"other/{name}", "mine")
    before = files(public.folder / "other")
    refused = public.run("archive", "--output", "other", exit_code=2)
    assert "no earlier archive" in refused.stderr and "--output" in refused.stderr
    assert files(public.folder / "other") == before
    public.run("archive", "--output", ".", exit_code=2)


def test_an_empty_folder_becomes_an_archive(public: Box) -> None:
    (public.folder / "deep/empty").mkdir(parents=True)
    public.run("archive", "--output", "deep/empty")
    assert "index.html" in files(public.folder / "deep/empty")


def test_an_issue_with_a_fault_leaves_the_old_archive_whole(public: Box) -> None:
    public.run("archive")
    before = files(public.folder / "archive")
    public.write("issues/broken/en.md", "no front matter")
    assert "issues/broken/en.md:1" in public.run("archive", exit_code=2).stderr
    assert files(public.folder / "archive") == before


def test_drafts_and_later_issues_are_in_no_archive_and_it_says_so(public: Box) -> None:
    public.write("issues/idea/en.md", DATED.replace("title:", "draft: true\ntitle:", 1))
    public.write("issues/later/en.md", DATED.replace("2026-01-02", "2999-12-31"))
    told = public.run("archive").stderr
    assert "idea (en is a draft)" in told and "later (en is dated 2999-12-31)" in told
    assert not [name for name in files(public.folder / "archive") if "idea" in name or "later" in name]


def test_without_an_address_archive_and_kit_say_what_is_missing(box: Box) -> None:
    box.write("issues/short/en.md", DATED)
    told = box.run("archive").stderr
    assert "archive_url" in told and "feeds" in told
    assert "feed.xml" not in files(box.folder / "archive")
    told = box.run("kit", "short").stderr
    assert "no QR codes" in told and "archive_url" in told
    kit = kit_of(box, "short")
    assert not [name for name in kit if "qr" in name]
    assert b"via=" not in kit["short-kit/README.txt"]


def test_a_kit_opens_as_a_mail_with_its_picture_and_the_same_bytes(public: Box) -> None:
    picture = "\n![A drawing](drawing.png)\n"
    public.write("issues/short/en.md", DATED + picture)
    public.write("issues/short/drawing.png", PNG)
    first = public.run("kit", "short", "--output", "one")
    second = public.run("kit", "short", "--output", "two")
    assert (public.folder / first.stdout.strip()).read_bytes() == (
        public.folder / "two/short-kit.zip"
    ).read_bytes()
    assert Path(second.stdout.strip()).name == "short-kit.zip"
    found = kit_of(public, "short")
    assert found["short-kit/en/drawing.png"] == PNG
    assert b'src="drawing.png"' in found["short-kit/en/mail.html"]
    mail = email.message_from_bytes(found["short-kit/en/mail.eml"], policy=email.policy.default)
    assert mail["Subject"] == "A short issue for you" and mail["X-Unsent"] == "1"
    assert not [
        name for name in mail if name.startswith(("List-", "From", "To", "Reply", "Feedback", "Date"))
    ]
    html, text = mail.get_body(("html",)), mail.get_body(("plain",))
    assert html and text
    assert "Dear <bdi>colleague</bdi>," in html.get_content() and "Dear colleague," in text.get_content()
    for body in (html.get_content(), text.get_content()):
        assert "Unsubscribe" not in body and "passes it on to you" in body
        assert f"{ARCHIVE}/i/short/en/" in body
    (image,) = [part for part in mail.walk() if part.get_content_maintype() == "image"]
    assert image.get_content() == PNG and f"cid:{str(image['Content-ID']).strip('<>')}" in html.get_content()
    assert max(map(len, found["short-kit/en/mail.eml"].splitlines())) < 998


def test_a_kit_leaves_drafts_out_and_refuses_where_all_are(public: Box) -> None:
    public.write("issues/short/fr.md", DATED.replace("title:", "draft: true\ntitle:", 1))
    assert "Left out as drafts: fr" in public.run("kit", "short").stderr
    assert not [name for name in kit_of(public, "short") if "/fr/" in name]
    (public.folder / "issues/short/en.md").unlink()
    assert "draft: true" in public.run("kit", "short", exit_code=1).stderr


@pytest.mark.parametrize("folder", ["issues", "templates"])
def test_the_projects_own_folders_are_no_place_for_an_archive(public: Box, folder: str) -> None:
    (public.folder / "templates").mkdir(exist_ok=True)
    assert "a folder of the project" in public.run("archive", "--output", folder, exit_code=2).stderr


def test_that_the_sample_is_public_is_said(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.run("init", "own")
    box.folder = tmp_path / "own"
    said = "the sample issue 'image-gently-in-dentistry' is public"
    assert said in box.run("archive").stderr
    for edition in (box.folder / "issues/image-gently-in-dentistry").glob("*.md"):
        edition.write_text(edition.read_text(encoding="utf-8") + "\nOur own words.\n", encoding="utf-8")
    assert said not in box.run("archive").stderr


def test_a_kit_of_an_issue_with_errors_is_refused(public: Box) -> None:
    public.write("issues/short/en.md", DATED + "\n[nowhere](https://localhost/)\n")
    assert "to put right" in public.run("kit", "short", exit_code=1).stderr


def test_a_draft_is_built_checked_and_tried_but_not_sent(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.fill(["sample.one@example.net"])
        box.write("issues/short/en.md", DATED.replace("title:", "draft: true\ntitle:", 1))
        box.run("build", "short")
        box.run("check", "short")
        box.run("send", "short", "--test", "sample.me@example.org")
        assert len(relay.taken) == 1
        for arguments in (("--yes",), ("--dry-run",)):
            refused = box.run("send", "short", "--to", "dentists", *arguments, exit_code=1).stderr
            assert "issues/short/en.md:4" in refused and "draft: true" in refused
        assert len(relay.taken) == 1
        box.write("issues/short/en.md", DATED)
        box.send()
        assert len(relay.taken) == 2


def test_a_new_issue_is_a_draft(box: Box) -> None:
    box.run("new", "A new idea")
    assert "\ndraft: true\n" in (box.folder / "issues/a-new-idea/en.md").read_text(encoding="utf-8")


def test_a_send_before_the_issues_date_says_that_its_public_links_wait(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.environ["NEWSLETTER_ARCHIVE_URL"] = ARCHIVE
        box.fill(["sample.one@example.net"])
        box.write("issues/short/en.md", DATED.replace("2026-01-02", "2999-12-31"))
        said = box.send().stderr
        assert "links to the public pages" in said
        assert "2999-12-31" in said


def secrets(box: Box) -> set[bytes]:
    """Everything in the database and the mails that belongs to one reader."""
    with sqlite3.connect(box.folder / "subscribers.db") as database:
        subjects = [row[0] for row in database.execute("select subject from subscribers")]
    words = {cell for line in PEOPLE.splitlines()[1:] for cell in line.split(",") if len(cell) > 3}
    words |= {
        word for cell in words for word in re.split(r"[ @]", cell) if word not in {"Ward", "example.net"}
    }
    found = {word.encode() for word in words if len(word) > 3}
    assert len(subjects) == 2 and b"Unmistakable" in found and b"zoe.unmistakable" in found
    for subject in subjects:
        coded = base64.urlsafe_b64encode(subject).rstrip(b"=")
        found |= {subject, subject.hex().encode(), coded, coded[1:-1]}
    return found


def forms(data: bytes) -> Iterator[bytes]:
    """The bytes as they are, and as readers' programs decode them."""
    yield data
    yield quopri.decodestring(data)
    yield unquote(data.decode("utf-8", "replace")).encode()
    if data.startswith((b"Subject:", b"From:")):
        for part in email.message_from_bytes(data, policy=email.policy.default).walk():
            if part.get_content_maintype() == "text":
                yield str(part.get_content()).encode()


def live_pages(box: Box) -> dict[str, bytes]:
    """What a server answers about the issue, by name."""
    config = load(box.folder, box.environ)
    site = Site(
        config=config,
        environment=environment(config.templates),
        issues={"short": load_issue(box.folder, "short")},
        today=date.max,
        place=live(config),
    )
    found = {f"live {language} trouble": trouble_page(site, 404, language).body for language in ("en", "ar")}
    for language in ("en", "ar"):
        for make in (issue_page, share_page, handout_page):
            found[f"live {language} {make.__name__}"] = make(site, "short", language).body
        found[f"live {language} index"] = index_page(site, language).body
        if site.absolute("/"):
            found[f"live {language} atom"] = atom_feed(site, language).body
            found[f"live {language} json"] = json_feed(site, language).body
    return found


@pytest.mark.parametrize(
    "pages", [{}, {"BASE": BASE}, {"ARCHIVE": ARCHIVE}, {"BASE": BASE, "ARCHIVE": ARCHIVE}]
)
def test_nothing_that_is_passed_on_knows_any_reader(relayed: Named, pages: dict[str, str]) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.environ |= {f"NEWSLETTER_{name}_URL": url for name, url in pages.items()}
        edition = PERSONAL if pages else PERSONAL.replace("[read]({{ public_url }}), ", "")
        for language in ("en", "ar"):
            box.write(f"issues/short/{language}.md", edition)
        box.write("issues/short/drawing.png", PNG)
        box.write("people.csv", PEOPLE)
        box.run("subscribers", "import", "people.csv", "--list", "dentists", "--source", "test", "--yes")
        sent = box.run("send", "short", "--to", "dentists", "--yes", exit_code=None)
        mails = [taken.data for taken in relay.taken]
    assert len(mails) == 2, sent.stderr
    known = secrets(box)
    assert all(
        any(word in form for form in forms(mails[0] + mails[1])) for word in (b"Unmistakable", b"Heliotrope")
    )
    box.run("archive")
    artefacts = files(box.folder / "archive") | kit_of(box, "short") | live_pages(box)
    assert len(artefacts) > 30
    for name, data in artefacts.items():
        for form in forms(data):
            text = form.decode("utf-8", "replace")
            assert not find_tokens(text), name
            assert "{{" not in text and not re.search(r"PH[a-z]+\d{4}q", text), name
            assert "only for you" not in text or "/mail." in name
            assert "A word for dentists" not in text, name
            for word in known:
                assert word not in form, (name, word)


def test_a_kit_tells_only_of_what_is_in_it_and_suggests_whole_sentences(public: Box) -> None:
    head = "subject: \"{{ name | default('colleague') }}, what is new?\""
    text = re.sub(r"subject: .*", head, DATED).replace("hello.", 'hello, {{ ward | default("all") }}.')
    public.write("issues/short/en.md", f"{text}\n::: only list:board\nFor the board.\n:::\n")
    told = public.run("kit", "short").stderr
    assert "one-click-missing" not in told and "list:board" not in told
    assert "Nobody has a field {{ ward }}" in told
    posts = kit_of(public, "short")["short-kit/en/posts.txt"].decode()
    assert "    Colleague, what is new?\n" in posts


def test_a_kit_suggests_no_topic_that_only_asks_to_pass_it_on_and_is_read_in_any_editor(public: Box) -> None:
    public.write("issues/short/en.md", f"{DATED}\n## What is new\n\nAll.\n\n## Pass it on\n\nPlease.\n")
    found = kit_of(public, "short")
    posts = found["short-kit/en/posts.txt"].decode()
    assert "– What is new\n" in posts and "– Pass it on" not in posts
    assert max(map(len, found["short-kit/README.txt"].decode().splitlines())) <= 72
