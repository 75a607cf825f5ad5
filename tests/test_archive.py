"""An archive is wholly old or wholly new, and what others put beside it survives."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsletter.archive import MARKER, refuse_foreign, write_archive
from newsletter.errors import UsageError

OLD = {"index.html": b"old", "i/a/en/index.html": b"old"}
NEW = {"index.html": b"new", "i/b/en/index.html": b"new"}


def files(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file() and p.name != MARKER
    }


def test_the_new_files_take_the_place_of_the_old_ones(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    write_archive(OLD, folder)
    assert files(folder) == OLD
    write_archive(NEW, folder)
    assert files(folder) == NEW
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]


@pytest.mark.parametrize("name", ["archive", "site[1]", "what*"])
def test_an_archive_that_was_stopped_before_the_swap_comes_back(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    write_archive(OLD, folder)
    (folder / "CNAME").write_bytes(b"mine")
    folder.rename(tmp_path / f".{name}-old-x1")
    write_archive(NEW, folder)
    assert files(folder) == NEW | {"CNAME": b"mine"}
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_an_archive_that_was_stopped_after_the_swap_is_ended(tmp_path: Path) -> None:
    folder, old = tmp_path / "archive", tmp_path / ".archive-old-x1"
    write_archive(OLD, old)
    (old / "CNAME").write_bytes(b"mine")
    write_archive(NEW, folder)
    assert files(folder) == NEW | {"CNAME": b"mine"}
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]


def test_files_that_cannot_be_written_leave_the_old_archive(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    write_archive(OLD, folder)
    with pytest.raises(OSError):
        write_archive(NEW | {"index.html/below": b"a file is in the way"}, folder)
    assert files(folder) == OLD
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"mine")
    with pytest.raises(UsageError, match="no earlier archive"):
        refuse_foreign(tmp_path)
    with pytest.raises(UsageError):
        write_archive(NEW, tmp_path)
    assert files(tmp_path) == {"notes.txt": b"mine"}
