"""How far an issue is, who sends it, and how to go on: status."""

from __future__ import annotations

import click
from msgspec.structs import asdict

from newsletter import campaign, locks
from newsletter.campaign import OPEN_STATES
from newsletter.cli.app import App, json_option, now_ms, pass_app, put, put_json, put_table
from newsletter.cli.tell import lost_with_sender, people, sends_of
from newsletter.models import Send, SendState, Tally
from newsletter.store import Store

MEANINGS = {
    "sent": "accepted by your mail server",
    "planned": "still to be sent",
    "deferred": "put off, or refused for now; each run tries again",
    "claimed": "on their way to your mail server",
    "failed": "refused for good, or tried in vain too long",
    "skipped": "left out, for a reason",
    "unknown": "connection lost at the worst moment: nobody can say",
}

HELD = "put off, or refused for now; tried again once you go on"


@click.command()
@click.argument("issue", required=False)
@json_option
@pass_app
def status(app: App, issue: str | None, as_json: bool) -> None:
    """How far an issue is; without ISSUE, a table of all.

    \b
    Example:
      newsletter status image-gently-in-dentistry
    """
    with app.store(create=False) as store:
        if issue is None:
            _all(app, store, as_json)
            return
        sends = sends_of(app, store, issue)
        tally = store.sends.tally(issue)
        meanings = MEANINGS | ({"deferred": HELD} if campaign.holds_deferred(store, issue) else {})
        lost = lost_with_sender(app, store, issue)
        due = [when for send in sends if (when := _next_try(store, send)) is not None]
        free = campaign.used_up_until(store, app.config.relay, now_ms())
    if as_json:
        put_json(_tally_json(issue, tally))
        return
    for send in sends:
        put(f"Approved {app.local_time(send.created)}, to {send.audience}: {_state_in_words(app, send)}")
    counts = asdict(tally)
    if lost:
        meanings["claimed"] = "on its way when the sender died: nobody can say"
    rows = [(f"{counts[s]:,}", s, meaning) for s, meaning in meanings.items() if counts[s] or s == "sent"]
    put_table(("", "state", "which means"), [*rows, (f"{tally.total:,}", "in all", "")])
    if due:
        app.say(f"The next of those put off is due at {app.local_time(min(due))}.")
    if tally.unknown:
        app.say(f"Decide the unknown ones: {app.command('resolve', issue, '--unknown', 'resend')} (or sent)")
    if lost:
        app.say(f"{people(lost)} may have it or not. Once the send goes on they are told as unknown.")
    for send in sends:
        if send.state in (SendState.PLANNING, *OPEN_STATES):
            app.say(_how_to_go_on(app, send, free))


def _next_try(store: Store, send: Send) -> int | None:
    """When the next one who was put off is due (UTC ms); None where nobody waits, or the send is held."""
    return store.sends.next_due(send.id) if send.state in (SendState.READY, SendState.RUNNING) else None


def _how_to_go_on(app: App, send: Send, free: int | None) -> str:
    """The next thing to do; the mail server's limits are used up until `free`, None where they are not."""
    again = app.command("send", send.slug, "--to", send.audience)
    holder = locks.holder(app.config.root, send.slug)
    if send.state is SendState.PLANNING:
        return (
            f"It is being planned by {holder}. To give it up: Ctrl+C there."
            if holder
            else f"Its planning broke off. Send it: {again}"
        )
    if send.state is SendState.RUNNING and holder:
        used_up = f" Your mail server's limit is used up until {app.local_time(free)}." if free else ""
        return f"It is being sent by {holder}.{used_up} To hold it: {app.command('pause', send.slug)}"
    if send.state is SendState.READY and send.scheduled is not None:
        return _how_it_begins(app, send, send.scheduled, holder)
    resume = app.command("resume", send.slug) if send.state is SendState.PAUSED else again
    if holder:
        return f"{holder} has this issue now. When it has ended, go on: {resume}"
    return _when_nobody_has_it(app, send, free, resume)


def _when_nobody_has_it(app: App, send: Send, free: int | None, resume: str) -> str:
    """What is in the way of `resume`, if anything is."""
    if send.state is SendState.PAUSED and (send.scheduled or 0) > now_ms():
        return f"Its time is still {app.local_time(send.scheduled or 0)}. Go on, and wait for it: {resume}"
    if free is not None:
        return f"Your mail server's limit is used up until {app.local_time(free)}. Go on then: {resume}"
    if other := locks.user(app.config.root, app.config.relay_account):
        return f"Another issue is going out through your mail server, by {other}. When it has ended: {resume}"
    return f"Go on: {resume}"


def _how_it_begins(app: App, send: Send, begin: int, holder: str) -> str:
    now = app.command("resume", send.slug, "--now")
    if begin <= now_ms() and not holder and (other := locks.user(app.config.root, app.config.relay_account)):
        return (
            f"Its time has come, and another issue is going out, by {other}. It begins after that "
            f"if {app.command('run', '--watch')} is running; else: {now}"
        )
    if begin <= now_ms() and not holder:
        return f"Its time is over: no program was running to send it. Send it now: {now}"
    if begin <= now_ms():
        return f"Its time has come: {holder} begins as soon as no other issue is going out."
    if holder:
        return f"It begins at {app.local_time(begin)}: {holder} waits for that."
    return (
        f"It begins at {app.local_time(begin)} if {app.command('run', '--watch')} is running then. "
        f"To send it at once: {now}"
    )


def _state_in_words(app: App, send: Send) -> str:
    if send.state is SendState.READY:
        if send.scheduled is not None:
            return f"planned for {app.local_time(send.scheduled)}{_when_that_is(app, send, send.scheduled)}"
        stopped = f"stopped: {send.reason}" if send.reason else "stopped"
        return "not begun" if send.started is None else stopped
    if send.state is not SendState.RUNNING:
        return f"{send.state.value}: {send.reason}" if send.reason else send.state.value
    holder = locks.holder(app.config.root, send.slug)
    if not holder:
        return "broken off: run the send again"
    return f"running, by {holder}{f': {send.reason}' if send.reason else ''}"


def _when_that_is(app: App, send: Send, begin: int) -> str:
    """What there is to say of a time that has passed."""
    if begin > now_ms():
        return ""
    return ", about to begin" if locks.holder(app.config.root, send.slug) else ", which is over"


def _all(app: App, store: Store, as_json: bool) -> None:
    tallies = store.sends.all_tallies()
    if as_json:
        put_json([_tally_json(slug, tally) for slug, tally in tallies.items()])
        return
    states = ("planned", "claimed", "deferred", "failed", "skipped", "unknown")
    columns = ["total", "sent", *(s for s in states if any(getattr(t, s) for t in tallies.values()))]
    rows = [
        (
            slug,
            *(f"{getattr(t, column):,}" for column in columns),
            _state_in_words(app, store.sends.of_issue(slug)[-1]).partition(": ")[0],
        )
        for slug, t in tallies.items()
        if store.sends.of_issue(slug)
    ]
    if not rows:
        app.say(f"Nothing was sent yet. To send an issue: {app.command('send', 'ISSUE', '--to', 'LIST')}")
        return
    put_table(("issue", *columns, "now"), rows, right=columns)


def _tally_json(slug: str, tally: Tally) -> dict[str, object]:
    return {"issue": slug, "total": tally.total, **asdict(tally)}
