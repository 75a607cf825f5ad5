"""Transfer encodings: quoted-printable bodies, RFC 2047 words, RFC 2231 file names, base64."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from urllib.parse import quote

SOFT_BREAK = b"=\r\n"
_ROOM = 73  # leaves 2 columns for an escaped first character and 1 for the soft break: 76 (RFC 2045 6.7)
_WORD = 75  # an encoded word's longest (RFC 2047 2)
_LINE = 76
_READABLE = 1.6  # up to this growth the Q encoding is taken, which people can read in a raw mail
_FRAME = len("=?utf-8?q?") + len("?=")
_Q_UNSAFE = re.compile(rb"[^A-Za-z0-9!*+/ -]")
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_ATOMS = re.compile(rf"{_ATOM}(?: {_ATOM})*")


def _escape(text: str) -> bytes:
    """Quoted-printable without any break; `text` holds no line break."""
    return binascii.b2a_qp(text.encode(), istext=False).replace(b"=\n", b"")


def _lines(escaped: bytes) -> Iterator[bytes]:
    """Cuts escaped bytes into lines that leave room for `=` and begin with neither `.` nor `From `."""
    start = 0
    while True:
        end = start + _ROOM
        if end < len(escaped):
            cut = escaped.rfind(b"=", end - 2, end)
            end = cut if cut >= 0 else end
        line = escaped[start:end]
        if line.startswith((b".", b"From ")):
            line = b"=%02X" % line[0] + line[1:]
        yield line
        start = end
        if start >= len(escaped):
            return


@lru_cache(maxsize=64)
def quoted_value(text: str) -> bytes:
    """A slot's value: every line has room for the soft break that follows; no hard break, no leading dot.

    Cached because a value mostly looks the same in HTML and in plain text.
    """
    data = binascii.b2a_qp(text.encode(), istext=False)
    if len(data) <= _ROOM and data[:1] not in (b".", b"F"):
        return data
    return SOFT_BREAK.join(_lines(data.replace(b"=\n", b"")))


def quoted_piece(text: str, *, after_slot: bool, before_slot: bool) -> bytes:
    """The text between two slots; `\\n` is a hard break. It ends at a line's start where a slot follows."""
    lines = [SOFT_BREAK.join(_lines(_escape(line))) for line in text.split("\n")]
    if before_slot and lines[-1]:
        lines[-1] += SOFT_BREAK
    return (SOFT_BREAK if after_slot else b"") + b"\r\n".join(lines)


def base64_lines(data: bytes) -> bytes:
    """Base64 in lines of 76 columns with CRLF (RFC 2045 6.8)."""
    return base64.encodebytes(data).replace(b"\n", b"\r\n")


def _q(data: bytes) -> bytes:
    """The Q encoding as it may stand in a phrase (RFC 2047 4.2, 5)."""
    return _Q_UNSAFE.sub(lambda octet: b"=%02X" % ord(octet[0]), data).replace(b" ", b"_")


def _encoded_words(text: str, first: int) -> list[str]:
    """RFC 2047 words, none longer than 75 (the first one no longer than `first`), no character split."""
    data = text.encode()
    quoted = _q(data)
    letter, encode = ("q", _q) if len(quoted) <= len(data) * _READABLE else ("b", base64.b64encode)
    return [f"=?utf-8?{letter}?{chunk.decode()}?=" for chunk in _chunks(text, encode, first - _FRAME)]


def _chunks(text: str, encode: Callable[[bytes], bytes], room: int) -> Iterator[bytes]:
    """The encoded text in parts of whole characters, the first of at most `room` octets."""
    whole = encode(text.encode())
    while len(whole) > room:
        size = room // 12 or 1  # a character takes at most 12 octets
        while len(encode(text[: size + 1].encode())) <= room:
            size += 1
        yield encode(text[:size].encode())
        text, room = text[size:], _WORD - _FRAME
        whole = encode(text.encode())
    yield whole


def _folded_ascii(text: str, column: int) -> str | None:
    """Printable ASCII folded at its single spaces, or None where it must be encoded."""
    if "=?" in text or not (text.isascii() and text.isprintable()):
        return None
    if column + len(text) <= _LINE:
        return text
    words = text.split(" ")
    if any(not word or len(word) > _WORD for word in words):
        return None
    lines, line = [], words[0]
    for word in words[1:]:
        if column + len(line) + 1 + len(word) > _LINE:
            lines.append(line)
            line, column = word, 1
        else:
            line = f"{line} {word}"
    return "\r\n ".join([*lines, line])


def unstructured(name: str, text: str) -> str:
    """A whole header line of free text with its CRLF, folded (RFC 5322 2.2.3), encoded where it must be."""
    text = text.strip()
    column = len(name) + 2
    value = _folded_ascii(text, column)
    if value is None:
        value = "\r\n ".join(_encoded_words(text, _LINE - column))
    return f"{name}: {value}\r\n"


def phrase(text: str, column: int) -> str:
    """A display name: atoms, a quoted string or encoded words, folded; `column` is where it begins."""
    if "=?" not in text and text.isascii() and column + len(text) + 2 <= _LINE:
        if _ATOMS.fullmatch(text):
            return text
        if text.isprintable():
            return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return "\r\n ".join(_encoded_words(text, _LINE - column))


def parameter(name: str, value: str) -> str:
    """A MIME parameter with its leading fold; what is not plain ASCII goes as RFC 2231, in parts if long."""
    if re.fullmatch(r"[A-Za-z0-9 ._()+-]{1,50}", value):
        return f';\r\n {name}="{value}"'
    encoded = quote(value, safe="")
    parts = re.findall(r"(?:%..|[^%]){1,18}", encoded)
    if len(parts) == 1:
        return f";\r\n {name}*=utf-8''{encoded}"
    parts[0] = f"utf-8''{parts[0]}"
    return "".join(f";\r\n {name}*{number}*={part}" for number, part in enumerate(parts))
