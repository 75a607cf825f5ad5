"""What a send says: what would happen, what stops it, how it ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec.structs import asdict

from newsletter import campaign, locks
from newsletter.audience.reading import parse_segment
from newsletter.campaign import Survey
from newsletter.cli.app import App, counted, now_ms, put, put_table
from newsletter.cli.compose import show_findings
from newsletter.deliver.limits import Limits, estimate
from newsletter.deliver.report import Ending, RunReport
from newsletter.errors import NotFoundError, RefusedError, SegmentError
from newsletter.issue import find_issue
from newsletter.languages import choose_edition
from newsletter.models import Finding, Issue, Level, Send, Tally
from newsletter.proof import Proof
from newsletter.store import Store
from newsletter.when import duration


def refuse_errors(app: App, proof: Proof, findings: Sequence[Finding]) -> None:
    """Show what is wrong; raises RefusedError where something stops the send."""
    errors = [finding for finding in findings if finding.level is Level.ERROR]
    show_findings(app, proof.issue, errors)
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
    found = campaign.survey(store, proof, audience)
    if not found.total:
        nobody(app, store, proof.issue.slug, found)
        return None
    refuse_errors(app, proof, found.findings)
    refuse_gaps(proof, found)
    tell_survey(app, found)
    return found


def tell_survey(app: App, found: Survey) -> None:
    """How many get which edition."""
    put(f"To {found.audience}: {people(found.total)}")
    put_table(("edition", "people"), [(t, f"{n:,}") for t, n in found.editions.items()], right=("people",))
    for condition, count in found.blocks.items():
        put(f"::: only {condition}: {people(count)}")
    if found.already:
        put(f"Dealt with before, and left out now: {people(found.already)}")
    if found.beyond_ascii:
        put(
            f"Addresses with letters like é or م before the @: {found.beyond_ascii:,}. A mail server without "
            f"SMTPUTF8 cannot reach them, and they are skipped then. Can yours? {app.command('doctor')}"
        )
    if found.stood_in:
        app.say(_stand_in(app, found))


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
    name = app.config.relay.name if app.config.relay else ""
    return [store.sends.sent_since(name, begin - rate.seconds * 1000) for rate in limits.rates]


def nobody(app: App, store: Store, slug: str, found: Survey) -> None:
    """Say that nobody is left, and what is still open; raises RefusedError where there never was anybody."""
    if not found.already:
        raise RefusedError(
            "nobody is in this audience, so nothing was sent",
            where=found.audience,
            hint=f"see who is where: {app.command('lists')}",
        )
    tally = store.sends.tally(slug)
    waiting = tally.planned + tally.claimed + tally.deferred
    if waiting:
        app.say(f"Everybody in {found.audience} has this issue already, or waits for it in another send.")
        app.say(f"Still to be sent: {people(waiting)}. How to go on: {app.command('status', slug)}")
    else:
        app.say(f"Everybody in {found.audience} has been dealt with already; there is nothing to send.")
    for line in open_questions(app, slug, tally):
        app.say(line)


def open_questions(app: App, slug: str, tally: Tally) -> Iterator[str]:
    """What the coordinator has to decide or to look at, and the commands for it."""
    if tally.unknown:
        yield (
            f"Unknown: {people(tally.unknown)}. The connection, or this program, broke off before your mail "
            "server's answer was written down, so they may have it or not. "
            f"See who: {app.command('deliveries', slug, '--state', 'unknown')}"
        )
        again, taken = (app.command("resolve", slug, "--unknown", word) for word in ("resend", "sent"))
        yield f"Send it to them once more: {again}, or take it as sent: {taken}"
    if tally.failed:
        see = app.command("deliveries", slug, "--state", "failed")
        yield f"Failed: {people(tally.failed)}. Your mail server refused them for good. See why: {see}"


def sends_of(app: App, store: Store, slug: str) -> list[Send]:
    """The issue's sends. NotFoundError where there are none; it names the nearest where there is no issue."""
    sends = store.sends.of_issue(slug)
    if not sends:
        find_issue(app.config.root, slug)
        hint = f"send it: {app.command('send', slug, '--to', 'LIST')}"
        raise NotFoundError("this issue was never sent", where=slug, hint=hint)
    return sends


def lost_with_sender(app: App, store: Store, slug: str) -> int:
    """How many were on their way when the sender of the issue died: the next run calls them unknown."""
    if locks.holder(app.config.root, slug):
        return 0
    claimed = store.sends.tally(slug).claimed
    return claimed if claimed and not locks.holder(app.config.root, slug) else 0


def tell_end(app: App, store: Store, current: Send, report: RunReport, tally: Tally) -> None:
    """How a run ended, and what to type next."""
    counts = {state: n for state, n in asdict(tally).items() if n}
    put(", ".join(f"{n:,} {state}" for state, n in counts.items()) + f" (of {tally.total:,})")
    again = app.command("send", current.slug, "--to", current.audience)
    for line in _next_steps(app, current, report, store.sends.tally_of(current.id), again):
        app.say(line)
    for line in (*_of_other_sends(app, store, current), *open_questions(app, current.slug, tally)):
        app.say(line)
    newcomers = _newcomers(store, current) if report.ending is Ending.FINISHED else 0
    if newcomers:
        app.say(f"Joined {current.audience} since: {people(newcomers)}. Send it to them too: {again}")
    app.say(f"See how it stands: {app.command('status', current.slug)}")


def _next_steps(app: App, current: Send, report: RunReport, tally: Tally, again: str) -> Iterator[str]:
    """How the send itself goes on, `tally` being its own."""
    waiting = tally.planned + tally.deferred
    if report.must_pause:
        yield f"Paused: {report.reason}"
        yield f"Put that right, then go on: {again}"
    elif report.ending is Ending.CANCELLED:
        yield "It was cancelled from another terminal: whoever does not have it yet will not get it."
    elif report.ending is Ending.PAUSED and waiting:
        resume = app.command("resume", current.slug)
        yield "It was paused from another terminal."
        yield f"Still to be sent: {people(waiting)}. Go on with: {resume}"
    elif report.used_up_until:
        free = app.local_time(report.used_up_until)
        yield f"Your mail server's limit is used up until {free}. Go on then: {again}"
    elif report.ending is Ending.WAITING and report.next_due:
        due = app.local_time(report.next_due)
        yield f"Put off by your mail server: {people(tally.deferred)}. Go on from {due}: {again}"
    elif waiting:
        later = f" ({tally.deferred:,} of them put off by your mail server)" if tally.deferred else ""
        yield f"Still to be sent: {people(waiting)}{later}. Go on with: {again}"


def _of_other_sends(app: App, store: Store, current: Send) -> Iterator[str]:
    """Who still waits in other sends of the same issue, and how those go on."""
    for other in campaign.unfinished(store, current.slug):
        tally = store.sends.tally_of(other.id)
        waiting = tally.planned + tally.deferred
        if other.id != current.id and waiting:
            again = app.command("send", other.slug, "--to", other.audience)
            yield f"Still to be sent to {other.audience}: {people(waiting)}. Go on with: {again}"


def _newcomers(store: Store, current: Send) -> int:
    try:
        return store.sends.newcomers(current.slug, parse_segment(store, current.audience))
    except SegmentError:
        return 0


def people(count: int) -> str:
    """`1 person`, `2 people`."""
    return counted(count, "person", "people")


def share(limit: int | None, count: int) -> str:
    """`52 people`, or `the first 3 of 52 people` where there is a smaller limit."""
    return people(count) if limit is None or limit >= count else f"the first {limit:,} of {people(count)}"
