"""What became of every recipient: deliveries, resolve."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import click

from newsletter import campaign
from newsletter.audience import reading
from newsletter.cli.app import (
    App,
    json_option,
    now_ms,
    pass_app,
    put_json_list,
    put_table,
    table_width,
    yes_option,
)
from newsletter.cli.tell import lost_with_sender, people, sends_of
from newsletter.cli.waiting import lock
from newsletter.errors import RefusedError, UsageError
from newsletter.models import Delivery, DeliveryState
from newsletter.stencil import message_id
from newsletter.store import Store

STATES = [state.value for state in DeliveryState]
WIDE = 140  # columns of a terminal in which a table with Message-IDs can be read
LOST = "on its way when the sender died: they may have it or not"
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
        seeds = {send.id: send.seed for send in sends_of(app, store, issue)}
        domain = app.config.sender.domain
        found = store.sends.deliveries(issue, DeliveryState(state) if state else None)
        lost = lost_with_sender(app, store, issue)
        rows = (_row(app, d, message_id(seeds[d.send], d.id, domain)) for d in found)
        if as_json:
            put_json_list(rows)
        elif as_csv:
            _put_csv(rows)
        else:
            message_ids = ("message_id",) if table_width() >= WIDE else ()
            columns = ("email", "state", "attempts", "reply", *message_ids, "time")
            words = {"claimed": LOST} if lost else {}
            put_table(columns, ([_cell(row, column, words) for column in columns] for row in rows))
        if lost and state == DeliveryState.UNKNOWN:
            see = app.command("deliveries", issue, "--state", "claimed")
            app.say(f"Besides, {people(lost)} may have it or not: the sender died. See who: {see}")


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


def _cell(row: dict[str, Any], column: str, words_of: Mapping[str, str]) -> str:
    """One cell for people; `words_of` says of a state what its rows do not say themselves."""
    if column == "reply":
        words = (row["code"], row["enhanced"], row["reply"], row["reason"], words_of.get(row["state"]))
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
        sends_of(app, store, issue)
        campaign.finish_cancelled(store, app.config)
        _settle_dead(app, store, issue)
        count = store.sends.tally(issue).unknown
        if not count:
            app.say(f"Nothing of '{issue}' is unknown.")
            return
        resend = unknown == "resend"
        what = "Send it to them again? Some may get it twice." if resend else "Take them as sent?"
        app.confirm(f"{count:,} unknown. {what}", yes=yes)
        decided = store.sends.resolve(issue, resend=resend, now=now_ms())
        open_sends = campaign.unfinished(store, issue)
        again = [send.audience for send in open_sends if store.sends.tally_of(send.id).planned]
    app.say(f"{'Planned again' if resend else 'Taken as sent'}: {decided:,}.")
    if decided < count:
        app.say(f"{count - decided:,} belong to a cancelled send, which is over; take them as sent.")
    elif resend:
        for audience in again:
            app.say(f"Next: {app.command('send', issue, '--to', audience)}")


def _settle_dead(app: App, store: Store, slug: str) -> None:
    """Call unknown what was on its way when a sender died; nothing is touched while one sends."""
    with suppress(RefusedError), lock(app, store, slug):
        for send in store.sends.of_issue(slug):
            store.sends.unknown_from_crash(send.id)
