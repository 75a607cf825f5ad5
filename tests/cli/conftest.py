"""A project in a fresh folder, and the program as a process of its own."""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.cli.warm import POSSIBLE, Warm
from tests.deliver.relay import ScriptedRelay, Step

SLUG = "image-gently-in-dentistry"
PEOPLE = [f"sample.{n:03d}@example.net" for n in range(120)]
SETTINGS = """\
[campaign]
name = "Sample News"
organisation = "Sample Federation"
postal_address = "1 Sample Street, Sampletown"
contact = "office@example.org"
list_id = "sample.1234.localhost"
[sender]
name = "Sample News"
address = "news@example.org"
reply_to = "office@example.org"
"""
ISSUE = """\
---
subject: A short issue for {{ name | default("you") }}
title: A short issue
preheader: What the sample federation wants to tell you, in one line of the right length.
---
Dear {{ name | default("colleague") }},

[the campaign](https://www.imagegently.org) says hello.
"""


@cache
def warm() -> Warm:
    """The process that this one's commands are forked from."""
    made = Warm()
    atexit.register(made.close)
    return made


@dataclass
class Box:
    """A project folder, and the program in it, without a terminal.

    `start` starts it anew, to be killed or signalled; `run` forks it where nothing speaks against that.
    """

    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, str]:
        """What the program finds in its environment."""
        return {**os.environ, "PYTHONUTF8": "1", **self.environ}

    def start(self, *arguments: str, **more: Any) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "newsletter", *arguments],
            cwd=self.folder,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            **more,
        )

    def run(
        self, *arguments: str, exit_code: int | None = 0, **more: Any
    ) -> subprocess.CompletedProcess[str]:
        if POSSIBLE and not more and warm().fits(self.variables):
            told = warm().run(arguments, self.folder, self.variables)
        else:
            told = self._run_anew(*arguments, **more)
        assert "Traceback" not in told.stderr, told.stderr
        if exit_code is not None:
            said = f"{arguments}: {told.returncode}\n{told.stdout}\n{told.stderr}"
            assert told.returncode == exit_code, said
        return told

    def _run_anew(self, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments, **more)
        try:
            out, err = process.communicate(timeout=120)
        finally:
            process.kill()
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def asked(self, answer: str, *arguments: str, meanwhile: Callable[[], object] | None = None) -> str:
        """What stands on a terminal where a person runs this and types the answer.

        `meanwhile` happens while the question stands.
        """
        main, side = pytest.importorskip("pty").openpty()
        environ = {**self.variables, "COLUMNS": "200", "TERM": "dumb"}
        process = subprocess.Popen(
            [sys.executable, "-m", "newsletter", *arguments],
            cwd=self.folder,
            env=environ,
            stdin=side,
            stdout=side,
            stderr=side,
        )
        os.close(side)
        told = b""
        if meanwhile is not None:
            while b"[y/N]" not in told:
                told += os.read(main, 10_000)
            meanwhile()
        os.write(main, f"{answer}\n".encode())
        with suppress(OSError):  # Linux says so where the other end is closed
            while some := os.read(main, 10_000):
                told += some
        process.wait(60)
        os.close(main)
        return " ".join(told.decode().split())

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json").stdout)

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def fill(self, addresses: Sequence[str], list_name: str = "dentists") -> None:
        rows = "".join(f"{address},Dr Sample {n}\n" for n, address in enumerate(addresses))
        self.write("people.csv", f"email,name\n{rows}")
        self.run("subscribers", "import", "people.csv", "--list", list_name, "--source", "test", "--yes")

    def send(self, *more: str, exit_code: int | None = 0) -> subprocess.CompletedProcess[str]:
        return self.run("send", "short", "--to", "dentists", "--yes", *more, exit_code=exit_code)

    def status(self, slug: str = "short") -> dict[str, int]:
        found: dict[str, int] = self.json("status", slug)
        states = {key: count for key, count in found.items() if key not in {"issue", "total"}}
        assert sum(states.values()) == found["total"]
        return found


class Gate:
    """Lets six mails through, then holds the relay until it is opened."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.count = 0

    def __call__(self, step: Step) -> None:
        if step.verb == "END":
            self.count += 1
            if self.count > 6:
                assert self.opened.wait(60)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def box(tmp_path: Path) -> Box:
    """A project with one short issue and no subscribers."""
    made = Box(tmp_path / "project")
    made.write("newsletter.toml", SETTINGS)
    made.write("issues/short/en.md", ISSUE)
    return made


@pytest.fixture
def relayed(box: Box) -> Callable[[int], Box]:
    """Names a relay on a loopback port to the project."""

    def name(port: int) -> Box:
        box.environ["NEWSLETTER_SMTP_URL"] = f"smtp://127.0.0.1:{port}"
        return box

    return name


@contextmanager
def half_sent(
    relayed: Callable[[int], Box], *, hangups: signal.Handlers = signal.SIG_DFL
) -> Iterator[tuple[Box, ScriptedRelay, Gate, subprocess.Popen[str]]]:
    """A send of which six are taken, while the relay holds the answers to the next ones."""
    gate = Gate()
    with ScriptedRelay(gate).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE)
        before = signal.signal(signal.SIGHUP, hangups) if hasattr(signal, "SIGHUP") else None
        sender = box.start("send", "short", "--to", "dentists", "--yes")
        if before is not None:
            signal.signal(signal.SIGHUP, before)
        until(lambda: len(relay.taken) > 5)
        yield box, relay, gate, sender
