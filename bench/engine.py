"""The whole `newsletter send` against Debian's smtp-source, in pairs, through the same sink.

    python bench/engine.py [--people 20000] [--pairs 5] [--connections 8] [--dkim rsa|ed25519] [--fast-sink]

Prints ratios: messages a second over smtp-source's (start-up, planning and a durable journal included), and
CPU a message over smtp-source's and over the sink's. Where smtp-source keeps the sink busy all the time, no
client can be faster by more than the sink has idle; --fast-sink takes one that costs a fraction of smtp-sink.
With --dkim also an unsigned send in each pair, and the CPU over that one's and a bare signature's by
`openssl speed`. Needs smtp-sink and smtp-source (package postfix).
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from measure import Cost, Sink, make_project, send, sink, source

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


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A sender's cost, and the seconds of CPU that the sink took meanwhile."""

    cost: Cost
    sink: float

    def told(self, name: str, people: int) -> str:
        """Both in words."""
        rate, each = people / self.cost.seconds, self.cost.cpu / people * 1e6
        return f"{name} {rate:,.0f}/s, {each:,.0f} µs, sink {self.sink / self.cost.seconds:.0%} busy"


def watched(taking: Sink, act: Callable[[], Cost]) -> Watched:
    """What a sender takes, and what it makes the sink take."""
    before = taking.cpu()
    cost = act()
    return Watched(cost=cost, sink=taking.cpu() - before)


def main() -> None:
    """Measure the pairs and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--dkim", choices=SPEED)
    parser.add_argument("--fast-sink", action="store_true")
    options = parser.parse_args()
    people, connections = options.people, options.connections
    rates, cpus, sinks, signing = [], [], [], []
    with tempfile.TemporaryDirectory() as name, sink(fast=options.fast_sink) as taking:
        port = taking.port
        template, key = Path(name) / "template", Path(name) / "key.pem"
        size = make_project(template, people)
        key.write_bytes(new_key(ed25519=options.dkim == "ed25519"))
        settings = DKIM.format(key=key) if options.dkim else ""
        print(f"{people:,} messages of {size:,} bytes, {connections} connections, DKIM: {options.dkim}")
        for pair in range(options.pairs):
            theirs = watched(taking, lambda: source(template, port, connections, people, size))
            ours = watched(taking, lambda: send(template, port, connections, settings))
            rate, cpu = ours.cost.beside(theirs.cost)
            line = f"pair {pair + 1}: rate {rate:.2f}, CPU {cpu:.2f}"
            rates.append(rate)
            cpus.append(cpu)
            sinks.append(ours.cost.cpu / ours.sink if ours.sink else 0.0)
            if options.dkim:
                plain, bare = send(template, port, connections), bare_signature(options.dkim)
                signing.append(ours.cost.cpu / (plain.cpu + bare * people))
                line += f", {signing[-1]:.2f} of unsigned and a bare signature ({bare * 1e6:.0f} µs)"
            both = f"{ours.told('ours', people)}; {theirs.told('smtp-source', people)}"
            print(f"{line}   ({both}; {ours.cost.memory:.0f} MB)", flush=True)
    print(f"median: rate {statistics.median(rates):.2f}, CPU {statistics.median(cpus):.2f} of smtp-source")
    print(f"median: CPU {statistics.median(sinks):.2f} of the sink's")
    if signing:
        print(f"median: CPU {statistics.median(signing):.2f} of unsigned and a bare signature")


if __name__ == "__main__":
    main()
