"""Takes addresses out of what a relay answered, so that no reply holds personal data."""

from __future__ import annotations

import re
import unicodedata

REMOVED = "<address>"
MOST_CHARACTERS = 500

_LEAST_LOCAL = 3  # shorter local parts would be found inside the words of a sentence
_MARKS = ("@", "%40", "&#64;", "\uff20", "\ufe6b", "(at)", "[at]")
_ATOM = r"[^\s<>()\[\],;:\"'@]"
_LOCAL = rf"(?:\"(?:[^\"\\]|\\.)*\"|{_ATOM}+?)"
_SIGN = r"\s?(?:@|%40|&\#64;|\uff20|\ufe6b|\(at\)|\[at\])\s?"
_DOMAIN = r"(?:\[[0-9A-Fa-f.:IPv]+\]|[\w-]+(?:\.[\w-]+)*)"
_ADDRESS = re.compile(rf"<?{_LOCAL}{_SIGN}{_DOMAIN}>?", re.IGNORECASE)


def redact(text: str, address: str = "") -> str:
    """The text on one line, shortened, with every address in it replaced.

    `address` is the recipient's: it goes wherever it stands and in whatever letters, as `local=domain` too,
    and so does its local part as a word of its own (`user jane.doe unknown`) from three characters on.
    """
    line = text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)
    line = " ".join(line.split())
    if not line.isascii():
        line = unicodedata.normalize("NFC", line)
    if address:
        line = _without(line, unicodedata.normalize("NFC", address))
    if any(mark in line.lower() for mark in _MARKS):
        line = _ADDRESS.sub(REMOVED, line)
    return line if len(line) <= MOST_CHARACTERS else f"{line[: MOST_CHARACTERS - 1]}…"


def _without(line: str, address: str) -> str:
    """Take out one known address, and its local part."""
    local, _, domain = address.rpartition("@")
    if local.casefold() not in line.casefold():
        return line
    for form in (f"<{address}>", address, f"{local}={domain}"):
        line = re.sub(re.escape(form), REMOVED, line, flags=re.IGNORECASE)
    if len(local) < _LEAST_LOCAL:
        return line
    return re.sub(rf"(?<![\w@]){re.escape(local)}(?![\w@]|[.-]\w)", REMOVED, line, flags=re.IGNORECASE)
