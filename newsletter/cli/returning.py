"""People who come back: subscribers invite, subscribers confirm, subscribers lift."""

from __future__ import annotations

import click

from newsletter import links
from newsletter.addresses import parse_address
from newsletter.audience import departures, inviting, joining
from newsletter.cli.app import App, now_ms, pass_app, put
from newsletter.errors import RefusedError, TokenError
from newsletter.models import Address, SuppressionKind
from newsletter.store import Store


def way_back(app: App, store: Store, address: Address, list_name: str) -> RefusedError:
    """Why somebody was not added, and the way back that there is."""
    base = app.config.web.base_url
    if not inviting.only_theirs(store, address, list_name):
        kinds = " and ".join(one.kind.value for one in store.suppressions.of(address.key))
        lift = app.command("subscribers", "lift", address.text, "--reason", "how you know")
        return RefusedError(
            f"{kinds} before, and was not added",
            where=address.text,
            hint=f"if that does not hold any more: {lift}, then the same again",
        )
    if base and any(info.name.casefold() == list_name.casefold() for info in store.lists.offered()):
        way = f"they subscribe at {base}/join, and confirm from their mailbox"
    else:
        way = f"ask for their word: {app.command('subscribers', 'invite', address.text, '--list', list_name)}"
    return RefusedError(
        "left before, and was not added: only they themselves can undo that",
        where=address.text,
        hint=way,
    )


@click.command("invite")
@click.argument("address")
@click.option("--list", "list_name", required=True, metavar="L", help="The list that they ask for.")
@click.option("--source", default="", help="How they asked, e.g. 'e-mail of 3 May 2026'.")
@pass_app
def invite(app: App, address: str, list_name: str, source: str) -> None:
    """Let somebody who left come back: prints a mail for you to send them. Nobody is mailed.

    Who left gets nothing before they have confirmed it from their own mailbox. With live pages the mail holds
    a link for that; without them a code, which stands in their answer.

    \b
    Example:
      newsletter subscribers invite ana@example.org --list dentists --source "e-mail of 3 May 2026"
    """
    parsed, now, base = parse_address(address), now_ms(), app.config.web.base_url
    with app.store(create=False) as store:
        joining.expire_pending(store, now)
        found = inviting.invite(store, parsed, list_name, source=" ".join(source.split()), now=now)
        key = store.keys.current(links.KEY_PURPOSE)
    code = links.sign(key, purpose=links.Purpose.CONFIRM, subject=found.subject, about=found.about)
    link = links.confirm_link(app.config, key, found.subject, found.about)
    app.say(f"Send this to {parsed.text}, in your own words if you like:\n")
    put(f"You asked for {app.config.campaign.name} ({', '.join(found.list_names)}).")
    put(
        f"Please confirm it here: {link}" if base else "To confirm it, answer this mail and leave this in it:"
    )
    if not base:
        put(code)
        confirm = app.command("subscribers", "confirm", code)
        app.say(f"\nWhen they have answered from that address, within 30 days: {confirm}")


@click.command("confirm")
@click.argument("code")
@pass_app
def confirm(app: App, code: str) -> None:
    """Note that somebody confirmed: CODE stands in their answer to the mail of `subscribers invite`.

    \b
    Example:
      newsletter subscribers confirm AQMAAAABf3nK4mRk2xFqBw7tYcEAAAAAAAAAB1pQe0sVJmZr0hC9uXaT3Lk
    """
    now = now_ms()
    with app.store(create=False) as store:
        joining.expire_pending(store, now)
        token = links.verify(store.keys.all(links.KEY_PURPOSE), code)
        if token.purpose is not links.Purpose.CONFIRM:
            raise TokenError("this is a link out of a mail, and no code of subscribers invite", where=code)
        done = inviting.confirm_by_mail(store, token, now)
        person = store.people.by_subject(token.subject)
    if done.state != "done" or person is None:
        raise RefusedError(
            "this code is older than 30 days, or the person has left since",
            hint="make a new one: newsletter subscribers invite ADDRESS --list NAME",
        )
    app.say(f"{person.profile.address.text} confirmed: {', '.join(done.list_names)}.")


@click.command("lift")
@click.argument("address")
@click.option("--reason", required=True, help="How you know, e.g. 'wrote that the mailbox works again'.")
@pass_app
def lift(app: App, address: str, reason: str) -> None:
    """Let an address be mailed again that bounced, or that complained by mistake.

    Who left or was erased comes back by themselves only: see `subscribers invite`.

    \b
    Example:
      newsletter subscribers lift ana@example.org --reason "wrote that her mailbox works again"
    """
    parsed = parse_address(address)
    with app.store(create=False) as store:
        kinds = [one.kind for one in store.suppressions.of(parsed.key)]
        mine = [kind for kind in kinds if kind in departures.LIFTED_BY_COORDINATOR]
        for kind in mine or kinds[:1] or [SuppressionKind.BOUNCED]:
            departures.lift_suppression(store, parsed, kind, reason=reason, now=now_ms())
        person = store.people.get(parsed.key)
    app.say(f"{parsed.text} is not blocked as {' and '.join(mine)} any more.")
    if person is not None:
        app.say(f"The state is now: {person.state}")
