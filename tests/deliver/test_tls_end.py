"""Over TLS, too, a message whose dot may have arrived is never called unsent: it would go out twice."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import ssl
from collections.abc import Callable

import pytest
import trustme

from newsletter.deliver.ports import Attempt, Parcel, Stage
from newsletter.deliver.smtp import Connection, Timeouts, connect
from newsletter.relay import Relay
from tests.deliver.relay import Do, ScriptedRelay, Step

LOOPS: list[Callable[[], asyncio.AbstractEventLoop]] = [asyncio.new_event_loop]
if importlib.util.find_spec("uvloop"):
    LOOPS.append(importlib.import_module("uvloop").new_event_loop)
SHORT = Timeouts(connect=5, setup=5, command=2, data=2, body=2, end=0.4, idle=1, quit=0.2)
LINE = b"x" * 70 + b"\r\n"


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("extensions", [("PIPELINING",), ("SIZE 10000000",)])
@pytest.mark.parametrize("lines", [10, 8000])
@pytest.mark.parametrize("split", ["", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("end", [Do.TAKE_AND_VANISH, Do.SILENCE])
def test_the_dot_may_have_arrived(
    loop: Callable[[], asyncio.AbstractEventLoop],
    extensions: tuple[str, ...],
    lines: int,
    split: str,
    end: Do,
) -> None:
    def script(step: Step) -> Do | bytes | None:
        if step.verb == "END":
            return end
        return {"MAIL": b"250-one\r\n250 two\r\n", "RCPT": b"250-one\r\n250 two\r\n"}.get(
            step.verb if step.verb == split else ""
        )

    authority = trustme.CA()
    theirs, ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(theirs)
    authority.configure_trust(ours)

    async def main(port: int) -> Attempt:
        relay = Relay(scheme="smtps", host="localhost", port=port)
        connection = Connection(await connect(relay, SHORT, tls=ours), SHORT)
        parcel = Parcel(
            delivery=1, mail_from="a@example.org", rcpt_to="b@example.org", pieces=(b"\r\n", LINE * lines)
        )
        try:
            return await connection.send(parcel)
        finally:
            await connection.close()

    with (
        ScriptedRelay(script, extensions=extensions, tls=theirs, drip=split == "DATA").in_thread() as server,
        asyncio.Runner(loop_factory=loop) as runner,
    ):
        attempt = runner.run(main(server.port))
    assert not attempt.accepted
    if server.messages and lines < 8000:
        assert attempt.stage is Stage.END
    assert server.taken == [] or attempt.stage is Stage.END
