"""The coordinator's page on an issue, in words: report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import click

from newsletter import campaign
from newsletter.cli.app import App, pass_app, put, put_table, put_words
from newsletter.cli.tell import lost_with_sender, people, sends_of
from newsletter.countries import country_name
from newsletter.deliver.policy import GIVEN_UP
from newsletter.deliver.signs import plain_reason
from newsletter.issue import issue_title
from newsletter.languages import own_name
from newsletter.models import DeliveryState, SendState, Summary, Tally, Trouble
from newsletter.stencil import Stencil
from newsletter.store import Store
from newsletter.when import duration

MOST_COUNTRIES = 15
CHANNELS = {
    "mail": "through the button that opens a mail to a colleague",
    "forward": "through the link for readers of a forwarded mail",
    "whatsapp": "through WhatsApp",
    "linkedin": "through LinkedIn",
    "facebook": "through Facebook",
    "x": "through X",
    "mastodon": "through Mastodon",
    "bluesky": "through Bluesky",
    "link": "through a copied link",
    "print": "through the printed handout",
    "qr": "through the QR code",
    "page": "through the issue's public page",
    "other": "by another way",
}


@click.command()
@click.argument("issue")
@pass_app
def report(app: App, issue: str) -> None:
    """How an issue went, in words: how many, how long, where, who did not get it, and a line for the board.

    \b
    Example:
      newsletter report image-gently-in-dentistry
    """
    with app.store(create=False) as store:
        channels = store.requests.channels(issue)
        sends = store.sends.of_issue(issue)
        if not channels:
            sends_of(app, store, issue)
        tally, summary = store.sends.tally(issue), store.sends.summary(issue)
        lost = lost_with_sender(app, store, issue)
        held = campaign.holds_deferred(store, issue)
        editions = _editions(store, summary)
    title = issue_title(app.config.root, issue, app.config.campaign.language)
    put_words(f"{title}\n")
    if sends:
        if any(send.state is SendState.CANCELLED for send in sends):
            put_words("It was cancelled before everybody had it.")
        _tell_numbers(app, tally, summary, lost)
        _tell_places(editions, summary)
        _tell_troubles(_what_to_do(app, issue, held=held), summary)
    _tell_channels(channels)
    if sends:
        put("\nFor the board:")
        put(_for_the_board(app, title, tally, summary, editions))


def _editions(store: Store, summary: Summary) -> dict[str, int]:
    """How many got which edition, as their stencils say: after --amend one edition has several."""
    found: Counter[str] = Counter()
    for digest, count in summary.stencils.items():
        found[Stencil.from_bytes(store.sends.stencil(digest)).language] += count
    return dict(sorted(found.items(), key=lambda edition: (-edition[1], edition[0])))


def _tell_numbers(app: App, tally: Tally, summary: Summary, lost: int) -> None:
    accepted = tally.sent - summary.presumed
    if accepted:
        have = "has" if accepted == 1 else "have"
        put_words(f"{people(accepted)} of {tally.total:,} {have} it: your mail server accepted it for them.")
    if summary.presumed:
        put_words(
            f"{people(summary.presumed)} may have it or not, and you decided to count them as having it."
        )
    if not tally.sent:
        put_words(f"None of {people(tally.total)} has it{' yet' if tally.unfinished else ''}.")
    if summary.first is not None and summary.last is not None:
        took = duration((summary.last - summary.first) / 1000)
        first, last = app.local_time(summary.first), app.local_time(summary.last)
        put_words(
            f"It went out on {first}." if first == last else f"It went out from {first} to {last}, {took}."
        )
    waiting = tally.unfinished - lost
    if waiting:
        put_words(f"{people(waiting)} {'is' if waiting == 1 else 'are'} still to get it.")
    if lost:
        put_words(f"{people(lost)} may have it or not: the program died while it was on its way to them.")


def _tell_places(editions: Mapping[str, int], summary: Summary) -> None:
    if not editions:
        return
    put("")
    put_table(
        ("edition", "people"),
        [(f"{own_name(tag)} ({tag})", f"{n:,}") for tag, n in editions.items()],
        right=("people",),
    )
    names = [(country_name(code) or "not known", n) for code, n in summary.countries.items()]
    named = sorted(names, key=lambda row: (-row[1], row[0]))
    rest = sum(n for _, n in named[MOST_COUNTRIES:])
    rows = [(name, f"{n:,}") for name, n in named[:MOST_COUNTRIES]]
    if rest:
        rows.append((f"{len(named) - MOST_COUNTRIES} further countries", f"{rest:,}"))
    put("")
    put_table(("country", "people"), rows, right=("people",))


def _what_to_do(app: App, slug: str, *, held: bool) -> dict[DeliveryState, str]:
    """What a person does about each state; `held` says that those put off belong to a paused send."""
    later = f"nothing; the next run tries again: {app.command('run')}"
    if held:
        later = f"the send is paused; they are tried again once you go on: {app.command('resume', slug)}"
    return {
        DeliveryState.FAILED: f"look at them: {app.command('deliveries', slug, '--state', 'failed')}",
        DeliveryState.DEFERRED: later,
        DeliveryState.SKIPPED: "nothing",
        DeliveryState.UNKNOWN: f"decide: {app.command('resolve', slug, '--unknown', 'resend')}   (or: sent)",
    }


def _tell_troubles(to_do: Mapping[DeliveryState, str], summary: Summary) -> None:
    reasons: Counter[tuple[DeliveryState, str]] = Counter()
    for trouble in summary.troubles:
        reasons[trouble.state, _reason(trouble)] += trouble.count
    for state, what in to_do.items():
        rows = [(f"{n:,}", reason) for (found, reason), n in reasons.most_common() if found is state]
        if rows:
            put_words(f"\n{state.value.capitalize()}. What to do: {what}")
            for count, reason in rows:
                put_words(f"{count:>9}  {reason}", hanging=11)


def _tell_channels(channels: Mapping[str, int]) -> None:
    """How many asked to join from this issue's links: sums without a person, as nobody is followed."""
    if not channels:
        return
    put_words(f"\n{people(sum(channels.values()))} asked to join from this issue. How they came:")
    for channel, count in channels.items():
        put_words(f"{count:>9,}  {CHANNELS[channel]}", hanging=11)


def _reason(trouble: Trouble) -> str:
    if not trouble.reply:
        return trouble.reason or "no reason is known"
    tried = "Tried in vain until it was too late. " if trouble.reason.startswith(GIVEN_UP) else ""
    return tried + plain_reason(trouble.reply)


def _for_the_board(app: App, title: str, tally: Tally, summary: Summary, editions: Iterable[str]) -> str:
    """One sentence to paste into a report."""
    if not tally.sent:
        return f"\u201c{title}\u201d has not reached anybody{' yet' if tally.unfinished else ''}."
    day = f"On {app.local(summary.first):%d %B %Y}, " if summary.first is not None else ""
    countries = sum(1 for code in summary.countries if code)
    where = f" in {countries} countries" if countries > 1 else ""
    languages = len({tag.partition("-")[0] for tag in editions})
    spoken = f", in {languages} languages" if languages > 1 else ""
    share = f" ({_percent(tally.sent, tally.total)}% of its readers)"
    return f"{day}\u201c{title}\u201d went out to {people(tally.sent)}{where}{spoken}{share}."


def _percent(part: int, whole: int) -> int:
    """Rounded, but that neither all nor nobody is said where it is not so."""
    rounded = (200 * part + whole) // (2 * whole)
    return rounded if part in (0, whole) else min(max(rounded, 1), 99)
