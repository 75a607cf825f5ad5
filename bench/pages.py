"""How long a visitor waits while a send of 20,000 writes the journal: `newsletter serve` under load.

    python bench/pages.py [--people 20000] [--rate 200] [--views 70]

Real processes: `newsletter serve`, `newsletter send` to a sink, and this one, which asks at a steady rate,
whatever the answers take, over kept connections as a proxy does. A wait counts from when the request was due.
Each one-click request is another recipient's. Prints the percentiles before, during and after the send.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from measure import SETTINGS, make_project, sink

from newsletter.links import KEY_PURPOSE, Purpose, sign
from newsletter.store import open_store

CONNECTIONS = 64
VIEWS = ("/", "/i/bench/en", "/i/bench/en/share", "/site.css", "/join", "/i/bench/en/handout", "/feed.xml")
BODY = b"List-Unsubscribe=One-Click"


@dataclass
class Seen:
    """Waits in milliseconds, by kind, and the answers' status codes."""

    views: list[float] = field(default_factory=list)
    leaves: list[float] = field(default_factory=list)
    codes: Counter[int] = field(default_factory=Counter)


class Visitors:
    """Asks the pages at a steady rate."""

    def __init__(self, port: int, tokens: list[str], rate: float, views: int) -> None:
        self.port, self.tokens, self.rate, self.views = port, tokens, rate, views
        self.lines: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.room = asyncio.Semaphore(CONNECTIONS)
        self.seen = Seen()

    async def go(self, until: asyncio.Event) -> Seen:
        """Ask until the event is set -> what was seen."""
        self.seen = Seen()
        due, tasks = time.perf_counter(), set()
        while not until.is_set():
            due += random.expovariate(self.rate)
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            task = asyncio.create_task(self.one(due))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)
        return self.seen

    async def one(self, due: float) -> None:
        """One request, and how long it took since it was due."""
        view = random.random() * 100 < self.views or not self.tokens
        target = random.choice(VIEWS) if view else f"/u/{self.tokens.pop()}"
        code = await self.ask("GET" if view else "POST", target)
        waits = self.seen.views if view else self.seen.leaves
        waits.append((time.perf_counter() - due) * 1000)
        self.seen.codes[code] += 1

    async def ask(self, method: str, target: str) -> int:
        """Ask over a kept connection -> the status code."""
        client = f"203.0.{random.randrange(256)}.{random.randrange(256)}"
        head = f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nX-Forwarded-For: {client}\r\n"
        if method == "POST":
            head += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(BODY)}\r\n"
        async with self.room:
            line = self.lines.pop() if self.lines else await asyncio.open_connection("127.0.0.1", self.port)
            reader, writer = line
            writer.write(head.encode() + b"\r\n" + (BODY if method == "POST" else b""))
            answer = await reader.readuntil(b"\r\n\r\n")
            lower = answer.lower()
            length = int(lower.split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            if b"connection: close" in lower:
                writer.close()
            else:
                self.lines.append(line)
        return int(answer.split(b" ", 2)[1])


def shown(name: str, seen: Seen, seconds: float) -> None:
    """One line for each kind of request."""
    for kind, waits in (("views", seen.views), ("leaves", seen.leaves)):
        if waits:
            at = sorted(waits)
            p50, p99, p999 = (at[int(len(at) * part)] for part in (0.5, 0.99, 0.999))
            print(f"{name:8} {kind:7} {len(at):6} asked {p50:7.1f} {p99:7.1f} {p999:7.1f} {at[-1]:7.1f} ms")
    rate = (len(seen.views) + len(seen.leaves)) / seconds
    print(f"{name:8} {rate:.0f} a second, answers {dict(seen.codes)}", flush=True)


async def measure(folder: Path, visitors: Visitors, seconds: float) -> None:
    """Load the pages before, during and after a send."""
    print(f"{'':8} {'':7} {'':12} {'p50':>7} {'p99':>7} {'p99.9':>7} {'worst':>7}")

    async def phase(name: str, ends: asyncio.Future[object] | asyncio.Task[object]) -> None:
        until, began = asyncio.Event(), time.perf_counter()
        task = asyncio.create_task(visitors.go(until))
        await ends
        until.set()
        shown(name, await task, time.perf_counter() - began)

    await phase("before", asyncio.create_task(asyncio.sleep(seconds)))
    program = (sys.executable, "-m", "newsletter", "send", "bench", "--to", "all", "--yes")
    with (folder / "send.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*program, cwd=folder, stdout=log, stderr=log)
        began = time.perf_counter()
        await phase("sending", asyncio.create_task(process.wait()))
        print(f"the send took {time.perf_counter() - began:.1f} s, exit {process.returncode}")
    await phase("after", asyncio.create_task(asyncio.sleep(seconds)))


def main() -> None:
    """Set up, measure, and show what the log says of trouble."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--views", type=int, default=70, help="percent; the rest leave by one click")
    parser.add_argument("--seconds", type=float, default=10, help="before and after the send")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, sink() as relay:
        folder = Path(temporary) / "project"
        make_project(folder, given.people)
        text = SETTINGS.format(port=relay.port, connections=4)
        text = text.replace("https://news.example.org", "http://127.0.0.1:{}")
        with (folder / "serve.log").open("wb") as log:
            port = relay.port + 1
            (folder / "newsletter.toml").write_text(text.format(port))
            serve = (sys.executable, "-m", "newsletter", "serve", "--port", str(port))
            with subprocess.Popen(serve, cwd=folder, stdout=log, stderr=log) as server:
                try:
                    time.sleep(4)
                    tokens = make_tokens(folder)
                    visitors = Visitors(port, tokens, given.rate, given.views)
                    asyncio.run(measure(folder, visitors, given.seconds))
                finally:
                    server.terminate()
        lines = (folder / "serve.log").read_text().splitlines()
        trouble = [line for line in lines if " error " in line or "wait" in line]
        print("trouble in the log:", trouble[:10] or "none")
        print((folder / "send.log").read_text()[-400:])


def make_tokens(folder: Path) -> list[str]:
    """Every recipient's one-click token, in any order."""
    with open_store(folder / "subscribers.db", now=lambda: time.time_ns() // 1_000_000) as store:
        key = store.keys.current(KEY_PURPOSE)
        subjects = [person.subject for person in store.people.select(None, None)]
    random.shuffle(subjects)
    return [sign(key, purpose=Purpose.LEAVE_AT_ONCE, subject=subject, about=1) for subject in subjects]


if __name__ == "__main__":
    main()
