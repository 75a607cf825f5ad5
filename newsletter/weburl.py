"""Which addresses of web pages a mail may carry, and which hosts are this machine."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from newsletter.errors import UsageError


def is_loopback(host: str) -> bool:
    """Whether a host name or address literal means this machine (RFC 6761 section 6.3)."""
    name = host.strip("[]").rstrip(".").casefold()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def is_on_this_machine(url: str) -> bool:
    """Whether pages at an address can be reached from this machine only."""
    return is_loopback(urlsplit(url).hostname or "")


def parse_web_url(text: str) -> str:
    """A base address of pages: https, or http on this machine; without a slash at the end.

    Raises UsageError for anything else.
    """
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise UsageError("is no web address", hint="write one like https://news.example.org") from None
    if not host or parts.scheme not in {"https", "http"}:
        raise UsageError("is no web address", hint="write one like https://news.example.org")
    if parts.scheme == "http" and not is_loopback(host):
        raise UsageError("must begin with https://", hint=f"write https://{parts.netloc}{parts.path}")
    if parts.query or parts.fragment or parts.username or any(c.isspace() or ord(c) < 33 for c in text):
        raise UsageError("must be a plain address without ?, #, login or spaces")
    return text.rstrip("/")
