"""Making a project and its issues, and keeping its database safe: init, new, backup, restore."""

from __future__ import annotations

import re
from datetime import datetime
from importlib import resources
from pathlib import Path

import click

from newsletter import config, locks
from newsletter.cli.app import App, counted, now_ms, pass_app, yes_option
from newsletter.errors import ProjectError, RefusedError, UsageError
from newsletter.issue import edition_skeleton, issue_title, slugify
from newsletter.languages import normalise_tag
from newsletter.sample import SLUG, sample_files
from newsletter.store import Restored, outlook
from newsletter.store import restore as restore_database

IGNORED = """\
# People's data: backups, exports, lists to import
subscribers.db*
*.db
/*.csv
/*.xlsx
backups/
# What is made anew at any time
.newsletter/
build/
demo/
/archive/
/site/
"""


@click.command()
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path, file_okay=False), default=".")
@click.option("--empty", is_flag=True, help="Without the sample issue.")
@pass_app
def init(app: App, folder: Path, empty: bool) -> None:
    """Make a project: settings, a sample issue, a folder for your own templates.

    \b
    Example:
      newsletter init my-newsletter
    """
    sample = make_project(folder, empty=empty)
    app.say(f"Your project is ready: {folder.resolve()}", style="bold")
    app.say(f"  {config.FILE_NAME}   who you are and your mail server: edit this first")
    app.say("  issues/           one folder an issue" + (f", with {sample} as a sample" if sample else ""))
    app.say("  templates/        empty: a file here replaces the built-in one of its name")
    inside = "" if folder == Path() else f"cd {folder} && "
    app.say(f"Next: {inside}newsletter " + (f"build {sample}" if sample else 'new "Your first issue"'))


def make_project(folder: Path, *, empty: bool) -> str:
    """Write a new project's files, over none that is there -> the sample issue's slug, or "" without it.

    Raises ProjectError where there is a project already; nothing is changed then.
    """
    settings = folder / config.FILE_NAME
    if settings.exists():
        raise ProjectError("there is a project here already", where=str(settings), hint="nothing was changed")
    for name in ("issues", "templates"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text(IGNORED, encoding="utf-8")
    for name, data in ({} if empty else sample_files()).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_bytes(data)
    settings.write_text(_settings_for(folder.resolve().name), encoding="utf-8")
    return "" if empty else SLUG


def _settings_for(folder_name: str) -> str:
    template = resources.files("newsletter").joinpath("data/project/newsletter.toml")
    label = re.sub(r"[^a-z0-9]+", "-", folder_name.casefold()).strip("-") or "newsletter"
    return template.read_text(encoding="utf-8").replace("LIST_ID", config.new_list_id(label[:40]))


@click.command()
@click.argument("title")
@click.option("--lang", metavar="TAG", help="The edition's language, like fr or pt-BR.")
@pass_app
def new(app: App, title: str, lang: str | None) -> None:
    """Make a new issue, or a further edition of one: issues/SLUG/LANG.md.

    \b
    Examples:
      newsletter new "Safer dental X-rays for children"
      newsletter new "Safer dental X-rays for children" --lang fr
    """
    language = normalise_tag(lang) if lang else app.config.campaign.language
    slug = slugify(title)
    path = app.config.root / "issues" / slug / f"{language}.md"
    if path.exists():
        raise UsageError(
            "this edition exists already", where=str(path), hint="edit it, or choose another title or --lang"
        )
    if title == slug:
        title = issue_title(app.config.root, slug, app.config.campaign.language)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(edition_skeleton(title, language, app.local(now_ms()).date()), encoding="utf-8")
    app.say(f"Made {path.relative_to(app.config.root)}")
    app.say(f"Next: write it, then look at it: newsletter build {slug}")
    app.say("It is a draft: nobody sees it, and it cannot be sent, until you take the line draft: true out.")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@pass_app
def backup(app: App, file: Path) -> None:
    """Copy the database with its keys to FILE, even while it is in use.

    \b
    Example:
      newsletter backup backups/2026-12-01.db
    """
    with app.store(create=False) as store:
        if not file.parent.exists() and file.parent.parent.exists() and not file.is_absolute():
            file.parent.mkdir()
        store.backup(file)
    app.say(f"Copied the database to {file} ({file.stat().st_size:,} bytes)")
    app.say("It holds addresses and keys: keep it where only you can read it.")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@yes_option
@pass_app
def restore(app: App, file: Path, yes: bool) -> None:
    """Put a backup in the place of the database; the present one is kept beside it.

    Who left, bounced, complained, was erased or was mailed since the backup is taken over from the present
    one. Sends that were under way are paused. Another project's backup is refused where anybody is known
    here.

    \b
    Example:
      newsletter restore backups/2026-12-01.db
    """
    database = app.config.database
    if database.exists():
        app.confirm(_question(app, file, database), yes=yes)
    with locks.outbox(database.parent, app.local(now_ms())):  # a leaving that `serve` writes would be lost
        restored = restore_database(file, database, now=now_ms, moment=app.local_time)
    _tell_restored(app, restored, file, database)


def _question(app: App, file: Path, database: Path) -> str:
    """Raises RefusedError for another project's backup: whoever left here would be mailed again."""
    found = outlook(file, database)
    if found.stranger:
        raise RefusedError(
            f"this is a backup of another project than {database.name} belongs to. Its people would take the "
            "place of yours, and nobody who left or complained here would stay out; nothing was changed",
            where=str(file),
            hint=f"if you want that all the same, move {database.name} to another folder, then restore again",
        )
    written = datetime.fromtimestamp(file.stat().st_mtime, app.config.campaign.zone)
    stays = "Whoever left, bounced, complained or was erased since then stays out."
    if found.why_not:
        stays = (
            f"Nothing can be taken over from the present one: {found.why_not}. Whoever left, bounced, "
            "complained or was erased since then would be mailed again."
        )
    return (
        f"Replace {database.name} by the backup of {written:%Y-%m-%d %H:%M}? Whoever joined or was "
        f"changed since then is known only to the present one, which is kept. {stays}"
    )


def _tell_restored(app: App, restored: Restored, file: Path, database: Path) -> None:
    carried = restored.carried
    app.say(f"Restored {database.name} from {file}")
    if carried is None:
        app.warn("there was no database here: who left or was erased since the backup is not known")
    elif carried.why_not:
        app.warn(
            f"nothing was taken over from the old database: {carried.why_not}. Who left or was erased since "
            "the backup is not known here."
        )
    else:
        gone = counted(carried.gone, "person left or was", "people left or were")
        app.say(f"{gone} erased since; they are kept out." if carried.gone else "Nobody left since.")
        if carried.mailed:
            since = counted(carried.mailed, "delivery", "deliveries")
            app.say(f"{since} since taken over: nobody is mailed twice.")
        if carried.known:
            came = counted(carried.known, "person came and was", "people came and were")
            app.say(f"{came} mailed since: known still, and in no list.")
        for slug, audience, count in carried.cut_short:
            left = counted(count, "person", "people")
            app.warn(
                f"'{slug}' to {audience} is younger than the backup, and {left} had not got it yet. "
                f"Go on with them: {app.command('send', slug, '--to', audience)}"
            )
    if restored.kept is not None:
        app.say(
            f"The old one is {restored.kept.name}. It and old backups still hold people whom you erased: "
            "delete them when you no longer need them."
        )
    app.say("Sends that were under way then are paused; look at them with: newsletter status")
