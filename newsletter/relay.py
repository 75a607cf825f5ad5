"""The relay's address, login and limits: what `[smtp]` means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from newsletter.errors import UsageError
from newsletter.weburl import is_loopback
from newsletter.when import HOUR

PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
EXAMPLE = "write smtp+starttls://mail.example.org:587, smtps://mail.example.org:465 or smtp://localhost:25"


class Rate(Struct, frozen=True, kw_only=True):
    """At most `count` messages in any `seconds`, as the relay's operator allows."""

    count: int
    seconds: int

    @property
    def is_ceiling(self) -> bool:
        """Whether it may be used up at once; what holds for a minute at most is paced."""
        return self.seconds > SECONDS["minute"]


class Relay(Struct, frozen=True, kw_only=True):
    """The mail server that takes our messages; `give_up_after` in milliseconds.

    `token_command` prints an access token for XOAUTH2, which then takes the place of the password.
    Where a relay is printed, the password is left out.
    """

    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = ""
    token_command: tuple[str, ...] = ()
    connections: int = 4
    messages_per_connection: int = 100
    rates: tuple[Rate, ...] = ()
    give_up_after: int = 48 * HOUR

    @property
    def name(self) -> str:
        """host:port, as people know it."""
        return f"{self.host}:{self.port}"

    @property
    def account(self) -> str:
        """What its limits hold for, by whichever port it is reached: the host."""
        return self.host.rstrip(".").lower()

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [(name, getattr(self, name)) for name in self.__struct_fields__ if name != "password"]

    def __repr__(self) -> str:
        return f"Relay({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"


def parse_relay(
    url: str,
    *,
    user: str,
    password: str,
    token_command: tuple[str, ...],
    connections: int,
    messages_per_connection: int,
    rates: tuple[Rate, ...],
    give_up_after: int,
) -> Relay:
    """A relay from its URL; a login inside the URL wins over `user` and `password`.

    Raises UsageError for what is no relay, and for a login that would travel unencrypted to another machine.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise UsageError("is no address of a mail server", hint=EXAMPLE) from None
    if parts.scheme not in PORTS or not host or parts.path.strip("/") or parts.query or parts.fragment:
        raise UsageError("is no address of a mail server", hint=EXAMPLE)
    login = unquote(parts.username) if parts.username else user
    secret = unquote(parts.password) if parts.password else password
    if re.search(r"[\x00\r\n]", login + secret + host):
        raise UsageError("holds a line break or NUL", hint=EXAMPLE)
    if token_command and not login:
        raise UsageError(
            "names no user, and token_command needs one", hint='add the login: user = "news@example.org"'
        )
    if login and parts.scheme == "smtp" and not is_loopback(host):
        raise UsageError(
            f"would send your password unencrypted to {host}",
            hint=f"use smtp+starttls://{host}:587 or smtps://{host}:465",
        )
    return Relay(
        scheme=parts.scheme,
        host=host,
        port=port or PORTS[parts.scheme],
        user=login,
        password=secret,
        token_command=token_command,
        connections=connections,
        messages_per_connection=messages_per_connection,
        rates=rates,
        give_up_after=give_up_after,
    )


def parse_rates(value: Any) -> tuple[Rate, ...]:
    """`"10/second"`, `"25/minute"`, `"2000/day"`, a list of these, or None for no limit."""
    texts: Sequence[Any] = [] if value is None else value if isinstance(value, list) else [value]
    rates = []
    for text in texts:
        match = re.fullmatch(r"\s*(\d{1,9})\s*/\s*(second|minute|hour|day)s?\s*", str(text))
        if not match or int(match[1]) < 1 or not isinstance(text, str):
            raise UsageError(f"'{text}' is no rate", hint='write "10/second", "25/minute" or "2000/day"')
        rates.append(Rate(count=int(match[1]), seconds=SECONDS[match[2]]))
    return tuple(rates)
