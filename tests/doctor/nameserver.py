"""A DNS server on a loopback port, over UDP, that knows what a test tells it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from dns import flags, message, rcode, rdatatype, rrset

Zone = Mapping[tuple[str, str], Sequence[str]]


@dataclass
class NameServer:
    """`zone` is (name, type) -> records as zone files write them; `broken` names get SERVFAIL."""

    zone: Zone
    broken: frozenset[str] = frozenset()
    port: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def answer(self, data: bytes) -> bytes:
        query = message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text().rstrip("."), rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        response = message.make_response(query)
        response.flags |= flags.RA
        if name in self.broken:
            response.set_rcode(rcode.SERVFAIL)
        elif records := self.zone.get((name, kind)):
            response.answer.append(rrset.from_text(question.name, 60, "IN", kind, *records))
        elif not any(known == name for known, _ in self.zone):
            response.set_rcode(rcode.NXDOMAIN)
        return response.to_wire()


@contextmanager
def serving(zone: Zone, *broken: str) -> Iterator[NameServer]:
    server = NameServer(zone, frozenset(broken))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", 0))
        server.port = door.getsockname()[1]

        def serve() -> None:
            while (got := door.recvfrom(4096))[0]:
                door.sendto(server.answer(got[0]), got[1])

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bell:
                bell.sendto(b"", ("127.0.0.1", server.port))
            thread.join(10)


@contextmanager
def silent() -> Iterator[str]:
    """The address of a DNS server that never answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{door.getsockname()[1]}"
