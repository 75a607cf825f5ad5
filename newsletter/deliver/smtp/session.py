"""From a relay's address to a connection that takes mail: TCP, greeting, EHLO, TLS, login."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from aiohappyeyeballs import start_connection
from msgspec import Struct

from newsletter.deliver.smtp import trouble
from newsletter.deliver.smtp.lookup import look_up
from newsletter.deliver.smtp.replies import extensions
from newsletter.deliver.smtp.wire import Wire, WireError
from newsletter.deliver.token import TokenCommand, token_of
from newsletter.errors import RelayError
from newsletter.models import Reply
from newsletter.relay import Relay

Tls = ssl.SSLContext
EYEBALLS = 0.25  # seconds until the next address is tried as well (RFC 8305)


class Timeouts(Struct, frozen=True, kw_only=True):
    """Seconds to wait, after RFC 5321 4.5.3.2; shorter while setting up, where a wrong port is likelier.

    `first` holds for the first commands that are pipelined on a connection: a relay that offers PIPELINING
    and cannot do it may fall silent.
    """

    connect: float = 30
    setup: float = 60
    first: float = 60
    command: float = 300
    data: float = 120
    body: float = 600
    end: float = 600
    idle: float = 30
    quit: float = 2


class Session(Struct, frozen=True, kw_only=True):
    """A connection on which mail can be sent, and what the relay says it can do."""

    wire: Wire
    greeting: Reply
    extensions: Mapping[str, str]

    @property
    def max_size(self) -> int:
        """The largest message in bytes (RFC 1870); 0 where the relay names none."""
        size = self.extensions.get("SIZE", "")
        return int(size) if size.isdecimal() else 0


def trust(relay: Relay) -> Tls | None:
    """The system's trusted certificates (SSL_CERT_FILE can name others), where the relay's scheme needs them.

    Reading them takes 25 ms, so whoever connects often keeps the answer.
    """
    return None if relay.scheme == "smtp" else ssl.create_default_context()


async def connect(
    relay: Relay, timeouts: Timeouts, *, tls: Tls | None = None, token: TokenCommand | None = None
) -> Session:
    """Connect, encrypt as the relay's scheme says, and log in where there is a user.

    `tls` is what `trust` gives where it is None, `token` what `token_of` gives. Raises RelayError.
    """
    context = tls or trust(relay)
    wire = await _dial(relay, timeouts, context)
    try:
        return await _begin(wire, relay, timeouts, context, token or token_of(relay))
    except WireError as error:
        raise trouble.broken_off(relay, str(error)) from error
    except (RelayError, asyncio.CancelledError):
        wire.abort("given up")
        raise


async def _dial(relay: Relay, timeouts: Timeouts, context: Tls | None) -> Wire:
    loop = asyncio.get_running_loop()
    options: dict[str, Any] = {}
    if relay.scheme == "smtps":
        options = {"ssl": context, "server_hostname": relay.host}
    try:
        async with asyncio.timeout(timeouts.connect):
            places = await look_up(relay.host, relay.port)
            line = await start_connection(places, happy_eyeballs_delay=EYEBALLS)
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _, wire = await loop.create_connection(Wire, sock=line, **options)
    except ssl.SSLError as error:
        raise trouble.untrusted(relay, error) from error
    except OSError as error:
        raise trouble.unreachable(relay, error) from error
    except (UnicodeError, RuntimeError) as error:  # no name; uvloop's word for no connection
        raise trouble.unreachable(relay, OSError(str(error))) from error
    return wire


async def _begin(
    wire: Wire, relay: Relay, timeouts: Timeouts, context: Tls | None, token: TokenCommand | None
) -> Session:
    greeting = await wire.reply(timeouts.setup)
    if greeting.code != 220:
        raise trouble.not_welcome(relay, greeting)
    offered = await _hello(wire, relay, timeouts)
    if relay.scheme == "smtp+starttls":
        await _encrypt(wire, relay, timeouts, context, offered)
        offered = await _hello(wire, relay, timeouts)
    if relay.user:
        if relay.scheme == "smtp" and not ipaddress.ip_address(wire.peer or "0.0.0.0").is_loopback:
            raise trouble.plain_text(relay)
        reply = await _login(wire, relay, timeouts, offered.get("AUTH", ""), token)
        if reply.code != 235:
            raise trouble.login_refused(relay, reply)
    return Session(wire=wire, greeting=greeting, extensions=offered)


async def _hello(wire: Wire, relay: Relay, timeouts: Timeouts) -> dict[str, str]:
    """EHLO by our address literal (RFC 5321 4.1.3), HELO where the relay knows no EHLO."""
    local = wire.local.partition("%")[0] or "127.0.0.1"
    name = f"[{'IPv6:' if ':' in local else ''}{local}]".encode()
    reply = await wire.ask(b"EHLO " + name, timeouts.setup)
    if reply.code == 250:
        return extensions(wire.reader.last)
    if reply.code >= 500 and reply.code != 554:
        reply = await wire.ask(b"HELO " + name, timeouts.setup)
        if reply.code == 250:
            return {}
    raise trouble.not_welcome(relay, reply)


async def _encrypt(
    wire: Wire, relay: Relay, timeouts: Timeouts, context: Tls | None, offered: Mapping[str, str]
) -> None:
    if context is None or "STARTTLS" not in offered:
        raise trouble.no_starttls(relay)
    reply = await wire.ask(b"STARTTLS", timeouts.setup)
    if reply.code != 220:
        raise trouble.no_starttls(relay, reply)
    if wire.reader.pending or wire.waiting:  # said in the clear, to be believed once encrypted
        raise trouble.untrusted(relay, ConnectionError("it spoke before the encryption began"))
    try:
        await wire.start_tls(context, relay.host, timeouts.connect)
    except (ssl.SSLError, OSError) as error:
        raise trouble.untrusted(relay, error) from error


async def _login(
    wire: Wire, relay: Relay, timeouts: Timeouts, offered: str, token: TokenCommand | None
) -> Reply:
    """The last reply of AUTH (RFC 4954) by the best mechanism that both sides know."""
    mechanisms = offered.upper().split()
    user, password = relay.user.encode(), relay.password.encode()
    if token is not None:
        return await _bearer(wire, relay, timeouts, offered, token)
    if "PLAIN" in mechanisms:
        secret = b64encode(b"\0" + user + b"\0" + password)
        return await wire.ask(b"AUTH PLAIN " + secret, timeouts.setup)
    if "LOGIN" in mechanisms:
        reply = await wire.ask(b"AUTH LOGIN", timeouts.setup)
        for answer in (user, password):
            if reply.code == 334:
                reply = await wire.ask(b64encode(answer), timeouts.setup)
        return reply
    raise trouble.no_login(relay, offered)


async def _bearer(wire: Wire, relay: Relay, timeouts: Timeouts, offered: str, token: TokenCommand) -> Reply:
    """The last reply of AUTH XOAUTH2, whose refusal comes as a challenge that is answered with nothing."""
    if "XOAUTH2" not in offered.upper().split():
        raise trouble.no_login(relay, offered)
    secret = await token.get()
    bearer = f"user={relay.user}\x01auth=Bearer {secret}\x01\x01".encode()
    reply = await wire.ask(b"AUTH XOAUTH2 " + b64encode(bearer), timeouts.setup)
    if reply.code == 334:
        reply = await wire.ask(b"", timeouts.setup)
    if reply.code >= 500:
        token.refused(secret)
    return reply
