"""Where a database lies: never on a network share, and better not in a synced folder."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path, PurePath, PurePosixPath

from newsletter.errors import StoreError

_NETWORK_TYPES = frozenset(
    {"nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afpfs", "webdav", "davfs", "ncpfs"}
    | {"fuse.sshfs", "fuse.davfs", "fuse.rclone"}
)
_SYNCED_FOLDERS = ("onedrive", "dropbox", "google drive", "googledrive", "my drive", "icloud")
_ICLOUD_PARTS = frozenset({"mobile documents", "com~apple~clouddocs"})
_DRIVE_REMOTE = 4  # GetDriveTypeW: DRIVE_REMOTE


def refuse_network_share(path: Path) -> None:
    """Raise StoreError where `path` lies on a file server: databases lock badly there."""
    if is_on_network(path):
        raise StoreError(
            "the project lies on a network share, where a database can be damaged",
            where=str(path),
            hint="move the project's folder to a disk of this computer",
        )


def sync_warning(path: PurePath) -> str:
    """A sentence where a cloud service copies the folder of `path`; empty otherwise."""
    for part in path.parent.parts:
        lowered = part.lower()
        if lowered.startswith(_SYNCED_FOLDERS) or lowered in _ICLOUD_PARTS:
            return (
                f"the project lies in a synced folder ({part}): a cloud service can lock the database or "
                "make second copies of it; better move the project out of it and use newsletter backup"
            )
    return ""


def is_on_network(path: Path) -> bool:
    """Whether the file at `path`, which need not exist yet, is on a file server."""
    full = path.resolve()
    if sys.platform == "win32":
        import ctypes

        anchor = full.anchor
        return anchor.startswith("\\\\") or ctypes.windll.kernel32.GetDriveTypeW(anchor) == _DRIVE_REMOTE
    return filesystem_type(PurePosixPath(full), _mounts()) in _NETWORK_TYPES


def filesystem_type(path: PurePosixPath, mounts: Iterable[tuple[str, str]]) -> str:
    """The type of the mount that holds `path`, from (mount point, type) pairs in the order of mounting."""
    best, found = -1, ""
    for point, kind in mounts:
        if path.is_relative_to(point) and len(point) >= best:
            best, found = len(point), kind
    return found


def parse_proc_mounts(text: str) -> list[tuple[str, str]]:
    """/proc/mounts, in which a blank in a path is written \\040."""
    pairs = [line.split(" ")[1:3] for line in text.splitlines() if line.count(" ") >= 2]
    return [(_unescape(point), kind) for point, kind in pairs]


def parse_mount_output(text: str) -> list[tuple[str, str]]:
    """What macOS's `mount` prints: `//host/share on /Volumes/share (smbfs, nodev)`."""
    found = []
    for line in text.splitlines():
        head, opened, options = line.rpartition(" (")
        _, on, point = head.partition(" on ")
        if opened and on:
            found.append((point, options.rstrip(")").split(",")[0].strip()))
    return found


def _unescape(text: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, character)
    return text


def _mounts() -> list[tuple[str, str]]:
    try:
        if sys.platform == "darwin":
            answer = subprocess.run(["/sbin/mount"], capture_output=True, text=True, timeout=5, check=False)
            return parse_mount_output(answer.stdout)
        return parse_proc_mounts(Path("/proc/mounts").read_text(encoding="utf-8", errors="replace"))
    except (OSError, subprocess.SubprocessError):
        return []
