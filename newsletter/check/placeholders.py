"""Rules on what differs from reader to reader: personal fields, and blocks that only some get."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from newsletter.check.rule import CheckInput, Note, rule
from newsletter.fields import unknown_fields
from newsletter.models import Level
from newsletter.stencil import misplaced

_TEMPLATE_CODE = re.compile(r"(?:\{\{|\{%|\*\||\[\[)[^\n]{0,20}")


@rule(
    "placeholder-unknown",
    Level.ERROR,
    title="A field that nobody has",
    help_="use name, email, language, country, or the name of a column that you have imported",
)
def placeholder_unknown(given: CheckInput) -> Iterator[Note]:
    """A field that is neither built in nor an attribute of any subscriber."""
    for field, nearest in unknown_fields(given.rendered.fields, given.attributes):
        guess = f" Did you mean {{{{ {nearest} }}}}?" if nearest else ""
        yield Note(message=f"Nobody has a field {{{{ {field.name} }}}}.{guess}", line=field.line)


@rule(
    "only-unknown",
    Level.ERROR,
    title="A `::: only` that asks for what there is not",
    help_="name a list, a saved segment or an attribute that there is, or import that list first; "
    "newsletter lists and newsletter segments show them",
)
def only_unknown(given: CheckInput) -> Iterator[Note]:
    """An unknown list, segment or attribute, or an expression that cannot be read."""
    for line, reason in given.unclear.items():
        yield Note(message=reason if reason.endswith("?") else f"{reason}.", line=line)


@rule(
    "placeholder-left",
    Level.ERROR,
    title="Template code would be seen by readers",
    help_='a field is written {{ name }} or {{ name | default("colleague") }}',
)
def placeholder_left(given: CheckInput) -> Iterator[Note]:
    """`{{`, `{%`, `*|`, `[[`, or a token of this program, in anything that a reader gets."""
    prefixes = {re.sub(r"\d+q$", "", token) for token in given.tokens}
    token = re.compile("|".join(rf"{re.escape(p)}\d+q" for p in prefixes) or r"(?!)", re.IGNORECASE)
    sample = given.samples[0]
    seen = [sample.subject, sample.text, *sample.page.visible(code=True), *_attributes(given)]
    for found in _found(_TEMPLATE_CODE, seen):
        yield Note(message=f"“{found}” would be seen by readers.", line=given.line_of(found))
    for found in _found(token, [sample.subject, sample.html, sample.text]):
        yield Note(message=f"A personal field was not filled in: “{found}” is left.")


def _attributes(given: CheckInput) -> Iterator[str]:
    for element in given.samples[0].page.elements:
        for name, value in element.items():
            if name != "style":
                yield value


def _found(pattern: re.Pattern[str], texts: Iterable[str]) -> list[str]:
    """What the pattern finds, each once."""
    return list(dict.fromkeys(match[0].strip() for text in texts for match in pattern.finditer(text)))


@rule(
    "placeholder-place",
    Level.ERROR,
    title="A field where no value can stand",
    help_="put the field into the text, into a quoted attribute, or behind the host of a link",
)
def placeholder_place(given: CheckInput) -> Iterator[Note]:
    """A field in CSS, a script, a comment, a tag's name, or a link's scheme or host."""
    for wrong in misplaced(given.rendered):
        message = f"The field {{{{ {wrong.field.name} }}}} cannot stand in {wrong.reason}."
        yield Note(message=message, line=wrong.field.line)


@rule(
    "field-empty",
    Level.ERROR,
    title="A field without a default is empty for somebody in the audience",
    help_='give the field a default, as in {{ name | default("colleague") }}, or fill in the missing values',
)
def field_empty(given: CheckInput) -> Iterator[Note]:
    """Counted over the audience by whoever asks for the check."""
    lines = {field.name: field.line for field in given.rendered.fields if field.default is None}
    for name, count in given.empty_fields.items():
        if count and name in lines:
            people = "1 person" if count == 1 else f"{count} people"
            message = f"The field {{{{ {name} }}}} has no default and is empty for {people} of the audience."
            yield Note(message=message, line=lines[name])
