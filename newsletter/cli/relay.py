"""Whether the relay and the pages can be used: doctor."""

from __future__ import annotations

import click

from newsletter import home
from newsletter.cli.app import App, now_ms, pass_app, put
from newsletter.deliver.limits import limits_for
from newsletter.deliver.loop import new_runner
from newsletter.deliver.smtp import ProbeReport, probe
from newsletter.errors import RelayError
from newsletter.relay import Relay
from newsletter.weburl import is_loopback

SOON = 21 * 86_400_000
NEEDED = (
    ("SMTPUTF8", "addresses with letters like é or م can be reached", "such addresses will be skipped"),
    ("PIPELINING", "messages go out fast", "sending will be slower"),
)


@click.command()
@pass_app
def doctor(app: App) -> None:
    """Look at the mail server (connection, encryption, login) and at the pages. Nothing is sent.

    \b
    Example:
      newsletter doctor
    """
    relay = app.relay
    put(f"Mail server  {relay.host}, port {relay.port} ({relay.scheme})")
    try:
        with new_runner() as runner:
            report = runner.run(probe(relay))
    except RelayError as error:
        put(f"  no   {error.message}")
        if error.hint:
            put(f"       {error.hint}")
        raise click.exceptions.Exit(error.exit_code) from None
    _tell(app, relay, report)
    _tell_pages(app)


def _tell_pages(app: App) -> None:
    """Whether the live pages answer, and are this project's own."""
    base_url = app.config.web.base_url
    if not base_url:
        put("Pages        none: people leave and join by mail ([web] base_url is not set)")
        return
    put(f"Pages        {base_url}")
    if home.is_sample(base_url):
        put("  no   this is a sample address: write your own into newsletter.toml, [web] base_url")
        return
    with app.store() as store:
        answer = home.ask(app.config, store)
    if answer.here:
        put("  yes  they answer, and use this very project")
    else:
        put(f"  no   {answer.fault}")
        put(
            f"       start them here: {app.command('serve')}, or send where the project lives: docs/server.md"
        )


def _tell(app: App, relay: Relay, report: ProbeReport) -> None:
    put(f"  yes  it answers at {report.address}: {report.greeting.text}")
    if report.tls:
        put(f"  yes  encrypted with {report.tls}, certificate verified")
    elif is_loopback(relay.host):
        put("  yes  not encrypted, which is fine on this very machine")
    else:
        put("  no   not encrypted: others can read the mails on their way")
        put(f"       use smtp+starttls://{relay.host}:587 in [smtp] url")
    if report.certificate_expires and report.certificate_expires < now_ms() + SOON:
        put(f"  no   its certificate ends {app.local_time(report.certificate_expires)}: tell its operator")
    put(f"  yes  logged in as {relay.user}" if report.logged_in else "  --   no login is set, none was tried")
    offered = {extension.partition(" ")[0].upper() for extension in report.extensions}
    for name, good, bad in NEEDED:
        put(f"  yes  {good}" if name in offered else f"  --   no {name}: {bad}")
    if report.max_size:
        put(f"  yes  takes messages up to {report.max_size // 1024:,} KB")
    note = limits_for(relay).note
    if note:
        put(f"  --   {note}")
    if app.config.sender.domain.startswith("example."):
        put(f"  no   the sender is still the sample address {app.config.sender.address}")
        put("       write your own into newsletter.toml, [sender] address")
