"""The whole `newsletter send` against Debian's smtp-source, in pairs, through the same smtp-sink.

    python bench/engine.py [--people 20000] [--pairs 5] [--connections 8]

Prints ratios: messages a second over smtp-source's (start-up, planning and a durable journal included), and
CPU a message over smtp-source's. Needs smtp-sink and smtp-source (package postfix).
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
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


@dataclass(frozen=True)
class Cost:
    """What a finished process took."""

    seconds: float
    cpu: float


def measured(command: list[str], folder: Path) -> Cost:
    """Run a command to its end; CPU is its own and its children's."""
    started = time.perf_counter()
    with (folder / "bench.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command} ended with {process.returncode}; see {folder / 'bench.log'}")
    return Cost(time.perf_counter() - started, usage.ru_utime + usage.ru_stime)


@contextmanager
def sink() -> Iterator[int]:
    """An smtp-sink on a free loopback port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    user = ["-u", "nobody"] if os.getuid() == 0 else []
    program = shutil.which("smtp-sink", path=os.environ["PATH"] + ":/usr/sbin")
    if program is None:
        sys.exit("smtp-sink is missing: install Debian's package postfix")
    with subprocess.Popen([program, *user, f"127.0.0.1:{port}", "200"]) as process:
        for _ in range(100):
            time.sleep(0.05)
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
        try:
            yield port
        finally:
            process.terminate()


def make_project(folder: Path, people: int) -> None:
    """A project with an issue of about 40 KB and so many people in one list."""
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
    run = [sys.executable, "-m", "newsletter"]
    measured([*run, "subscribers", "import", "people.csv", "--list", "all", "--source", "x", "--yes"], folder)
    measured([*run, "build", "bench"], folder)


def send(template: Path, work: Path, port: int, connections: int) -> Cost:
    """One send of a copy of the project."""
    folder = work / "run"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(template, folder)
    (folder / "newsletter.toml").write_text(SETTINGS.format(port=port, connections=connections))
    return measured([sys.executable, "-m", "newsletter", "send", "bench", "--to", "all", "--yes"], folder)


def source(work: Path, port: int, connections: int, people: int, size: int) -> Cost:
    """The same number of messages of the same size by smtp-source."""
    program = shutil.which("smtp-source", path=os.environ["PATH"] + ":/usr/sbin")
    command = [str(program), "-d", "-s", str(connections), "-m", str(people), "-l", str(size)]
    command += ["-f", "news@example.org", "-t", "sample@example.net", f"127.0.0.1:{port}"]
    return measured(command, work)


def main() -> None:
    """Measure the pairs and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--connections", type=int, default=8)
    options = parser.parse_args()
    rates, cpus = [], []
    with tempfile.TemporaryDirectory() as name, sink() as port:
        work = Path(name)
        template = work / "template"
        make_project(template, options.people)
        size = (template / "build" / "bench" / "en.eml").stat().st_size
        print(f"{options.people:,} messages of {size:,} bytes, {options.connections} connections")
        for pair in range(options.pairs):
            theirs = source(work, port, options.connections, options.people, size)
            ours = send(template, work, port, options.connections)
            rates.append(theirs.seconds / ours.seconds)
            cpus.append(ours.cpu / theirs.cpu)
            print(
                f"pair {pair + 1}: rate {rates[-1]:.2f}, CPU {cpus[-1]:.2f}   "
                f"(ours {options.people / ours.seconds:,.0f}/s, {ours.cpu / options.people * 1e6:,.0f} us; "
                f"smtp-source {options.people / theirs.seconds:,.0f}/s, "
                f"{theirs.cpu / options.people * 1e6:,.0f} us)",
                flush=True,
            )
    print(f"median: rate {statistics.median(rates):.2f}, CPU {statistics.median(cpus):.2f} of smtp-source")


if __name__ == "__main__":
    main()
