"""Runs commands as processes that are forked from one that has read the program already.

Reading the program is most of what a short command takes, and the tests run a thousand of them.
`python -m tests.cli.warm FD` is the process that forks: it reads requests from that socket until it ends.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import newsletter.__main__ as program
from newsletter.cli.groups import HOMES

ROOT = Path(__file__).parents[2]
POSSIBLE = hasattr(os, "fork") and hasattr(socket, "send_fds")
PATIENCE = 120  # seconds for one command
_AT_START = ("PYTHON", "LC_", "LANG", "TZ")  # what an interpreter only reads as it starts


class Warm:
    """The process that forks, started at once; it ends when this is closed, or with the tests."""

    def __init__(self) -> None:
        self._environ = {**os.environ, "PYTHONUTF8": "1"}
        self._asking, asked = socket.socketpair()
        with asked:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.cli.warm", str(asked.fileno())],
                cwd=ROOT,
                env=self._environ,
                pass_fds=[asked.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )

    def close(self) -> None:
        """Let it end."""
        self._asking.close()
        self._process.wait(10)

    def fits(self, environ: Mapping[str, str]) -> bool:
        """Whether these variables mean the same to a process that is forked from this one."""
        return self._process.poll() is None and _at_start(environ) == _at_start(self._environ)

    def run(
        self, arguments: Sequence[str], folder: Path, environ: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run the program in a folder, without a terminal, to its end."""
        request = {"arguments": arguments, "folder": str(folder), "environ": dict(environ)}
        line = json.dumps(request).encode() + b"\n"
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            code = self._ended(line, out.fileno(), err.fileno())
            said = []
            for file in (out, err):
                file.seek(0)
                said.append(file.read().decode().replace("\r\n", "\n"))
        return subprocess.CompletedProcess(arguments, code, *said)

    def _ended(self, line: bytes, out: int, err: int) -> int:
        """The exit code; that of a kill where it takes too long."""
        told, tell = os.pipe()
        with os.fdopen(told, "rb") as telling:
            sent = socket.send_fds(self._asking, [line], [out, err, tell])
            os.close(tell)
            self._asking.sendall(line[sent:])
            child = int(telling.readline())
            if not select.select([telling], [], [], PATIENCE)[0]:
                os.kill(child, signal.SIGKILL)
            return int(telling.readline())


def _at_start(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name.startswith(_AT_START)}


def _receive(asked: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """The next request with its files; None where there will be none."""
    line, files = b"", list[int]()
    while not line.endswith(b"\n"):
        some, sent, _, _ = socket.recv_fds(asked, 65_536, 3)
        if not some:
            return None
        line += some
        files += sent
    return json.loads(line), files


def _be_the_program(request: dict[str, Any], out: int, err: int) -> NoReturn:
    """Run it and leave, without the clearing up that would first copy all that is shared."""
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environ"])
    sys.argv = [program.__file__, *request["arguments"]]
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        program.run()
    except SystemExit as leaving:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None))
    raise AssertionError("the program ended without an exit code")


def _serve(asked: socket.socket) -> None:
    """Fork for each request: one process that is the program, and one that waits for it."""
    while received := _receive(asked):
        request, (out, err, tell) = received
        if os.fork() == 0:
            asked.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            child = os.fork()
            if child == 0:
                os.close(tell)
                _be_the_program(request, out, err)
            os.write(tell, b"%d\n" % child)
            _, status = os.waitpid(child, 0)
            os.write(tell, b"%d\n" % os.waitstatus_to_exitcode(status))
            os._exit(0)
        for file in (out, err, tell):
            os.close(file)


def main(number: int) -> None:
    """Read the program, then fork as often as is asked."""
    for home in sorted(set(HOMES.values())):
        importlib.import_module(f"newsletter.cli.{home}")
    os.set_inheritable(number, False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.freeze()
    _serve(socket.socket(fileno=number))


if __name__ == "__main__":
    main(int(sys.argv[1]))
