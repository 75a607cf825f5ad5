"""What became of every recipient: status, deliveries, resolve."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import click

from newsletter import locks
from newsletter.audience import reading
from newsletter.cli.app import (
    App,
    json_option,
    now_ms,
    pass_app,
    put,
    put_json,
    put_json_list,
    put_table,
    yes_option,
)
from newsletter.errors import NotFoundError, UsageError
from newsletter.models import Delivery, DeliveryState, Send, SendState, Tally
from newsletter.stencil import message_id
from newsletter.store import Store

STATES = [state.value for state in DeliveryState]
MEANINGS = {
    "sent": "accepted by your mail server",
    "planned": "still to be sent",
    "deferred": "told to come later; each run tries again",
    "claimed": "leaving right now",
    "failed": "refused for good",
    "skipped": "left out, for a reason",
    "unknown": "connection lost at the worst moment: nobody can say",
}
COLUMNS = (
    "email",
    "state",
    "attempts",
    "code",
    "enhanced",
    "reply",
    "reason",
    "language",
    "country",
    "message_id",
    "next_try",
    "time",
)


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
        sends = store.sends.of_issue(issue)
        if not sends:
            raise NotFoundError(
                "this issue was never sent", where=issue, hint=f"send it: newsletter send {issue} --to LIST"
            )
        tally = store.sends.tally(issue)
    if as_json:
        put_json(_tally_json(issue, tally))
        return
    for send in sends:
        put(f"{app.local_time(send.created)}  to {send.audience}: {_state_in_words(app, send)}")
    counts = asdict(tally)
    rows = [(f"{counts[s]:,}", s, meaning) for s, meaning in MEANINGS.items() if counts[s] or s == "sent"]
    put_table(("", "state", "which means"), [*rows, (f"{tally.total:,}", "in all", "")])
    if tally.unknown:
        app.say(f"Decide the unknown ones: {app.command('resolve', issue, '--unknown', 'resend')} (or sent)")
    elif tally.planned or tally.deferred:
        app.say(f"Go on: {app.command('send', issue, '--to', sends[-1].audience)}")


def _state_in_words(app: App, send: Send) -> str:
    if send.state is SendState.READY:
        if send.started is None and send.scheduled is not None:
            return f"planned for {app.local_time(send.scheduled)}"
        return "not begun" if send.started is None else "stopped"
    if send.state is not SendState.RUNNING:
        return f"{send.state.value}: {send.reason}" if send.reason else send.state.value
    holder = locks.holder(app.config.root, send.slug)
    return f"running, by {holder}" if holder else "broken off: run the send again"


def _all(app: App, store: Store, as_json: bool) -> None:
    tallies = store.sends.all_tallies()
    if as_json:
        put_json([_tally_json(slug, tally) for slug, tally in tallies.items()])
        return
    columns = ("total", "sent", "planned", "claimed", "deferred", "failed", "skipped", "unknown")
    rows = [
        (
            slug,
            *(getattr(t, column) for column in columns),
            _state_in_words(app, store.sends.of_issue(slug)[-1]),
        )
        for slug, t in tallies.items()
        if store.sends.of_issue(slug)
    ]
    put_table(("issue", *columns, "now"), rows, right=columns)


def _tally_json(slug: str, tally: Tally) -> dict[str, object]:
    return {"issue": slug, "total": tally.total, **asdict(tally)}


@click.command()
@click.argument("issue")
@click.option("--state", type=click.Choice(STATES), help="Only deliveries in this state.")
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@json_option
@pass_app
def deliveries(app: App, issue: str, state: str | None, as_csv: bool, as_json: bool) -> None:
    """One row a recipient: who got it, who did not, and why.

    \b
    Example:
      newsletter deliveries image-gently-in-dentistry --state failed
    """
    if as_csv and as_json:
        raise UsageError("--csv and --json cannot both be")
    with app.store(create=False) as store:
        if not store.sends.of_issue(issue):
            raise NotFoundError("this issue was never sent", where=issue)
        seeds = {send.id: send.seed for send in store.sends.of_issue(issue)}
        domain = app.config.sender.domain
        found = store.sends.deliveries(issue, DeliveryState(state) if state else None)
        rows = (_row(app, d, message_id(seeds[d.send], d.id, domain)) for d in found)
        if as_json:
            put_json_list(rows)
        elif as_csv:
            _put_csv(rows)
        else:
            columns = ("email", "state", "attempts", "reply", "time")
            put_table(columns, ([_cell(row, column) for column in columns] for row in rows))


def _row(app: App, delivery: Delivery, message: str) -> dict[str, Any]:
    reply = delivery.reply
    waits = delivery.state is DeliveryState.DEFERRED
    return {
        "email": delivery.address,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "code": reply.code if reply else None,
        "enhanced": reply.enhanced if reply else "",
        "reply": reply.text if reply else "",
        "reason": delivery.reason,
        "language": delivery.language,
        "country": delivery.country,
        "message_id": message if delivery.first_claimed else "",
        "next_try": app.local_time(delivery.not_before) if waits else "",
        "time": app.local_time(delivery.updated),
    }


def _cell(row: dict[str, Any], column: str) -> str:
    if column == "reply":
        words = (row["code"], row["enhanced"], row["reply"], row["reason"])
        return " ".join(str(word) for word in words if word)
    if column == "email":
        return row["email"] or "(erased)"
    return str(row[column])


def _put_csv(rows: Iterable[dict[str, Any]]) -> None:
    text = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(
            [reading.spreadsheet_safe(str(row[c] if row[c] is not None else "")) for c in COLUMNS]
        )
    text.detach()


@click.command()
@click.argument("issue")
@click.option(
    "--unknown",
    type=click.Choice(["resend", "sent"]),
    required=True,
    help="resend: send it once more, they may get it twice; sent: take them as sent, they may have nothing.",
)
@yes_option
@pass_app
def resolve(app: App, issue: str, unknown: str, yes: bool) -> None:
    """Decide the unknown ones: those whose connection was lost at the worst moment.

    \b
    Example:
      newsletter resolve image-gently-in-dentistry --unknown resend
    """
    with app.store(create=False) as store:
        count = store.sends.tally(issue).unknown
        if not count:
            app.say(f"Nothing of '{issue}' is unknown.")
            return
        resend = unknown == "resend"
        what = "Send it to them again? Some may get it twice." if resend else "Take them as sent?"
        app.confirm(f"{count:,} unknown. {what}", yes=yes)
        decided = store.sends.resolve(issue, resend=resend, now=now_ms())
        audience_name = store.sends.of_issue(issue)[-1].audience
    app.say(f"{'Planned again' if resend else 'Taken as sent'}: {decided:,}.")
    if decided < count:
        app.say(f"{count - decided:,} belong to a cancelled send, which is over; take them as sent.")
    elif resend:
        app.say(f"Next: {app.command('send', issue, '--to', audience_name)}")
