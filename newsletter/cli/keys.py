"""The keys that sign the links in mails: list, rotate, revoke."""

from __future__ import annotations

import click

from newsletter.cli.app import App, pass_app, put_table, yes_option
from newsletter.cli.groups import Group
from newsletter.errors import RefusedError
from newsletter.links import KEY_PURPOSE
from newsletter.models import Key
from newsletter.outbox import SEED_PURPOSE
from newsletter.store import SUPPRESSION

PURPOSES = {
    KEY_PURPOSE: "signs the links in mails",
    SEED_PURPOSE: "numbers confirmations and goodbyes",
    SUPPRESSION: "makes fingerprints of blocked addresses; it never changes",
}


@click.group(cls=Group)
def keys() -> None:
    """The keys that sign the links in mails: list, change, withdraw."""


@keys.command("list")
@pass_app
def list_keys(app: App) -> None:
    """Every key and what it is for. The secrets themselves are never shown.

    \b
    Example:
      newsletter keys list
    """
    with app.store(create=False) as store:
        rows = store.keys.every()
    put_table(
        ("number", "what it does", "made", "now"),
        [
            (key.id, PURPOSES.get(key.purpose, key.purpose), app.local_time(key.created), _state(app, key))
            for key in rows
        ],
        right=("number",),
    )


@keys.command("rotate")
@pass_app
def rotate(app: App) -> None:
    """Sign the links of new mails with a new key. The links of old mails go on working.

    \b
    Example:
      newsletter keys rotate
    """
    with app.store(create=False) as store:
        key = store.keys.rotate(KEY_PURPOSE)
    app.say(f"New mails are signed with key {key.id} from now. The links in old mails go on working.")


@keys.command("revoke")
@click.argument("number", type=click.IntRange(1))
@yes_option
@pass_app
def revoke(app: App, number: int, yes: bool) -> None:
    """Make every link that a key signed stop working, for ever. Only for a key that was stolen.

    The ways out in old mails stop working too: people then have to leave by mail.

    \b
    Example:
      newsletter keys revoke 2
    """
    with app.store(create=False) as store:
        known = {key.id: key for key in store.keys.every()}
        if number in known and known[number].purpose != KEY_PURPOSE:
            raise RefusedError(f"key {number} signs no links: it {PURPOSES[known[number].purpose]}")
        if number in known and known[number].revoked is not None:
            app.say(f"Key {number} was revoked before: its links do nothing.")
            return
        if number in known:
            app.confirm(
                f"Revoke key {number}? Every link that it signed stops working, the ways out of all mails "
                "sent with it among them. To change the key only: newsletter keys rotate.",
                yes=yes,
            )
        store.keys.revoke(number)
    app.say(f"Key {number} is revoked: the links that it signed do nothing any more.")


def _state(app: App, key: Key) -> str:
    if key.revoked is not None:
        return f"revoked {app.local_time(key.revoked)}: its links do nothing"
    if key.retired is not None:
        return f"retired {app.local_time(key.retired)}: its links go on working"
    return "in use"
