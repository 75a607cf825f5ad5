"""What a send says before it asks: who gets what, how long it takes, and what stops it."""

from __future__ import annotations

from collections.abc import Sequence

from newsletter import approval
from newsletter.approval import Survey
from newsletter.cli.app import App, now_ms, put, put_table
from newsletter.cli.proving import show_findings
from newsletter.cli.tell import open_questions, people
from newsletter.deliver.limits import Limits, estimate
from newsletter.errors import RefusedError
from newsletter.languages import choose_edition
from newsletter.models import Finding, Issue, Level, SendState
from newsletter.proof import Proof
from newsletter.store import Store
from newsletter.when import duration


def refuse_errors(app: App, proof: Proof, findings: Sequence[Finding]) -> None:
    """Show what is wrong; raises RefusedError where something stops the send."""
    errors = [finding for finding in findings if finding.level is Level.ERROR]
    show_findings(proof.issue, errors)
    if len(findings) > len(errors):
        rules = sorted({finding.rule for finding in findings if finding.level is Level.WARNING})
        app.say(f"Checked, with warnings ({', '.join(rules)}): {app.command('check', proof.issue.slug)}")
    if errors:
        first = errors[0]
        raise RefusedError(
            f"{len(errors)} thing{'s' if len(errors) > 1 else ''} to put right before this can be sent, "
            f"first: {first.message}",
            where=f"{proof.issue.editions[first.edition].path}:{first.line}",
            hint="nothing was sent",
        )


def refuse_drafts(issue: Issue) -> None:
    """Raises RefusedError for an edition that is still a draft."""
    for edition in issue.editions.values():
        if edition.draft:
            raise RefusedError(
                "this edition is still a draft",
                where=f"{edition.path.as_posix()}:{edition.lines.get('draft', 1)}",
                hint="take the line draft: true out when it is ready; nothing was sent",
            )


def tell_early(app: App, issue: Issue, begin: int) -> None:
    """Say that the mail's public links lead nowhere yet, where the issue's date is after `begin` (UTC ms)."""
    web = app.config.web
    dates = [edition.date for edition in issue.editions.values() if edition.date]
    if (web.base_url or web.archive_url) and dates and max(dates) > app.local(begin).date():
        app.warn(f"the links to the public pages do not work before {max(dates)}, the issue's date")


def refuse_gaps(proof: Proof, found: Survey) -> None:
    """Raises RefusedError for a required field that is empty for somebody."""
    for gap in found.gaps:
        raise RefusedError(
            f"{{{{ {gap.field} }}}} is empty for {people(gap.count)}, e.g. {', '.join(gap.examples)}",
            where=f"{proof.issue.editions[gap.edition].path}:{gap.line}",
            hint=f'give it a default, like {{{{ {gap.field} | default("colleague") }}}}; nothing was sent',
        )


def examined(app: App, store: Store, proof: Proof, audience: str) -> Survey | None:
    """Who would get which edition, told; None, with the reason, where nobody would.

    Raises IssueError, RefusedError for what must not be sent.
    """
    refuse_drafts(proof.issue)
    found = approval.survey(store, proof, audience)
    if not found.total:
        nobody(app, store, proof.issue.slug, found)
        return None
    refuse_errors(app, proof, found.findings)
    refuse_gaps(proof, found)
    tell_survey(app, proof, found)
    return found


def tell_survey(app: App, proof: Proof, found: Survey) -> None:
    """How many get which edition, and which block of one."""
    put(f"To {found.audience}: {people(found.total)}")
    put_table(("edition", "people"), [(t, f"{n:,}") for t, n in found.editions.items()], right=("people",))
    for condition, count in found.blocks.items():
        put(f"::: only {condition}{_editions_of(proof, condition)}: {people(count)}")
    if found.already:
        put(f"Dealt with before, and left out now: {people(found.already)}")
    if found.beyond_ascii:
        put(
            f"Addresses with letters like é or م before the @: {found.beyond_ascii:,}. A mail server without "
            f"SMTPUTF8 cannot reach them, and they are skipped then. Can yours? {app.command('doctor')}"
        )
    if found.stood_in:
        app.say(_stand_in(app, found))


def _editions_of(proof: Proof, condition: str) -> str:
    """Where a block stands that not every edition has."""
    tags = [tag for tag, own in proof.edition_conditions.items() if condition in own]
    return f" (in {', '.join(tags)})" if len(tags) < len(proof.edition_conditions) else ""


def _stand_in(app: App, found: Survey) -> str:
    languages, count = ", ".join(sorted(found.stood_in)), sum(found.stood_in.values())
    read, get = ("reads", "gets") if count == 1 else ("read", "get")
    own = choose_edition(found.editions, "", app.config.campaign.language)
    who = f"{people(count)} {read} a language without an edition ({languages})"
    return f"{who} and {get} the campaign's own, {own}."


def tell_time(app: App, store: Store, count: int, limits: Limits, begin: int, *, last_due: int = 0) -> None:
    """How long it will take from `begin`, with what is used of the limits, and when it ends.

    Some are not due before `last_due`. Times are UTC ms.
    """
    if limits.note:
        app.say(limits.note)
    seconds = estimate(count, limits, used=_used(app, store, limits, begin))
    end = max(begin + int(seconds * 1000), last_due)
    why = ", as your mail server has put some of them off" if end == last_due else ""
    start = f"begins {app.local_time(begin)} and " if begin > now_ms() else ""
    app.say(f"It {start}takes {duration((end - begin) / 1000)}, until {app.local_time(end)}{why}.")


def _used(app: App, store: Store, limits: Limits, begin: int) -> list[int]:
    name = app.config.relay_account
    return [store.usage.sent_since(name, begin - rate.seconds * 1000) for rate in limits.rates]


def nobody(app: App, store: Store, slug: str, found: Survey) -> None:
    """Say that nobody is left, and what is still open; raises RefusedError where there never was anybody."""
    if not found.already:
        raise RefusedError(
            "nobody is in this audience, so nothing was sent",
            where=found.audience,
            hint=f"see who is where: {app.command('lists')}",
        )
    tally = store.sends.tally(slug)
    waiting = tally.unfinished
    if waiting:
        app.say(f"Everybody in {found.audience} has this issue already, or waits for it in another send.")
        app.say(f"Still to be sent: {people(waiting)}. How to go on: {app.command('status', slug)}")
    else:
        app.say(f"Everybody in {found.audience} has been dealt with already; there is nothing to send.")
    if any(send.state is SendState.CANCELLED for send in store.sends.of_issue(slug)):
        app.say("A send of it was cancelled: whoever was left out then can only be reached by a new issue.")
    for line in open_questions(app, slug, tally):
        app.say(line)
