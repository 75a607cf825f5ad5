"""Sending an issue: what would happen, the question, the bar, and how it ended."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack

import click
from msgspec.structs import replace

from newsletter import campaign, composer, home, locks
from newsletter.addresses import parse_address
from newsletter.cli.app import App, now_ms, pass_app, put, yes_option
from newsletter.cli.compose import make_proof, sample_reader, tell_blocks, tell_early_errors
from newsletter.cli.dispatch import BY_HAND, dispatch, going_on, send_copies
from newsletter.cli.stopping import Stopped, stopping
from newsletter.cli.tell import (
    nobody,
    people,
    refuse_drafts,
    refuse_errors,
    refuse_gaps,
    tell_early,
    tell_end,
    tell_survey,
    tell_time,
)
from newsletter.cli.waiting import refuse_taken, wait_for_relay, wait_for_time
from newsletter.deliver.limits import Limits, limits_for
from newsletter.deliver.report import Ending
from newsletter.errors import IssueError, NotFoundError, UsageError
from newsletter.issue import read_slug
from newsletter.models import Send, SendState, Tally
from newsletter.proof import Proof
from newsletter.store import Store
from newsletter.when import parse_moment


@click.command()
@click.argument("issue")
@click.option("--to", "audience", metavar="LIST_OR_SEGMENT", help="Who gets it.")
@click.option("--test", "test_address", metavar="ADDRESS", help="Only a copy of each edition to ADDRESS.")
@click.option("--dry-run", is_flag=True, help="Say what would happen; send and write nothing.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Send N in this run.")
@click.option("--no-wait", is_flag=True, help="Leave those who said 'later' to the next run.")
@click.option("--at", "at_text", metavar="TIME", help='When to begin, like "2026-12-01 09:00 Europe/Paris".')
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
    at_text: str | None,
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
      newsletter send image-gently-in-dentistry --to dentists --at "2026-12-01 09:00 Europe/Paris"
    """
    if test_address:
        if dry_run or limit or no_wait or at_text or amend:
            raise UsageError("--test sends one copy now, and goes with none of the other options")
        _send_test(app, issue, test_address)
        return
    if not audience:
        raise UsageError("say who gets it", hint=f"newsletter send {issue} --to LIST, see: newsletter lists")
    if dry_run:
        _dry_run(app, issue, audience, limit)
        return
    at = parse_moment(at_text, app.config.campaign.zone) if at_text else None
    tally = send_issue(app, issue, audience, limit=limit, wait=not no_wait, at=at, amend=amend, yes=yes)
    if tally.total != tally.sent + tally.skipped:
        raise click.exceptions.Exit(1)


def send_issue(
    app: App,
    slug: str,
    audience: str,
    *,
    limit: int | None = None,
    wait: bool = True,
    at: int | None = None,
    amend: bool = False,
    yes: bool = False,
) -> Tally:
    """Plan or take up, ask, wait for the time, run, tell -> the issue's tally."""
    slug = read_slug(app.config.root, slug)
    limits = limits_for(app.relay)
    composer.signer_of(app.config)  # a key that cannot sign is told before anything is planned
    if at is not None and at < now_ms():
        raise UsageError(f"{app.local_time(at)} is over", hint="leave --at out to send now")
    with ExitStack() as held:
        store = held.enter_context(app.store())
        campaign.finish_cancelled(store, app.config.root)
        holder = held.enter_context(lock(app, slug))
        refuse_other_home(app, store)
        current = campaign.open_send(store, slug, audience)
        if max(at or 0, (current and current.scheduled) or 0) <= now_ms():
            refuse_taken(app, limits)
        if current is None:
            current = _plan(app, store, make_proof(app, slug), audience, limits, limit, at, yes=yes)
        else:
            current = _take_up(app, store, current, limits, limit, at, amend=amend, yes=yes)
        if current is None:
            return store.sends.tally(slug)
        stop = held.enter_context(stopping(app))
        return go_on(app, store, current, limits, holder, stop, limit=limit, wait=wait)


def refuse_other_home(app: App, store: Store) -> None:
    """Raise RefusedError where the live pages are not of this project: its ways out would lead nowhere."""
    base_url = app.config.web.base_url
    if base_url and not home.refuse_elsewhere(app.config, store):
        app.warn(f"{base_url} is a sample address: there are no pages on which people could leave")


def lock(app: App, slug: str) -> AbstractContextManager[str]:
    """Hold the issue's lock; gives this process's description."""
    return locks.sending(app.config.root, slug, app.local(now_ms()))


def go_on(
    app: App,
    store: Store,
    current: Send,
    limits: Limits,
    holder: str,
    stop: Stopped,
    *,
    limit: int | None,
    wait: bool,
) -> Tally:
    """Wait for the send's time, send what is due, tell -> the issue's tally. The caller holds the lock."""
    with going_on(app, store, current):
        if (current.scheduled or 0) > now_ms():
            begins = wait_for_time(app, store, current, stop)
            if not (begins and wait_for_relay(app, store, current, limits, stop)):
                return store.sends.tally(current.slug)
        report = dispatch(app, store, current, limits, holder, stop, limit=limit, wait=wait)
        by_hand = BY_HAND if stop.by_hand else ""
        if report.ending is Ending.LIMITED:
            by_hand = "as many were sent as --limit said"
        tally = campaign.close_run(store, current, report, by_hand=by_hand)
        tell_end(app, store, current, report, tally)
        return tally


def _send_test(app: App, issue: str, address: str) -> None:
    proof = make_proof(app, issue, inert=True)
    versions = [proof.full_version(tag) for tag in proof.issue.editions]
    found = [finding for version in versions for finding in version.findings]
    refuse_errors(app, proof, tell_early_errors(app, proof, found))
    parcels = [
        composer.trial_parcel(
            app.config, version, replace(sample_reader(version), address=parse_address(address)), now_ms()
        )
        for version in versions
    ]
    send_copies(app.relay, parcels)
    tell_blocks(app, versions)
    if app.config.database.exists():
        with app.store() as store:
            store.sends.note_usage(app.relay.name, len(parcels), now_ms())
    app.say(f"Sent {len(parcels)} test {'copy' if len(parcels) == 1 else 'copies'} to {address}.")
    app.say("Their links do nothing, and they count for nobody.")


def _dry_run(app: App, issue: str, audience: str, limit: int | None) -> None:
    composer.signer_of(app.config)
    proof = make_proof(app, issue)
    with app.store(create=False) as store:
        under_way = [s for s in campaign.unfinished(store, proof.issue.slug) if s.audience == audience]
        if under_way:
            tally = store.sends.tally_of(under_way[0].id)
            put(f"Under way to {audience}: {tally.sent:,} of {people(tally.total)} have it.")
            put(f"Would go on with {people(tally.planned + tally.deferred)}.")
            return
        refuse_drafts(proof.issue)
        found = campaign.survey(store, proof, audience)
        if not found.total:
            nobody(app, store, proof.issue.slug, found)
            return
        refuse_errors(app, proof, found.findings)
        refuse_gaps(proof, found)
        tell_survey(app, found)
        if app.config.relay is not None:
            count = min(found.total, limit or found.total)
            tell_time(app, store, count, limits_for(app.config.relay), now_ms())
    app.say("This was a dry run: nothing was sent or written.")


def _plan(
    app: App,
    store: Store,
    proof: Proof,
    audience: str,
    limits: Limits,
    limit: int | None,
    at: int | None,
    *,
    yes: bool,
) -> Send | None:
    refuse_drafts(proof.issue)
    found = campaign.survey(store, proof, audience)
    if not found.total:
        nobody(app, store, proof.issue.slug, found)
        return None
    refuse_errors(app, proof, found.findings)
    refuse_gaps(proof, found)
    tell_survey(app, found)
    tell_early(app, proof.issue, at or now_ms())
    tell_time(app, store, min(found.total, limit or found.total), limits, at or now_ms())
    app.confirm(f"Send to {people(found.total)}?", yes=yes)
    return campaign.approve(store, proof, found, now_ms(), scheduled=at)


def _take_up(
    app: App,
    store: Store,
    current: Send,
    limits: Limits,
    limit: int | None,
    at: int | None,
    *,
    amend: bool,
    yes: bool,
) -> Send:
    lost = store.sends.unknown_from_crash(current.id)
    tally = store.sends.tally_of(current.id)
    left = tally.planned + tally.deferred
    if current.reason:
        app.say(f"It was paused: {current.reason}")
    if lost:
        app.warn(
            f"the last run broke off while mail was on its way, so {people(lost)} may have it or not: "
            f"{app.command('deliveries', current.slug, '--state', 'unknown')}"
        )
    _compare(app, store, current, amend=amend)
    app.say(f"Going on with {current.audience}: {tally.sent:,} of {tally.total:,} have it, {left:,} to go.")
    if left:
        count = min(left, limit or left)
        tell_time(app, store, count, limits, max(at or current.scheduled or 0, now_ms()))
        app.confirm(f"Go on with {people(count)}?", yes=yes)
    if at is not None:
        current = store.sends.schedule(current.id, at)
    if current.state is SendState.PAUSED:
        current = store.sends.set_state(current.id, SendState.READY)
    return current


def _compare(app: App, store: Store, current: Send, *, amend: bool) -> None:
    """Say whether the mail would be another one now; that is used only with --amend."""
    try:
        proof = make_proof(app, current.slug)
        changed = campaign.differs(store, proof, current)
    except (IssueError, NotFoundError) as error:
        if amend:
            raise
        app.warn(f"the issue's files cannot be read ({error}); the rest get what was approved")
        return
    if changed and amend:
        refuse_drafts(proof.issue)
        refuse_errors(app, proof, proof.findings())
        campaign.amend(store, proof, current)
        app.say("The rest get the issue as it is now.")
    elif changed:
        app.warn(
            "the issue, its templates, the settings or this program have changed since it was approved; "
            "the rest get what was approved. To change that: --amend"
        )
