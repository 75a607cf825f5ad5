"""The whole `newsletter send` against Debian's smtp-source, in pairs, through the same smtp-sink.

    python bench/engine.py [--people 20000] [--pairs 5] [--connections 8] [--dkim rsa|ed25519]

Prints ratios: messages a second over smtp-source's (start-up, planning and a durable journal included), and
CPU a message over smtp-source's. With --dkim also an unsigned send in each pair, and the CPU over that one's
and a bare signature's by `openssl speed`. Needs smtp-sink and smtp-source (package postfix).
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
from pathlib import Path

from measure import Cost, make_project, send, sink, source

from newsletter.dkim import new_key

DKIM = """
[dkim]
domain = "example.org"
selector = "bench"
private_key = "{key}"
"""
SPEED = {"rsa": "rsa2048", "ed25519": "ed25519"}


def bare_signature(kind: str) -> float:
    """Seconds that one signature takes `openssl speed`."""
    command = ["openssl", "speed", "-mr", "-seconds", "2", SPEED[kind]]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    line = next(line for line in told.splitlines() if line.startswith(("+F2:", "+F6:")))
    rate = float(line.split(":")[3 if kind == "rsa" else 4])
    return 1 / rate if rate > 1 else rate  # OpenSSL 3 tells signatures a second, older ones seconds


def told(name: str, cost: Cost, people: int) -> str:
    """A cost in words."""
    return f"{name} {people / cost.seconds:,.0f}/s, {cost.cpu / people * 1e6:,.0f} µs"


def main() -> None:
    """Measure the pairs and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--dkim", choices=SPEED)
    options = parser.parse_args()
    people, connections = options.people, options.connections
    rates, cpus, signing = [], [], []
    with tempfile.TemporaryDirectory() as name, sink() as port:
        template, key = Path(name) / "template", Path(name) / "key.pem"
        size = make_project(template, people)
        key.write_bytes(new_key(ed25519=options.dkim == "ed25519"))
        settings = DKIM.format(key=key) if options.dkim else ""
        print(f"{people:,} messages of {size:,} bytes, {connections} connections, DKIM: {options.dkim}")
        for pair in range(options.pairs):
            theirs = source(template, port, connections, people, size)
            ours = send(template, port, connections, settings)
            rate, cpu = ours.beside(theirs)
            line = f"pair {pair + 1}: rate {rate:.2f}, CPU {cpu:.2f}"
            rates.append(rate)
            cpus.append(cpu)
            if options.dkim:
                plain, bare = send(template, port, connections), bare_signature(options.dkim)
                signing.append(ours.cpu / (plain.cpu + bare * people))
                line += f", {signing[-1]:.2f} of unsigned and a bare signature ({bare * 1e6:.0f} µs)"
            both = f"{told('ours', ours, people)}; {told('smtp-source', theirs, people)}"
            print(f"{line}   ({both}; {ours.memory:.0f} MB)", flush=True)
    print(f"median: rate {statistics.median(rates):.2f}, CPU {statistics.median(cpus):.2f} of smtp-source")
    if signing:
        print(f"median: CPU {statistics.median(signing):.2f} of unsigned and a bare signature")


if __name__ == "__main__":
    main()
