"""The use cases of sending: survey an audience, approve, plan, send, and say how it ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from newsletter import locks
from newsletter.audience.reading import parse_segment
from newsletter.deliver.report import RunReport
from newsletter.errors import IssueError, RefusedError, SegmentError
from newsletter.models import Finding, Send, SendState, Tally
from newsletter.proof import Proof, Version
from newsletter.segments import Segment
from newsletter.stencil import Stencil
from newsletter.store import Store

TOO_LATE = 3_600_000
OPEN_STATES = (SendState.READY, SendState.RUNNING, SendState.PAUSED)


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


def open_send(store: Store, slug: str, audience: str) -> Send | None:
    """The unfinished send of this issue to this audience; an interrupted plan is thrown away first."""
    store.sends.discard_plans(slug)
    return next((send for send in unfinished(store, slug) if send.audience == audience), None)


def unfinished(store: Store, slug: str) -> list[Send]:
    """The issue's sends that are neither done nor cancelled, oldest first."""
    return [send for send in store.sends.of_issue(slug) if send.state in OPEN_STATES]


def last_due(store: Store, send: Send, count: int) -> int:
    """When the last of the next `count` people can get it at the earliest (UTC ms); 0 for at once."""
    return store.sends.last_due(send.id) if count > store.sends.tally_of(send.id).planned else 0


def holds_deferred(store: Store, slug: str) -> bool:
    """Whether a paused send of the issue holds people whom the relay put off: no run tries them."""
    paused = [send for send in unfinished(store, slug) if send.state is SendState.PAUSED]
    return any(store.sends.tally_of(send.id).deferred for send in paused)


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
    store.sends.approve(send.id, {s.digest: (*key, s.to_bytes()) for key, s in stencils.items()})

    def choose(language: str, mask: int) -> bytes | None:
        edition = proof.edition_for(language)
        stencil = stencils.get((edition, proof.variant(edition, mask)))
        return stencil.digest if stencil else None

    store.sends.plan(send.id, found.segment, conditions, choose)
    return store.sends.get(send.id)


def differs(store: Store, proof: Proof, send: Send) -> bool:
    """Whether the mail, as all that it is made of is now, is another than the one that was approved."""
    approved = store.sends.approved(send.id)
    if not _same_conditions(proof, send, approved.values()):
        return True
    return any(proof.version(*key).stencil().digest != digest for digest, key in approved.items())


def amend(store: Store, proof: Proof, send: Send) -> None:
    """Give those of a send who do not have it yet the issue as its files are now.

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
        known = Stencil.from_bytes(store.sends.stencil(digest)).required
        new = [field for field in now[key].required_fields if field.name not in known]
        if new:
            raise RefusedError(
                f"{{{{ {new[0].name} }}}} is new and has no default",
                where=f"{now[key].edition.path}:{new[0].line}",
                hint=f'give it one, like {{{{ {new[0].name} | default("colleague") }}}}',
            )
    stencils = {key: version.stencil() for key, version in now.items()}
    store.sends.amend(send.id, {s.digest: (*key, s.to_bytes()) for key, s in stencils.items()})


def _same_conditions(proof: Proof, send: Send, keys: Collection[tuple[str, int]]) -> bool:
    """Whether the variants that were approved still mean the same readers."""
    now = proof.edition_conditions
    return all(tag in now and list(now[tag]) == list(send.conditions.get(tag, ())) for tag, _ in keys)


def due(store: Store, now: int) -> list[Send]:
    """The sends that may go on now, oldest first: planned or broken off, and their time has come."""
    moving = {SendState.READY, SendState.RUNNING}
    return [send for send in store.sends.all() if send.state in moving and (send.scheduled or 0) <= now]


def is_late(send: Send, now: int) -> bool:
    """Whether a send's time passed more than an hour ago, and it has not begun."""
    return send.scheduled is not None and now - send.scheduled > TOO_LATE


def pause_late(store: Store, send: Send) -> None:
    """Hold a send whose time passed while nothing ran, or the computer slept: a person decides."""
    store.sends.set_state(send.id, SendState.PAUSED, reason="its time passed while nothing ran")


def close_run(store: Store, send: Send, report: RunReport, *, by_hand: str = "") -> Tally:
    """Write down how a run ended, and give the tally of the whole issue.

    What a person ended (`by_hand` says how) is paused, so that `run` does not take it up again; and what was
    paused or cancelled meanwhile stays so.
    """
    of_send = store.sends.tally_of(send.id)
    if report.must_pause:
        state, reason = SendState.PAUSED, report.reason
    elif not of_send.planned + of_send.claimed + of_send.deferred:
        state, reason = SendState.DONE, ""
    else:
        state, reason = (SendState.PAUSED, by_hand) if by_hand else (SendState.READY, "")
    if store.sends.end_run(send.id, state, reason).state is SendState.CANCELLED:
        store.sends.cancel(send.id)
    return store.sends.tally(send.slug)


def finish_cancelled(store: Store, root: Path) -> None:
    """See to what dead processes left of cancelled sends: unknown what was on its way, skipped the rest."""
    for send in store.sends.left_behind():
        if not locks.holder(root, send.slug):
            store.sends.unknown_from_crash(send.id)
            store.sends.cancel(send.id)
