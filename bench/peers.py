"""What pip and npm can install, beside smtp-source and the whole `newsletter send`, in one run.

    python bench/peers.py [--people 10000] [--rounds 3] [--connections 8]

Each sends messages of the same size to the same smtp-sink, start-up included; those that take milliseconds
for each send a tenth as many. mailmerge reads its own files; the others keep no journal and no list, they are
given a loop. They are installed into a temporary folder, and left out, and named, where that does not work.
Prints each one's rate and CPU over smtp-source's, and ours over theirs.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from measure import Cost, make_project, measured, send, sink, source

SMTPLIB = """
import email.message, email.policy, smtplib, sys
port, people, size = map(int, sys.argv[1:4])
text = "Less exposure time is needed, since children are small.\\n" * (size // 58)
with smtplib.SMTP("127.0.0.1", port) as client:
    for n in range(people):
        mail = email.message.EmailMessage(email.policy.SMTP)
        mail["From"], mail["To"] = "news@example.org", f"sample.{n}@example.net"
        mail["Subject"] = "A bench issue"
        mail.set_content(text[: size // 3])
        mail.add_alternative(f"<p>Dear {n}</p>" + text[size // 3 :], subtype="html")
        client.send_message(mail)
"""
AIOSMTPLIB = """
import asyncio, sys
import aiosmtplib
port, people, size, connections = map(int, sys.argv[1:5])
line = b"Less exposure time is needed, since children are small.\\r\\n"
body = b"Subject: A bench issue\\r\\n\\r\\n" + line * (size // len(line))
async def work(numbers):
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
        for n in numbers:
            await client.sendmail("news@example.org", [f"sample.{n}@example.net"], body)
async def main():
    await asyncio.gather(*(work(range(c, people, connections)) for c in range(connections)))
asyncio.run(main())
"""
NODEMAILER = """
const [port, people, size, connections] = process.argv.slice(2).map(Number);
const pool = require("nodemailer").createTransport({host: "127.0.0.1", port, pool: true, ignoreTLS: true,
  maxConnections: connections, maxMessages: Infinity});
const text = "Less exposure time is needed, since children are small.\\n".repeat(size / 58);
let next = 0, done = 0;
function fill() {
  while (next < people && next - done < 64) {
    const n = next++;
    pool.sendMail({from: "news@example.org", to: `sample.${n}@example.net`, subject: "A bench issue",
      text: text.slice(0, size / 3), html: `<p>Dear ${n}</p>` + text.slice(size / 3)}, (error) => {
      if (error) { console.error(error); process.exit(1); }
      if (++done === people) pool.close(); else fill();
    });
  }
}
fill();
"""
MAILMERGE = {
    "mailmerge_template.txt": """\
TO: {{email}}
SUBJECT: A bench issue
FROM: news@example.org

Dear {{name}},

""",
    "mailmerge_server.conf": "[smtp_server]\nhost = 127.0.0.1\nport = {port}\n",
}
SLOW = 10


@dataclass(frozen=True, kw_only=True)
class Way:
    """One peer: `run` sends `people` messages."""

    people: int
    run: Callable[[], Cost]


def installed(command: list[str], folder: Path) -> bool:
    """Whether an installation worked."""
    folder.mkdir(exist_ok=True)
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


def peers(work: Path, port: int, people: int, size: int, connections: int) -> dict[str, Way]:
    """Those that can be had here, each with what runs it."""
    few = people // SLOW
    python, node = work / "python", work / "node"
    python.mkdir()

    def script(program: str, path: Path, text: str, count: int) -> Way:
        path.write_text(text)
        command = [program, str(path), *(str(n) for n in (port, count, size, connections))]
        return Way(people=count, run=lambda: measured(command, path.parent))

    def pip(name: str) -> bool:
        at = ["--target", str(python), "--quiet", "--disable-pip-version-check"]
        return told(name, installed([sys.executable, "-m", "pip", "install", *at, name], python))

    found = {
        "smtplib + EmailMessage": script(sys.executable, python / "smtplib_bench.py", SMTPLIB, few),
    }
    if pip("aiosmtplib"):
        path = python / "aiosmtplib_bench.py"
        found["aiosmtplib, ready bytes"] = script(sys.executable, path, AIOSMTPLIB, people)
    if pip("mailmerge"):
        found["mailmerge"] = Way(people=few, run=lambda: mailmerge(python, port, few, size))
    if told("nodemailer", installed(["npm", "install", "--no-audit", "--no-fund", "nodemailer"], node)):
        found["nodemailer's pool"] = script("node", node / "bench.js", NODEMAILER, people)
    return found


def told(name: str, there: bool) -> bool:
    """Whether it is there; a missing one is named."""
    if not there:
        print(f"{name} could not be installed here, and is left out")
    return there


def mailmerge(folder: Path, port: int, people: int, size: int) -> Cost:
    """mailmerge with a template and a database of its own."""
    for name, text in MAILMERGE.items():
        (folder / name).write_text(text.replace("{port}", str(port)))
    with (folder / "mailmerge_template.txt").open("a") as template:
        template.write("Less exposure time is needed, since children are small.\n" * (size // 57))
    rows = "".join(f"sample.{n}@example.net,Dr Sample {n}\n" for n in range(people))
    (folder / "mailmerge_database.csv").write_text("email,name\n" + rows)
    program = "from mailmerge.__main__ import main; main()"
    return measured([sys.executable, "-c", program, "--no-dry-run", "--no-limit"], folder)


def main() -> None:
    """Measure in rounds and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=8)
    options = parser.parse_args()
    people, connections = options.people, options.connections
    with tempfile.TemporaryDirectory() as folder, sink() as taking:
        port = taking.port
        work = Path(folder)
        size = make_project(work / "template", people)
        ours = Way(people=people, run=lambda: send(work / "template", port, connections))
        ways = {"newsletter send": ours, **peers(work, port, people, size, connections)}
        ratios: dict[str, list[tuple[float, float, float]]] = {name: [] for name in ways}
        for number in range(options.rounds):
            for name, way in ways.items():
                theirs = source(work / "template", port, connections, way.people, size)
                cost = way.run()
                ratios[name].append((*cost.beside(theirs), cost.cpu / way.people * 1e6))
                print(f"round {number + 1}, {name}: {way.people:,} in {cost.seconds:.1f} s", flush=True)
        print(f"{people:,} messages of {size:,} bytes; rate and CPU over smtp-source's, medians")
        medians = {
            name: tuple(statistics.median(column) for column in zip(*found, strict=True))
            for name, found in ratios.items()
        }
        rate, cpu, _ = medians["newsletter send"]
        for name, (their_rate, their_cpu, microseconds) in medians.items():
            print(
                f"{name:<26} rate {their_rate:5.2f}   CPU {their_cpu:6.1f} ({microseconds:6,.0f} µs)   "
                f"ours: {rate / their_rate:5.1f} times the rate, {cpu / their_cpu:5.2f} of the CPU"
            )


if __name__ == "__main__":
    main()
