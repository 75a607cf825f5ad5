"""Operating-system locks: one sender per issue at a time; a dead process holds none."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from newsletter.errors import RefusedError, StoreError

FOLDER = ".newsletter"


@contextmanager
def sending(root: Path, slug: str, since: datetime) -> Iterator[str]:
    """Hold the lock of an issue's sends while the block runs; gives this process's description.

    Raises RefusedError, naming the process that holds it and since when, where another one sends.
    """
    folder = root / FOLDER
    lock_path, holder_path = folder / f"send-{slug}.lock", folder / f"send-{slug}.json"
    me = f"process {os.getpid()} on {socket.gethostname()} since {since:%Y-%m-%d %H:%M}"
    try:
        folder.mkdir(exist_ok=True)
        lock = FileLock(lock_path, timeout=1)
        with lock:
            holder_path.write_text(json.dumps({"holder": me}), encoding="utf-8")
            yield me
    except Timeout:
        raise RefusedError(
            f"'{slug}' is being sent already, by {_read_holder(holder_path)}",
            hint=f"watch it with: newsletter status {slug}",
        ) from None
    except PermissionError as error:
        raise StoreError(
            "cannot be written", where=str(error.filename or folder), hint="check the folder's permissions"
        ) from error


def holder(root: Path, slug: str) -> str:
    """The process that sends an issue right now; empty where none does."""
    path = root / FOLDER / f"send-{slug}.lock"
    if not path.exists():
        return ""
    try:
        with FileLock(path, timeout=0):
            return ""
    except Timeout:
        return _read_holder(path.with_suffix(".json"))


def _read_holder(path: Path) -> str:
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["holder"])
    except (OSError, ValueError, KeyError):
        return "another process"
