"""Where a markdown body came from, so that every error can say path:line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct, field

from newsletter.errors import IssueError
from newsletter.fields import TOKEN


class Source(Struct, frozen=True, kw_only=True):
    """The file, its line on which the body begins, and its language tag; lines of the body count from 0.

    `faults` are the errors that reading has gone on after.
    """

    path: Path
    first_line: int
    language: str = ""
    faults: list[IssueError] = field(default_factory=list)

    def line(self, offset: int) -> int:
        """The file's line of a line of the body."""
        return self.first_line + offset

    def report(self, line: int, message: str, hint: str = "") -> None:
        """Keeps an error to be raised when the whole body has been read."""
        self.faults.append(self.error(line, message, hint))

    def error(self, line: int, message: str, hint: str = "") -> IssueError:
        """An error about a line of the file; tokens in `message` are shown as placeholders."""
        message = TOKEN.sub("{{ … }}", message)
        return IssueError(message, where=f"{self.path.as_posix()}:{line}", hint=hint)


def first_fault(faults: Iterable[IssueError]) -> IssueError:
    """The first error by its line, its hint naming the lines of the others; `faults` are of one file."""
    by_line = sorted(faults, key=line_of)
    first = by_line[0]
    others = sorted({line_of(fault) for fault in by_line} - {line_of(first)})
    if not others:
        return first
    lines = f"line {others[0]} has" if len(others) == 1 else f"lines {', '.join(map(str, others))} have"
    more = f"{lines} errors too"
    return IssueError(first.message, where=first.where, hint=f"{first.hint}; {more}" if first.hint else more)


def line_of(fault: IssueError) -> int:
    """The line that an error names behind its path."""
    return int(fault.where.rpartition(":")[2])
