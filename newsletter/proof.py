"""An issue as its readers will get it: every version rendered, checked, and cut into a stencil."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from newsletter import links
from newsletter.addresses import parse_address
from newsletter.check import CheckInput, check_edition
from newsletter.config import Config
from newsletter.errors import SegmentError
from newsletter.fields import LINKS
from newsletter.languages import choose_edition
from newsletter.links import EditionLinks
from newsletter.models import Edition, Field, Finding, Issue, Level, RenderedEdition
from newsletter.render import Environment, conditions, render
from newsletter.stencil import Envelope, Stencil, cut


class Version(Struct, frozen=True, kw_only=True):
    """One edition for the readers for whom the same `::: only` blocks stand, with what checks say of it.

    `conditions` are those of these blocks.
    """

    edition: Edition
    rendered: RenderedEdition
    findings: Sequence[Finding]
    envelope: Envelope
    conditions: Sequence[str] = ()

    @property
    def errors(self) -> list[Finding]:
        """The findings that stop a send."""
        return [finding for finding in self.findings if finding.level is Level.ERROR]

    @property
    def key(self) -> tuple[str, int]:
        """The edition and its variant."""
        return self.rendered.language, self.rendered.variant

    @property
    def required_fields(self) -> list[Field]:
        """The personal fields that must not be empty for any reader."""
        return [f for f in self.rendered.fields if f.default is None and f.name not in LINKS]

    def stencil(self) -> Stencil:
        """The version cut at its fields; raises IssueError for a field where none may stand."""
        return cut(self.rendered, self.envelope)


class Proof:
    """The versions of one issue, each made once, when it is asked for.

    `attributes` are the attribute names that subscribers have. `understand` reads what a `::: only` asks, and
    raises SegmentError where it cannot be answered. An `inert` proof's links do nothing.
    """

    def __init__(
        self,
        issue: Issue,
        config: Config,
        environment: Environment,
        *,
        attributes: Collection[str] = (),
        understand: Callable[[str], object] = str,
        inert: bool = False,
    ) -> None:
        self.issue, self.config = issue, config
        self._environment, self._attributes, self._inert = environment, attributes, inert
        self._understand = understand
        self._of_edition = {tag: conditions(issue, tag) for tag in issue.editions}
        self._made: dict[tuple[str, int], Version] = {}

    @property
    def conditions(self) -> tuple[str, ...]:
        """The distinct conditions of all editions: bit n of a reader's mask stands for condition n."""
        return tuple(dict.fromkeys(text for texts in self._of_edition.values() for text in texts))

    @property
    def edition_conditions(self) -> Mapping[str, Mapping[str, int]]:
        """Each edition's own conditions with their lines: bit n of its variant stands for condition n."""
        return self._of_edition

    def edition_for(self, language: str) -> str:
        """The edition that a reader of this language gets."""
        return choose_edition(self.issue.editions, language, self.config.campaign.language)

    def variant(self, edition: str, mask: int) -> int:
        """An edition's own variant, from a mask over the conditions of all editions."""
        every = self.conditions
        own = self._of_edition[edition]
        return sum(1 << n for n, text in enumerate(own) if mask >> every.index(text) & 1)

    def version(self, edition: str, variant: int) -> Version:
        """One version; raises IssueError where the edition cannot be rendered at all."""
        key = (edition, variant)
        if key not in self._made:
            self._made[key] = self._make(edition, variant)
        return self._made[key]

    def all_versions(self) -> list[Version]:
        """Every edition in every variant that some reader could get."""
        return [
            self.version(edition, variant)
            for edition in self.issue.editions
            for variant in range(1 << len(self._of_edition[edition]))
        ]

    def full_version(self, edition: str) -> Version:
        """An edition with every `::: only` block in it."""
        return self.version(edition, (1 << len(self._of_edition[edition])) - 1)

    def findings(self) -> list[Finding]:
        """What checks say of all versions, each thing once, errors first."""
        found = dict.fromkeys(f for version in self.all_versions() for f in version.findings)
        return sorted(found, key=lambda f: (f.level is not Level.ERROR, f.edition, f.line, f.rule))

    def links(self, edition: str) -> EditionLinks:
        """The edition's links that are the same for every reader."""
        same = links.edition_links(self.config, self.issue.slug, edition)
        if self._inert and same.leave:
            return replace(same, leave=links.inert_links(self.config).leave)
        return same

    def _make(self, edition: str, variant: int) -> Version:
        rendered = render(
            self.issue,
            edition,
            config=self.config,
            links=self.links(edition),
            environment=self._environment,
            variant=variant,
        )
        findings = check_edition(
            CheckInput(
                edition=self.issue.editions[edition],
                rendered=rendered,
                issue=self.issue,
                config=self.config,
                attributes=frozenset(self._attributes),
                unclear=self._unclear(edition),
            )
        )
        return Version(
            edition=self.issue.editions[edition],
            rendered=rendered,
            findings=findings,
            conditions=[text for n, text in enumerate(self._of_edition[edition]) if variant >> n & 1],
            envelope=self._envelope(),
        )

    def _unclear(self, edition: str) -> dict[int, str]:
        found = {}
        for text, line in self._of_edition[edition].items():
            try:
                self._understand(text)
            except SegmentError as error:
                found[line] = f"::: only {text}: {error.message}"
        return found

    def _envelope(self) -> Envelope:
        config = self.config
        sender = config.sender
        shared = links.edition_links(config, self.issue.slug, config.campaign.language)
        return Envelope(
            sender=parse_address(sender.address),
            sender_name=sender.name or config.campaign.name,
            reply_to=parse_address(sender.reply_to) if sender.reply_to else None,
            list_id=config.campaign.list_id,
            list_name=config.campaign.name,
            list_help=shared.contact,
            list_archive=shared.archive,
            feedback_id=f"{self.issue.slug}:{config.campaign.list_id}:newsletter",
            one_click=bool(config.web.base_url),
        )
