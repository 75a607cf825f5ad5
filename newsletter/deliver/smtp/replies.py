"""Bytes from a relay become replies (RFC 5321 4.2, RFC 2034), however they are cut up."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from newsletter.models import Reply

MAX_LINE = 4096  # RFC 5321 says 512; real relays say more
MAX_LINES = 128
MAX_TEXT = 500

_LINE = re.compile(rb"([2-5]\d\d)(?:([ -])(.*))?", re.DOTALL)
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)")


class ReplyError(Exception):
    """The other side does not speak SMTP."""


class ReplyReader:
    """Collects bytes until replies are complete; one per connection."""

    def __init__(self) -> None:
        self._buffer = b""
        self._lines: list[bytes] = []
        self.last: tuple[bytes, ...] = ()  # the lines of the latest reply, as EHLO's are needed

    @property
    def pending(self) -> bool:
        """Whether a reply has begun and is not complete."""
        return bool(self._buffer or self._lines)

    def feed(self, data: bytes) -> list[Reply]:
        """The replies that `data` completes, in order. Raises ReplyError at the first byte of nonsense."""
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        if len(self._buffer) > MAX_LINE:
            raise ReplyError("an endless line")
        replies = []
        for line in lines:
            self._lines.append(line.removesuffix(b"\r"))
            if line[3:4] != b"-":
                self.last = tuple(self._lines)
                self._lines.clear()
                replies.append(_parse(self.last))
            elif len(self._lines) > MAX_LINES:
                raise ReplyError("an endless answer")
        return replies


@lru_cache(maxsize=256)
def _parse(lines: tuple[bytes, ...]) -> Reply:
    """One reply from its lines; the code of the last one counts, as the others must bear the same."""
    code, enhanced, texts = 0, "", []
    for line in lines:
        match = _LINE.fullmatch(line)
        if match is None or len(line) > MAX_LINE or (code and int(match[1]) != code):
            raise ReplyError("an answer without a code")
        code = int(match[1])
        text = (match[3] or b"").decode("utf-8", "replace")
        status = _ENHANCED.match(text)
        if status and status[1][0] == str(code)[0]:
            enhanced = enhanced or status[1]
            text = text[status.end() :]
        texts.append(text)
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
    """A relay's text on one line, without control characters and of bounded length."""
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(text.split())[:MAX_TEXT]
