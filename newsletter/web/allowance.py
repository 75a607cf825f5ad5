"""How many requests one client may make: token buckets in memory, of which there is a bounded number."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Mapping

from msgspec import Struct, field

MOST_BUCKETS = 20_000
IPV6_SITE = 64


class Rate(Struct, frozen=True, kw_only=True):
    """`burst` requests at once, and `per_second` from then on."""

    burst: float
    per_second: float


RATES: Mapping[str, Rate] = {
    "read": Rate(burst=300, per_second=30),
    "one-click": Rate(burst=1_000, per_second=100),
    "join": Rate(burst=20, per_second=1 / 15),
    "form": Rate(burst=40, per_second=1),
}
"""One-click requests come from the few addresses of the big mail providers, joins from people."""


class _Bucket(Struct):
    left: float
    at: float


class Allowance(Struct):
    """Who asked how often. A full memory forgets whoever has been quiet longest."""

    rates: Mapping[str, Rate] = field(default_factory=lambda: RATES)
    most: int = MOST_BUCKETS
    _buckets: OrderedDict[tuple[str, str], _Bucket] = field(default_factory=OrderedDict)

    def wait(self, kind: str, client: str, now: float) -> float:
        """Take one request of a kind: 0 where it is allowed, else the seconds until it would be."""
        rate = self.rates[kind]
        key = (kind, client)
        bucket = self._buckets.setdefault(key, _Bucket(rate.burst, now))
        self._buckets.move_to_end(key)
        if len(self._buckets) > self.most:
            self._buckets.popitem(last=False)
        bucket.left = min(rate.burst, bucket.left + max(0.0, now - bucket.at) * rate.per_second)
        bucket.at = now
        if bucket.left < 1:
            return (1 - bucket.left) / rate.per_second
        bucket.left -= 1
        return 0.0


def client_name(host: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 of an IPv6 address, which is one household."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host[:64]
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, IPV6_SITE), strict=False))


def kind_of(method: str, path: str) -> str:
    """Which rate a request falls under."""
    if method in {"GET", "HEAD"}:
        return "read"
    if path.startswith("/u/"):
        return "one-click"
    return "join" if path == "/join" else "form"
