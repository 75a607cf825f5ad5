"""The use cases of sending: survey an audience, approve, plan, send, and say how it ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from newsletter import links
from newsletter.audience import parse_segment
from newsletter.config import Config
from newsletter.deliver.ports import Parcel
from newsletter.deliver.report import Ending, RunReport
from newsletter.dkim import BodyHash, Signer
from newsletter.errors import AddressError, RefusedError, UsageError
from newsletter.links import KEY_PURPOSE
from newsletter.models import Claim, DeliveryState, Finding, Outcome, Profile, Send, SendState, Tally
from newsletter.proof import Proof, Version, reader_values
from newsletter.segments import Segment
from newsletter.stencil import (
    FilledHeaders,
    Stencil,
    body_parts,
    envelope_address,
    fill,
    fill_head,
    message_id,
    missing,
)
from newsletter.store import Store

TOO_LATE = 3_600_000
OPEN_STATES = (SendState.READY, SendState.RUNNING, SendState.PAUSED)


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A personal field without a default that is empty for some of the audience."""

    field: str
    line: int
    edition: str
    count: int
    examples: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Survey:
    """What a send would do; `stood_in` counts people whose language has no edition, by language."""

    audience: str
    segment: Segment
    editions: Mapping[str, int]
    stood_in: Mapping[str, int]
    already: int
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
    conditions = [parse_segment(store, text) for text in proof.conditions]
    groups = store.sends.groups(segment, conditions, exclude_issue=proof.issue.slug)
    editions: Counter[str] = Counter()
    stood_in: Counter[str] = Counter()
    versions: dict[tuple[str, int], Version] = {}
    for group in groups:
        edition = proof.edition_for(group.language)
        variant = proof.variant(edition, group.mask)
        versions[edition, variant] = proof.version(edition, variant)
        editions[edition] += group.count
        if group.language and not group.language.startswith(edition.split("-")[0]):
            stood_in[group.language] += group.count
    findings = dict.fromkeys(f for version in versions.values() for f in version.findings)
    return Survey(
        audience=audience,
        segment=segment,
        editions=editions,
        stood_in=stood_in,
        already=store.people.audience_count(segment) - sum(editions.values()),
        versions=list(versions.values()),
        findings=list(findings),
        gaps=_gaps(store, proof, segment, conditions, versions.values()),
    )


def _gaps(
    store: Store,
    proof: Proof,
    segment: Segment,
    conditions: Sequence[Segment],
    versions: Collection[Version],
) -> list[Gap]:
    wanted = {(f.name, v.rendered.language): f.line for v in versions for f in v.required_fields}
    gaps = []
    for name in dict.fromkeys(name for name, _ in wanted):
        counts: Counter[str] = Counter()
        examples: dict[str, list[str]] = {}
        found = store.sends.missing(segment, conditions, name, exclude_issue=proof.issue.slug)
        for (language, _), people in found.items():
            edition = proof.edition_for(language)
            counts[edition] += people.count
            examples.setdefault(edition, []).extend(people.examples)
        gaps += [
            Gap(field=name, line=wanted[name, tag], edition=tag, count=n, examples=examples[tag][:3])
            for tag, n in counts.items()
            if (name, tag) in wanted
        ]
    return gaps


def open_send(store: Store, slug: str, audience: str) -> Send | None:
    """The unfinished send of this issue to this audience; an interrupted plan is thrown away first.

    Raises RefusedError where the issue is on its way to another audience.
    """
    store.sends.discard_plans(slug)
    unfinished = [send for send in store.sends.of_issue(slug) if send.state in OPEN_STATES]
    for send in unfinished:
        if send.audience == audience:
            return send
    if unfinished:
        other = unfinished[0]
        raise RefusedError(
            f"'{slug}' is on its way to {other.audience} and not finished",
            hint=f'finish that first: newsletter send {slug} --to "{other.audience}"',
        )
    return None


def approve(store: Store, proof: Proof, found: Survey, now: int) -> Send:
    """Keep the stencils and plan one delivery per person; the send is then ready."""
    stencils = {v.key: v.stencil() for v in found.versions}
    conditions = [parse_segment(store, text) for text in proof.conditions]
    send = store.sends.create(proof.issue.slug, found.audience, now)
    store.sends.approve(send.id, {s.digest: (*key, s.to_bytes()) for key, s in stencils.items()})

    def choose(language: str, mask: int) -> bytes | None:
        edition = proof.edition_for(language)
        stencil = stencils.get((edition, proof.variant(edition, mask)))
        return stencil.digest if stencil else None

    store.sends.plan(send.id, found.segment, conditions, choose)
    return store.sends.get(send.id)


def signer_of(config: Config) -> Signer | None:
    """What signs this project's mails, if it signs. ConfigError for a key that cannot be used."""
    return Signer.load(config.dkim) if config.dkim else None


def filling(stencil: Stencil, signer: Signer | None) -> Callable[[Mapping[str, str], FilledHeaders], bytes]:
    """What fills a stencil, and signs where there is a signer: at the moment of the mail's Date."""
    if signer is None:
        return partial(fill, stencil)
    body_hash = BodyHash(stencil.body)

    def signed(values: Mapping[str, str], headers: FilledHeaders) -> bytes:
        head = fill_head(stencil, values, headers)
        parts = body_parts(stencil, values)
        signature = signer.sign(head, body_hash.of(parts[1::2]), headers.date)
        return b"".join((signature, head, b"\r\n", *parts))

    return signed


def composer(store: Store, config: Config, send: Send) -> Callable[[Claim], Parcel | Outcome]:
    """What turns a claim of this send into a filled message, from the stored stencils only."""
    links_of = links.personal_links(config, store.keys.current(KEY_PURPOSE), send.id)
    domain = config.sender.domain
    mail_from = config.bounce_address or config.sender.address
    signer = signer_of(config)
    stencils: dict[bytes, Stencil] = {}
    fillings: dict[bytes, Callable[[Mapping[str, str], FilledHeaders], bytes]] = {}

    def compose(claim: Claim) -> Parcel | Outcome:
        stencil = stencils.get(claim.stencil)
        if stencil is None:
            stencil = stencils[claim.stencil] = Stencil.from_bytes(store.sends.stencil(claim.stencil))
            fillings[claim.stencil] = filling(stencil, signer)
        own = links_of(claim.subject)
        values = reader_values(claim.profile, own)
        empty = missing(stencil, values)
        if empty:
            return _skip(claim, f"the field {empty[0]} is empty by now")
        headers = FilledHeaders(
            to=claim.profile.address,
            to_name=claim.profile.name,
            date=claim.first_claimed,
            message_id=message_id(send.seed, claim.delivery, domain),
            list_unsubscribe=own.list_unsubscribe,
        )
        try:
            return Parcel(
                delivery=claim.delivery,
                mail_from=mail_from,
                rcpt_to=envelope_address(claim.profile.address),
                data=fillings[claim.stencil](values, headers),
                smtputf8=claim.profile.address.needs_smtputf8,
                attempts=claim.attempts,
            )
        except (UsageError, AddressError) as error:
            return _skip(claim, error.message)

    return compose


def _skip(claim: Claim, reason: str) -> Outcome:
    return Outcome(delivery=claim.delivery, state=DeliveryState.SKIPPED, reason=reason)


def trial_parcel(config: Config, version: Version, profile: Profile, now: int) -> Parcel:
    """A copy of one version for the coordinator: links that do nothing, no row in the journal."""
    own = links.inert_links(config)
    stencil = version.stencil()
    headers = FilledHeaders(
        to=profile.address,
        to_name=profile.name,
        date=now,
        message_id=message_id(stencil.digest, now, config.sender.domain),
        list_unsubscribe=own.list_unsubscribe,
    )
    return Parcel(
        delivery=0,
        mail_from=config.bounce_address or config.sender.address,
        rcpt_to=envelope_address(profile.address),
        data=filling(stencil, signer_of(config))(reader_values(profile, own), headers),
        smtputf8=profile.address.needs_smtputf8,
    )


def differs(store: Store, proof: Proof, send: Send) -> bool:
    """Whether the issue, as its files are now, is another than the one that was approved."""
    approved = store.sends.approved(send.id)
    return any(
        proof.version(*key).stencil().digest != digest
        for digest, key in approved.items()
        if key[0] in proof.issue.editions
    )


def amend(store: Store, proof: Proof, send: Send) -> None:
    """Give those of a send who do not have it yet the issue as its files are now."""
    now = {key: proof.version(*key).stencil() for key in store.sends.approved(send.id).values()}
    store.sends.amend(send.id, {s.digest: (*key, s.to_bytes()) for key, s in now.items()})


def due(store: Store, now: int) -> list[Send]:
    """The sends that may go on now, oldest first: planned or broken off, and their time has come.

    One whose time passed more than an hour ago while nothing ran is paused instead, with the reason.
    """
    ready = []
    for send in store.sends.all():
        if send.state not in {SendState.READY, SendState.RUNNING} or (send.scheduled or 0) > now:
            continue
        if send.started is None and send.scheduled is not None and now - send.scheduled > TOO_LATE:
            store.sends.set_state(send.id, SendState.PAUSED, reason="its time passed while nothing ran")
        else:
            ready.append(send)
    return ready


def close_run(store: Store, send: Send, report: RunReport) -> Tally:
    """Write down how a run ended, and give the tally of the whole issue."""
    of_send = store.sends.tally_of(send.id)
    unfinished = of_send.planned + of_send.claimed + of_send.deferred
    if report.must_pause:
        store.sends.set_state(send.id, SendState.PAUSED, reason=report.reason)
    elif report.ending is Ending.CANCELLED:
        store.sends.cancel(send.id)
    elif report.ending is not Ending.PAUSED:
        store.sends.set_state(send.id, SendState.READY if unfinished else SendState.DONE)
    return store.sends.tally(send.slug)
