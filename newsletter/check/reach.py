"""Whether readers can go where a link leads."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, unquote, urlsplit

from newsletter import weburl
from newsletter.check.rule import CheckInput

_EXAMPLE = re.compile(r"(?:^|\.)example(?:\.[a-z-]+)?$")
_LOCAL = re.compile(r"(?:^|\.)(?:localhost|local|localdomain|internal|intranet|lan|test|invalid|home\.arpa)$")


def link_fault(href: str, given: CheckInput) -> str:
    """Why a link cannot be sent, in words; empty where it can. Links to the project's own places can."""
    href = href.strip()
    if not href or href.startswith("#"):
        return _jump_fault(href[1:], given)
    try:
        parts = urlsplit(href)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return "it is no address"
    if parts.scheme in ("https", "http"):
        return _host_fault(host, own=host in own_hosts(given))
    return _other_fault(parts, given)


def is_made_up(host: str) -> bool:
    """Whether a host is one of those reserved for examples (RFC 2606), or looks like it."""
    return _EXAMPLE.search(host.casefold()) is not None


def own_addresses(given: CheckInput) -> frozenset[str]:
    """The mail addresses that newsletter.toml names, case-folded."""
    sender, contact = given.config.sender, given.config.campaign.contact
    named = (sender.address, sender.reply_to, sender.unsubscribe_address, contact)
    return frozenset(address.casefold() for address in named if address)


def own_hosts(given: CheckInput) -> frozenset[str]:
    """The hosts of the project's own pages, those on this machine only where the live pages are."""
    web = given.config.web
    hosts = {urlsplit(url).hostname or "" for url in (web.base_url, web.archive_url) if url}
    return frozenset(host for host in hosts if is_on_this_machine(given) or not weburl.is_loopback(host))


def is_on_this_machine(given: CheckInput) -> bool:
    """Whether the live pages are served on this machine, as in the demo."""
    return weburl.is_on_this_machine(given.config.web.base_url)


def _jump_fault(name: str, given: CheckInput) -> str:
    if not name:
        return "it leads nowhere"
    return "" if name in given.page.ids else "nothing in the mail has that name"


def _other_fault(parts: SplitResult, given: CheckInput) -> str:
    if parts.scheme == "mailto":
        return _mailto_fault(parts, given)
    if parts.scheme == "tel":
        return "" if re.search(r"\d", parts.path) else "it holds no telephone number"
    if not parts.scheme:
        return "it does not begin with https://"
    return f"{parts.scheme}: works in no mail program; only https, mailto and tel do"


def _host_fault(host: str, *, own: bool = False) -> str:
    if not host:
        return "it names no host"
    if own:
        return ""
    if is_made_up(host):
        return f"{host} is a made-up address"
    if _is_local(host):
        return f"{host} can be reached from your own network only"
    return ""


def _is_local(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or _LOCAL.search(host) is not None


def _mailto_fault(parts: SplitResult, given: CheckInput) -> str:
    addresses = [address.strip() for address in unquote(parts.path).split(",") if address.strip()]
    if not addresses and not parts.query:
        return "it names no mail address"
    own = own_addresses(given)
    for address in addresses:
        if address.casefold() in own:
            continue
        fault = _host_fault(address.rpartition("@")[2].casefold()) if "@" in address else "it has no @"
        if fault:
            return fault
    return ""
