"""newsletter.toml and the environment become one frozen Config; the only reader of os.environ."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Struct, field

from newsletter.addresses import parse_address
from newsletter.dkim import Dkim, parse_domain, parse_selector
from newsletter.errors import ConfigError, ProjectError, UsageError
from newsletter.languages import normalise_tag
from newsletter.models import ShareText
from newsletter.relay import Relay, parse_rates, parse_relay
from newsletter.tomlsource import TomlSource, nearest
from newsletter.weburl import parse_web_url
from newsletter.when import HOUR

FILE_NAME = "newsletter.toml"
DATABASE_NAME = "subscribers.db"


class Campaign(Struct, frozen=True, kw_only=True):
    """Who speaks: `timezone` is an IANA name, `list_id` stands in List-Id (RFC 2919)."""

    name: str
    organisation: str
    postal_address: str
    contact: str
    language: str
    timezone: str
    list_id: str

    @property
    def zone(self) -> ZoneInfo:
        """The campaign's time zone."""
        return ZoneInfo(self.timezone)


class Sender(Struct, frozen=True, kw_only=True):
    """The From and Reply-To of every issue, and where leave requests by mail arrive."""

    name: str
    address: str
    reply_to: str
    unsubscribe_address: str

    @property
    def domain(self) -> str:
        """The sender's domain, in ASCII."""
        return parse_address(self.address).key.rpartition("@")[2]


class Web(Struct, frozen=True, kw_only=True):
    """The live pages and the static archive, without a slash at the end; empty where there are none."""

    base_url: str = ""
    archive_url: str = ""


class Config(Struct, frozen=True, kw_only=True):
    """All settings of a project; `relay` is None where no relay is named, `dkim` where nothing is signed.

    `outbox_relay` carries the mails that `serve` writes by itself: [outbox], or else [smtp].
    """

    root: Path
    campaign: Campaign
    sender: Sender
    relay: Relay | None
    web: Web
    outbox_relay: Relay | None = None
    dkim: Dkim | None = None
    bounce_address: str = ""
    share: Mapping[str, ShareText] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        """The project's one database."""
        return self.root / DATABASE_NAME

    @property
    def relay_account(self) -> str:
        """As the usage of a relay is kept; empty where none is named."""
        return self.relay.account if self.relay else ""

    @property
    def templates(self) -> Path:
        """The project's own templates, which override the built-in ones file by file."""
        return self.root / "templates"


KEYS: Mapping[str, frozenset[str]] = {
    "campaign": frozenset(
        {"name", "organisation", "postal_address", "contact", "language", "timezone", "list_id"}
    ),
    "sender": frozenset({"name", "address", "reply_to", "unsubscribe_address"}),
    "smtp": frozenset(
        {
            "url",
            "user",
            "password",
            "token_command",
            "connections",
            "messages_per_connection",
            "rate",
            "give_up_after",
        }
    ),
    "outbox": frozenset({"url", "user", "password", "token_command"}),
    "web": frozenset({"base_url", "archive_url"}),
    "dkim": frozenset({"domain", "selector", "private_key"}),
    "bounces": frozenset({"address"}),
}
SHARE_KEYS = frozenset(ShareText.__struct_fields__)
ENVIRONMENT = {
    "NEWSLETTER_SMTP_URL": "the mail server, instead of [smtp] url",
    "NEWSLETTER_SMTP_USER": "the login at the mail server",
    "NEWSLETTER_SMTP_PASSWORD": "its password",
    "NEWSLETTER_OUTBOX_URL": "the mail server of `serve`, instead of [outbox] url",
    "NEWSLETTER_OUTBOX_USER": "the login there",
    "NEWSLETTER_OUTBOX_PASSWORD": "its password",
    "NEWSLETTER_BASE_URL": "the live pages, instead of [web] base_url",
    "NEWSLETTER_ARCHIVE_URL": "the static archive, instead of [web] archive_url",
}


def find_root(start: Path) -> Path:
    """The project folder that holds `start`: the nearest folder upwards with a newsletter.toml."""
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file():
            return folder
    raise ProjectError(
        "there is no newsletter project here or in a folder above",
        where=str(start),
        hint="go to your project's folder, name it with --project DIR, or make one with: newsletter init",
    )


def load(root: Path, environ: Mapping[str, str] = os.environ) -> Config:
    """Read a project's settings; `environ` overrides what it names (see ENVIRONMENT).

    Raises ConfigError, whose `where` is path:line where a line can be named.
    """
    source = TomlSource.read(root / FILE_NAME)
    source.refuse_unknown(KEYS, free="share")
    campaign = _campaign(source)
    sender = _sender(source)
    return Config(
        root=root,
        campaign=campaign,
        sender=sender,
        relay=_relay(source, environ, "smtp"),
        outbox_relay=_relay(source, environ, "outbox") or _relay(source, environ, "smtp"),
        web=_web(source, environ),
        dkim=_dkim(source, root, sender),
        bounce_address=source.address("bounces", "address"),
        share=_share(source),
    )


def new_list_id(label: str) -> str:
    """A List-Id that no other project has (RFC 2919 section 3)."""
    return f"{label}.{secrets.token_hex(8)}.localhost"


def _campaign(source: TomlSource) -> Campaign:
    language = source.text_of("campaign", "language", "en")
    zone = source.text_of("campaign", "timezone", "UTC")
    try:
        language = normalise_tag(language)
    except UsageError as error:
        raise source.fail("campaign", "language", f"'{language}' is no language tag", error.hint) from None
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise source.fail(
            "campaign", "timezone", f"'{zone}' is no time zone", "write one like Europe/Paris"
        ) from None
    list_id = source.text_of("campaign", "list_id")
    if not list_id:
        hint = f'add this line, and never change it: list_id = "{new_list_id("news")}"'
        raise source.fail("campaign", "list_id", "is missing", hint)
    if not re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+", list_id):
        raise source.fail("campaign", "list_id", "must be words joined by dots", "see RFC 2919")
    return Campaign(
        name=source.text_of("campaign", "name", None),
        organisation=source.text_of("campaign", "organisation", None),
        postal_address=source.text_of("campaign", "postal_address"),
        contact=source.address("campaign", "contact", None),
        language=language,
        timezone=zone,
        list_id=list_id,
    )


def _sender(source: TomlSource) -> Sender:
    address = source.address("sender", "address", None)
    reply_to = source.address("sender", "reply_to")
    return Sender(
        name=source.text_of("sender", "name"),
        address=address,
        reply_to=reply_to,
        unsubscribe_address=source.address("sender", "unsubscribe_address") or reply_to or address,
    )


def _relay(source: TomlSource, environ: Mapping[str, str], table: str) -> Relay | None:
    """The relay of [smtp] or [outbox]; a URL from the environment never gets the file's login."""
    variable = f"NEWSLETTER_{table.upper()}"
    from_environment = environ.get(f"{variable}_URL", "").strip()
    url = from_environment or source.text_of(table, "url")
    user = environ.get(f"{variable}_USER", "")
    password = environ.get(f"{variable}_PASSWORD", "")
    token_command = source.words(table, "token_command")
    if from_environment:
        token_command = ()
    else:
        user = user or source.text_of(table, "user")
        password = password or source.text_of(table, "password")
    give_up_after = source.number("smtp", "give_up_after", 48, 24 * 14) * HOUR
    try:
        rates = parse_rates(source.value("smtp", "rate")) if table == "smtp" else ()
    except UsageError as error:
        raise source.fail("smtp", "rate", error.message, error.hint) from None
    connections = source.number("smtp", "connections", 4, 50)
    per_connection = source.number("smtp", "messages_per_connection", 100, 100_000)
    if not url:
        return None
    try:
        return parse_relay(
            url,
            user=user,
            password=password,
            token_command=token_command,
            connections=connections,
            messages_per_connection=per_connection,
            rates=rates,
            give_up_after=give_up_after,
        )
    except UsageError as error:
        where = f"{variable}_URL" if from_environment else source.where(table, "url")
        raise ConfigError(f"[{table}] url {error.message}", where=where, hint=error.hint) from None


def _web(source: TomlSource, environ: Mapping[str, str]) -> Web:
    found = {}
    for key, variable in (("base_url", "NEWSLETTER_BASE_URL"), ("archive_url", "NEWSLETTER_ARCHIVE_URL")):
        given = environ.get(variable, "").strip()
        text = given or source.text_of("web", key)
        try:
            found[key] = parse_web_url(text) if text else ""
        except UsageError as error:
            where = variable if given else source.where("web", key)
            raise ConfigError(f"[web] {key} {error.message}", where=where, hint=error.hint) from None
    return Web(**found)


def _dkim(source: TomlSource, root: Path, sender: Sender) -> Dkim | None:
    if not source.data.get("dkim"):
        return None
    names = {
        "domain": (source.text_of("dkim", "domain") or sender.domain, parse_domain),
        "selector": (source.text_of("dkim", "selector", None), parse_selector),
    }
    found = {}
    for key, (text, parse) in names.items():
        try:
            found[key] = parse(text)
        except UsageError as error:
            raise source.fail("dkim", key, error.message, error.hint) from None
    return Dkim(**found, private_key=root / source.text_of("dkim", "private_key", None))


def _share(source: TomlSource) -> Mapping[str, ShareText]:
    texts: dict[str, ShareText] = {}
    for tag, content in source.data.get("share", {}).items():
        table = f"share.{tag}"
        if not isinstance(content, dict):
            raise ConfigError(
                f"[share] {tag} must stand in a table of its language",
                where=source.where("share", tag),
                hint=f'write [share.en] and below it {tag} = "…"',
            )
        for key in content:
            if key not in SHARE_KEYS:
                raise source.fail(table, key, "is unknown", nearest(key, SHARE_KEYS))
        nested = TomlSource(source.path, source.text, {table: content})
        words = {key: nested.text_of(table, key) for key in content}
        try:
            texts[normalise_tag(tag)] = ShareText(**words)
        except UsageError as error:
            where = source.where(table)
            raise ConfigError(f"[{table}]: {error.message}", where=where, hint=error.hint) from None
    return texts
