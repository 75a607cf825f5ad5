"""The bytes of a text file -> its lines, whatever program wrote it; a large file is never held as a whole."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable, Iterator
from functools import partial
from io import TextIOWrapper
from typing import AnyStr, BinaryIO, Final

from msgspec import Struct

from newsletter.errors import ListFileError
from newsletter.listfile import legacy

Open = Callable[[], BinaryIO]
"""Opens the file anew, at its beginning."""

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
_FOREIGN_WORD: Final = re.compile(r"[^\W\d_]*[^\W\d_\x00-\x7f][^\W\d_]*")
_SAVE_AS: Final = "open it in a spreadsheet and save it as .xlsx or as CSV UTF-8"
_HEAD: Final = 100_000  # bytes
_CHUNK: Final = 1 << 20


class Decoded(Struct, frozen=True, kw_only=True):
    """A text file's encoding, what to tell the user, and its lines, read anew each time they are asked for.

    Lines come without byte order mark and without their end, be it CRLF, LF or CR.
    """

    lines: Callable[[], Iterator[str]]
    encoding: str
    warnings: tuple[str, ...] = ()


def decode(opened: Open, *, name: str) -> Decoded:
    """Read UTF-8, UTF-16 or UTF-32 with or without mark, else the likeliest code page.

    ListFileError where the bytes are no text.
    """
    with opened() as file:
        head = file.read(_HEAD)
        even = file.seek(0, os.SEEK_END) % 2 == 0
    _refuse_foreign(head, name)
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return _decoded_wide(opened, encoding, len(mark), name)
    wide = _wide_without_mark(head[:20_000]) if even else ""
    if wide:
        return _decoded_wide(opened, wide, 0, name)
    _refuse_nul(_chunks(opened, 0), b"\x00", b"\n", name)
    if len(_CONTROLS.findall(head)) > 4 + len(head) // 50:
        raise ListFileError("this is no text file", where=name, hint=_SAVE_AS)
    return _decoded_narrow(opened, 0)


def _refuse_foreign(head: bytes, name: str) -> None:
    for signature, what in _SIGNATURES:
        if head.startswith(signature):
            raise ListFileError(
                f"this is {what}, not a list", where=name, hint="give the list as .xlsx or as CSV"
            )
    if _MARKUP.match(head[:500].lstrip(codecs.BOM_UTF8)):
        raise ListFileError("this is a web page or XML under another name", where=name, hint=_SAVE_AS)
    if head[:11].upper() == b"BEGIN:VCARD":
        hint = "export it from the address book as CSV"
        raise ListFileError("this is an address book (vCard), not a list", where=name, hint=hint)


def _wide_without_mark(head: bytes) -> str:
    """UTF-16 without a mark shows by zero bytes in every second place, for addresses are ASCII."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if len(head) < 4 or max(even, odd) * 5 < len(head) // 2:
        return ""
    if even * 20 <= odd:
        return "utf-16-le"
    return "utf-16-be" if odd * 20 <= even else ""


def _decoded_wide(opened: Open, encoding: str, skip: int, name: str) -> Decoded:
    try:
        _refuse_nul(_decoded_chunks(opened, encoding, skip), "\x00", "\n", name)
    except UnicodeDecodeError as error:
        if encoding == "utf-8":
            return _decoded_narrow(opened, skip)
        lead = f"it begins as {encoding.upper()} text and goes wrong at byte {error.start:,}"
        raise ListFileError(lead, where=name, hint=_SAVE_AS) from None
    return Decoded(lines=partial(_lines, opened, encoding, skip), encoding=encoding)


def _refuse_nul(chunks: Iterator[AnyStr], nul: AnyStr, newline: AnyStr, name: str) -> None:
    line = 1
    for chunk in chunks:
        at = chunk.find(nul)
        line += chunk.count(newline, 0, at if at >= 0 else len(chunk))
        if at >= 0:
            message = "there are NUL bytes in it: this is no text file"
            raise ListFileError(message, where=f"{name}:{line}", hint=_SAVE_AS)


def _decoded_narrow(opened: Open, skip: int) -> Decoded:
    try:
        for _ in _decoded_chunks(opened, "utf-8", skip):
            pass
    except UnicodeDecodeError:
        return _decoded_old(opened, skip)
    return Decoded(lines=partial(_lines, opened, "utf-8", skip), encoding="utf-8")


def _decoded_old(opened: Open, skip: int) -> Decoded:
    """A text in a code page, or one in UTF-8 in which a few lines of another program were pasted."""
    foreign, broken, first = legacy.Words(), legacy.Words(), 0
    for number, line in enumerate(_raw_lines(opened, skip), 1):
        foreign.add(line)
        if not _is_utf8(line):
            broken.add(line)
            first = first or number
    if broken.lines * 2 >= foreign.lines:
        encoding = foreign.encoding()
        lines = partial(_lines, opened, encoding, skip)
        return Decoded(lines=lines, encoding=encoding, warnings=(_guessed(encoding, lines()),))
    encoding = broken.encoding()
    some = "line is" if broken.lines == 1 else "lines are"
    warning = (
        f"{broken.lines:,} {some} not UTF-8 as the others (first: line {first}); "
        f"read as {legacy.ENGLISH_NAMES[encoding]} ({encoding})"
    )
    lines = partial(_mixed_lines, opened, encoding, skip)
    return Decoded(lines=lines, encoding="utf-8", warnings=(warning,))


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _guessed(encoding: str, lines: Iterator[str]) -> str:
    """Show a word by which a person sees whether the guess is right."""
    words = (word for line in lines if not line.isascii() for word in _FOREIGN_WORD.findall(line))
    longest = max(words, key=len, default="")[:40]
    shown = f"; look whether '{longest}' is spelled as it should be" if longest else ""
    return f"the file is not UTF-8; read as {legacy.ENGLISH_NAMES[encoding]} ({encoding}){shown}"


def _chunks(opened: Open, skip: int) -> Iterator[bytes]:
    with opened() as file:
        file.seek(skip)
        while chunk := file.read(_CHUNK):
            yield chunk


def _decoded_chunks(opened: Open, encoding: str, skip: int) -> Iterator[str]:
    """UnicodeDecodeError counts its bytes from the text's beginning."""
    decoder = codecs.getincrementaldecoder(encoding)()
    done = 0
    try:
        for chunk in _chunks(opened, skip):
            yield decoder.decode(chunk)
            done += len(chunk) - len(decoder.getstate()[0])
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        error.start += done
        raise


def _lines(opened: Open, encoding: str, skip: int) -> Iterator[str]:
    with opened() as file:
        file.seek(skip)
        for line in TextIOWrapper(file, encoding, errors="replace"):
            yield line.rstrip("\n")


def _mixed_lines(opened: Open, encoding: str, skip: int) -> Iterator[str]:
    for line in _raw_lines(opened, skip):
        text = line.decode("utf-8" if _is_utf8(line) else encoding, errors="replace")
        yield text.rstrip("\r\n")


def _raw_lines(opened: Open, skip: int) -> Iterator[bytes]:
    """Lines with their ends; Latin-1 gives each byte a character of its own, so that none is changed."""
    with opened() as file:
        file.seek(skip)
        yield from (line.encode("latin-1") for line in TextIOWrapper(file, "latin-1", newline=""))
