"""What a person costs as the audience grows, from 1,000 to 1,000,000, and the memory that each command takes.

    python bench/scale.py [--full] [--svg bench/scale.svg]

Each command runs in a process of its own, from a CSV to an export of everybody, the send through smtp-sink
(package postfix). Of its CPU what it takes for 10 people is taken off, so that what is seen is the people.
1,000, 10,000 and 100,000 people, and 1,000,000 with --full, which takes a quarter of an hour. Prints the
figures, and draws the curves.

Must, for 1,000,000: import 60 s, planning 20 s, a segment's count 1 s, memory of the send 150 MB.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from math import log10
from pathlib import Path

from measure import PARAGRAPH, SETTINGS, sink

from newsletter.cli.groups import HOMES
from newsletter.cli.main import cli

FEW = 10
SIZES = (1_000, 10_000, 100_000, 1_000_000)
COMMANDS = {
    "import": "subscribers import people.csv --list all --source bench --yes",
    "count": "segments count list:all\u00a0country:FR\u00a0-tag:board",
    "plan": "send bench --to all --yes --limit 1 --no-wait",
    "send": "send bench --to all --yes",
    "status": "status bench",
    "report": "report bench",
    "deliveries": "deliveries bench --csv",
    "list": "subscribers list",
    "export": "subscribers export",
}
COLOURS = ("#1b6ca8", "#5a8f29", "#a8541b", "#7a3b8f", "#b8860b", "#c2447a", "#3d8f8f", "#666666", "#222222")


@dataclass(frozen=True, kw_only=True)
class Figure:
    """What a command took: seconds on the wall and of CPU without its start, peak memory in MB."""

    seconds: float
    cpu: float
    memory: float


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One chart: for each command its values by the number of people, on a scale from 0 to 1."""

    title: str
    lines: dict[str, list[float]]
    marks: dict[str, float]


def prepare(folder: Path, people: int, port: int) -> None:
    """A project, and a file of so many made-up people."""
    (folder / "newsletter.toml").write_text(SETTINGS.format(port=port, connections=8))
    issue = folder / "issues" / "bench"
    issue.mkdir(parents=True)
    text = "\n\n".join([PARAGRAPH * 3] * 10)
    (issue / "en.md").write_text(f"---\nsubject: A bench issue\n---\nDear {{{{ name }}}},\n\n{text}\n")
    with (folder / "people.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["email", "name", "language", "country"])
        rows.writerows([f"sample.{n}@example.net", f"Dr Sample {n}", "en", "FR"] for n in range(people))


def step(command: str) -> None:
    """Run one command in this process, which is in a project, and tell what it took, as JSON on stdout."""
    arguments = [word.replace("\u00a0", " ") for word in command.split(" ")]
    importlib.import_module(f"newsletter.cli.{HOMES[arguments[0]]}")
    started, cpu = time.perf_counter(), time.process_time()
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        cli.main(arguments, prog_name="newsletter", standalone_mode=False)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "cpu": cpu, "memory": peak}))


def figures(people: int) -> dict[str, Figure]:
    """Every command for so many people, one after the other in one project."""
    found: dict[str, Figure] = {}
    with tempfile.TemporaryDirectory() as name, sink() as taking:
        prepare(Path(name), people, taking.port)
        for what, command in COMMANDS.items():
            told = subprocess.run(
                [sys.executable, Path(__file__).resolve(), "--step", command],
                cwd=name,
                check=False,
                capture_output=True,
                text=True,
            )
            if told.returncode:
                sys.exit(f"{command}:\n{told.stderr[-2000:]}")
            found[what] = Figure(**json.loads(told.stdout))
    return found


def each(figure: Figure, base: Figure, people: int) -> float:
    """Microseconds of CPU a person; no clock tells less than a tenth of one."""
    return max(0.1, (figure.cpu - base.cpu) / (people - FEW) * 1e6)


def panels(found: dict[int, dict[str, Figure]], base: dict[str, Figure]) -> list[Panel]:
    """The curves: cost a person, and memory."""
    sizes = found.items()
    costs = {
        what: [log10(each(figures[what], base[what], people) * 10) / 5 for people, figures in sizes]
        for what in COMMANDS
    }
    memory = {what: [figures[what].memory / 200 for _, figures in sizes] for what in COMMANDS}
    return [
        Panel(
            title="CPU a person, without the start",
            lines=costs,
            marks={f"{10**power / 10:,g} µs": power / 5 for power in range(6)},
        ),
        Panel(title="Peak memory", lines=memory, marks={f"{mb} MB": mb / 200 for mb in range(0, 201, 50)}),
    ]


def drawn(charts: Sequence[Panel], sizes: Sequence[int]) -> str:
    """The charts under each other, as an SVG."""
    left, width, height, step = 80, 480, 240, 310
    places = [left + width * log10(size / sizes[0]) / log10(sizes[-1] / sizes[0]) for size in sizes]
    parts = []
    for number, chart in enumerate(charts):
        top = 40 + number * step
        parts.append(f'<text x="{left}" y="{top - 14}" font-weight="bold">{chart.title}</text>')
        for mark, at in chart.marks.items():
            y = top + height * (1 - at)
            parts.append(f'<line x1="{left}" y1="{y:.1f}" x2="{left + width}" y2="{y:.1f}" stroke="#ddd"/>')
            parts.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{mark}</text>')
        for size, x in zip(sizes, places, strict=True):
            parts.append(f'<text x="{x:.1f}" y="{top + height + 20}" text-anchor="middle">{size:,}</text>')
        for line, ((what, values), colour) in enumerate(zip(chart.lines.items(), COLOURS, strict=True)):
            heights = [top + height * (1 - max(0.0, min(1.0, value))) for value in values]
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(places, heights, strict=True))
            parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
            legend = top + 10 + 20 * line
            parts.append(f'<text x="{left + width + 12}" y="{legend}" fill="{colour}">{what}</text>')
    frame = f'width="660" height="{step * len(charts) + 10}" font-family="sans-serif" font-size="12"'
    title = "<title>What a person costs, by the number of people</title>"
    return f'<svg xmlns="http://www.w3.org/2000/svg" {frame}>{title}{"".join(parts)}</svg>\n'


def main() -> None:
    """Measure the sizes, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="1,000,000 people too")
    parser.add_argument("--svg", type=Path, default=Path(__file__).with_suffix(".svg"))
    parser.add_argument("--step", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        step(options.step)
        return
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    figures(FEW)  # makes bytecode
    base = figures(FEW)
    found: dict[int, dict[str, Figure]] = {}
    print(f"{'people':>10}  {'command':<11}{'seconds':>10}{'CPU':>11}{'a person':>13}{'memory':>10}")
    for people in SIZES if options.full else SIZES[:-1]:
        found[people] = figures(people)
        for what, one in found[people].items():
            cost = each(one, base[what], people)
            print(
                f"{people:>10,}  {what:<11}{one.seconds:>8.2f} s{one.cpu:>9.2f} s{cost:>10.1f} µs"
                f"{one.memory:>7.0f} MB",
                flush=True,
            )
    options.svg.write_text(drawn(panels(found, base), list(found)))
    print(f"drawn in {options.svg}")


if __name__ == "__main__":
    main()
