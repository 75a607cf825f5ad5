"""Questions to DNS: the only part that knows dnspython."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from dns import exception, name, resolver

from newsletter.errors import UsageError

PATIENCE = 6.0  # seconds for one question, all tries together


class Unanswered(Exception):
    """DNS could not be asked; the text says why."""


class Dns:
    """Asks the computer's own DNS servers, or the one that is named (`address`, or `address:port`).

    A name that does not exist has no records. After the first question without an answer the others are not
    asked any more: where there is no network each would wait as long. UsageError for what is no address.
    """

    def __init__(self, server: str = "") -> None:
        self._server = _place(server) if server else None
        self._resolver: resolver.Resolver | None = None
        self._trouble = ""

    def texts(self, domain: str) -> list[str]:
        """The TXT records, each joined to one text, in a fixed order. Raises Unanswered."""
        records = self._ask(domain, "TXT")
        return sorted(b"".join(record.strings).decode("utf-8", "replace") for record in records)

    def mail_hosts(self, domain: str) -> list[str]:
        """The hosts that take the domain's mail, the first choice first; "." for a domain without mail."""
        found = sorted((record.preference, record.exchange.to_text()) for record in self._ask(domain, "MX"))
        return [host.rstrip(".") or "." for _, host in found]

    def has_address(self, host: str) -> bool:
        """Whether the host has an IP address. Raises Unanswered."""
        return bool(self._ask(host, "A") or self._ask(host, "AAAA"))

    def _ask(self, domain: str, kind: str) -> Sequence[Any]:
        if self._trouble:
            raise Unanswered(self._trouble)
        try:
            return list(self._open().resolve(domain, kind, search=False, lifetime=PATIENCE))
        except (resolver.NXDOMAIN, resolver.NoAnswer, name.NameTooLong, name.LabelTooLong, name.EmptyLabel):
            return []
        except resolver.NoNameservers:
            raise Unanswered(f"DNS has no answer about {domain} at the moment") from None
        except exception.Timeout:
            self._trouble = "DNS does not answer; is there a network?"
        except (resolver.NoResolverConfiguration, OSError):
            self._trouble = "this computer knows no DNS server; is there a network?"
        raise Unanswered(self._trouble)

    def _open(self) -> resolver.Resolver:
        if self._resolver is None:
            self._resolver = resolver.Resolver(configure=self._server is None)
            if self._server is not None:
                host, self._resolver.port = self._server
                self._resolver.nameservers = [host]
        return self._resolver


def _place(server: str) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{server}")
        return str(ip_address(parts.hostname or "")), parts.port or 53
    except ValueError:
        raise UsageError(
            f"'{server}' is no DNS server's address", hint="write it like 9.9.9.9 or [2620:fe::fe]:53"
        ) from None
