"""Processes that sign: what they sign is right, and whatever becomes of them or their parent is no harm."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import uvloop

from newsletter.composer import FEW, signers_for
from newsletter.deliver import signers as parent
from newsletter.deliver import signing
from newsletter.deliver.signers import Signers
from newsletter.dkim import Signer, new_key
from tests.faults.ground import wait_until
from tests.faults.troubles import ended, gone

KEYS = {
    name: Signer(domain="example.org", selector="a", pem=new_key(ed25519=name == "ed25519"))
    for name in ("rsa", "ed25519")
}
DIGESTS = [hashlib.sha256(bytes([n])).digest() for n in range(100)]
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
on_linux = pytest.mark.skipif(not Path("/proc").exists(), reason="only Linux tells of processes like this")
on_posix = pytest.mark.skipif(os.name != "posix", reason="signals")


@pytest.fixture(params=KEYS)
def key(request: pytest.FixtureRequest) -> Signer:
    return KEYS[request.param]


@pytest.fixture(params=LOOPS)
def play(request: pytest.FixtureRequest) -> Callable[[Callable[[], Awaitable[None]]], None]:
    def run(scene: Callable[[], Awaitable[None]]) -> None:
        async def main() -> None:
            await scene()

        with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
            runner.run(main())

    return run


Play = Callable[[Callable[[], Awaitable[None]]], None]


def pids(signers: Signers) -> list[int]:
    return [process._transport.get_pid() for process in signers._processes]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def ready(key: Signer, count: int) -> AsyncIterator[Signers]:
    """So many that are there; afterwards they are gone."""
    signers = Signers(key.pem, key.sign_digest, count=count)
    await signers.open()
    try:
        await until(lambda: all(process.ready for process in signers._processes))
        assert len(signers._processes) == count
        yield signers
    finally:
        started = pids(signers)
        await signers.close()
        assert all(process.gone.is_set() for process in signers._processes)
        assert gone(started)


async def signed(signers: Signers, digests: Sequence[bytes]) -> Sequence[bytes]:
    job = signers.sign(digests)
    assert job is not None
    return await job


def test_they_sign_as_this_process_does(key: Signer, play: Play) -> None:
    expected = [key.sign_digest(digest) for digest in DIGESTS]

    async def scene() -> None:
        async with ready(key, 2) as signers:
            sizes = (1, 8, 3, 40, 8, 1, 39)
            starts = [sum(sizes[:n]) for n in range(len(sizes))]
            parts = [DIGESTS[at : at + size] for at, size in zip(starts, sizes, strict=True)]
            jobs = [asyncio.ensure_future(signed(signers, part)) for part in parts]
            assert [one for job in jobs for one in await job] == expected
            assert not any(process.waiting for process in signers._processes)

    play(scene)


@on_posix
def test_what_a_killed_one_had_comes_back_unsigned_and_the_others_go_on(key: Signer, play: Play) -> None:
    async def scene() -> None:
        async with ready(key, 2) as signers:
            jobs = [signers.sign(DIGESTS[:8]) for _ in range(6)]
            os.kill(pids(signers)[0], signal.SIGKILL)
            answers = [await job for job in jobs if job is not None]
            whole = [key.sign_digest(digest) for digest in DIGESTS[:8]]
            assert len(answers) == 6
            assert all(list(answer) in ([], whole) for answer in answers)
            assert sum(map(bool, answers)) >= 3
            await until(lambda: not signers._processes[0].ready)
            assert await signed(signers, DIGESTS[:8]) == whole
            os.kill(pids(signers)[1], signal.SIGKILL)
            for _ in range(1000):
                job = signers.sign(DIGESTS[:1])
                if job is None:
                    return
                await job
            raise AssertionError("nobody is there, and nobody says so")

    play(scene)


@on_posix
def test_one_that_hangs_is_given_up(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        async with ready(KEYS["rsa"], 1) as signers:
            monkeypatch.setattr(parent, "PATIENCE", 0.4)
            os.kill(pids(signers)[0], signal.SIGSTOP)
            assert await signed(signers, DIGESTS[:8]) == ()
            assert signers.sign(DIGESTS[:8]) is None

    play(scene)


@on_posix
def test_one_that_hangs_at_the_end_is_killed(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parent, "LEAVE", 0.2)

    async def scene() -> None:
        async with ready(KEYS["rsa"], 2) as signers:
            os.kill(pids(signers)[0], signal.SIGSTOP)

    play(scene)


@pytest.mark.parametrize("program", ["", "/no/such/program", "/bin/cat", "/bin/echo", "/bin/false", __file__])
def test_those_that_cannot_be_started_or_are_something_else_are_done_without(
    play: Play, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", program)

    async def scene() -> None:
        signers = Signers(KEYS["ed25519"].pem, KEYS["ed25519"].sign_digest, count=3)
        await signers.open()
        for _ in range(10):
            assert signers.sign(DIGESTS) is None
            await asyncio.sleep(0.02)
        await signers.close()
        assert all(process.gone.is_set() for process in signers._processes)

    play(scene)


@on_linux
def test_the_key_is_neither_in_the_arguments_nor_in_the_environment(play: Play) -> None:
    async def scene() -> None:
        async with ready(KEYS["rsa"], 1) as signers:
            for name in ("cmdline", "environ"):
                told = Path(f"/proc/{pids(signers)[0]}/{name}").read_bytes()
                assert told
                assert b"PRIVATE KEY" not in told

    play(scene)


@on_posix
def test_ctrl_c_is_not_theirs_to_answer(play: Play) -> None:
    async def scene() -> None:
        async with ready(KEYS["rsa"], 1) as signers:
            os.kill(pids(signers)[0], signal.SIGINT)
            for _ in range(3):
                assert len(await signed(signers, DIGESTS[:8])) == 8

    play(scene)


@on_linux
def test_they_end_while_they_start_and_whoever_stops_waiting_leaves_none(play: Play) -> None:
    async def scene() -> None:
        signers = Signers(KEYS["rsa"].pem, KEYS["rsa"].sign_digest, count=3)
        await signers.open()
        closing = asyncio.ensure_future(signers.close())
        await asyncio.sleep(0)
        closing.cancel()
        with suppress(asyncio.CancelledError):
            await closing
        await until(lambda: gone(pids(signers)))

    play(scene)


PARENT = """
import asyncio, sys
from pathlib import Path
from newsletter.deliver.signers import Signers
from newsletter.dkim import Signer

async def main():
    key = Signer(domain="example.org", selector="a", pem=Path(sys.argv[1]).read_bytes())
    signers = Signers(key.pem, key.sign_digest, count=3)
    await signers.open()
    while sys.argv[2] == "ready" and not all(process.ready for process in signers._processes):
        await asyncio.sleep(0.01)
    print(*(process._transport.get_pid() for process in signers._processes), flush=True)
    await asyncio.sleep(600)

if sys.argv[3] == "uvloop":
    import uvloop
    uvloop.run(main())
else:
    asyncio.run(main())
"""


@on_linux
@pytest.mark.parametrize("when", ["ready", "at once"])
@pytest.mark.parametrize("loop", LOOPS)
def test_they_end_with_a_parent_that_is_killed(tmp_path: Path, when: str, loop: str) -> None:
    key = tmp_path / "key.pem"
    key.write_bytes(KEYS["rsa"].pem)
    command = [sys.executable, "-c", PARENT, str(key), when, loop]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sender:
        assert sender.stdout is not None
        started = [int(pid) for pid in sender.stdout.readline().split()]
        assert len(started) == 3
        assert not ended(started)
        sender.kill()
        wait_until(lambda: ended(started), "the end of those that sign", 1)


@pytest.mark.parametrize(
    ("name", "processors", "expected"),
    [("rsa", 16, 4), ("rsa", 2, 2), ("rsa", None, 1), ("ed25519", 16, 0), ("ed25519", None, 0)],
)
def test_as_many_are_started_as_can_be_kept_busy(
    monkeypatch: pytest.MonkeyPatch, name: str, processors: int | None, expected: int
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    assert signers_for(None, FEW) is None
    assert signers_for(KEYS[name], FEW - 1) is None
    signers = signers_for(KEYS[name], FEW)
    assert (signers._count if signers else 0) == expected


def test_the_program_ends_quietly_where_nobody_listens() -> None:
    pem = KEYS["ed25519"].pem
    first = len(pem).to_bytes(signing.LENGTH, "big") + pem
    for given in (b"", b"\0", first[:50], first, first + DIGESTS[0], first + DIGESTS[0] + b"half"):
        told = subprocess.run(
            [sys.executable, "-P", signing.__file__], input=given, capture_output=True, check=True
        )
        assert not told.stderr
        expected = KEYS["ed25519"].sign_digest(DIGESTS[0]) if len(given) > len(first) else b""
        assert told.stdout == expected
    with subprocess.Popen(
        [sys.executable, "-P", signing.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as program:
        assert program.stdin and program.stdout and program.stderr
        program.stdout.close()
        program.stdin.write(first + DIGESTS[0])
        program.stdin.flush()
        assert program.wait(10) == 0
        assert program.stderr.read() == b""
        with suppress(BrokenPipeError):
            program.stdin.close()


def test_the_program_is_there_in_a_moment() -> None:
    """It imports nothing of the package, and neither asyncio nor what else takes its time."""
    look = f"import runpy, sys; runpy.run_path({signing.__file__!r})['_opened'](sys.stdin.buffer.read())"
    told = subprocess.run(
        [sys.executable, "-X", "importtime", "-P", "-c", look],
        input=KEYS["rsa"].pem,
        capture_output=True,
        check=True,
    )
    modules = {line.rpartition(b"|")[2].strip() for line in told.stderr.splitlines()}
    assert b"cryptography.hazmat.primitives.serialization" in modules
    assert not [
        name for name in modules if name.startswith((b"newsletter", b"asyncio", b"msgspec", b"socket"))
    ]
