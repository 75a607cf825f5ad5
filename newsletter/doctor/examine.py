"""The whole examination, line by line as it is found: relay, DNS, pages, clock."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from functools import partial
from urllib.parse import urlsplit

from newsletter import private
from newsletter.addresses import parse_address
from newsletter.config import FILE_NAME, Config
from newsletter.deliver.limits import limits_for
from newsletter.deliver.loop import new_runner
from newsletter.deliver.smtp import ProbeReport, probe
from newsletter.dkim import Signer
from newsletter.doctor import domain as domains
from newsletter.doctor.advice import Advice, no, unknown, yes
from newsletter.doctor.dns import Dns, Unanswered
from newsletter.doctor.spf import spf
from newsletter.doctor.web import Seen, look
from newsletter.errors import ConfigError, RelayError
from newsletter.relay import Relay
from newsletter.tomlsource import TomlSource
from newsletter.weburl import is_loopback
from newsletter.when import DAY, MINUTE

SOON = 21 * DAY
ASTRAY = 120_000  # milliseconds that a clock may be wrong
NEEDED = (
    ("SMTPUTF8", "addresses with letters like é or م can be reached", "such addresses will be skipped"),
    ("PIPELINING", "messages go out fast", "sending will be slower"),
    ("DSN", "returned mail says which delivery it is about", "returned mail does not name its delivery"),
)


def examine(config: Config, relay: Relay | None, names: Dns, now: Callable[[], int]) -> Iterator[Advice]:
    """Look at everything; what cannot be looked at says so and holds nothing up."""
    yield from _password(config)
    if relay is not None:
        yield from _relay(relay, now())
    if config.sender.domain.split(".")[0] == "example":
        text = f"the sender is still the sample address {config.sender.address}"
        yield no("sender", text, "write your own into newsletter.toml, [sender] address")
    else:
        yield from _domain(config, relay, names)
    clocks: list[int] = []
    for topic, url in (("pages", config.web.base_url), ("archive", config.web.archive_url)):
        if url:
            seen = look(url)
            clocks += [seen.date - now()] if seen.date is not None else []
            yield from _page(topic, url, seen, now())
    yield _clock(clocks)


def _password(config: Config) -> Iterator[Advice]:
    path = config.root / FILE_NAME
    source = TomlSource.read(path)
    for table in ("smtp", "outbox") if private.is_shared(path) else ():
        if source.text_of(table, "password") or urlsplit(source.text_of(table, "url")).password:
            text = f"[{table}] holds one, and others on this computer can read {FILE_NAME}"
            instead = f"take it out and set NEWSLETTER_{table.upper()}_PASSWORD"
            yield no("password", text, f"chmod 600 {shlex.quote(str(path))}, or {instead}")


def _relay(relay: Relay, now: int) -> Iterator[Advice]:
    topic = "mail server"
    try:
        with new_runner() as runner:
            report = runner.run(probe(relay))
    except RelayError as error:
        yield no(topic, f"{relay.name}: {error.message}", error.hint)
        return
    yield yes(topic, f"{relay.name} answers at {report.address}: {report.greeting.text}")
    yield from _encryption(topic, relay, report, now)
    if report.logged_in:
        yield yes(topic, f"logged in as {relay.user}")
    else:
        yield unknown(topic, "no login is set, none was tried")
    offered = {extension.partition(" ")[0].upper() for extension in report.extensions}
    for name, good, bad in NEEDED:
        yield yes(topic, good) if name in offered else unknown(topic, f"no {name}: {bad}")
    if report.max_size:
        yield yes(topic, f"takes messages up to {report.max_size // 1024:,} KB")
    if note := limits_for(relay).note:
        yield unknown(topic, note)


def _encryption(topic: str, relay: Relay, report: ProbeReport, now: int) -> Iterator[Advice]:
    if report.tls:
        yield yes(topic, f"encrypted with {report.tls}, certificate verified")
    elif is_loopback(relay.host):
        yield yes(topic, "not encrypted, which is fine on this very machine")
    else:
        mend = f"use smtp+starttls://{relay.host}:587 in [smtp] url"
        yield no(topic, "not encrypted: others can read the mails on their way", mend)
    if report.certificate_expires and report.certificate_expires < now + SOON:
        days = (report.certificate_expires - now) // DAY
        yield no(topic, f"its certificate ends in {days} days", "tell whoever runs the mail server")


def _domain(config: Config, relay: Relay | None, names: Dns) -> Iterator[Advice]:
    sender = config.sender
    returned = _domain_of(config.bounce_address or sender.address)
    yield _asked("SPF", lambda: spf(names, returned, relay.host if relay else ""))
    signer: Signer | None = None
    try:
        signer = Signer.load(config.dkim) if config.dkim else None
        yield _signature(signer, names)
    except ConfigError as error:
        yield no("DKIM", f"{error.where}: {error.message}", error.hint)
    yield _asked("DMARC", lambda: domains.dmarc(names, sender.domain, config.campaign.contact))
    if (stray := domains.alignment(sender.domain, returned, signer)) is not None:
        yield stray
    ours = (sender.address, sender.reply_to, sender.unsubscribe_address, config.bounce_address)
    for one in dict.fromkeys(_domain_of(address) for address in ours if address):
        yield _asked("MX", partial(domains.mx, names, one))


def _signature(signer: Signer | None, names: Dns) -> Advice:
    if signer is not None:
        return _asked("DKIM", lambda: domains.dkim(names, signer))
    text = "this program does not sign your mails"
    return unknown("DKIM", text, "if your mail server does not either: newsletter dkim new")


def _domain_of(address: str) -> str:
    return parse_address(address).key.rpartition("@")[2]


def _asked(topic: str, ask: Callable[[], Advice]) -> Advice:
    try:
        return ask()
    except Unanswered as error:
        return unknown(topic, f"not looked at: {error}")


def _page(topic: str, url: str, seen: Seen, now: int) -> Iterator[Advice]:
    mend = (
        f"mails lead there: let {'newsletter serve' if topic == 'pages' else 'your archive'} answer at {url}"
    )
    if seen.error:
        yield no(topic, f"nothing can be read at {url}: {seen.error}", mend)
        return
    if seen.location:
        text = f"{url} leads on to {seen.location}, and one-click leaving does not follow"
        yield no(topic, text, "name the address that answers itself in newsletter.toml, [web]")
    elif seen.status >= 400:
        yield no(topic, f"{url} answers with an error ({seen.status})", mend)
    else:
        yield yes(topic, f"{url} answers")
    if seen.certificate_expires and seen.certificate_expires < now + SOON:
        days = (seen.certificate_expires - now) // DAY
        yield no(topic, f"the certificate of {url} ends in {days} days", "see that it is renewed by itself")


def _clock(differences: list[int]) -> Advice:
    """Against the clocks of the pages' servers, which are the only ones at hand."""
    if not differences:
        return unknown("clock", "not looked at: no page of yours answers, whose server's clock could tell")
    wrong = min(differences, key=abs)
    if abs(wrong) <= ASTRAY:
        return yes("clock", "this computer's clock is right")
    text = (
        f"this computer's clock is {round(abs(wrong) / MINUTE)} minutes {'behind' if wrong > 0 else 'ahead'}"
    )
    return no("clock", text, "let the system set its clock by itself: mails would bear a wrong date")
