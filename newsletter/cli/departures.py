"""People who leave: subscribers unsubscribe, subscribers erase."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import click
from msgspec import Struct, field

from newsletter import links
from newsletter.addresses import parse_address
from newsletter.audience import departures
from newsletter.cli.app import App, now_ms, pass_app, put_table, yes_option
from newsletter.cli.people import find_person
from newsletter.config import Config
from newsletter.errors import AddressError, TokenError, UsageError
from newsletter.leaving import read_requests
from newsletter.models import Address, RejectedRow
from newsletter.store import Store

WAYS_OUT = {links.Purpose.LEAVE_AT_ONCE, links.Purpose.PREFERENCES}
MOST_COMPARED = 20  # addresses that nobody has


@click.command("unsubscribe")
@click.argument("who", metavar="[ADDRESS_OR_TOKEN]...", nargs=-1)
@click.option(
    "--from",
    "file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True),
    help="A file with pasted addresses, or a saved mail (.eml, mbox).",
)
@click.option("--list", "list_name", metavar="NAME", help="Out of this list only: others go on.")
@pass_app
def unsubscribe(app: App, who: Sequence[str], file: Path | None, list_name: str | None) -> None:
    """Take people out of everything, or out of one list: they get nothing more.

    An address that nobody here has is named, and blocked for the future: whoever wrote may be here under
    another one. Whoever leaves by a mail in FILE is named, with its subject.

    \b
    Examples:
      newsletter subscribers unsubscribe ana@example.org
      newsletter subscribers unsubscribe --from leave-requests.mbox
      newsletter subscribers unsubscribe ana@example.org --list dentists
    """
    if list_name is not None:
        _leave_list(app, who, file, list_name)
        return
    if not who and file is None:
        raise UsageError("name an address, a token, or --from FILE")
    addresses = [text for text in who if "@" in text]
    tokens = [text for text in who if "@" not in text]
    rejected: list[RejectedRow] = []
    subjects: dict[str, str] = {}
    if file is not None:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        requests = read_requests(data, name=file.name)
        own = own_addresses(app.config)
        addresses += [address.text for address in requests.addresses if address.key not in own]
        tokens += requests.tokens
        rejected += requests.rejected
        subjects = requests.subjects
        kept = [address.text for address in requests.addresses if address.key in own]
        if kept:
            app.say(f"Left out, since it is your own: {', '.join(kept)}.")
    with app.store() as store:
        left = _leave(store, addresses, tokens, subjects)
        _tell(app, store, left, rejected)
    if not left.acted:
        raise click.exceptions.Exit(1)


def _leave_list(app: App, who: Sequence[str], file: Path | None, list_name: str) -> None:
    if file is not None or not who:
        raise UsageError("--list goes with addresses: a leave request means everything")
    with app.store(create=False) as store:
        info = store.lists.get(list_name)
        if info is None:
            raise store.lists.missing(list_name)
        people = [find_person(store, text) for text in who]
        for person in people:
            address = person.profile.address.text
            if departures.leave_list(store, person.subject, info.name, source="coordinator", now=now_ms()):
                app.say(f"{address} left '{info.name}'; other lists go on.")
            else:
                app.warn(f"{address} is not in '{info.name}'.")


def own_addresses(settings: Config) -> set[str]:
    """The keys of the project's own addresses, which stand in every forwarded copy."""
    sender = settings.sender
    given = (settings.campaign.contact, sender.address, sender.reply_to, sender.unsubscribe_address)
    return {parse_address(text).key for text in (*given, settings.bounce_address) if text}


class _Left(Struct, kw_only=True):
    """What became of requests: how many people left, which addresses nobody has, and what is refused.

    `by_mail` are those of the people who left by a mail, each with its subject.
    """

    done: int = 0
    by_mail: list[tuple[str, str]] = field(default_factory=list)
    strangers: dict[str, Address] = field(default_factory=dict)
    gone: int = 0
    refused: list[str] = field(default_factory=list)

    @property
    def acted(self) -> bool:
        """Whether anything was done."""
        return bool(self.done or self.strangers or self.gone)


def _leave(
    store: Store, addresses: Iterable[str], tokens: Iterable[str], subjects: Mapping[str, str]
) -> _Left:
    left = _Left()
    for text in addresses:
        try:
            address = parse_address(text)
        except AddressError as error:
            left.refused.append(str(error))
            continue
        if not departures.unsubscribe_address(store, address, source="coordinator", now=now_ms()):
            left.strangers[address.key] = address
            continue
        left.done += 1
        if address.key in subjects:
            left.by_mail.append((address.text, subjects[address.key]))
    for text in tokens:
        _leave_by_token(store, text, subjects.get(text), left)
    return left


def _leave_by_token(store: Store, text: str, subject: str | None, left: _Left) -> None:
    try:
        token = links.verify(store.keys.all(links.KEY_PURPOSE), text)
    except TokenError as error:
        left.refused.append(str(error))
        return
    if token.purpose not in WAYS_OUT:
        left.refused.append("this link is no way out: it confirms, undoes, or shows one's data")
        return
    person = store.people.by_subject(token.subject)
    if not departures.unsubscribe_subject(store, token.subject, source="leave request", now=now_ms()):
        left.gone += 1
        return
    left.done += 1
    if person is not None and subject is not None:
        left.by_mail.append((person.profile.address.text, subject))


def _tell(app: App, store: Store, left: _Left, rejected: Iterable[RejectedRow]) -> None:
    if left.by_mail:
        put_table(("out", "by the mail"), left.by_mail)
    if left.done:
        app.say(f"{left.done:,} unsubscribed; they get nothing more.")
    else:
        app.say("Nobody was unsubscribed.")
    if left.gone:
        app.say(f"{left.gone:,} asked by a link of somebody who was erased: nothing was left to do.")
    for number, address in enumerate(left.strangers.values()):
        app.warn(_stranger(address, store.people.near(address.key) if number < MOST_COMPARED else []))
    if left.strangers:
        back = app.command("subscribers", "invite", "ADDRESS", "--list", "LIST")
        app.say(f"{len(left.strangers):,} on no list here, blocked for the future. Was it a slip? {back}")
    for row in rejected:
        app.warn(f"line {row.line}: {row.reason}")
    for line in left.refused:
        app.warn(line)


def _stranger(address: Address, near: Sequence[str]) -> str:
    text = f"{address.text} is on no list here; it is blocked for the future."
    if not near:
        return text
    return f"{text} Whoever wrote may be here under another address, close: {', '.join(near)}"


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
        departures.erase_person(store, person, now=now_ms())
    app.say("Erased. A fingerprint of the address remains, so that an import cannot bring it back.")
