"""The imports that were made: list, undo."""

from __future__ import annotations

import click

from newsletter.cli.app import App, json_option, now_ms, pass_app, put, put_json, put_table, yes_option
from newsletter.cli.groups import Group
from newsletter.cli.progress import counting
from newsletter.models import ImportInfo, Undone

BY_HAND = "(one person, by hand)"


@click.group(cls=Group)
def imports() -> None:
    """The imports that were made: list them, take one back."""


@imports.command("list")
@json_option
@pass_app
def list_imports(app: App, as_json: bool) -> None:
    """Every import, newest first: its number, when, from which file, how people had agreed.

    \b
    Example:
      newsletter imports list
    """
    with app.store(create=False) as store:
        rows = store.import_log.all()
    if as_json:
        put_json([_facts(app, info) for info in rows])
    elif not rows:
        app.say("Nothing was imported yet: newsletter subscribers import FILE --list NAME")
    else:
        put_table(
            ("number", "when", "list", "file", "how they agreed", "added", "updated", "undone"),
            (
                (
                    info.id,
                    app.local_time(info.at),
                    info.list_name,
                    info.file_name or BY_HAND,
                    info.source or "(not said: pending)",
                    f"{info.added:,}",
                    f"{info.updated:,}",
                    app.local_time(info.undone) if info.undone else "not finished" if info.undoing else "",
                )
                for info in rows
            ),
            right=("number", "added", "updated"),
        )


@imports.command("undo")
@click.argument("number", type=click.IntRange(1))
@yes_option
@pass_app
def undo_import(app: App, number: int, yes: bool) -> None:
    """Take back an import, as long as nobody of it was mailed since.

    The people that it brought are forgotten, unless they joined otherwise too, or another import or `add`
    says another way in which they agreed; whoever was pending before is pending again. Names and fields
    that it changed stay changed. Consent events stay, with a further one that says it was undone. Broken
    off, run it again: it goes on where it stopped.

    \b
    Example:
      newsletter imports undo 7
    """
    with app.store(create=False) as store:
        info = store.import_log.get(number)
        preview = store.import_log.preview(number)
        app.say(f"Import {number} of {app.local_time(info.at)}: {info.file_name or BY_HAND}.")
        if info.undoing:
            app.say("Its undo broke off. Still to be done:")
        for line in _lines(preview, info):
            app.say(f"  {line}")
        app.confirm("Undo it?", yes=yes)
        with counting(app, "Undoing", preview.total) as advance:
            done = store.import_log.undo(number, now_ms(), progress=advance)
    put(f"Undone. {'; '.join(_lines(done, info))}.")


def _lines(undone: Undone, info: ImportInfo) -> list[str]:
    rows = (
        (undone.removed, "forgotten: nothing else says that they agreed"),
        (undone.stay, f"taken out of '{info.list_name}', and still here by another list"),
        (undone.kept, f"still in '{info.list_name}', as they came another way too"),
        (undone.pending, f"pending in '{info.list_name}' again, as before"),
    )
    found = [f"{count:,} {what}" for count, what in rows if count]
    return found or ["Nobody stands by it any more"]


def _facts(app: App, info: ImportInfo) -> dict[str, object]:
    return {
        "number": info.id,
        "when": app.local(info.at).isoformat(timespec="seconds"),
        "list": info.list_name,
        "file": info.file_name,
        "source": info.source,
        "added": info.added,
        "updated": info.updated,
        "undone": app.local(info.undone).isoformat(timespec="seconds") if info.undone else None,
        "undoing": info.undoing,
    }
