"""Bytes from a relay become replies (RFC 5321 4.2, RFC 2034), however they are cut up."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from newsletter.models import Reply
from newsletter.oneline import one_line

MAX_LINE = 4096  # RFC 5321 says 512; real relays say more
MAX_LINES = 128
MAX_TEXT = 500

_LINE = re.compile(rb"([2-5]\d\d)(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)")


class ReplyReader:
    """Collects bytes until replies are complete; one per connection.

    `last` holds the lines of the latest reply, as EHLO's are needed. `nonsense` says what was no SMTP;
    nothing is read after it.
    """

    def __init__(self) -> None:
        self.last: tuple[bytes, ...] = ()
        self.nonsense = ""
        self._buffer = b""
        self._lines: list[bytes] = []

    @property
    def pending(self) -> bool:
        """Whether a reply has begun and is not complete."""
        return bool(self._buffer or self._lines)

    def feed(self, data: bytes) -> list[Reply]:
        """The replies that `data` completes, in order."""
        replies: list[Reply] = []
        if self.nonsense:
            return replies
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._lines.append(line.removesuffix(b"\r"))
            if line[3:4] == b"-" and len(self._lines) < MAX_LINES:
                continue
            self.last = tuple(self._lines)
            self._lines.clear()
            reply = _parse(self.last)
            if reply is None:
                self.nonsense = "an answer that is not SMTP"
                return replies
            replies.append(reply)
        if len(self._buffer) > MAX_LINE:
            self.nonsense = "an endless line"
        return replies


@lru_cache(maxsize=256)
def _parse(lines: tuple[bytes, ...]) -> Reply | None:
    """One reply from its lines, which must all bear the same code; None for nonsense."""
    code, enhanced, texts = 0, "", []
    for line in lines:
        match = _LINE.fullmatch(line)
        if match is None or len(line) > MAX_LINE or (code and int(match[1]) != code):
            return None
        code = int(match[1])
        text = (match[3] or b"").decode("utf-8", "replace")
        status = _ENHANCED.match(text)
        if status and status[1][0] == str(code)[0]:
            enhanced = enhanced or status[1]
            text = text[status.end() :]
        texts.append(text)
    if lines[-1][3:4] == b"-":
        return None
    return Reply(code=code, enhanced=enhanced, text=printable(" ".join(texts)))


def extensions(lines: Sequence[bytes]) -> dict[str, str]:
    """The keywords of an EHLO answer (one a line after the first), each with its parameters."""
    found: dict[str, str] = {}
    for line in lines[1:]:
        keyword, _, parameters = line[4:].decode("ascii", "replace").replace("=", " ", 1).partition(" ")
        name = printable(keyword).upper()
        found[name] = " ".join(f"{found.get(name, '')} {printable(parameters)}".split())
    return found


def printable(text: str) -> str:
    """A relay's text on one line and of bounded length."""
    return one_line(text)[:MAX_TEXT]
