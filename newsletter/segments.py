"""Segment expressions: `list:dentists country:FR,BE -tag:board` -> terms."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Final

from msgspec import Struct

from newsletter.countries import country_code
from newsletter.errors import SegmentError
from newsletter.languages import language_tag
from newsletter.letters import caseless

KEYS: Final = ("list", "country", "language", "tag", "name", "email")
"""The keys that every project has; any other key is an attribute's."""

_QUOTES: Final = {'"': '"', "'": "'", "“": "”", "„": "“", "«": "»"}
_EXAMPLE: Final = "for example: list:dentists country:FR,BE -tag:board"


class Term(Struct, frozen=True, kw_only=True):
    """One question: does `key` hold one of `values` (or none of them, where `negated`)?

    Values are ready to compare. `list`: names of existing lists, as they are. `country`: upper-case alpha-2
    codes. `language`: case-folded prefixes with hyphens (`fr` stands for `fr-FR` too). `tag`: case-folded,
    one of the comma-separated parts of the attribute `tags`. `name`, `email` and attributes: the whole
    value, NFC and case-folded. An empty value, written `key:""`, asks for people where nothing is known.
    """

    key: str
    values: tuple[str, ...]
    negated: bool = False


class Segment(Struct, frozen=True, kw_only=True):
    """A question over subscribers: all terms must hold."""

    terms: tuple[Term, ...]


def parse(
    text: str,
    *,
    lists: Collection[str],
    segments: Mapping[str, str],
    attributes: Collection[str] | None = None,
) -> Segment:
    """Read a name (of a list or of a saved segment) or an expression, which has a `:`.

    `segments` maps saved names to their expressions. Where `attributes` (all that subscribers have) is
    given, a key must be one of them or of KEYS; without it any key is taken for an attribute's. SegmentError
    names the nearest known name.
    """
    text = unicodedata.normalize("NFC", text.strip())
    if not text:
        raise SegmentError("no list or segment is named", hint=f"name one, or write one, {_EXAMPLE}")
    if ":" in text:
        return _expression(text, lists=lists, attributes=attributes)
    name = _known(text, [*lists, *segments])
    if name in lists:
        return Segment(terms=(Term(key="list", values=(name,)),))
    if name in segments:
        return _saved(name, segments[name], lists=lists, attributes=attributes)
    raise SegmentError(
        f"no list or segment is named '{text}'" + _nearest(text, [*lists, *segments]),
        hint="`newsletter lists` and `newsletter segments` show them all",
    )


def consent_terms(segment: Segment) -> tuple[Term, ...]:
    """The terms that name the lists whose consent carries this audience: `list:`, not negated."""
    return tuple(term for term in segment.terms if term.key == "list" and not term.negated)


def with_list_renamed(expression: str, old: str, new: str) -> str:
    """The expression with another name for a list wherever it asks for that list."""
    terms = [
        (
            key,
            [new if key.casefold() == "list" and v.casefold() == old.casefold() else v for v in values],
            minus,
        )
        for key, values, minus in _Reader(expression).terms()
    ]
    return " ".join(f"{'-' * minus}{key}:{','.join(map(_typed, values))}" for key, values, minus in terms)


def _typed(value: str) -> str:
    if re.fullmatch(r"[^\s,'\"“”„«»]+", value):
        return value
    return next(f"{opens}{value}{closes}" for opens, closes in _QUOTES.items() if closes not in value)


def _saved(
    name: str, expression: str, *, lists: Collection[str], attributes: Collection[str] | None
) -> Segment:
    expression = unicodedata.normalize("NFC", expression.strip())
    try:
        if ":" not in expression:
            raise SegmentError(
                f"'{expression}' is no expression: a saved segment cannot name another one", hint=_EXAMPLE
            )
        return _expression(expression, lists=lists, attributes=attributes)
    except SegmentError as error:
        raise SegmentError(error.message, where=f"segment {name}", hint=error.hint) from None


def _expression(text: str, *, lists: Collection[str], attributes: Collection[str] | None) -> Segment:
    terms = (_term(*parts, lists=lists, attributes=attributes) for parts in _Reader(text).terms())
    return Segment(terms=tuple(dict.fromkeys(terms)))


def _term(
    key: str, raw: list[str], negated: bool, *, lists: Collection[str], attributes: Collection[str] | None
) -> Term:
    key = key.casefold()
    if key not in KEYS:
        _refuse_unknown(key, attributes)
    values = tuple(dict.fromkeys(_value(key, value, lists) for value in raw))
    return Term(key=key, values=values, negated=negated)


def _refuse_unknown(key: str, attributes: Collection[str] | None) -> None:
    if key == "tags":
        raise SegmentError("the key for tags is 'tag:'", hint=_EXAMPLE)
    if attributes is not None and key not in attributes:
        known = [*KEYS, *sorted(attributes)]
        raise SegmentError(
            f"no subscriber has '{key}:'{_nearest(key, known)}", hint=f"keys: {', '.join(known)}"
        )


def _value(key: str, value: str, lists: Collection[str]) -> str:
    if key == "list":
        name = _known(value, lists)
        if name not in lists:
            hint = "`newsletter lists` shows them all"
            raise SegmentError(f"no list is named '{value}'" + _nearest(value, lists), hint=hint)
        return name
    if key == "country" and value:
        code = country_code(value)
        if not code:
            raise SegmentError(f"'{value}' is no country", hint="write its two letters, as country:FR,BE")
        return code
    if key == "language" and value:
        tag = language_tag(value)
        if not tag:
            raise SegmentError(f"'{value}' is no language", hint="write its tag, as language:fr,pt-BR")
        return tag.casefold()
    return caseless(value)


def _known(text: str, names: Iterable[str]) -> str:
    """Answer the name itself, or the only one that differs in case; else the text."""
    alike = {name for name in names if name.casefold() == text.casefold()}
    return text if text in alike or len(alike) != 1 else alike.pop()


def _nearest(text: str, names: Iterable[str]) -> str:
    folded = {name.casefold(): name for name in names}
    near = get_close_matches(text.casefold(), folded, n=1, cutoff=0.6)
    return f"; did you mean '{folded[near[0]]}'?" if near else ""


class _Reader:
    """Walks over an expression: blanks part terms, commas part values, quotes keep both."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def terms(self) -> Iterator[tuple[str, list[str], bool]]:
        """Yield key, values and whether the term is negated."""
        self._blanks()
        while self._at < len(self._text):
            yield self._term()
            self._blanks()

    def _term(self) -> tuple[str, list[str], bool]:
        negated = self._next("-")
        key = self._until(":,")
        if not self._next(":"):
            raise SegmentError(
                f"'{'-' * negated}{key}' stands alone in an expression",
                hint=f"write a key before it, {_EXAMPLE}",
            )
        if not re.fullmatch(r"\w[\w-]*", key):
            raise SegmentError(f"'{key}:' is no key", hint=_EXAMPLE)
        values = [self._value(key)]
        self._blanks_before_comma()
        while self._next(","):
            self._blanks()
            values.append(self._value(key))
            self._blanks_before_comma()
        return key, values, negated

    def _value(self, key: str) -> str:
        closing = _QUOTES.get(self._text[self._at : self._at + 1], "")
        if closing:
            return self._quoted(key, closing)
        value = self._until(",")
        if not value:
            raise SegmentError(
                f"a value is missing after '{key}:'", hint=f'{_EXAMPLE}; nothing known is {key}:""'
            )
        return value

    def _quoted(self, key: str, closing: str) -> str:
        end = self._text.find(closing, self._at + 1)
        if end < 0:
            raise SegmentError(f"a quote after '{key}:' is not closed", hint=f'write it as {key}:"two words"')
        value = self._text[self._at + 1 : end]
        self._at = end + 1
        if self._at < len(self._text) and self._text[self._at] not in ", ":
            raise SegmentError(f"after the closing quote of '{key}:' a blank or a comma must follow")
        return " ".join(value.split())

    def _until(self, stops: str) -> str:
        start = self._at
        while self._at < len(self._text):
            mark = self._text[self._at]
            if mark in stops or mark.isspace():
                break
            self._at += 1
        return self._text[start : self._at]

    def _next(self, mark: str) -> bool:
        found = self._text.startswith(mark, self._at)
        self._at += found
        return found

    def _blanks(self) -> None:
        while self._text[self._at : self._at + 1].isspace():
            self._at += 1

    def _blanks_before_comma(self) -> None:
        rest = self._text[self._at :]
        if rest.lstrip().startswith(","):
            self._at += len(rest) - len(rest.lstrip())
