"""What the benchmarks share: a made-up project, a sink, and the cost of a whole process."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SETTINGS = """\
[campaign]
name = "Bench"
organisation = "Bench"
postal_address = "Sampletown"
contact = "office@example.org"
list_id = "bench.1.localhost"
[sender]
address = "news@example.org"
[smtp]
url = "smtp://127.0.0.1:{port}"
connections = {connections}
messages_per_connection = 100000
[web]
base_url = "https://news.example.org"
"""
PARAGRAPH = "Less exposure time is needed, since a child's oral structures are smaller than an adult's. "
PATH = os.environ["PATH"] + os.pathsep + "/usr/sbin"
SENDER, RECIPIENT = "news@example.org", "sample@example.net"


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a finished process took: seconds on the wall and of CPU, with its children; peak memory in MB."""

    seconds: float
    cpu: float
    memory: float = 0.0

    def beside(self, other: Cost) -> tuple[float, float]:
        """Its rate over the other's, and its CPU over the other's."""
        return other.seconds / self.seconds, self.cpu / other.cpu


def measured(command: Sequence[str], folder: Path) -> Cost:
    """Run a command to its end, with bytecode cached as an installed program has it."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environ["PYTHONPYCACHEPREFIX"] = str(folder.parent / "bytecode")
    started = time.perf_counter()
    with (folder / "bench.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command} ended with {process.returncode}:\n{(folder / 'bench.log').read_text()[-2000:]}")
    return Cost(
        seconds=time.perf_counter() - started,
        cpu=usage.ru_utime + usage.ru_stime,
        memory=usage.ru_maxrss / 1024,
    )


def newsletter(folder: Path, *arguments: str) -> Cost:
    """Run the program in a project."""
    return measured([sys.executable, "-m", "newsletter", *arguments], folder)


@dataclass(frozen=True, kw_only=True)
class Sink:
    """A running sink."""

    port: int
    pid: int

    def cpu(self) -> float:
        """Seconds of CPU that it has taken so far; 0 where the system does not tell (it has no /proc)."""
        stat = Path(f"/proc/{self.pid}/stat")
        if not stat.exists():
            return 0.0
        user, system = stat.read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@contextmanager
def sink(*, fast: bool = False) -> Iterator[Sink]:
    """postfix's smtp-sink on a free loopback port, or the fast one."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    user = ["-u", "nobody"] if os.getuid() == 0 else []
    command = [postfix("smtp-sink"), *user, f"127.0.0.1:{port}", "200"]
    if fast:
        command = [sys.executable, str(Path(__file__).with_name("fastsink.py")), str(port)]
    with subprocess.Popen(command) as process:
        for _ in range(100):
            time.sleep(0.05)
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
        try:
            yield Sink(port=port, pid=process.pid)
        finally:
            process.terminate()


def postfix(name: str) -> str:
    """The path of one of postfix's test programs."""
    program = shutil.which(name, path=PATH)
    if program is None:
        sys.exit(f"{name} is missing: install Debian's package postfix")
    return program


def make_project(folder: Path, people: int) -> int:
    """A project with an issue of about 40 KB and so many people in one list -> its mail's size in bytes."""
    folder.mkdir()
    (folder / "newsletter.toml").write_text(SETTINGS.format(port=25, connections=8))
    issue = folder / "issues" / "bench"
    issue.mkdir(parents=True)
    body = "\n\n".join([PARAGRAPH * 3] * 42)
    (issue / "en.md").write_text(
        "---\nsubject: A bench issue\npreheader: A line of the right length for the inbox of a reader.\n---\n"
        'Dear {{ name | default("colleague") }},\n\n' + body + "\n"
    )
    rows = "".join(f"sample.{n}@example.net,Dr Sample {n}\n" for n in range(people))
    (folder / "people.csv").write_text("email,name\n" + rows)
    newsletter(folder, "subscribers", "import", "people.csv", "--list", "all", "--source", "x", "--yes")
    newsletter(folder, "build", "bench")
    return (folder / "build" / "bench" / "en.eml").stat().st_size


def send(template: Path, port: int, connections: int, settings: str = "") -> Cost:
    """One whole send of a copy of the project."""
    folder = template.parent / "run"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(template, folder)
    text = SETTINGS.format(port=port, connections=connections) + settings
    (folder / "newsletter.toml").write_text(text)
    return newsletter(folder, "send", "bench", "--to", "all", "--yes")


def source(folder: Path, port: int, connections: int, people: int, size: int) -> Cost:
    """As many messages of the same size by smtp-source."""
    command = [postfix("smtp-source"), "-d", "-s", str(connections), "-m", str(people), "-l", str(size)]
    return measured([*command, "-f", SENDER, "-t", RECIPIENT, f"127.0.0.1:{port}"], folder)
