"""The bytes of a text file -> its text, whatever program wrote it."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Final

from newsletter.errors import ListFileError
from newsletter.listfile import legacy

_BOMS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SIGNATURES: Final = (
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture (PNG)"),
    (b"\xff\xd8\xff", "a picture (JPEG)"),
    (b"GIF8", "a picture (GIF)"),
    (b"{\\rtf", "a Word document (RTF)"),
    (b"\x1f\x8b", "a compressed file (gzip)"),
    (b"7z\xbc\xaf", "a compressed file (7-Zip)"),
    (b"Rar!", "a compressed file (RAR)"),
    (b"SQLite format 3", "a database"),
)
_MARKUP: Final = re.compile(rb"\s*<(?:!doctype|html|table|\?xml|meta|head|body)\b", re.IGNORECASE)
_CONTROLS: Final = re.compile(rb"[\x01-\x08\x0e-\x19\x1b-\x1f]")
_SAVE_AS: Final = "open it in a spreadsheet and save it as .xlsx or as CSV UTF-8"


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """A file's text without byte order mark, the encoding it was read in, and what to tell the user."""

    text: str
    encoding: str
    warnings: tuple[str, ...] = ()


def decode(data: bytes, *, name: str) -> Decoded:
    """Read UTF-8, UTF-16 or UTF-32 with or without mark, else the likeliest code page.

    ListFileError where the bytes are no text.
    """
    _refuse_foreign(data, name)
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _decoded_wide(data[len(mark) :], encoding, name)
    wide = _wide_without_mark(data)
    if wide:
        return _decoded_wide(data, wide, name)
    if b"\x00" in data:
        line = data.count(b"\n", 0, data.index(b"\x00")) + 1
        raise ListFileError(
            "there are NUL bytes in it: this is no text file", where=f"{name}:{line}", hint=_SAVE_AS
        )
    if len(_CONTROLS.findall(data[:100_000])) > 4 + len(data[:100_000]) // 50:
        raise ListFileError("this is no text file", where=name, hint=_SAVE_AS)
    return _decoded_narrow(data)


def _refuse_foreign(data: bytes, name: str) -> None:
    for signature, what in _SIGNATURES:
        if data.startswith(signature):
            raise ListFileError(
                f"this is {what}, not a list", where=name, hint="give the list as .xlsx or as CSV"
            )
    if _MARKUP.match(data[:500].lstrip(codecs.BOM_UTF8)):
        raise ListFileError("this is a web page or XML under another name", where=name, hint=_SAVE_AS)
    if data[:11].upper() == b"BEGIN:VCARD":
        hint = "export it from the address book as CSV"
        raise ListFileError("this is an address book (vCard), not a list", where=name, hint=hint)


def _wide_without_mark(data: bytes) -> str:
    """UTF-16 without a mark shows by zero bytes in every second place, for addresses are ASCII."""
    head = data[:20_000]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if len(data) < 4 or len(data) % 2 or max(even, odd) * 5 < len(head) // 2:
        return ""
    if even * 20 <= odd:
        return "utf-16-le"
    return "utf-16-be" if odd * 20 <= even else ""


def _decoded_wide(data: bytes, encoding: str, name: str) -> Decoded:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-8":
            return _decoded_narrow(data)
        lead = f"it begins as {encoding.upper()} text and goes wrong at byte {error.start:,}"
        raise ListFileError(lead, where=name, hint=_SAVE_AS) from None
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        raise ListFileError(
            "there are NUL bytes in it: this is no text file", where=f"{name}:{line}", hint=_SAVE_AS
        )
    return Decoded(text=text, encoding=encoding)


def _decoded_narrow(data: bytes) -> Decoded:
    try:
        return Decoded(text=data.decode("utf-8"), encoding="utf-8")
    except UnicodeDecodeError:
        pass
    lines = data.splitlines(keepends=True)
    foreign = [line for line in lines if not line.isascii()]
    broken = [line for line in foreign if not _is_utf8(line)]
    if len(broken) * 2 < len(foreign):
        return _decoded_mixed(lines, broken)
    encoding = legacy.guess(data)
    text = data.decode(encoding, errors="replace")
    return Decoded(text=text, encoding=encoding, warnings=(_guessed(encoding, text),))


def _decoded_mixed(lines: list[bytes], broken: list[bytes]) -> Decoded:
    """UTF-8 in which a few lines of another program were pasted."""
    encoding = legacy.guess(b"".join(broken))
    text = "".join(line.decode("utf-8" if _is_utf8(line) else encoding, errors="replace") for line in lines)
    first = next(number for number, line in enumerate(lines, 1) if not _is_utf8(line))
    what = legacy.ENGLISH_NAMES[encoding]
    some = "line is" if len(broken) == 1 else "lines are"
    warning = (
        f"{len(broken):,} {some} not UTF-8 as the others (first: line {first}); read as {what} ({encoding})"
    )
    return Decoded(text=text, encoding="utf-8", warnings=(warning,))


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _guessed(encoding: str, text: str) -> str:
    """Show a word by which a person sees whether the guess is right."""
    words = re.findall(r"[^\W\d_]*[^\W\d_\x00-\x7f][^\W\d_]*", text)
    shown = f"; look whether '{max(words, key=len)[:40]}' is spelled as it should be" if words else ""
    return f"the file is not UTF-8; read as {legacy.ENGLISH_NAMES[encoding]} ({encoding}){shown}"
