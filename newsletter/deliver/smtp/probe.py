"""One message, or none: what `--test` and `doctor` ask of a relay."""

from __future__ import annotations

import ssl
from collections.abc import Sequence

from msgspec import Struct

from newsletter.deliver.ports import Attempt, Parcel
from newsletter.deliver.smtp.connection import Connection
from newsletter.deliver.smtp.session import Timeouts, Tls, connect
from newsletter.models import Reply
from newsletter.relay import Relay

PATIENT = Timeouts()


class ProbeReport(Struct, frozen=True, kw_only=True):
    """What a relay showed of itself.

    `tls` is the version ("TLSv1.3"), empty without encryption; `certificate_expires` is UTC ms;
    `logged_in` is false where no user is configured; `max_size` is in bytes, 0 where the relay names none.
    """

    address: str
    greeting: Reply
    extensions: Sequence[str]
    tls: str
    certificate_expires: int | None
    logged_in: bool
    max_size: int


async def send_one(
    relay: Relay,
    parcel: Parcel,
    *,
    timeouts: Timeouts = PATIENT,
    tls: Tls | None = None,
) -> Attempt:
    """Send one message, with no journal. Raises RelayError where the relay cannot be used at all."""
    connection = Connection(await connect(relay, timeouts, tls=tls), timeouts)
    try:
        return await connection.send(parcel)
    finally:
        await connection.close()


async def probe(
    relay: Relay,
    *,
    timeouts: Timeouts = PATIENT,
    tls: Tls | None = None,
) -> ProbeReport:
    """Connect and log in, send nothing, and say what was seen. Raises RelayError."""
    session = await connect(relay, timeouts, tls=tls)
    encrypted = session.wire.transport.get_extra_info("ssl_object")
    certificate = encrypted.getpeercert() if encrypted else {}
    until = certificate.get("notAfter", "")
    report = ProbeReport(
        address=session.wire.peer,
        greeting=session.greeting,
        extensions=tuple(f"{name} {value}".strip() for name, value in session.extensions.items()),
        tls=(encrypted.version() or "") if encrypted else "",
        certificate_expires=int(ssl.cert_time_to_seconds(until)) * 1000 if until else None,
        logged_in=bool(relay.user),
        max_size=session.max_size,
    )
    await Connection(session, timeouts).close()
    return report
