"""Personal fields: the grammar of placeholders, and the ASCII tokens that stand for them in the making."""

from __future__ import annotations

import difflib
import html
import re
from collections.abc import Collection, Iterable, Iterator
from itertools import count, product
from pathlib import Path
from urllib.parse import unquote

from newsletter.errors import IssueError
from newsletter.models import Field

PERSONAL = ("name", "email", "language", "country")
"""Fields that every subscriber has, empty or not; any other one is an attribute."""

LINKS = ("leave_url", "preferences_url", "public_url", "join_url", "share_url")
"""Fields whose value is a whole address to go to."""

TOKEN = re.compile(r"PH[bcdfghjklmnpqrstvwxz]+[0-9]{4,}q")
"""What tokens look like: `PHq0007q`."""

_SPACE = r"[^\S\n]|[\u200b-\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff]"
_VALUE = r"[^\"\x00-\x1f\x7f\x85\u2028\u2029]*"
_OPENING = re.compile(r"\{\{|\{%|\{#")
_PLACEHOLDER = re.compile(
    rf"\{{\{{(?:{_SPACE})*(?P<name>[^\W\d][\w-]*)(?:{_SPACE})*"
    rf"(?:\|(?:{_SPACE})*default(?:{_SPACE})*\((?:{_SPACE})*"
    rf"(?:\"(?P<double>{_VALUE})\"|'(?P<single>{_VALUE.replace(chr(34), chr(39))})')"
    rf"(?:{_SPACE})*\)(?:{_SPACE})*)?\}}\}}"
)
_HINT = 'a placeholder is {{ name }} or {{ name | default("colleague") }}'


def without_fields(text: str) -> str:
    """The text without its placeholders."""
    return _PLACEHOLDER.sub("", text)


class Tokens:
    """Hands out one token for each distinct (name, default), and remembers the fields in order of appearance.

    It must be given every text that the tokens will stand beside, so that it can choose a prefix which
    occurs in none of them, however they are escaped.
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._prefix = _free_prefix([_squeezed(text) for text in texts])
        self._fields: dict[tuple[str, str | None], Field] = {}

    @property
    def fields(self) -> tuple[Field, ...]:
        """Every field that was asked for."""
        return tuple(self._fields.values())

    def token(self, name: str, default: str | None = None, *, line: int = 0) -> str:
        """The token of a field; `default` None where it is required, `line` 0 for a field of the template."""
        key = (name, default)
        if key not in self._fields:
            token = f"{self._prefix}{len(self._fields) + 1:04d}q"
            self._fields[key] = Field(token=token, name=name, default=default, line=line)
        return self._fields[key].token

    def clashes(self, text: str) -> bool:
        """Whether a text could be mistaken for holding one of these tokens."""
        return _holds(self._prefix, _squeezed(text))


def tokenise(text: str, *, path: Path | str, first_line: int, fields: Tokens) -> str:
    """The text with its placeholders replaced by tokens; the first line of `text` is the file's `first_line`.

    Raises IssueError with path:line for anything else that looks like template code.
    """
    if fields.clashes(text):
        raise ValueError("Tokens was not given this text when it was made")
    pieces: list[str] = []
    done = 0
    while found := _OPENING.search(text, done):
        line = first_line + text.count("\n", 0, found.start())
        placeholder = _PLACEHOLDER.match(text, found.start())
        pieces.append(text[done : found.start()])
        if not placeholder or _OPENING.search(_default(placeholder) or ""):
            raise _not_understood(text, found.start(), path, line)
        pieces.append(fields.token(placeholder["name"], _default(placeholder), line=line))
        done = placeholder.end()
    return "".join(pieces) + text[done:]


def unknown_fields(fields: Iterable[Field], attributes: Collection[str]) -> list[tuple[Field, str]]:
    """The fields that nobody has, each with the nearest known name, or an empty string where none is near.

    `attributes` are the names of all attributes that subscribers have.
    """
    known = {*PERSONAL, *LINKS, *attributes}
    return [(field, _nearest(field.name, known)) for field in fields if field.name not in known]


def _nearest(name: str, known: Collection[str]) -> str:
    by_lower_case = {word.casefold(): word for word in sorted(known)}
    close = difflib.get_close_matches(name.casefold(), list(by_lower_case), n=1, cutoff=0.6)
    return by_lower_case[close[0]] if close else ""


def _default(placeholder: re.Match[str]) -> str | None:
    return placeholder["double"] if placeholder["double"] is not None else placeholder["single"]


def _not_understood(text: str, start: int, path: Path | str, line: int) -> IssueError:
    shown = text[start:].split("\n", 1)[0]
    end = re.search(r"[}%#]\}", shown)
    shown = shown[: min(end.end() if end else 40, 60)]
    hint = "use straight quotation marks" if re.search("[“”„‘’«»]", shown) else _HINT
    where = f"{path.as_posix() if isinstance(path, Path) else path}:{line}"
    return IssueError(f"'{shown.strip()}' is no placeholder", where=where, hint=hint)


def _free_prefix(squeezed: Collection[str]) -> str:
    return next(p for p in _prefixes() if not any(_holds(p, text) for text in squeezed))


def _prefixes() -> Iterator[str]:
    for length in count(1):
        for letters in product("qxzjkvwbf", repeat=length):
            yield "PH" + "".join(letters)


def _squeezed(text: str) -> str:
    """A text as it might look after unescaping, unquoting and losing its markup: ASCII letters and digits."""
    return re.sub(r"[^0-9A-Za-z]", "", text + html.unescape(text) + unquote(html.unescape(text))).casefold()


def _holds(prefix: str, squeezed: str) -> bool:
    return re.search(rf"{prefix.casefold()}[0-9]", squeezed) is not None
