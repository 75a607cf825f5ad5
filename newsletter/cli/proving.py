"""An issue's proof, and what is said of it: for build, check, and whatever sends or passes on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from msgspec.structs import replace

from newsletter.addresses import parse_address
from newsletter.cli.app import App, put
from newsletter.errors import NotFoundError
from newsletter.issue import load_issue
from newsletter.languages import normalise_tag
from newsletter.models import Finding, Issue, Profile
from newsletter.proof import Proof, Version
from newsletter.render import environment
from newsletter.segments import parse
from newsletter.weburl import is_on_this_machine

SAMPLE_READER = Profile(
    address=parse_address("sample.reader@example.org"), name="Dr Sample Reader", language="en", country="FR"
)
EARLY = frozenset({"only-unknown", "placeholder-unknown"})
"""Errors that an import may mend: an issue can be looked at before its lists are there."""


def sample_reader(version: Version) -> Profile:
    """The made-up reader, with a stand-in for every personal field that has no default."""
    stand_ins = {field.name: f"({field.name})" for field in version.required_fields}
    return replace(SAMPLE_READER, attributes=stand_ins)


def make_proof(app: App, slug: str, *, inert: bool = False) -> Proof:
    """The proof of an issue; lists and attributes are known from the project's database, if there is one."""
    settings = app.config
    issue = load_issue(settings.root, slug)
    attributes, lists, saved = set[str](), list[str](), dict[str, str]()
    if settings.database.exists():
        with app.store(create=False) as store:
            attributes, lists = set(store.attributes), list(store.lists.names())
            saved = dict(store.segments.expressions())
    return Proof(
        issue,
        settings,
        environment(settings.templates),
        attributes=attributes,
        understand=partial(parse, lists=lists, segments=saved, attributes=attributes),
        inert=inert,
    )


def chosen_editions(issue: Issue, lang: str | None) -> list[str]:
    """The edition that was asked for, else all; NotFoundError, naming those that there are, for another."""
    if lang is None:
        return list(issue.editions)
    tag = normalise_tag(lang)
    if tag not in issue.editions:
        raise NotFoundError(
            f"there is no edition in {tag}",
            where=str(issue.folder),
            hint=f"there are: {', '.join(issue.editions)}",
        )
    return [tag]


def tell_blocks(app: App, versions: Iterable[Version]) -> None:
    """Say which blocks are shown though only some readers get them."""
    shown = dict.fromkeys(text for version in versions for text in version.conditions)
    if shown:
        app.say(f"It shows every block that only some readers get: {'; '.join(shown)}.")


def tell_early_errors(app: App, proof: Proof, findings: Sequence[Finding]) -> list[Finding]:
    """Say what an import may mend -> the other findings."""
    early = [finding for finding in findings if finding.rule in EARLY]
    for finding in early:
        path = proof.issue.editions[finding.edition].path.as_posix()
        app.warn(f"{path}:{finding.line}: {finding.message}")
    return [finding for finding in findings if finding not in early]


def tell_own_machine(app: App) -> None:
    """Say where the pages are on this very computer: that is for a rehearsal only."""
    base = app.config.web.base_url
    if is_on_this_machine(base):
        app.warn(f"the links to your pages lead to {base}, where only this computer can go")


def show_findings(issue: Issue, found: Sequence[Finding]) -> None:
    """The findings as lines, errors first; one that all editions share stands once."""
    grouped: dict[Finding, list[str]] = {}
    for finding in found:
        path = issue.editions[finding.edition].path.as_posix()
        grouped.setdefault(replace(finding, edition=""), []).append(
            f"{path}:{finding.line}" if finding.line else path
        )
    for finding, places in grouped.items():
        put(f"{finding.level.value}: {finding.message}  [{finding.rule}]")
        put(f"    {', '.join(places)}")
        if finding.help:
            put(f"    {finding.help}")
