"""Where issues on the disk ask for a list: `::: only list:board`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from newsletter.errors import SegmentError
from newsletter.issue.folder import ISSUES
from newsletter.segments import with_list_renamed

_ONLY = re.compile(r"\s*:{3,}\s*only\s+(.+?)\s*")


def naming_list(root: Path, name: str) -> Iterator[str]:
    """path:line of each block that is for a list of this name; files may be unfinished."""
    for path in sorted((root / ISSUES).glob("*/*.md")):
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        for number, line in enumerate(lines, 1):
            found = _ONLY.fullmatch(line)
            if found and _asks_for(found[1], name):
                yield f"{path.relative_to(root).as_posix()}:{number}"


def _asks_for(expression: str, name: str) -> bool:
    if expression.casefold() == name.casefold():
        return True
    try:
        return with_list_renamed(expression, name, "") != with_list_renamed(expression, "", "")
    except SegmentError:
        return False
