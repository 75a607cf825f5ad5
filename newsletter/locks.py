"""Operating-system locks on an issue, a relay with limits, the outbox; a dead process holds none."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
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
    hint = f"watch it with: newsletter status {slug}"
    with _held(root / FOLDER, f"send-{slug}", since, f"'{slug}' is being sent already, by", hint) as me:
        yield me


@contextmanager
def using(root: Path, relay: str, since: datetime) -> Iterator[None]:
    """Hold the lock of a relay that has limits: two sends at once would each use them up whole."""
    what = f"another issue is going out through {relay}, whose limits hold for all together, by"
    with _held(root / FOLDER, _of_relay(relay), since, what, "wait for it, or pause it"):
        yield


@contextmanager
def outbox(root: Path, since: datetime) -> Iterator[None]:
    """Hold the lock of the outbox, which `serve` empties. RefusedError, naming who holds it, otherwise."""
    what = "the pages are served already, and their mails sent, by"
    with _held(root / FOLDER, "outbox", since, what, "stop the other one, or leave it to it"):
        yield


@contextmanager
def _held(folder: Path, name: str, since: datetime, refusal: str, advice: str) -> Iterator[str]:
    lock_path, holder_path = folder / f"{name}.lock", folder / f"{name}.json"
    me = f"process {os.getpid()} on {socket.gethostname()} since {since:%Y-%m-%d %H:%M}"
    with ExitStack() as held:
        try:
            folder.mkdir(exist_ok=True)
            held.enter_context(FileLock(lock_path, timeout=1))
            holder_path.write_text(json.dumps({"holder": me}), encoding="utf-8")
        except Timeout:
            raise RefusedError(f"{refusal} {_read_holder(holder_path)}", hint=advice) from None
        except PermissionError as error:
            raise StoreError(
                "cannot be written",
                where=str(error.filename or folder),
                hint="check the folder's permissions",
            ) from error
        yield me


def holder(root: Path, slug: str) -> str:
    """The process that sends an issue right now; empty where none does."""
    return _holder(root / FOLDER / f"send-{slug}.lock")


def user(root: Path, relay: str) -> str:
    """The process that uses a relay with limits right now; empty where none does."""
    return _holder(root / FOLDER / f"{_of_relay(relay)}.lock")


def _of_relay(relay: str) -> str:
    return "relay-" + re.sub(r"[^A-Za-z0-9.-]", "-", relay)


def _holder(path: Path) -> str:
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
