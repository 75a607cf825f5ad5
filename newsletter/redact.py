"""Takes addresses out of what a relay answered, so that no reply holds personal data."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from newsletter.oneline import one_line

REMOVED = "<address>"
MOST_CHARACTERS = 500

_MOST_READ = 2_000
_LEAST_LOCAL = 3  # shorter local parts would be found inside the words of a sentence
_MARK = re.compile(r"@|%40|&#64;|\uff20|\ufe6b|\(at\)|\[at\]", re.IGNORECASE)
_ATOM = r"[^\s<>()\[\],;:\"'@]"
_LOCAL = rf"(?:\"(?:[^\"\\]|\\.){{0,128}}\"|(?<!{_ATOM}){_ATOM}{{1,320}}?)"
_SIGN = rf"\s?(?:{_MARK.pattern})\s?"
_DOMAIN = r"(?:\[[0-9A-Fa-f.:IPv]+\]|[\w-]+(?:\.[\w-]+)*)"
_ADDRESS = re.compile(rf"<?{_LOCAL}{_SIGN}{_DOMAIN}>?", re.IGNORECASE)


def redact(text: str, address: str = "") -> str:
    """The text on one line, shortened, with every address in it replaced.

    `address` is the recipient's: it goes wherever it stands and in whatever letters, as `local=domain` too,
    and so does its local part as a word of its own (`user jane.doe unknown`) from three characters on.
    """
    if not text:
        return text
    line, folded = _on_one_line(text)
    address = unicodedata.normalize("NFC", address)
    local, _, domain = address.rpartition("@")
    named = bool(address) and local.casefold() in folded
    if named:
        line = _replace(line, address)
    if _MARK.search(line):
        line = _ADDRESS.sub(REMOVED, line)
    if named:
        line = _without_local(_replace(line, f"{local}={domain}"), local)
    return line if len(line) <= MOST_CHARACTERS else f"{line[: MOST_CHARACTERS - 1]}…"


@lru_cache(maxsize=256)
def _on_one_line(text: str) -> tuple[str, str]:
    """The text as it will be read, and the same to look for names in; a relay mostly says the same words."""
    if len(text) > _MOST_READ:
        text = text[:_MOST_READ].rpartition(" ")[0]
    line = unicodedata.normalize("NFC", one_line(text))
    return line, line.casefold()


def _replace(line: str, form: str) -> str:
    return re.sub(rf"<?{re.escape(form)}>?", REMOVED, line, flags=re.IGNORECASE)


def _without_local(line: str, local: str) -> str:
    if len(local) < _LEAST_LOCAL:
        return line
    return re.sub(rf"(?<![\w@]){re.escape(local)}(?![\w@]|[.-]\w)", REMOVED, line, flags=re.IGNORECASE)
