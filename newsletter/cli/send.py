"""Sending an issue: what would happen, the question, the bar, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import timedelta

import click

from newsletter import campaign, locks
from newsletter.addresses import parse_address
from newsletter.audience import parse_segment
from newsletter.campaign import Survey
from newsletter.cli.app import App, now_ms, pass_app, put, put_table, typed, yes_option
from newsletter.cli.compose import SAMPLE_READER, make_proof, show_findings
from newsletter.cli.dispatch import dispatch, send_copies
from newsletter.deliver.limits import Limits, estimate, limits_for
from newsletter.deliver.report import Ending, RunReport
from newsletter.errors import IssueError, NotFoundError, RefusedError, SegmentError, UsageError
from newsletter.issue import read_slug
from newsletter.models import Finding, Level, Send, Tally
from newsletter.proof import Proof
from newsletter.store import Store


@click.command()
@click.argument("issue")
@click.option("--to", "audience", metavar="LIST_OR_SEGMENT", help="Who gets it.")
@click.option("--test", "test_address", metavar="ADDRESS", help="Only a copy of each edition to ADDRESS.")
@click.option("--dry-run", is_flag=True, help="Say what would happen; send and write nothing.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Send N in this run.")
@click.option("--no-wait", is_flag=True, help="Leave those who said 'later' to the next run.")
@click.option("--amend", is_flag=True, help="Use the files as they are now for those not yet sent.")
@yes_option
@pass_app
def send(
    app: App,
    issue: str,
    audience: str | None,
    test_address: str | None,
    dry_run: bool,
    limit: int | None,
    no_wait: bool,
    amend: bool,
    yes: bool,
) -> None:
    """Send an issue to a list or segment, once to each person.

    It checks the issue, says how many and how long, asks, and sends. Stopped or interrupted, run it again:
    it goes on where it stopped, and nobody gets a second copy.

    \b
    Examples:
      newsletter send image-gently-in-dentistry --test me@example.org
      newsletter send image-gently-in-dentistry --to dentists --dry-run
      newsletter send image-gently-in-dentistry --to dentists
    """
    if test_address:
        _send_test(app, issue, test_address)
        return
    if not audience:
        raise UsageError("say who gets it", hint=f"newsletter send {issue} --to LIST, see: newsletter lists")
    if dry_run:
        _dry_run(app, issue, audience)
        return
    tally = send_issue(app, issue, audience, limit=limit, wait=not no_wait, amend=amend, yes=yes)
    if tally.total != tally.sent + tally.skipped:
        raise click.exceptions.Exit(1)


def send_issue(
    app: App,
    slug: str,
    audience: str,
    *,
    limit: int | None = None,
    wait: bool = True,
    amend: bool = False,
    yes: bool = False,
) -> Tally:
    """Plan or take up, ask, run, tell -> the issue's tally."""
    slug = read_slug(app.config.root, slug)
    relay = app.relay()
    limits = limits_for(relay)
    with app.store() as store, locks.sending(app.config.root, slug, app.local(now_ms())) as holder:
        current = campaign.open_send(store, slug, audience)
        if current is None:
            current = _plan(app, store, make_proof(app, slug), audience, limits, limit, yes=yes)
        else:
            _take_up(app, store, current, limits, amend=amend, yes=yes)
        if current is None:
            return store.sends.tally(slug)
        report = dispatch(app, store, current, relay, limits, holder, limit=limit, wait=wait)
        tally = campaign.close_run(store, current, report)
        _tell_end(app, store, current, report, tally)
        return tally


def _send_test(app: App, issue: str, address: str) -> None:
    proof = make_proof(app, issue, inert=True)
    versions = [proof.full_version(tag) for tag in proof.issue.editions]
    profile = replace(SAMPLE_READER, address=parse_address(address))
    _refuse_errors(app, proof, [finding for version in versions for finding in version.findings])
    parcels = [campaign.trial_parcel(app.config, version, profile, now_ms()) for version in versions]
    send_copies(app.relay(), parcels)
    app.say(f"Sent {len(parcels)} test {'copy' if len(parcels) == 1 else 'copies'} to {address}.")
    app.say("Their links do nothing, and nobody was counted.")


def _dry_run(app: App, issue: str, audience: str) -> None:
    proof = make_proof(app, issue)
    with app.store(create=False) as store:
        found = campaign.survey(store, proof, audience)
    if not found.total:
        _nobody(app, found)
        return
    _refuse_errors(app, proof, found.findings)
    _refuse_gaps(proof, found)
    _tell_survey(app, found)
    app.say("This was a dry run: nothing was sent or written.")


def _plan(
    app: App, store: Store, proof: Proof, audience: str, limits: Limits, limit: int | None, *, yes: bool
) -> Send | None:
    found = campaign.survey(store, proof, audience)
    if not found.total:
        _nobody(app, found)
        return None
    _refuse_errors(app, proof, found.findings)
    _refuse_gaps(proof, found)
    _tell_survey(app, found)
    _tell_time(app, min(found.total, limit or found.total), limits)
    app.confirm(f"Send to {_people(found.total)}?", yes=yes)
    return campaign.approve(store, proof, found, now_ms())


def _nobody(app: App, found: Survey) -> None:
    """Say that everybody has it; raises RefusedError where there never was anybody."""
    if not found.already:
        raise RefusedError(
            "nobody is in this audience, so nothing was sent",
            where=found.audience,
            hint="see who is where: newsletter lists",
        )
    app.say(
        f"Everybody in {found.audience} has this issue already, or a row in its journal; nothing to send."
    )


def _take_up(app: App, store: Store, current: Send, limits: Limits, *, amend: bool, yes: bool) -> None:
    lost = store.sends.unknown_from_crash(current.id)
    tally = store.sends.tally_of(current.id)
    left = tally.planned + tally.deferred
    if current.reason:
        app.say(f"It was paused: {current.reason}")
    if lost:
        app.warn(
            f"{lost} were on their way when the last run broke off, and are unknown: "
            f"newsletter deliveries {current.slug} --state unknown"
        )
    _compare(app, store, current, amend=amend)
    app.say(f"Going on with {current.audience}: {tally.sent:,} of {tally.total:,} have it, {left:,} to go.")
    if left:
        _tell_time(app, left, limits)
        app.confirm(f"Go on with the {left:,}?", yes=yes)


def _compare(app: App, store: Store, current: Send, *, amend: bool) -> None:
    """Say whether the files have changed since the approval; they are used only with --amend."""
    try:
        proof = make_proof(app, current.slug)
        changed = campaign.differs(store, proof, current)
    except (IssueError, NotFoundError) as error:
        if amend:
            raise
        app.warn(f"the issue's files cannot be read ({error}); the rest get what was approved")
        return
    if changed and amend:
        _refuse_errors(app, proof, proof.findings())
        campaign.amend(store, proof, current)
        app.say("The rest get the issue as its files are now.")
    elif changed:
        app.warn("the issue's files have changed; the rest get what was approved. To change that: --amend")


def _refuse_errors(app: App, proof: Proof, findings: Sequence[Finding]) -> None:
    errors = [finding for finding in findings if finding.level is Level.ERROR]
    show_findings(app, proof.issue, errors)
    if len(findings) > len(errors):
        rules = sorted({finding.rule for finding in findings if finding.level is Level.WARNING})
        app.say(f"Checked, with warnings ({', '.join(rules)}): newsletter check {proof.issue.slug}")
    if errors:
        first = errors[0]
        raise RefusedError(
            f"{len(errors)} thing{'s' if len(errors) > 1 else ''} to mend before this can be sent, "
            f"first: {first.message}",
            where=f"{proof.issue.editions[first.edition].path}:{first.line}",
            hint="nothing was sent",
        )


def _refuse_gaps(proof: Proof, found: Survey) -> None:
    for gap in found.gaps:
        raise RefusedError(
            f"{{{{ {gap.field} }}}} is empty for {_people(gap.count)}, e.g. {', '.join(gap.examples)}",
            where=f"{proof.issue.editions[gap.edition].path}:{gap.line}",
            hint=f'give it a default, like {{{{ {gap.field} | default("colleague") }}}}; nothing was sent',
        )


def _tell_survey(app: App, found: Survey) -> None:
    put(f"To {found.audience}: {_people(found.total)}")
    put_table(("edition", "people"), [(t, f"{n:,}") for t, n in found.editions.items()], right=("people",))
    if found.already:
        put(f"{_people(found.already)} of this audience have it already and are left out.")
    if found.stood_in:
        languages = ", ".join(sorted(found.stood_in))
        count = sum(found.stood_in.values())
        app.say(
            f"For {_people(count)} there is no edition in their language ({languages}); they get another."
        )


def _tell_time(app: App, count: int, limits: Limits) -> None:
    if limits.note:
        app.say(limits.note)
    seconds = estimate(count, limits)
    end = now_ms() + int(seconds * 1000)
    app.say(f"It takes {_duration(seconds)}, until {app.local_time(end)}.")


def _tell_end(app: App, store: Store, current: Send, report: RunReport, tally: Tally) -> None:
    counts = {state: n for state, n in asdict(tally).items() if n}
    put(", ".join(f"{n:,} {state}" for state, n in counts.items()) + f" (of {tally.total:,})")
    again = f"newsletter send {current.slug} --to {typed(current.audience)}"
    if report.ending in {Ending.PAUSED, Ending.RELAY_LOST}:
        app.say(f"Paused: {report.reason}", style="red")
        app.say(f"Mend that, then go on: {again}")
    elif report.ending is Ending.WAITING and report.next_due:
        app.say(f"{tally.deferred:,} wait for another try, due {app.local_time(report.next_due)}: {again}")
    elif tally.planned or tally.deferred:
        later = f", {tally.deferred:,} of them later" if tally.deferred else ""
        app.say(f"{tally.planned + tally.deferred:,} are still to be sent{later}: {again}")
    if tally.unknown:
        app.say(f"Decide the unknown ones: newsletter resolve {current.slug} --unknown resend   (or: sent)")
    if tally.failed:
        app.say(f"Why some failed: newsletter deliveries {current.slug} --state failed")
    if report.ending is Ending.FINISHED:
        newcomers = _newcomers(store, current)
        if newcomers:
            app.say(f"{_people(newcomers)} joined {current.audience} since; send it to them too: {again}")
    app.say(f"See how it stands: newsletter status {current.slug}")


def _newcomers(store: Store, current: Send) -> int:
    try:
        return store.sends.newcomers(current.slug, parse_segment(store, current.audience))
    except SegmentError:
        return 0


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count:,} people"


def _duration(seconds: float) -> str:
    whole = timedelta(seconds=round(seconds))
    if whole < timedelta(minutes=1):
        return "less than a minute"
    hours, minutes = divmod(round(whole.total_seconds() / 60), 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "day"), (hours, "hour"), (minutes, "minute")]
    return "about " + " ".join(f"{n} {word}{'s' if n > 1 else ''}" for n, word in parts if n)
