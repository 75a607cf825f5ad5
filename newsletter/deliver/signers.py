"""Signs in processes of their own, beside the one that fills and sends."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import cast

from newsletter.deliver import signing

PATIENCE = 5.0  # seconds in which a process that lives has signed something
LEAVE = 1.0  # seconds that a process has to end by itself
_PROBE = bytes(signing.DIGEST)


class Signers:
    """So many processes that sign with one key, in PEM; `sign` does so in this one.

    They hold no mail and speak to no relay. So what a process that died had not signed is signed elsewhere,
    and whoever takes up the send of a sender that died need not wait until its signers are gone: they end
    with their pipe, of which only the sender has the other end. A process is used once it has signed as
    `sign` does.
    """

    def __init__(self, pem: bytes, sign: Callable[[bytes], bytes], *, count: int) -> None:
        self._first = len(pem).to_bytes(signing.LENGTH, "big") + pem
        self._proof = sign(_PROBE)
        self._count = count
        self._processes: list[_Process] = []

    async def open(self) -> None:
        """Start them; without those that cannot be started others sign more, or the sender does."""
        loop = asyncio.get_running_loop()
        command = (sys.executable or "", "-P", signing.__file__)
        with suppress(OSError):
            for _ in range(self._count):
                _, process = await loop.subprocess_exec(
                    lambda: _Process(self._first, self._proof),
                    *command,
                    stdin=PIPE,
                    stdout=PIPE,
                    stderr=DEVNULL,
                )
                self._processes.append(process)

    def sign(self, digests: Sequence[bytes]) -> asyncio.Future[Sequence[bytes]] | None:
        """The signatures, or none of them where the process died; None where there is no process."""
        ready = [process for process in self._processes if process.ready]
        return min(ready, key=lambda process: process.waiting).sign(digests) if ready else None

    async def close(self) -> None:
        """End them, and see that they are gone."""
        for process in self._processes:
            process.end()
        try:
            await self._gone()
        finally:
            for process in self._processes:
                process.kill()
        await self._gone()

    async def _gone(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(LEAVE):
                for process in self._processes:
                    await process.gone.wait()


class _Process(asyncio.SubprocessProtocol):
    """One process; `waiting` counts the digests that it has, `ready` says that it may have more."""

    def __init__(self, first: bytes, proof: bytes) -> None:
        self.ready = False
        self.waiting = 0
        self.gone = asyncio.Event()
        self._first, self._proof = first, proof
        self._octets = b""
        self._jobs: deque[tuple[int, asyncio.Future[Sequence[bytes]]]] = deque()
        self._watch: asyncio.TimerHandle | None = None

    def sign(self, digests: Sequence[bytes]) -> asyncio.Future[Sequence[bytes]]:
        """Have them signed, after those that wait."""
        loop = asyncio.get_running_loop()
        job: asyncio.Future[Sequence[bytes]] = loop.create_future()
        self._jobs.append((len(digests), job))
        self.waiting += len(digests)
        self._give(b"".join(digests))
        if self._watch is None:
            self._watch = loop.call_later(PATIENCE / 2, self._look, job)
        return job

    def end(self) -> None:
        """Let it end: it gets nothing more."""
        self.ready = False
        if self._watch is not None:
            self._watch.cancel()
        self._stdin.close()
        while self._jobs:
            _, job = self._jobs.popleft()
            if not job.done():
                job.set_result(())

    def kill(self) -> None:
        """End it, if it lives."""
        if not self.gone.is_set():
            with suppress(ProcessLookupError):
                self._transport.kill()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It was started: give it the key, and see whether it signs."""
        self._transport = cast(asyncio.SubprocessTransport, transport)
        self._stdin = cast(asyncio.WriteTransport, self._transport.get_pipe_transport(0))
        self._give(self._first)
        self.sign([_PROBE]).add_done_callback(self._proved)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Hand out the signatures of each job that is done."""
        self._octets += data
        size = len(self._proof)
        while self._jobs and len(self._octets) >= (end := self._jobs[0][0] * size):
            count, job = self._jobs.popleft()
            self.waiting -= count
            if not job.done():
                job.set_result([self._octets[at : at + size] for at in range(0, end, size)])
            self._octets = self._octets[end:]
        if self._octets and not self._jobs:
            self.end()  # whatever this is, it was not asked for

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """It ends, or has ended."""
        self.end()

    def process_exited(self) -> None:
        """It has ended."""
        self.end()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing of it is left."""
        self._transport.close()
        self.gone.set()

    def _give(self, octets: bytes) -> None:
        """Write to it; where it has just died the loop is about to tell."""
        if not self._stdin.is_closing():
            self._stdin.write(octets)

    def _proved(self, job: asyncio.Future[Sequence[bytes]]) -> None:
        if not job.cancelled() and list(job.result()) == [self._proof]:
            self.ready = not self._stdin.is_closing()
        else:
            self.end()

    def _look(self, job: asyncio.Future[Sequence[bytes]], again: bool = False) -> None:
        """End what does not get on with its work; look twice at it, since this process may have slept."""
        self._watch = None
        if job.done() or not again:
            if self._jobs:
                oldest = self._jobs[0][1]
                self._watch = asyncio.get_running_loop().call_later(
                    PATIENCE / 2, self._look, oldest, oldest is job
                )
        else:
            self.kill()
            self.end()
