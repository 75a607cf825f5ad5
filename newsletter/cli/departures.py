"""People who leave: subscribers unsubscribe, subscribers erase."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from newsletter import audience, links
from newsletter.addresses import parse_address
from newsletter.cli.app import App, now_ms, pass_app, yes_option
from newsletter.cli.people import find_person
from newsletter.errors import AddressError, TokenError, UsageError
from newsletter.leaving import read_requests
from newsletter.models import RejectedRow
from newsletter.store import Store


@click.command("unsubscribe")
@click.argument("who", metavar="[ADDRESS_OR_TOKEN]...", nargs=-1)
@click.option(
    "--from",
    "file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True),
    help="A file with pasted addresses, or a saved mail (.eml, mbox).",
)
@pass_app
def unsubscribe(app: App, who: Sequence[str], file: Path | None) -> None:
    """Take people out of everything: they get nothing more.

    \b
    Examples:
      newsletter subscribers unsubscribe ana@example.org
      newsletter subscribers unsubscribe --from leave-requests.mbox
    """
    if not who and file is None:
        raise UsageError("name an address, a token, or --from FILE")
    addresses = [text for text in who if "@" in text]
    tokens = [text for text in who if "@" not in text]
    rejected: list[RejectedRow] = []
    if file is not None:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        requests = read_requests(data, name=file.name)
        addresses += [address.text for address in requests.addresses]
        tokens += requests.tokens
        rejected += requests.rejected
    with app.store() as store:
        done, refused = _leave(store, addresses, tokens)
    app.say(f"{done:,} unsubscribed; they get nothing more." if done else "Nobody was unsubscribed.")
    for row in rejected:
        app.warn(f"line {row.line}: {row.reason}")
    for line in refused:
        app.warn(line)
    if refused and not done:
        raise click.exceptions.Exit(1)


def _leave(store: Store, addresses: Iterable[str], tokens: Iterable[str]) -> tuple[int, list[str]]:
    done, refused = 0, []
    for text in addresses:
        try:
            audience.unsubscribe_address(store, parse_address(text), source="coordinator", now=now_ms())
            done += 1
        except AddressError as error:
            refused.append(str(error))
    for text in tokens:
        try:
            token = links.verify(store.keys.all(links.KEY_PURPOSE), text)
            audience.unsubscribe_subject(store, token.subject, source="leave request", now=now_ms())
            done += 1
        except TokenError as error:
            refused.append(str(error))
    return done, refused


@click.command("erase")
@click.argument("who", metavar="ADDRESS")
@yes_option
@pass_app
def erase(app: App, who: str, yes: bool) -> None:
    """Forget one person: address, name and attributes go for ever, and the address is never mailed again.

    \b
    Example:
      newsletter subscribers erase ana@example.org
    """
    with app.store(create=False) as store:
        person = find_person(store, who)
        app.confirm(f"Erase {person.profile.address.text}? This cannot be undone.", yes=yes)
        audience.erase_person(store, person, now=now_ms())
    app.say("Erased. A fingerprint of the address remains, so that an import cannot bring it back.")
