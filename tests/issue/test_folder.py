"""Issues on disk: editions and pictures, and nothing from outside."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from unicodedata import normalize

import pytest

from newsletter.errors import IssueError, NotFoundError, UsageError
from newsletter.issue import list_issues, load_issue
from tests.issue.samples import PNG, front, write


def test_an_issue_has_its_editions_and_pictures(tmp_path: Path) -> None:
    write(tmp_path, "sample/fr.md", front("subject: Bonjour"))
    write(tmp_path, "sample/pt_br.MD")
    write(tmp_path, "sample/README.md", "notes")
    write(tmp_path, "sample/_draft.md", "notes")
    write(tmp_path, "sample/._fr.md", b"\x00\x05")
    write(tmp_path, "sample/notes.txt", "notes")
    write(tmp_path, "sample/steps.PNG", PNG)
    write(tmp_path, "sample/photo.png", b"\xff\xd8\xff rest")
    write(tmp_path, "sample/small.gif", b"GIF89a rest")
    issue = load_issue(tmp_path, "sample")
    assert issue.slug == "sample"
    assert issue.folder == tmp_path / "issues" / "sample"
    assert list(issue.editions) == ["fr", "pt-BR"]
    assert issue.editions["fr"].language == "fr"
    assert issue.editions["fr"].subject == "Bonjour"
    assert issue.editions["pt-BR"].path.as_posix() == "issues/sample/pt_br.MD"
    assert {name: picture.media_type for name, picture in issue.pictures.items()} == {
        "steps.PNG": "image/png",
        "photo.png": "image/jpeg",
        "small.gif": "image/gif",
    }
    assert issue.pictures["steps.PNG"].data == PNG


def test_names_count_as_nfc(tmp_path: Path) -> None:
    decomposed = normalize("NFD", "été")
    write(tmp_path, f"{decomposed}/fr.md")
    write(tmp_path, f"{decomposed}/{decomposed}.png", PNG)
    assert list_issues(tmp_path) == [normalize("NFC", "été")]
    for spelling in ("NFC", "NFD"):
        issue = load_issue(tmp_path, normalize(spelling, "été"))
        assert issue.slug == normalize("NFC", "été")
        assert list(issue.pictures) == [normalize("NFC", "été.png")]
        assert issue.pictures[normalize("NFC", "été.png")].name == normalize("NFC", "été.png")


def test_issues_are_listed_by_name(tmp_path: Path) -> None:
    assert list_issues(tmp_path) == []
    for name in (
        "b/en.md",
        "a/fr.md",
        "_old/en.md",
        ".git/en.md",
        "empty/README.md",
        "pictures/x.png",
        "file.md",
    ):
        write(tmp_path, name)
    assert list_issues(tmp_path) == ["a", "b"]


@pytest.mark.parametrize(
    "slug",
    (
        *(
            "",
            " ",
            ".",
            "..",
            "../secret",
            "a/../../secret",
            "/etc",
            "sample/en.md",
            "sample/",
            "issues/sample",
        ),
        *("issues\\sample", "C:\\secret", "C:sample", "_old", ".git", "\x00"),
    ),
)
def test_a_slug_is_the_name_of_a_folder_and_no_path(tmp_path: Path, slug: str) -> None:
    write(tmp_path, "sample/en.md")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "en.md").write_text(front("subject: a"))
    with pytest.raises((UsageError, NotFoundError)):
        load_issue(tmp_path, slug)


def test_a_path_to_an_issue_is_answered_with_its_name(tmp_path: Path) -> None:
    write(tmp_path, "sample/en.md")
    for typed in ("issues/sample", "issues/sample/", "issues\\sample", "./sample"):
        with pytest.raises(UsageError, match=r"write sample\)"):
            load_issue(tmp_path, typed)


def test_a_missing_issue_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="newsletter new"):
        load_issue(tmp_path, "sample")
    write(tmp_path, "image-gently/en.md")
    write(tmp_path, "other/en.md")
    for typed in ("image-gentle", "Image-Gently"):
        with pytest.raises(NotFoundError, match="did you mean 'image-gently'"):
            load_issue(tmp_path, typed)


def empty_issue(root: Path) -> None:
    write(root, "sample/README.md")


def no_tag(root: Path) -> None:
    write(root, "sample/notes.md")


def same_tag(root: Path) -> None:
    write(root, "sample/pt-BR.md")
    write(root, "sample/pt_br.md")


def false_picture(root: Path) -> None:
    write(root, "sample/en.md")
    write(root, "sample/a.png", b"RIFF....WEBP")


def named_after(root: Path) -> None:
    write(root, "sample/French.md")


@pytest.mark.parametrize(
    ("make", "where", "says"),
    [
        (named_after, "issues/sample/French.md", "did you mean fr?"),
        (empty_issue, "issues/sample", "no text in any language"),
        (no_tag, "issues/sample/notes.md", "no language tag"),
        (same_tag, "issues/sample/pt_br.md", "same language as pt-BR.md"),
        (false_picture, "issues/sample/a.png", "no PNG, JPEG or GIF"),
    ],
)
def test_files_that_cannot_be_used_are_named(
    tmp_path: Path, make: Callable[[Path], None], where: str, says: str
) -> None:
    make(tmp_path)
    with pytest.raises(IssueError, match=says) as caught:
        load_issue(tmp_path, "sample")
    assert caught.value.where == where


def link(path: Path, target: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.symlink_to(target, target_is_directory=target.is_dir())
    except OSError:
        pytest.skip("no symbolic links here")


@pytest.mark.parametrize("name", ["en.md", "secret.png"])
def test_a_link_out_of_issues_is_refused(tmp_path: Path, name: str) -> None:
    write(tmp_path, "sample/fr.md")
    secret = tmp_path / "secret"
    secret.write_bytes(PNG)
    link(tmp_path / "issues" / "sample" / name, secret)
    with pytest.raises(IssueError, match="leads out") as caught:
        load_issue(tmp_path, "sample")
    assert caught.value.where == f"issues/sample/{name}"


def test_a_linked_folder_outside_is_refused_and_not_listed(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", "secret/en.md")
    link(tmp_path / "issues" / "sample", tmp_path / "elsewhere" / "issues" / "secret")
    assert list_issues(tmp_path) == []
    with pytest.raises(IssueError, match="leads out") as caught:
        load_issue(tmp_path, "sample")
    assert caught.value.where == "issues/sample"


def test_a_link_in_a_circle_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "sample/fr.md")
    circle = tmp_path / "issues" / "sample" / "en.md"
    link(circle, circle)
    with pytest.raises(IssueError):
        load_issue(tmp_path, "sample")


def test_a_link_within_issues_is_followed(tmp_path: Path) -> None:
    picture = write(tmp_path, "shared/logo.png", PNG)
    write(tmp_path, "sample/fr.md")
    link(tmp_path / "issues" / "sample" / "logo.png", picture)
    assert load_issue(tmp_path, "sample").pictures["logo.png"].data == PNG
