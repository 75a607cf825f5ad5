"""Web and mail addresses that stand in the text as they are, without markdown around them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from newsletter.fields import TOKEN

_BREAKS = r"\s<>\"“”„«»‘‚|\\^`{}\u3000-\u303f\uff00-\uffef"
_ADDRESS = re.compile(
    rf"(?<![\w@./:+-])(?:(?P<web>(?:https?://|www\.(?=[^\W_]))[^{_BREAKS}]+)"
    r"|(?P<mail>[\w+-]+(?:\.[\w+-]+)*@(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W\d_]{2,}))",
    re.IGNORECASE,
)
_ENDS = re.compile(r"[.,:;!?…*_~'’،؛؟。-]+\Z")
_PAIRS = {")": "(", "]": "["}
_HOST = re.compile(r"(?:https?://)?[^/?#]*", re.IGNORECASE)


def plain_links(text: str) -> Iterator[tuple[str, str]]:
    """The stretches of a text with the address that each leads to, empty where it is no link.

    Recognised are `https://…`, `http://…`, `www.…` (leads to https) and mail addresses; punctuation behind
    them, and a closing bracket that was opened before, stay outside. A field may stand in a web address
    behind its host, and nowhere else.
    """
    done = 0
    for found in _ADDRESS.finditer(text):
        shown = _without_end(found[0]) if found["web"] else found[0]
        if TOKEN.search(_HOST.match(shown)[0] if found["web"] else shown):  # type: ignore[index]
            continue
        if found["web"] and not _names_a_host(shown):
            continue
        yield text[done : found.start()], ""
        yield shown, _target(shown, mail=bool(found["mail"]))
        done = found.start() + len(shown)
    yield text[done:], ""


def is_spelt_out(words: str, href: str) -> bool:
    """Whether a link's words are its own address, or a part of it: nothing is put into those."""
    return bool(words) and not re.search(r"\s", words) and words in unquote(href)


def _without_end(address: str) -> str:
    while True:
        short = _ENDS.sub("", address)
        last = short[-1:]
        if last in _PAIRS and short.count(last) > short.count(_PAIRS[last]):
            short = short[:-1]
        if short == address:
            return address
        address = short


def _names_a_host(address: str) -> bool:
    host = re.sub(r"\Ahttps?://", "", address, flags=re.IGNORECASE)
    return re.match(r"[^\W_][\w-]*(?:\.[\w-]+)*(?::\d+)?(?:[/?#]|\Z)", host) is not None


def _target(address: str, *, mail: bool) -> str:
    if mail:
        return f"mailto:{address}"
    return address if re.match("https?://", address, re.IGNORECASE) else f"https://{address}"
