"""A relay that stops reading in the middle of a message, a system that does not find a name."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from newsletter.deliver.loop import new_runner
from newsletter.deliver.ports import Attempt, Stage
from newsletter.deliver.smtp import Connection, connect
from tests.deliver.test_connection import HASTY, parcel, relay_at

Runner = Callable[[], asyncio.Runner]
LOOPS = pytest.mark.parametrize("runner", [asyncio.Runner, new_runner], ids=["asyncio", "fastest"])


def stalled(
    runner: Runner,
    finish: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]],
) -> Attempt:
    """A relay that says 354 and then reads nothing until `finish` acts."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 x\r\n")
        for reply in (b"250 x\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
            await reader.readline()
            writer.write(reply)
        await finish(reader, writer)

    async def main() -> Attempt:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1024)
        async with server:
            port = server.sockets[0].getsockname()[1]
            connection = Connection(await connect(relay_at(port), HASTY), HASTY)
            attempt = await connection.send(parcel(1, b"x" * 70_000_000 + b"\r\n"))
            await connection.close()
            return attempt

    with runner() as running:
        return running.run(main())


@LOOPS
def test_a_connection_lost_before_the_dot_was_written_can_be_tried_again(runner: Runner) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)
        writer.transport.abort()

    attempt = stalled(runner, hang_up)
    assert (attempt.stage, attempt.reply) == (Stage.DATA, None)


@LOOPS
def test_a_relay_that_stops_reading_is_left_in_time(runner: Runner) -> None:
    async def sleep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    attempt = stalled(runner, sleep)
    assert (attempt.stage, attempt.reply) == (Stage.DATA, None)
    assert "0.5 seconds" in attempt.error


@LOOPS
def test_a_refusal_in_the_middle_of_the_message_is_heard(runner: Runner) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"552 5.3.4 too large\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.transport.abort()

    attempt = stalled(runner, refuse)
    assert attempt.stage is Stage.DATA
    assert attempt.reply is not None
    assert attempt.reply.code == 552


@LOOPS
def test_a_long_look_at_a_name_is_not_waited_for(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where there is no network: neither a wait that was broken off nor the loop's end lasts as long."""
    ended = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *host, **kind: ended.wait(20) and [])

    async def main() -> None:
        async with asyncio.timeout(0.2):
            await connect(relay_at(25), HASTY)

    began = time.monotonic()
    with pytest.raises(TimeoutError), runner() as running:
        running.run(main())
    assert time.monotonic() - began < 5
    ended.set()
