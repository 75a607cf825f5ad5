"""All of it on this machine, in a minute: a project, a list, an issue, a send, and a page to look at."""

from __future__ import annotations

import email
import email.policy
import html
import shutil
import webbrowser
from collections import Counter
from importlib import resources
from pathlib import Path

import click
from msgspec import Struct

from newsletter.audience import arrivals
from newsletter.cli.app import App, now_ms, pass_app, put
from newsletter.cli.catcher import catching
from newsletter.cli.project import make_project
from newsletter.cli.proving import make_proof
from newsletter.cli.send import send_issue
from newsletter.errors import UsageError
from newsletter.languages import own_name
from newsletter.listfile import read_list
from newsletter.models import Level
from newsletter.render import environment

MARKER = ".newsletter-demo"
LIST = "dentists"
SOURCE = "sign-up sheet at a sample congress"
SHOWN = ("ana.sample", "jean.exemple", "layla.mithal")
"""Whose copies the page shows: an English, a French and an Arabic one."""


class Received(Struct, frozen=True, kw_only=True):
    """One mail of the outbox, as the page shows it."""

    file: str
    name: str
    address: str
    subject: str
    language: str
    size: int


@click.command()
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default="newsletter-demo",
    show_default=True,
    help="Where the demo's project is made.",
)
@click.option("--no-open", is_flag=True, help="Do not open the page in your browser.")
@pass_app
def demo(app: App, output: Path, no_open: bool) -> None:
    """Show all of it on this machine: nothing leaves it, and no account is needed.

    \b
    Example:
      newsletter demo
    """
    _clear(output)
    slug = make_project(output, empty=False)
    (output / MARKER).write_text(
        "Made by `newsletter demo`, which may delete this folder.\n", encoding="utf-8"
    )
    put("A newsletter in a minute. Nothing of it leaves this machine.\n")
    outbox = output / "outbox"
    outbox.mkdir()
    with catching(outbox) as port:
        _name_relay(output / "newsletter.toml", port)
        inner = App(project=output, alone=True, talk=app.talk)
        _import(inner)
        _check(inner, slug)
        tally = send_issue(inner, slug, LIST, yes=True)
    page = _write_page(inner, outbox, output / "index.html")
    put(f"5. {tally.sent} mails lie in {outbox}, as your mail server would have got them.\n")
    put(f"Look at it:   {page}")
    put(f"The project:  {output.resolve()}")
    put(f"Your own:     {app.command('init', 'my-newsletter')}")
    if not no_open:
        webbrowser.open(page.as_uri())


def _clear(output: Path) -> None:
    """Make way for the demo; only a folder that an earlier demo made is deleted."""
    if not output.exists():
        return
    if (output / MARKER).exists():
        shutil.rmtree(output)
    elif any(output.iterdir()):
        raise UsageError("is not empty", where=str(output), hint="choose another folder with --output")


def _name_relay(settings: Path, port: int) -> None:
    text = settings.read_text(encoding="utf-8")
    head, table, tail = text.partition("[smtp]\n")
    settings.write_text(f'{head}{table}url = "smtp://127.0.0.1:{port}"\n{tail}', encoding="utf-8")


def _import(app: App) -> None:
    people = resources.files("newsletter") / "data" / "project" / "people.csv"
    found = read_list(people.read_bytes(), name="people.csv")
    with app.store() as store:
        report = arrivals.import_people(
            store, found, list_name=LIST, source=SOURCE, file_name="people.csv", now=now_ms()
        )
    countries = {row.profile.country for row in found.rows if row.profile.country}
    put(f"1. Imported {report.added} made-up people of {len(countries)} countries into the list '{LIST}':")
    put(f"   {report.duplicates} stood twice in the file and counts once; left out:")
    for row in report.rejected:
        put(f"   line {row.line}: {row.reason}")


def _check(app: App, slug: str) -> None:
    proof = make_proof(app, slug)
    levels = Counter(finding.level for finding in proof.findings())
    put(f"2. Built the issue '{slug}' in {', '.join(proof.issue.editions)}.")
    put(f"3. Checked it: {levels[Level.ERROR]} errors, {levels[Level.WARNING]} warnings.")
    put("4. Sending it through a mail server on this machine:")


def _write_page(app: App, outbox: Path, page: Path) -> Path:
    """One page that shows a received mail, wide and narrow, and the outbox."""
    mails = [(path, _read(path)) for path in sorted(outbox.glob("*.eml"))]
    received = [_received(path, mail) for path, mail in mails]
    shown = [next(each for each in mails if name in each[0].name) for name in SHOWN]
    page.write_text(
        environment(app.config.templates)
        .get_template("demo.html")
        .render(
            campaign=app.config.campaign,
            received=received,
            shown=[(_received(path, mail), _as_html(mail)) for path, mail in shown],
        ),
        encoding="utf-8",
    )
    return page.resolve()


def _read(path: Path) -> email.message.EmailMessage:
    return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)


def _received(path: Path, mail: email.message.EmailMessage) -> Received:
    (to,) = mail["To"].addresses
    return Received(
        file=f"outbox/{path.name}",
        name=to.display_name,
        address=to.addr_spec,
        subject=str(mail["Subject"]),
        language=own_name(str(mail["Content-Language"])),
        size=path.stat().st_size // 1024 + 1,
    )


def _as_html(mail: email.message.EmailMessage) -> str:
    """The mail's HTML with its attached pictures inside it."""
    body = mail.get_body(("html",))
    text = str(body.get_content()) if body else html.escape(str(mail))
    for part in mail.walk():
        if part.get_content_maintype() == "image":
            data = "".join(str(part.get_payload()).split())
            name = str(part["Content-ID"]).strip("<>")
            text = text.replace(f"cid:{name}", f"data:{part.get_content_type()};base64,{data}")
    return text
