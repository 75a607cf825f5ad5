"""What pip and npm can install, beside smtp-source and the whole `newsletter send`, in one run.

    python bench/peers.py [--people 10000] [--rounds 3] [--connections 8]

Each sends the same number of messages of the same size to the same smtp-sink, start-up included. The others
keep no journal and no list: they are given a loop. They are installed into a temporary folder, and left out
where that does not work. Prints each one's rate and CPU over smtp-source's, and ours over theirs.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
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
Way = Callable[[], Cost]


def installed(command: list[str], folder: Path) -> bool:
    """Whether an installation worked."""
    folder.mkdir(exist_ok=True)
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


def peers(work: Path, port: int, people: int, size: int, connections: int) -> dict[str, Way]:
    """Those that can be had here, each with what runs it."""
    figures = [str(n) for n in (port, people, size, connections)]
    python, node = work / "python", work / "node"

    def way(program: str, script: Path) -> Way:
        return lambda: measured([program, str(script), *figures], script.parent)

    found: dict[str, Way] = {}
    for name, text in {"smtplib": SMTPLIB, "aiosmtplib": AIOSMTPLIB}.items():
        script = python / f"{name}_bench.py"
        at = ["--target", str(python), "--quiet", "--disable-pip-version-check"]
        if name == "smtplib" or installed([sys.executable, "-m", "pip", "install", *at, name], python):
            python.mkdir(exist_ok=True)
            script.write_text(text)
            found["smtplib + EmailMessage" if name == "smtplib" else "aiosmtplib, ready bytes"] = way(
                sys.executable, script
            )
    if installed(["npm", "install", "--no-audit", "--no-fund", "nodemailer"], node):
        script = node / "bench.js"
        script.write_text(NODEMAILER)
        found["nodemailer's pool"] = way("node", script)
    return found


def main() -> None:
    """Measure in rounds and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=8)
    options = parser.parse_args()
    people, connections = options.people, options.connections
    with tempfile.TemporaryDirectory() as folder, sink() as port:
        work = Path(folder)
        size = make_project(work / "template", people)
        ways: dict[str, Way] = {"newsletter send": lambda: send(work / "template", port, connections)}
        ways |= peers(work, port, people, size, connections)
        ratios: dict[str, list[tuple[float, float, float]]] = {name: [] for name in ways}
        for _ in range(options.rounds):
            for name, way in ways.items():
                theirs = source(work / "template", port, connections, people, size)
                cost = way()
                ratios[name].append((*cost.beside(theirs), cost.cpu / people * 1e6))
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
