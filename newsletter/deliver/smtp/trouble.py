"""What keeps a relay from being used, in words: what happened, and the next thing to do."""

from __future__ import annotations

import errno
import re
import socket
import ssl

from newsletter.deliver.signs import spoken
from newsletter.errors import RelayLoginError, RelayTlsError, RelayUnreachableError
from newsletter.models import Reply
from newsletter.redact import redact
from newsletter.relay import Relay

_LOGIN_HINTS = (
    ((".gmail.com", ".googlemail.com"), "make an app password in your Google account and use that"),
    (
        (".office365.com", ".outlook.com"),
        "ask whoever runs your Microsoft 365 to allow SMTP AUTH for this mailbox, or use an app password",
    ),
    (
        (".yahoo.com", ".me.com", ".icloud.com"),
        "make an app password in your account's settings and use that",
    ),
    ((".amazonaws.com",), "use the SMTP user name and password of Amazon SES, not your AWS keys"),
    ((".sendgrid.net",), 'the user name is the word "apikey", the password is your API key'),
)


_REFUSED = re.compile(rf"Errno {errno.ECONNREFUSED}\b|refused")  # in what asyncio says of several addresses


def unreachable(relay: Relay, error: OSError) -> RelayUnreachableError:
    """No connection came about."""
    hint = "check [smtp] url and your internet connection"
    if isinstance(error, socket.gaierror):
        message = f"no computer is known by the name {relay.host}"
    elif isinstance(error, ConnectionRefusedError) or _REFUSED.search(str(error)):
        message = f"nothing answers at port {relay.port}"
        hint = "check the port in [smtp] url: 587 with smtp+starttls://, 465 with smtps://"
    elif isinstance(error, TimeoutError):
        message = "the mail server does not answer"
        hint = "check [smtp] url; some networks block mail ports, so try another network"
    else:
        message = f"cannot connect: {error.strerror or error}"
    return RelayUnreachableError(message, where=relay.name, hint=hint)


def broken_off(relay: Relay, why: str) -> RelayUnreachableError:
    """The connection came about, and broke before mail could be sent."""
    hint = "is this a mail server? check [smtp] url, or try again later"
    if relay.scheme == "smtp+starttls":
        hint = f"is this a mail server? if its port is encrypted from the start: smtps://{relay.host}:{relay.port}"
    if relay.scheme != "smtps" and relay.port == 465:
        hint = f"port 465 is encrypted from the start: use smtps://{relay.host}:465"
    return RelayUnreachableError(why, where=relay.name, hint=hint)


def not_welcome(relay: Relay, reply: Reply) -> RelayUnreachableError:
    """The relay answered, and will not talk to us now."""
    return RelayUnreachableError(
        f"the mail server does not take mail from here now; it said: {_quoted(reply)}",
        where=relay.name,
        hint="try again later, or ask whoever runs the mail server",
    )


def untrusted(relay: Relay, error: Exception) -> RelayTlsError:
    """TLS failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return RelayTlsError(
            f"the mail server's certificate cannot be trusted: {error.verify_message}",
            where=relay.name,
            hint="check the host name in [smtp] url and this computer's clock; nothing was sent",
        )
    hint = "ask whoever runs the mail server which port and encryption it uses"
    if relay.scheme == "smtps":
        hint = f"this port may want smtp+starttls://{relay.host}:587 instead"
    what = getattr(error, "reason", None) or str(error) or "the handshake broke off"
    return RelayTlsError(f"no encrypted connection: {what}", where=relay.name, hint=hint)


def no_starttls(relay: Relay, reply: Reply | None = None) -> RelayTlsError:
    """STARTTLS is not offered, or refused: never a silent downgrade (RFC 8314, RFC 3207)."""
    told = f"; it said: {_quoted(reply)}" if reply else ""
    return RelayTlsError(
        f"the mail server offers no encryption (STARTTLS){told}",
        where=relay.name,
        hint=f"use smtps://{relay.host}:465, or smtp:// for a mail server on this computer",
    )


def plain_text(relay: Relay) -> RelayTlsError:
    """A password would travel unencrypted."""
    return RelayTlsError(
        "your password would cross the network unencrypted",
        where=relay.name,
        hint=f"use smtp+starttls://{relay.host}:587 or smtps://{relay.host}:465",
    )


def no_login(relay: Relay, offered: str) -> RelayLoginError:
    """There is no way to log in that we know."""
    told = f"it offers only {offered}" if offered else "it offers none"
    if relay.token_command:
        return RelayLoginError(
            f"the mail server takes no access token (XOAUTH2): {told}",
            where=relay.name,
            hint="use [smtp] password instead of token_command",
        )
    return RelayLoginError(
        f"no way to log in that this program knows: {told}",
        where=relay.name,
        hint="leave [smtp] user out if the mail server needs no login",
    )


def login_refused(relay: Relay, reply: Reply) -> RelayLoginError:
    """The login was refused, for now (4xx) or as it is (5xx)."""
    host = f".{relay.host}"
    hints = [hint for hosts, hint in _LOGIN_HINTS if host.endswith(hosts)]
    if reply.code < 500:
        hint = "try again in some minutes"
    elif relay.token_command:
        hint = "check [smtp] user, and that the token of [smtp] token_command is for sending its mail"
    else:
        hint = hints[0] if hints else "check [smtp] user and password"
    return RelayLoginError(
        f"the mail server refused the login of {relay.user}; it said: {_quoted(reply)}",
        where=relay.name,
        hint=hint,
    )


def _quoted(reply: Reply) -> str:
    return redact(spoken(reply))
