"""The folder of an issue: its editions and pictures, and nothing from outside `issues/`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from unicodedata import normalize

from newsletter.errors import IssueError, NotFoundError, UsageError
from newsletter.issue.edition import read_edition
from newsletter.languages import normalise_tag
from newsletter.models import Edition, Issue, Picture
from newsletter.tomlsource import nearest

ISSUES = "issues"
_PICTURES = (".png", ".jpg", ".jpeg", ".gif")
_SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


def load_issue(root: Path, slug: str) -> Issue:
    """The issue `issues/SLUG/` of the project at `root`, with all editions and pictures.

    File names count as Unicode NFC. `README.md`, and what begins with `.` or `_`, is left out. Paths of
    editions are relative to `root`. Raises UsageError for a slug that is a path, NotFoundError where there
    is no such issue, and IssueError for a file that cannot be used.
    """
    folder = find_issue(root, slug)
    editions: dict[str, Edition] = {}
    pictures: dict[str, Picture] = {}
    for name, path in _files(folder, root):
        if _is_edition(name):
            edition = _edition(name, path, root)
            if edition.language in editions:
                other = editions[edition.language].path.name
                raise IssueError(
                    f"is the same language as {other}", where=_where(path, root), hint="keep one of the two"
                )
            editions[edition.language] = edition
        elif Path(name).suffix.casefold() in _PICTURES:
            if name in pictures:
                raise IssueError(
                    "has the name of another picture", where=_where(path, root), hint="rename it"
                )
            pictures[name] = _picture(name, path, root)
    if not editions:
        raise IssueError(
            "the issue has no text in any language",
            where=_where(folder, root),
            hint="name the file like en.md",
        )
    return Issue(
        slug=_name(folder), folder=folder, editions=dict(sorted(editions.items())), pictures=pictures
    )


def find_issue(root: Path, slug: str) -> Path:
    """The folder `issues/SLUG/`. Raises NotFoundError with the nearest name, and UsageError for a path."""
    wanted = read_slug(root, slug)
    found = [folder for folder in _folders(root) if _name(folder) == wanted]
    if not found:
        known = list_issues(root)
        hint = nearest(wanted, known) if known else 'make one with newsletter new "TITLE"'
        raise NotFoundError(f"there is no issue '{wanted}'", hint=hint)
    if len(found) > 1:
        raise IssueError(
            "two folders have this name", where=_where(found[0], root), hint="rename one of them"
        )
    _refuse_outside(found[0], root)
    return found[0]


def list_issues(root: Path) -> list[str]:
    """The slugs of all folders in `issues/` that hold a text, sorted."""
    return sorted(
        {_name(folder) for folder in _folders(root) if _stays_inside(folder, root) and _holds_text(folder)}
    )


def read_slug(root: Path, text: str) -> str:
    """What was typed, in NFC, whether or not there is such an issue. Raises UsageError for a path."""
    wanted = _normal(text)
    if not wanted or wanted[0] in "._" or any(mark in wanted for mark in "/\\:"):
        last = wanted.replace("\\", "/").rstrip("/").rpartition("/")[2]
        hint = f"write {last}" if last in list_issues(root) else "name the folder alone, without its path"
        raise UsageError(f"'{wanted}' is no name of an issue", hint=hint)
    return wanted


def _folders(root: Path) -> list[Path]:
    inside = root / ISSUES
    if not inside.is_dir():
        return []
    return [path for path in _entries(inside, root) if path.name[0] not in "._" and path.is_dir()]


def _holds_text(folder: Path) -> bool:
    try:
        return any(_is_edition(_name(path)) for path in folder.iterdir())
    except OSError:
        return True


def _files(folder: Path, root: Path) -> Iterator[tuple[str, Path]]:
    for path in _entries(folder, root):
        name = _name(path)
        if name[0] in "._" or not (_is_edition(name) or Path(name).suffix.casefold() in _PICTURES):
            continue
        _refuse_outside(path, root)
        if path.is_file():
            yield name, path


def _entries(folder: Path, root: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir(), key=lambda path: (_name(path), path.name))
    except OSError as error:
        raise IssueError(f"cannot be read: {error.strerror}", where=_where(folder, root)) from None


def _stays_inside(path: Path, root: Path) -> bool:
    try:
        return path.resolve().is_relative_to((root / ISSUES).resolve())
    except (OSError, RuntimeError):
        return False


def _refuse_outside(path: Path, root: Path) -> None:
    if not _stays_inside(path, root):
        raise IssueError(
            "leads out of the project's issues", where=_where(path, root), hint="put what it leads to there"
        )


def _is_edition(name: str) -> bool:
    path = Path(name)
    return path.suffix.casefold() == ".md" and path.stem.casefold() != "readme" and name[0] not in "._"


def _edition(name: str, path: Path, root: Path) -> Edition:
    shown = Path(_where(path, root))
    try:
        language = normalise_tag(Path(name).stem)
    except UsageError as error:
        guess = f"{error.hint} " if error.hint.startswith("did you mean") else ""
        hint = f"{guess}name it by its language, like en.md, or begin its name with _ to leave it out"
        raise IssueError("the file's name is no language tag", where=shown.as_posix(), hint=hint) from None
    return read_edition(_bytes(path, root), path=shown, language=language)


def _picture(name: str, path: Path, root: Path) -> Picture:
    data = _bytes(path, root)
    media_type = next((kind for mark, kind in _SIGNATURES.items() if data.startswith(mark)), "")
    if not media_type:
        raise IssueError(
            "is no PNG, JPEG or GIF picture, whatever its name says",
            where=_where(path, root),
            hint="save the picture anew as PNG or JPEG",
        )
    return Picture(name=name, media_type=media_type, data=data)


def _bytes(path: Path, root: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise IssueError(f"cannot be read: {error.strerror}", where=_where(path, root)) from None


def _where(path: Path, root: Path) -> str:
    return _normal(path.relative_to(root).as_posix())


def _name(path: Path) -> str:
    return _normal(path.name)


def _normal(name: str) -> str:
    """A file name in NFC; bytes that are no UTF-8 become question marks."""
    return normalize("NFC", name.encode("utf-8", "replace").decode("utf-8"))


def issue_title(root: Path, slug: str, language: str) -> str:
    """An issue's title in a language, or in the first that it has; its slug where it cannot be read."""
    try:
        editions = load_issue(root, slug).editions
    except (IssueError, NotFoundError, UsageError):
        return slug
    edition = editions.get(language) or next(iter(editions.values()))
    return edition.title or edition.subject
