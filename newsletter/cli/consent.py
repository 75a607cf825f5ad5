"""The proof of one person's consent: consent show."""

from __future__ import annotations

import click

from newsletter import links
from newsletter.addresses import parse_address
from newsletter.cli.app import App, json_option, pass_app, put, put_json
from newsletter.cli.groups import Group
from newsletter.cli.people import nobody
from newsletter.errors import NotFoundError
from newsletter.models import ConsentEvent, ConsentKind, Suppression, SuppressionKind
from newsletter.store import Store

WHAT = {
    ConsentKind.JOINED: "asked to join {list}",
    ConsentKind.CONFIRMED: "confirmed {list} from their own mailbox",
    ConsentKind.IMPORTED: "came into {list} by an import",
    ConsentKind.ADDED: "was added to {list} by the coordinator",
    ConsentKind.LEFT: "left {list}",
    ConsentKind.UNSUBSCRIBED: "left everything",
    ConsentKind.BOUNCED: "the address bounced",
    ConsentKind.COMPLAINED: "complained about a mail",
    ConsentKind.RESTORED: "was taken back",
    ConsentKind.ERASED: "was erased",
}
BROUGHT = {ConsentKind.IMPORTED, ConsentKind.ADDED}
"""By the coordinator, who should say how people agreed."""


@click.group(cls=Group)
def consent() -> None:
    """The proof of consent, person by person."""


@consent.command("show")
@click.argument("who", metavar="ADDRESS")
@json_option
@pass_app
def show_consent(app: App, who: str, as_json: bool) -> None:
    """What one person agreed to: what, when, how, with which words, on which page. Also for who has left.

    ADDRESS may be a link's token, too: of somebody who was erased the events are found by an old mail's link
    only.

    \b
    Example:
      newsletter consent show ana@example.org
    """
    with app.store(create=False) as store:
        address, state, subject = _find(store, who)
        suppressions = store.suppressions.of(parse_address(address).key) if address else []
        events = store.consent.of(subject) if subject else []
        now = [store.lists.renames.name_now(event.list_name, event.at) for event in events]
    if not (subject or suppressions):
        raise nobody(who)
    if as_json:
        put_json(
            {
                "email": address,
                "state": state,
                "person": subject.hex(),
                "suppressions": [
                    {"kind": s.kind.value, "since": _iso(app, s.since), "reason": s.reason}
                    for s in suppressions
                ],
                "events": [_facts(app, *pair) for pair in zip(events, now, strict=True)],
            }
        )
        return
    put(f"{address or 'somebody whose address is gone'}: {state}")
    for one in suppressions:
        put(_suppressed(app, one))
    if not events and suppressions:
        put(_what_is_left(suppressions))
    for event, list_now in zip(events, now, strict=True):
        _tell(app, event, list_now)


def _find(store: Store, who: str) -> tuple[str, str, bytes]:
    """The address, the state now and the person's id; each empty where it is not known."""
    if "@" in who:
        address = parse_address(who)
        person = store.people.get(address.key)
        if person is None:
            return address.text, "nobody here has this address now", b""
        return person.profile.address.text, person.state, person.subject
    found = links.find_tokens(who)
    if not found:
        raise NotFoundError("this is neither an address nor a link of ours", where=who)
    subject = links.verify(store.keys.all(links.KEY_PURPOSE), found[0]).subject
    person = store.people.by_subject(subject)
    if person is None:
        return "", "erased, or forgotten", subject
    return person.profile.address.text, person.state, subject


def _suppressed(app: App, one: Suppression) -> str:
    reason = f" ({one.reason})" if one.reason else ""
    return f"  not mailed since {app.local_time(one.since)}: {one.kind.value}{reason}"


def _what_is_left(suppressions: list[Suppression]) -> str:
    if any(one.kind is SuppressionKind.ERASED for one in suppressions):
        return (
            "  Erased: name, address and fields are gone. What is left is a fingerprint of the address, so "
            "that it is not mailed again. The consent events stay without a name; the address does not lead "
            "to them any more."
        )
    return "  Only a fingerprint of the address is kept, so that it is not mailed."


def _tell(app: App, event: ConsentEvent, list_now: str) -> None:
    what = WHAT[event.kind].format(list=f"the list '{event.list_name}'" if event.list_name else "a list")
    put(f"\n{app.local_time(event.at)}  {what}")
    details = (
        ("how", event.source or ("not said" if event.kind in BROUGHT else "")),
        ("words", f"\u201c{event.wording}\u201d" if event.wording else ""),
        ("language", event.language),
        ("page", event.page),
        ("now", f"the list is called '{list_now}'" if list_now != event.list_name else ""),
    )
    for name, value in details:
        if value:
            put(f"    {name + ':':<10}{value}")


def _facts(app: App, event: ConsentEvent, list_now: str) -> dict[str, str]:
    return {
        "what": event.kind.value,
        "when": _iso(app, event.at),
        "list": event.list_name,
        "list_now": list_now,
        "source": event.source,
        "wording": event.wording,
        "language": event.language,
        "page": event.page,
    }


def _iso(app: App, ms: int) -> str:
    return app.local(ms).isoformat(timespec="seconds")
