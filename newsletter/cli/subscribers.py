"""The group `subscribers`: its commands come from arrivals, people, departures and returning."""

from __future__ import annotations

import click

from newsletter.cli import arrivals, departures, people, returning
from newsletter.cli.groups import Group


@click.group(cls=Group)
def subscribers() -> None:
    """The people: import, add, find, show, export, unsubscribe, erase; and who comes back."""


for command in (
    arrivals.import_,
    arrivals.add,
    people.show,
    people.find,
    people.list_,
    people.export,
    departures.unsubscribe,
    departures.erase,
    returning.invite,
    returning.confirm,
    returning.lift,
):
    subscribers.add_command(command)
