"""Making an issue into mails to look at, and checking it: build, check."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path
from urllib.parse import quote

import click
from msgspec import Struct
from msgspec.structs import replace

from newsletter import links
from newsletter.cli.app import App, counted, json_option, pass_app, put, put_json
from newsletter.cli.proving import (
    EARLY,
    SAMPLE_READER,
    chosen_editions,
    make_proof,
    sample_reader,
    show_findings,
    tell_blocks,
    tell_early_errors,
    tell_own_machine,
)
from newsletter.composer import reader_values
from newsletter.errors import IssueError
from newsletter.models import Finding, Level, Picture
from newsletter.proof import Proof, Version
from newsletter.stencil import FilledHeaders, fill, fill_html, fill_text, message_id

UNDATED = date(1970, 1, 1)


class Built(Struct, frozen=True, kw_only=True):
    """One edition as files: names without a folder, and their bytes."""

    html: bytes
    text: bytes
    eml: bytes
    pictures: Sequence[Picture]


@click.command()
@click.argument("issue")
@click.option("--lang", metavar="L", help="Only this edition.")
@click.option(
    "--output", type=click.Path(path_type=Path, file_okay=False), help="A folder. Default: build/ISSUE."
)
@pass_app
def build(app: App, issue: str, lang: str | None, output: Path | None) -> None:
    """Write each edition as L.html, L.txt and L.eml, to look at. Nobody is mailed.

    They are filled for a made-up reader, with links that do nothing. The same issue gives the same bytes.

    \b
    Example:
      newsletter build image-gently-in-dentistry
    """
    proof = make_proof(app, issue, inert=True)
    versions = [proof.full_version(tag) for tag in chosen_editions(proof.issue, lang)]
    _refuse_fields(versions)
    built = {version.rendered.language: _build(proof, version) for version in versions}
    folder = output or app.config.root / "build" / proof.issue.slug
    folder.mkdir(parents=True, exist_ok=True)
    for tag, edition in built.items():
        for name, data in _files(tag, edition):
            (folder / name).write_bytes(data)
        put(str(folder / f"{tag}.html"))
    tell_blocks(app, versions)
    tell_early_errors(app, proof, [finding for version in versions for finding in version.findings])
    errors = len({replace(error, edition="") for version in versions for error in version.errors})
    if errors:
        things = counted(errors, "thing", "things")
        app.warn(f"{things} would stop a send: {app.command('check', proof.issue.slug)}")


def _refuse_fields(versions: Iterable[Version]) -> None:
    """Raise IssueError for the first personal field that cannot be filled; a name nobody has yet is none."""
    for version in versions:
        for finding in version.errors:
            if finding.rule.startswith("placeholder") and finding.rule not in EARLY:
                where = f"{version.edition.path}:{finding.line}"
                raise IssueError(finding.message, where=where, hint=finding.help)


def _build(proof: Proof, version: Version) -> Built:
    config, rendered = proof.config, version.rendered
    own = links.inert_links(config)
    values = reader_values(sample_reader(version), own)
    stencil = version.stencil()
    moment = datetime.combine(rendered.date or UNDATED, time(12), UTC)
    headers = FilledHeaders(
        to=SAMPLE_READER.address,
        to_name=SAMPLE_READER.name,
        date=int(moment.timestamp() * 1000),
        message_id=message_id(hashlib.sha256(stencil.digest).digest(), 0, config.sender.domain),
        list_unsubscribe=own.list_unsubscribe,
    )
    html = fill_html(rendered, values)
    for picture in rendered.pictures:
        html = html.replace(f"cid:{quote(picture.name, safe='')}", quote(picture.name))
    return Built(
        html=html.encode(),
        text=fill_text(rendered, values).encode(),
        eml=fill(stencil, values, headers),
        pictures=rendered.pictures,
    )


def _files(tag: str, built: Built) -> list[tuple[str, bytes]]:
    return [
        (f"{tag}.html", built.html),
        (f"{tag}.txt", built.text),
        (f"{tag}.eml", built.eml),
        *((picture.name, picture.data) for picture in built.pictures),
    ]


@click.command()
@click.argument("issue")
@json_option
@pass_app
def check(app: App, issue: str, as_json: bool) -> None:
    """Everything that is wrong with an issue, errors first. Errors stop a send.

    \b
    Example:
      newsletter check image-gently-in-dentistry
    """
    proof = make_proof(app, issue)
    found = proof.findings()
    if as_json:
        put_json({"findings": [_finding_json(finding) for finding in found]})
    else:
        show_findings(proof.issue, found)
        if not found:
            app.say(f"Nothing to mend: {', '.join(proof.issue.editions)}.", style="green")
        tell_own_machine(app)
    if any(finding.level is Level.ERROR for finding in found):
        raise click.exceptions.Exit(1)


def _finding_json(finding: Finding) -> dict[str, object]:
    return {
        "rule": finding.rule,
        "level": finding.level.value,
        "edition": finding.edition,
        "line": finding.line,
        "message": finding.message,
        "help": finding.help,
    }
