"""Runs every rule over an edition."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from newsletter.check import content, head, links, mail, markup, pictures, placeholders
from newsletter.check.rule import CheckInput, Note, Rule, rule
from newsletter.models import Finding, Level


@rule(
    "silence-unknown",
    Level.WARNING,
    title="`silence` names no warning",
    help_="`silence:` in the front matter takes the names of rules that warn; errors cannot be silenced",
)
def silence_unknown(given: CheckInput) -> Iterator[Note]:
    """An id that is no rule's, or whose rule only gives errors."""
    rules = {one.id: one for one in RULES}
    for name in given.edition.silence:
        line = given.front_matter_line("silence")
        if name not in rules:
            near = difflib.get_close_matches(name, rules, n=1)
            meant = f"; did you mean {near[0]}?" if near else "."
            yield Note(message=f"There is no rule {name} to silence{meant}", line=line)
        elif Level.WARNING not in rules[name].levels:
            yield Note(message=f"{name} is an error, which cannot be silenced.", line=line)


RULES: tuple[Rule, ...] = (
    *(
        value
        for module in (head, content, placeholders, markup, links, pictures, mail)
        for value in vars(module).values()
        if isinstance(value, Rule)
    ),
    silence_unknown,
)
"""Every rule: a new one is a function in one of these modules."""


def check_edition(given: CheckInput) -> list[Finding]:
    """All findings without repeats, errors first, then by line, without silenced warnings."""
    found = dict.fromkeys(finding for one in RULES for finding in one.findings(given))
    heard = [
        finding
        for finding in found
        if finding.level is Level.ERROR or finding.rule not in given.edition.silence
    ]
    return sorted(heard, key=lambda finding: (finding.level is not Level.ERROR, finding.line))
