"""What a send would do, and what it is to mail: survey an audience, approve, plan, amend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct

from newsletter.audience.reading import parse_segment
from newsletter.errors import IssueError, RefusedError, SegmentError, StoreError
from newsletter.models import Finding, Send
from newsletter.proof import Proof, Version
from newsletter.segments import Segment
from newsletter.stencil import Stencil
from newsletter.store import Approval, Store


class Gap(Struct, frozen=True, kw_only=True):
    """A personal field without a default that is empty for some of the audience."""

    field: str
    line: int
    edition: str
    count: int
    examples: Sequence[str]


class Survey(Struct, frozen=True, kw_only=True):
    """What a send would do; `stood_in` counts people whose language has no edition, by language.

    `blocks` counts those who get each `::: only` block, `beyond_ascii` those whose address only a relay with
    SMTPUTF8 can reach.
    """

    audience: str
    segment: Segment
    editions: Mapping[str, int]
    blocks: Mapping[str, int]
    stood_in: Mapping[str, int]
    already: int
    beyond_ascii: int
    versions: Sequence[Version]
    findings: Sequence[Finding]
    gaps: Sequence[Gap]

    @property
    def total(self) -> int:
        """How many people would get it now."""
        return sum(self.editions.values())


def survey(store: Store, proof: Proof, audience: str) -> Survey:
    """Look at who would get what; nothing is written.

    Raises SegmentError for an audience that does not exist, IssueError for what cannot be rendered.
    """
    segment = parse_segment(store, audience)
    conditions = check_conditions(store, proof)
    groups = store.sends.groups(segment, conditions, exclude_issue=proof.issue.slug)
    editions: Counter[str] = Counter()
    blocks = Counter(dict.fromkeys(proof.conditions, 0))
    stood_in: Counter[str] = Counter()
    versions: dict[tuple[str, int], Version] = {}
    for group in groups:
        edition = proof.edition_for(group.language)
        variant = proof.variant(edition, group.mask)
        versions[edition, variant] = proof.version(edition, variant)
        editions[edition] += group.count
        blocks.update(dict.fromkeys(versions[edition, variant].conditions, group.count))
        if group.language and group.language.split("-")[0] != edition.split("-")[0]:
            stood_in[group.language] += group.count
    findings = dict.fromkeys(f for version in versions.values() for f in version.findings)
    return Survey(
        audience=audience,
        segment=segment,
        editions=editions,
        blocks=blocks,
        stood_in=stood_in,
        already=store.people.audience_count(segment) - sum(editions.values()),
        beyond_ascii=sum(group.beyond_ascii for group in groups),
        versions=list(versions.values()),
        findings=list(findings),
        gaps=_gaps(store, proof, segment, conditions, versions.values()),
    )


def check_conditions(store: Store, proof: Proof) -> list[Segment]:
    """What the `::: only` lines of all editions ask; IssueError with path:line for one that cannot be."""
    segments = []
    for text in proof.conditions:
        try:
            segments.append(parse_segment(store, text))
        except SegmentError as error:
            tag, line = next((t, own[text]) for t, own in proof.edition_conditions.items() if text in own)
            where = f"{proof.issue.editions[tag].path.as_posix()}:{line}"
            raise IssueError(f"::: only {text}: {error.message}", where=where, hint=error.hint) from None
    return segments


def _gaps(
    store: Store,
    proof: Proof,
    segment: Segment,
    conditions: Sequence[Segment],
    versions: Collection[Version],
) -> list[Gap]:
    lines = {(f.name, *v.key): f.line for v in versions for f in v.required_fields}
    wanted = {(name, edition): line for (name, edition, _), line in lines.items()}
    gaps = []
    for name in dict.fromkeys(name for name, _ in wanted):
        counts: Counter[str] = Counter()
        examples: dict[str, list[str]] = {}
        found = store.sends.missing(segment, conditions, name, exclude_issue=proof.issue.slug)
        for (language, mask), people in found.items():
            edition = proof.edition_for(language)
            if (name, edition, proof.variant(edition, mask)) in lines:
                counts[edition] += people.count
                examples.setdefault(edition, []).extend(people.examples)
        gaps += [
            Gap(field=name, line=wanted[name, tag], edition=tag, count=n, examples=examples[tag][:3])
            for tag, n in counts.items()
        ]
    return gaps


def approve(store: Store, proof: Proof, found: Survey, now: int, *, scheduled: int | None = None) -> Send:
    """Keep the stencils and plan one delivery per person; the send is then ready.

    It may begin at `scheduled` (UTC ms), or at once.
    """
    stencils = {v.key: v.stencil() for v in found.versions}
    conditions = check_conditions(store, proof)
    send = store.sends.create(
        proof.issue.slug,
        found.audience,
        now,
        conditions={tag: list(own) for tag, own in proof.edition_conditions.items()},
        scheduled=scheduled,
    )
    store.sends.approve(send.id, _kept(stencils))

    def choose(language: str, mask: int) -> bytes | None:
        edition = proof.edition_for(language)
        stencil = stencils.get((edition, proof.variant(edition, mask)))
        return stencil.digest if stencil else None

    store.sends.plan(send.id, found.segment, conditions, choose)
    return store.sends.get(send.id)


def differs(store: Store, proof: Proof, send: Send) -> bool:
    """Whether the mail, as all that it is made of is now, is another than the one that was approved.

    So it is for some where an amendment was broken off.
    """
    approved = store.sends.approved(send.id)
    if store.sends.strays(send.id) or not _same_conditions(proof, send, approved.values()):
        return True
    return any(proof.version(*key).stencil().digest != digest for digest, key in approved.items())


def amendment(store: Store, proof: Proof, send: Send) -> Approval:
    """What those of a send who do not have it yet would get of the issue as its files are now.

    Raises RefusedError where somebody could get what was not meant for them, or nothing at all.
    """
    approved = store.sends.approved(send.id)
    if not _same_conditions(proof, send, approved.values()):
        raise RefusedError(
            "an edition is gone, or its ::: only lines are others than those that were approved",
            where=send.slug,
            hint="bring them back as they were, or cancel this send",
        )
    now = {key: proof.version(*key) for key in approved.values()}
    for digest, key in approved.items():
        known = _required(store.sends.stencil(digest))
        new = [field for field in now[key].required_fields if field.name not in known]
        if new:
            raise RefusedError(
                f"{{{{ {new[0].name} }}}} is new and has no default",
                where=f"{now[key].edition.path}:{new[0].line}",
                hint=f'give it one, like {{{{ {new[0].name} | default("colleague") }}}}',
            )
    return _kept({key: version.stencil() for key, version in now.items()})


def amend(store: Store, send: Send, amendment: Approval) -> None:
    """Give it to whoever does not have the issue yet. Broken off, call it again, with this one or another."""
    store.sends.amend(send.id, amendment, _kind)


def _required(data: bytes) -> tuple[str, ...]:
    """The fields that a stored stencil needs; none of one that another version of this program wrote."""
    try:
        return Stencil.from_bytes(data).required
    except StoreError:
        return ()


def _kind(data: bytes) -> tuple[str, int]:
    stencil = Stencil.from_bytes(data)
    return stencil.language, stencil.variant


def _kept(stencils: Mapping[tuple[str, int], Stencil]) -> Approval:
    return {stencil.digest: (*key, stencil.to_bytes()) for key, stencil in stencils.items()}


def _same_conditions(proof: Proof, send: Send, keys: Collection[tuple[str, int]]) -> bool:
    """Whether the variants that were approved still mean the same readers."""
    now = proof.edition_conditions
    return all(tag in now and list(now[tag]) == list(send.conditions.get(tag, ())) for tag, _ in keys)
