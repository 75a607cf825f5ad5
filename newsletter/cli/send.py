"""Sending an issue: what would happen, the question, the bar, and how it ended."""

from __future__ import annotations

from contextlib import ExitStack

import click

from newsletter import approval, campaign, composer
from newsletter.audience.reading import parse_segment
from newsletter.cli.app import App, now_ms, pass_app, yes_option
from newsletter.cli.asking import examined, refuse_drafts, refuse_errors, tell_early, tell_time
from newsletter.cli.going import go_on, refuse_other_home
from newsletter.cli.proving import make_proof
from newsletter.cli.rehearsal import rehearse, send_test
from newsletter.cli.stopping import stopping
from newsletter.cli.tell import people, share
from newsletter.cli.waiting import lock, refuse_taken
from newsletter.deliver.limits import Limits, limits_for
from newsletter.errors import IssueError, NotFoundError, UsageError
from newsletter.issue import find_issue, read_slug
from newsletter.models import Send, SendState, Tally
from newsletter.proof import Proof
from newsletter.store import Approval, Store
from newsletter.when import parse_moment


@click.command()
@click.argument("issue")
@click.option("--to", "audience", metavar="LIST_OR_SEGMENT", help="Who gets it.")
@click.option("--test", "test_address", metavar="ADDRESS", help="Only a copy of each edition to ADDRESS.")
@click.option("--lang", metavar="L", help="With --test: only this edition.")
@click.option("--dry-run", is_flag=True, help="Say what would happen; send and write nothing.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Send N in this run.")
@click.option("--no-wait", is_flag=True, help="Leave those who said 'later' to the next run.")
@click.option(
    "--at",
    "at_text",
    metavar="TIME",
    help='When to begin, like "2026-12-01 09:00 Europe/Paris"; without a zone, in that of your settings.',
)
@click.option("--amend", is_flag=True, help="Use the files as they are now for those not yet sent.")
@yes_option
@pass_app
def send(
    app: App,
    issue: str,
    audience: str | None,
    test_address: str | None,
    lang: str | None,
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
      newsletter send image-gently-in-dentistry --test me@example.org --lang fr
      newsletter send image-gently-in-dentistry --to dentists --dry-run
      newsletter send image-gently-in-dentistry --to dentists
      newsletter send image-gently-in-dentistry --to dentists --at "2026-12-01 09:00 Europe/Paris"
    """
    if test_address is not None:
        if audience is not None or dry_run or limit or no_wait or at_text is not None or amend:
            raise UsageError(
                "--test sends copies to one address now, and goes with no other option but --lang",
                hint=app.command("send", issue, "--test", test_address),
            )
        send_test(app, issue, test_address, lang)
        return
    if lang is not None:
        raise UsageError("--lang goes with --test only: people get the edition in their own language")
    if not audience:
        raise UsageError("say who gets it", hint=f"newsletter send {issue} --to LIST, see: newsletter lists")
    at = _begin(app, at_text) if at_text is not None else None
    if dry_run:
        rehearse(app, issue, audience, limit, at)
        return
    tally = send_issue(app, issue, audience, limit=limit, wait=not no_wait, at=at, amend=amend, yes=yes)
    if not tally.settled:
        raise click.exceptions.Exit(1)


def _begin(app: App, text: str) -> int:
    """When to begin (UTC ms). Raises UsageError for what is no moment, or is over."""
    at = parse_moment(text, app.config.campaign.zone)
    if at < now_ms():
        raise UsageError(f"{app.local_time(at)} is over", hint="leave --at out to send now")
    return at


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
    with ExitStack() as held:
        store = held.enter_context(_store_for(app, slug, audience))
        campaign.finish_cancelled(store, app.config)
        holder = held.enter_context(lock(app, store, slug))
        refuse_other_home(app, store)
        current = campaign.open_send(store, slug, audience)
        if max(at or 0, (current and current.scheduled) or 0) <= now_ms():
            refuse_taken(app, limits)
        if current is None:
            current = _plan(app, store, make_proof(app, slug), audience, limits, limit, at, yes=yes)
        else:
            current = _take_up(app, store, current, limits, limit, at, wait=wait, amend=amend, yes=yes)
        if current is None:
            return store.sends.tally(slug)
        stop = held.enter_context(stopping(app))
        return go_on(app, store, current, limits, holder, stop, limit=limit, wait=wait)


def _store_for(app: App, slug: str, audience: str) -> Store:
    """The database, for an issue and an audience that there are: what is mistyped leaves nothing behind."""
    if not app.config.database.exists():
        find_issue(app.config.root, slug)
    with ExitStack() as held:
        store = held.enter_context(app.store())
        if not store.sends.of_issue(slug):
            find_issue(app.config.root, slug)
            parse_segment(store, audience)
        held.pop_all()
    return store


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
    found = examined(app, store, proof, audience)
    if found is None:
        return None
    tell_early(app, proof.issue, at or now_ms())
    tell_time(app, store, min(found.total, limit or found.total), limits, at or now_ms())
    app.confirm(f"Send to {share(limit, found.total)}?", yes=yes)
    return approval.approve(store, proof, found, now_ms(), scheduled=at)


def _take_up(
    app: App,
    store: Store,
    current: Send,
    limits: Limits,
    limit: int | None,
    at: int | None,
    *,
    wait: bool,
    amend: bool,
    yes: bool,
) -> Send:
    lost = store.sends.unknown_from_crash(current.id)
    tally = store.sends.tally_of(current.id)
    left = tally.waiting
    if current.reason:
        app.say(f"It {'was paused' if current.state is SendState.PAUSED else 'stopped'}: {current.reason}")
    if lost:
        app.warn(
            f"the last run broke off while mail was on its way, so {people(lost)} may have it or not: "
            f"{app.command('deliveries', current.slug, '--state', 'unknown')}"
        )
    amended = _compare(app, store, current, amend=amend)
    if not amended:
        campaign.refuse_unapproved(store, app.config, current)
    app.say(f"Going on with {current.audience}: {tally.sent:,} of {tally.total:,} have it, {left:,} to go.")
    if left:
        count = min(left, limit or left)
        begin = max(at or current.scheduled or 0, now_ms())
        last_due = campaign.last_due(store, current, count) if wait else 0
        tell_time(app, store, count, limits, begin, last_due=last_due)
        app.confirm(f"Go on with {share(limit, left)}?", yes=yes)
    if amended:
        approval.amend(store, current, amended)
    if at is not None:
        current = store.sends.schedule(current.id, at)
    if current.state is not SendState.READY:
        current = store.sends.set_state(current.id, SendState.READY)
    return current


def _compare(app: App, store: Store, current: Send, *, amend: bool) -> Approval | None:
    """Say whether the mail would be another one now -> the other one, where it is to be used (--amend)."""
    try:
        proof = make_proof(app, current.slug)
        changed = approval.differs(store, proof, current)
    except (IssueError, NotFoundError) as error:
        if amend:
            raise
        app.warn(f"the issue's files cannot be read ({error}); the rest get what was approved")
        return None
    if changed and amend:
        refuse_drafts(proof.issue)
        refuse_errors(app, proof, proof.findings())
        amended = approval.amendment(store, proof, current)
        app.say("The rest will get the issue as it is now.")
        return amended
    if changed:
        app.warn(
            "the issue, its templates, the settings or this program have changed since it was approved; "
            "the rest get what was approved. To change that: --amend"
        )
    return None
