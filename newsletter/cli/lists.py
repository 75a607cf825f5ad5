"""Lists and segments: make, show, count."""

from __future__ import annotations

import click

from newsletter.audience.reading import parse_segment
from newsletter.cli.app import (
    App,
    counted,
    json_option,
    pass_app,
    put,
    put_json,
    put_table,
    yes_option,
)
from newsletter.cli.arrived import tell_public
from newsletter.cli.groups import Group
from newsletter.errors import SegmentError
from newsletter.store import Store

DASHES = {"ignore_unknown_options": True}
"""An expression may begin with a dash."""


@click.group(cls=Group, invoke_without_command=True)
@click.pass_context
def lists(context: click.Context) -> None:
    """Subscription lists: show them, make, rename, give a title, hide one from the pages, remove one.

    \b
    Examples:
      newsletter lists
      newsletter lists add dentists --title "Dentists and their teams"
    """
    if context.invoked_subcommand is None:
        context.invoke(show_lists)


@lists.command("show")
@json_option
@pass_app
def show_lists(app: App, as_json: bool) -> None:
    """Every list with its members.

    \b
    Example:
      newsletter lists show --json
    """
    with app.store() as store:
        rows = store.lists.all()
    if as_json:
        put_json(
            [
                {
                    "name": r.name,
                    "title": r.title,
                    "active": r.active,
                    "pending": r.pending,
                    "left": r.left,
                    "hidden": r.hidden,
                }
                for r in rows
            ]
        )
    elif not rows:
        app.say("There is no list yet. Make one by importing: newsletter subscribers import FILE --list NAME")
    else:
        counts = ("active", "pending", "left")
        put_table(
            ("list", *counts, "title", "on the pages"),
            ((r.name, r.active, r.pending, r.left, r.title, "no" if r.hidden else "yes") for r in rows),
            right=counts,
        )


@lists.command("add")
@click.argument("name")
@click.option("--title", default="", help="What readers see.")
@click.option("--hidden", is_flag=True, help="Offer it on no public page: nobody joins it there.")
@pass_app
def add_list(app: App, name: str, title: str, hidden: bool) -> None:
    """Make a list. Anybody may join it on the public pages, unless it is hidden.

    \b
    Examples:
      newsletter lists add radiologists --title "Radiologists"
      newsletter lists add board --hidden
    """
    with app.store() as store:
        store.lists.create(name, title, hidden=hidden)
        app.say(f"Made the list '{name}'.")
        tell_public(app, store, name)


@lists.command("hide")
@click.argument("name")
@pass_app
def hide_list(app: App, name: str) -> None:
    """Offer a list on the public pages no more: nobody joins it there. Who is in it stays.

    \b
    Example:
      newsletter lists hide board
    """
    with app.store(create=False) as store:
        name = store.lists.hide(name, hidden=True)
    app.say(f"'{name}' is not offered on the public pages any more; whoever is in it stays, and may leave.")


@lists.command("offer")
@click.argument("name")
@pass_app
def offer_list(app: App, name: str) -> None:
    """Offer a hidden list on the public pages again.

    \b
    Example:
      newsletter lists offer board
    """
    with app.store(create=False) as store:
        name = store.lists.hide(name, hidden=False)
    app.say(f"'{name}' is offered on the public pages: anybody may join it.")


@lists.command("remove")
@click.argument("name")
@yes_option
@pass_app
def remove_list(app: App, name: str, yes: bool) -> None:
    """Remove a list that nobody is in. Who left it, and how people had joined, stays on record.

    Where an issue is written for it (::: only), you are asked before.

    \b
    Example:
      newsletter lists remove dentist
    """
    from newsletter.issue.only import naming_list

    with app.store(create=False) as store:
        found = store.lists.get(name)
        places = list(naming_list(app.config.root, found.name)) if found else []
        if places and found and not found.active + found.pending:
            app.warn(f"'{found.name}' is asked for by ::: only in {', '.join(places)}")
            app.confirm("These issues cannot be sent then, before that is changed. Remove it?", yes=yes)
        store.lists.remove(name)
    app.say(f"Removed the list '{name}'.")


@lists.command("title")
@click.argument("name")
@click.argument("title")
@pass_app
def title_list(app: App, name: str, title: str) -> None:
    """Say what a list is called on the pages, as in the forms to join and to choose.

    \b
    Example:
      newsletter lists title dentists "Dentists and their teams"
    """
    with app.store(create=False) as store:
        found = store.lists.title(name, title.strip())
    if title.strip():
        app.say(f"The pages call '{found}' “{title.strip()}” now.")
    else:
        app.say(f"'{found}' has no title now: the pages show its name.")


@lists.command("rename")
@click.argument("old")
@click.argument("new")
@pass_app
def rename_list(app: App, old: str, new: str) -> None:
    """Give a list another name. Saved segments follow; who is in it, and since when, stays.

    How people agreed stays on record under the name of that time; `consent show` says the new one too.

    \b
    Example:
      newsletter lists rename dentist dentists
    """
    with app.store(create=False) as store:
        followers = store.lists.rename(old, new)
    app.say(f"The list is '{new}' now.")
    if followers:
        app.say(f"These saved segments ask for it by its new name: {', '.join(followers)}")
    app.say(f"Where an issue says ::: only list:{old}, or a form joins {old}, write the new name there too.")


@click.group(cls=Group, invoke_without_command=True)
@click.pass_context
def segments(context: click.Context) -> None:
    """Segments, named questions over subscribers: show, save, count, remove.

    \b
    Space means and, comma means or, - means not:
      list:dentists country:FR,BE -tag:board
    \b
    Examples:
      newsletter segments
      newsletter segments add francophone "list:dentists language:fr"
      newsletter segments count "list:dentists country:FR,BE"
    """
    if context.invoked_subcommand is None:
        context.invoke(show_segments)


@segments.command("show")
@json_option
@pass_app
def show_segments(app: App, as_json: bool) -> None:
    """Every saved segment.

    \b
    Example:
      newsletter segments show
    """
    with app.store() as store:
        rows = [(s.name, *_count_or_trouble(store, s.expression), s.expression) for s in store.segments.all()]
    if as_json:
        put_json(
            [
                {"name": name, "count": count, "expression": text, "error": error}
                for name, count, error, text in rows
            ]
        )
    elif not rows:
        app.say('No segment is saved yet. Save one: newsletter segments add NAME "country:FR,BE"')
    else:
        cells = ((name, error or f"{count:,}", text) for name, count, error, text in rows)
        put_table(("segment", "would get mail", "expression"), cells, right=("would get mail",))


@segments.command("add", context_settings=DASHES)
@click.argument("name")
@click.argument("expression")
@pass_app
def add_segment(app: App, name: str, expression: str) -> None:
    """Save a segment under a name.

    \b
    Example:
      newsletter segments add francophone "list:dentists language:fr"
    """
    with app.store() as store:
        count = _count(store, expression)
        store.segments.save(name, expression)
    app.say(f"Saved '{name}': {counted(count, 'person', 'people')} would get mail today.")


@segments.command("remove")
@click.argument("name")
@pass_app
def remove_segment(app: App, name: str) -> None:
    """Forget a saved segment. Nobody leaves anything by that.

    \b
    Example:
      newsletter segments remove francophone
    """
    with app.store(create=False) as store:
        store.segments.remove(name)
    app.say(f"Forgot the segment '{name}'.")


@segments.command("count", context_settings=DASHES)
@click.argument("expression")
@pass_app
def count_segment(app: App, expression: str) -> None:
    """How many people a list, segment or expression would mail today.

    \b
    Example:
      newsletter segments count "list:dentists -country:US"
    """
    with app.store() as store:
        put(str(_count(store, expression)))


def _count_or_trouble(store: Store, expression: str) -> tuple[int | None, str]:
    """How many, or why it cannot be asked any more: a list or field that it names is gone."""
    try:
        return _count(store, expression), ""
    except SegmentError as error:
        return None, error.message


def _count(store: Store, expression: str) -> int:
    return store.people.audience_count(parse_segment(store, expression))
