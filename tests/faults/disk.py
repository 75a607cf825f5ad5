"""A small disk that can be filled up, where this computer lets us make one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEGABYTES = 24


class NoDisk(Exception):
    """Why no disk could be made."""


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A tmpfs mounted at `folder`. Raises NoDisk."""
    mount = shutil.which("mount")
    if sys.platform != "linux" or mount is None:
        raise NoDisk("a small disk is made with Linux's tmpfs only")
    folder.mkdir(parents=True, exist_ok=True)
    command = [mount, "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(folder)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        raise NoDisk(f"mounting a small disk is not allowed here: {made.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
