"""The group `subscribers`: its commands come from arrivals, people and departures."""

from __future__ import annotations

import click

from newsletter.cli import arrivals, departures, people


@click.group()
def subscribers() -> None:
    """The people: import, add, show, export, unsubscribe, erase."""


for command in (
    arrivals.import_,
    arrivals.add,
    people.show,
    people.list_,
    people.export,
    departures.unsubscribe,
    departures.erase,
):
    subscribers.add_command(command)
