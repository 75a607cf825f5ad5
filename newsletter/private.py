"""Files that hold personal data or keys: made so that only their owner can read them.

Windows has no such modes: there the folder decides.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_OWNER_ONLY = 0o600


def opener(path: str, flags: int) -> int:
    """For open(): a file that is made is its owner's alone, whatever the umask; one that is there stays."""
    return os.open(path, flags, _OWNER_ONLY)


def make(path: Path) -> None:
    """Make an empty file that only its owner can read. Raises OSError, FileExistsError among them."""
    os.close(opener(os.path.realpath(path), os.O_CREAT | os.O_EXCL | os.O_WRONLY))


def is_shared(path: Path) -> bool:
    """Whether others on this computer may read the file, as far as one may say so."""
    return hasattr(os, "chown") and bool(path.stat().st_mode & 0o044)


def keep_access(path: Path, like: Path) -> None:
    """Let the same people read and write `path` as `like`, as far as one may say so."""
    found = like.stat()
    if hasattr(os, "chown"):
        for user, group in ((-1, found.st_gid), (found.st_uid, -1)):
            with suppress(OSError):
                os.chown(path, user, group)
    path.chmod(found.st_mode & 0o777)
