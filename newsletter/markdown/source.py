"""Where a markdown body came from, so that every error can say path:line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from newsletter.errors import IssueError
from newsletter.fields import TOKEN


@dataclass(frozen=True, kw_only=True)
class Source:
    """The file, and its line on which the body begins; lines of the body count from 0."""

    path: Path
    first_line: int

    def line(self, offset: int) -> int:
        """The file's line of a line of the body."""
        return self.first_line + offset

    def error(self, line: int, message: str, hint: str = "") -> IssueError:
        """An error about a line of the file; tokens in `message` are shown as placeholders."""
        message = TOKEN.sub("{{ … }}", message)
        return IssueError(message, where=f"{self.path.as_posix()}:{line}", hint=hint)
