"""Files into a folder that is wholly new or wholly old, whenever the program is stopped."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from glob import escape
from pathlib import Path
from tempfile import mkdtemp

from newsletter.config import FILE_NAME
from newsletter.errors import UsageError

MARKER = ".newsletter-archive"
_MADE_BY = "Made by `newsletter archive`, which replaces this folder each time. Its own files:\n"


def write_archive(files: Mapping[str, bytes], folder: Path) -> None:
    """Put the files into `folder` in the place of those of an earlier archive.

    What others have put at the top of the folder, like a `.git` or a `CNAME`, stays. Raises UsageError for a
    folder that holds something else.
    """
    folder = folder.resolve()
    _recover(folder)
    refuse_foreign(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(mkdtemp(prefix=f".{folder.name}-new-", dir=folder.parent))
    try:
        fresh.chmod(0o755)
        for name, data in files.items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        listed = _MADE_BY + "".join(f"{name}\n" for name in sorted(files))
        (fresh / MARKER).write_bytes(listed.encode())
        _swap(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def refuse_foreign(folder: Path) -> None:
    """Raises UsageError where no archive may be written: over the project's own folders, or others' files."""
    if folder.name in ("issues", "templates") and (folder.parent / FILE_NAME).is_file():
        raise UsageError(
            "is a folder of the project", where=str(folder), hint="choose another folder with --output"
        )
    if folder.exists() and not (folder / MARKER).is_file() and any(folder.iterdir()):
        raise UsageError(
            "holds files, and no earlier archive of this program",
            where=str(folder),
            hint="choose another folder with --output",
        )


def _swap(fresh: Path, folder: Path) -> None:
    """Put the new folder in the old one's place; the old one comes back where that fails."""
    if not folder.exists():
        fresh.rename(folder)
        return
    old = Path(mkdtemp(prefix=_old(folder), dir=folder.parent))
    old.rmdir()
    folder.rename(old)
    try:
        fresh.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    _carry(old, folder)


def _recover(folder: Path) -> None:
    """End what an earlier run was stopped in the midst of."""
    for old in sorted(folder.parent.glob(f"{escape(_old(folder))}*")):
        if (old / MARKER).is_file():
            if folder.exists():
                _carry(old, folder)
            else:
                old.rename(folder)


def _carry(old: Path, folder: Path) -> None:
    """Move what others put into the old folder to the new one, and delete the rest."""
    own = _own_names(old)
    for entry in old.iterdir():
        if entry.name not in own and not (folder / entry.name).exists():
            entry.rename(folder / entry.name)
    shutil.rmtree(old, ignore_errors=True)


def _old(folder: Path) -> str:
    """How the names begin that the old folder has while the new one takes its place."""
    return f".{folder.name}-old-"


def _own_names(folder: Path) -> set[str]:
    """What stands at the top of an archive by its own doing."""
    marker = folder / MARKER
    listed = marker.read_text(encoding="utf-8").splitlines()[1:] if marker.is_file() else []
    return {MARKER, *(name.partition("/")[0] for name in listed)}
