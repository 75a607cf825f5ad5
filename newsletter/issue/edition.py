"""One file to one edition: text, front matter, body."""

from __future__ import annotations

import re
from pathlib import Path

from newsletter.errors import IssueError
from newsletter.issue.frontmatter import read_front_matter
from newsletter.models import Edition

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_FENCE = re.compile(r"---[ \t]*")


def read_edition(data: bytes, *, path: Path, language: str) -> Edition:
    """The edition that a file's bytes hold; `path` is what errors and findings call the file.

    UTF-8 with or without BOM, lines ending in LF, CRLF or CR: the same edition. Raises IssueError with
    path:line.
    """
    text = _decoded(data, path)
    lines = text.split("\n")
    if not _FENCE.fullmatch(lines[0]):
        hint = "its first lines are '---', 'subject: …' and '---'"
        raise _error(path, 1, "the file does not begin with a front matter", hint)
    closing = next((number for number, line in enumerate(lines[1:], 1) if _FENCE.fullmatch(line)), 0)
    if not closing:
        raise _error(path, 1, "the front matter is not closed", "put a line of '---' between it and the text")
    front = read_front_matter("\n".join(lines[1:closing]) + "\n", path=path, first_line=2)
    body = "\n".join(lines[closing + 1 :])
    if not body.strip():
        raise _error(path, closing + 1, "there is no text below the front matter", "write the issue there")
    return Edition(
        path=path,
        language=language,
        subject=front.texts["subject"],
        preheader=front.texts.get("preheader", ""),
        title=front.texts.get("title", ""),
        description=front.texts.get("description", ""),
        date=front.dates.get("date"),
        reviewed_by=front.texts.get("reviewed_by", ""),
        reviewed_on=front.dates.get("reviewed_on"),
        share=front.share,
        silence=front.silence,
        draft=front.draft,
        lines=front.lines,
        body=body,
        body_line=closing + 2,
    )


def _decoded(data: bytes, path: Path) -> str:
    hint = "save it as plain text in UTF-8"
    if data.startswith(_UTF_16):
        raise _error(path, 1, "the file is saved as UTF-16", hint)
    if not data.strip(b"\xef\xbb\xbf \t\r\n"):
        raise _error(path, 1, "the file is empty", "begin it with a front matter, as newsletter new does")
    if b"\x00" in data:
        line = _line(data[: data.index(b"\x00")])
        raise _error(path, line, "the file holds NUL bytes, so it is no text", hint)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _error(
            path, _line(data[: error.start]), "the file holds bytes that are no UTF-8 text", hint
        ) from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if found := _CONTROL.search(text):
        line = text.count("\n", 0, found.start()) + 1
        what = f"there is an invisible control character (U+{ord(found[0]):04X}) on this line"
        raise _error(path, line, what, "delete it and type the line anew")
    return text


def _line(before: bytes) -> int:
    return before.replace(b"\r\n", b"\n").replace(b"\r", b"\n").count(b"\n") + 1


def _error(path: Path, line: int, message: str, hint: str) -> IssueError:
    return IssueError(message, where=f"{path.as_posix()}:{line}", hint=hint)
