"""What keeps mails from arriving, and the mend: doctor."""

from __future__ import annotations

from collections.abc import Iterator

import click
from msgspec.structs import asdict

from newsletter import home
from newsletter.cli.app import App, json_option, now_ms, pass_app, put, put_json
from newsletter.doctor import Advice, Dns, Verdict, examine
from newsletter.errors import UsageError

MARKS = {Verdict.YES: "yes", Verdict.NO: "no", Verdict.UNKNOWN: "--"}


@click.command()
@click.option("--dns", "server", metavar="SERVER", default="", help="Ask this DNS server, like 9.9.9.9.")
@json_option
@pass_app
def doctor(app: App, server: str, as_json: bool) -> None:
    """Look at all that keeps mails from arriving, and say how to mend it. Nothing is sent.

    The mail server with its encryption, login and limits; SPF, DKIM, DMARC and MX of your domain, each
    with the record to put there; the pages that mails lead to; the clock. What cannot be reached is said.

    \b
    Examples:
      newsletter doctor
      newsletter doctor --dns 9.9.9.9
      newsletter doctor --json
    """
    found, advices = [], _advices(app, server)
    while (advice := _next(app, advices)) is not None:
        found.append(advice)
        if not as_json:
            _show(advice)
    if as_json:
        put_json({"checks": [asdict(advice) for advice in found]})
    if any(advice.verdict is Verdict.NO for advice in found):
        raise click.exceptions.Exit(1)


def _next(app: App, advices: Iterator[Advice]) -> Advice | None:
    """The next one: a server that says nothing is waited for, for a minute."""
    with app.talk.status("Asking …"):
        return next(advices, None)


def _advices(app: App, server: str) -> Iterator[Advice]:
    relay = None
    if app.config.relay is None:
        hint = "fill in [smtp] url in newsletter.toml, or set NEWSLETTER_SMTP_URL"
        yield Advice(topic="mail server", verdict=Verdict.NO, text="no mail server is set", mend=hint)
    else:
        try:
            relay = app.relay
        except UsageError as error:
            yield Advice(topic="mail server", verdict=Verdict.NO, text=error.message, mend=error.hint)
    yield from examine(app.config, relay, Dns(server), now_ms)
    if app.config.web.base_url and not home.is_sample(app.config.web.base_url):
        yield _home(app)


def _home(app: App) -> Advice:
    """Whether the live pages are this project's own: who leaves there must not be mailed from here."""
    with app.store() as store:
        answer = home.ask(app.config, store)
    if answer.here:
        return Advice(topic="home", verdict=Verdict.YES, text="the pages use this very project")
    mend = f"start them here: {app.command('serve')}, or log in where the project lives, and send there"
    return Advice(topic="home", verdict=Verdict.NO, text=answer.fault, mend=mend)


def _show(advice: Advice) -> None:
    put(f"{MARKS[advice.verdict]:<4} {advice.topic}: {advice.text}")
    for line in filter(None, (advice.mend, advice.record)):
        put(f"       {line}")
