"""What a check rule is, and what it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from urllib.parse import unquote

from msgspec import Struct, field

from newsletter.check.page import Page
from newsletter.check.samples import Sample, make_samples
from newsletter.config import Config
from newsletter.models import Edition, Finding, Issue, Level, RenderedEdition
from newsletter.typography import without_isolates


class CheckInput(Struct, frozen=True, kw_only=True, dict=True):
    """An edition as written and as rendered, with its issue and the project's settings.

    `attributes` are the names of all attributes that subscribers have. `unclear` says by line why what a
    `::: only` asks cannot be answered. `empty_fields` says for how many people of the audience each required
    field is empty, where there is an audience.
    """

    edition: Edition
    rendered: RenderedEdition
    issue: Issue
    config: Config
    attributes: frozenset[str] = frozenset()
    unclear: Mapping[int, str] = field(default_factory=dict)
    empty_fields: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def page(self) -> Page:
        """The HTML with tokens where personal fields stand."""
        return Page.read(self.rendered.html)

    @cached_property
    def samples(self) -> tuple[Sample, ...]:
        """The edition filled for a full, an empty, a hostile and a right-to-left reader, in that order."""
        return make_samples(self.rendered)

    @cached_property
    def tokens(self) -> Mapping[str, str]:
        """Field names by token."""
        return {field.token: field.name for field in self.rendered.fields}

    def line_of(self, *needles: str) -> int:
        """The file's line where the markdown first has the first of these that it has at all, else 0."""
        lines = [" ".join(unquote(line).split()) for line in self.edition.body.split("\n")]
        for needle in filter(None, (" ".join(unquote(needle).split()) for needle in needles)):
            for number, line in enumerate(lines, start=self.edition.body_line):
                if needle in line:
                    return number
        return 0

    def line_of_link(self, href: str, words: str = "") -> int:
        """The file's line of the link that leads there, of several the one with these words; 0 as above."""
        same = {text: line for (to, text), line in self.rendered.link_lines.items() if to == href}
        named = (line for text, line in same.items() if without_isolates(text).strip() == words.strip())
        called = f"[{words.strip()}]" if words.strip() else ""
        return next(named, 0) or min(same.values(), default=0) or self.line_of(called, href)

    def front_matter_line(self, key: str) -> int:
        """The file's line of a front matter key, 0 where it is not written."""
        return self.edition.lines.get(key, 0)


class Note(Struct, frozen=True, kw_only=True):
    """What a rule has seen: `level` is needed where the rule has more than one."""

    message: str
    line: int = 0
    level: Level | None = None


class Rule(Struct, frozen=True, kw_only=True):
    """A rule: its stable id, the levels it may give, a title, what to do about it, and how it looks."""

    id: str
    levels: tuple[Level, ...]
    title: str
    help: str
    look: Callable[[CheckInput], Iterable[Note]]

    def findings(self, given: CheckInput) -> Iterator[Finding]:
        """What the rule has to say of this edition."""
        for note in self.look(given):
            yield Finding(
                rule=self.id,
                level=note.level or self.levels[0],
                edition=given.edition.language,
                line=note.line,
                message=note.message,
                help=self.help,
            )


def rule(
    id_: str, *levels: Level, title: str, help_: str
) -> Callable[[Callable[[CheckInput], Iterable[Note]]], Rule]:
    """Makes a function that yields notes into a Rule; the first level is the usual one."""

    def decorate(look: Callable[[CheckInput], Iterable[Note]]) -> Rule:
        return Rule(id=id_, levels=levels, title=title, help=help_, look=look)

    return decorate
