"""What a recipient costs as the audience grows: importing, counting, planning, sending, and the peak memory.

    python bench/scale.py [--full] [--svg bench/scale.svg]

1,000, 10,000 and 100,000 people, and 1,000,000 with --full, each in a process of its own. The send goes to a
courier that accepts at once, so that what is seen is the journal, the disk, and the filling of each mail.
Prints the curve, and draws it.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log10
from pathlib import Path
from typing import Any

from measure import PARAGRAPH, SETTINGS

from newsletter import campaign, composer
from newsletter.audience import arrivals, reading
from newsletter.cli.app import App, now_ms
from newsletter.cli.compose import make_proof
from newsletter.deliver.limits import Meter
from newsletter.deliver.loop import new_runner
from newsletter.deliver.ports import Attempt, HandBack, Parcel, Stage
from newsletter.deliver.run import run_send
from newsletter.listfile import read_list
from newsletter.models import Reply, SendState

SIZES = (1_000, 10_000, 100_000, 1_000_000)
WORK = ("import", "count", "plan", "send")
TAKEN = Reply(code=250, enhanced="2.0.0", text="Ok")


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a number of people took: seconds for each kind of work, peak memory in MB after the send alone."""

    people: int
    seconds: dict[str, float]
    memory: float


class InstantCourier:
    """Accepts everything at once."""

    connections = 8

    async def open(self, hand_back: HandBack) -> None:
        """Keep whom to tell."""
        self._hand_back = hand_back

    def put(self, parcel: Parcel) -> None:
        """Accept it."""
        self._hand_back(Attempt(delivery=parcel.delivery, stage=Stage.END, reply=TAKEN, accepted=True))

    def recall(self) -> None:
        """Nothing waits."""

    async def close(self) -> None:
        """Nothing to close."""


def prepare(folder: Path, people: int) -> None:
    """A project, and a file of so many made-up people."""
    (folder / "newsletter.toml").write_text(SETTINGS.format(port=25, connections=8))
    issue = folder / "issues" / "bench"
    issue.mkdir(parents=True)
    text = "\n\n".join([PARAGRAPH * 3] * 10)
    (issue / "en.md").write_text(f"---\nsubject: A bench issue\n---\nDear {{{{ name }}}},\n\n{text}\n")
    with (folder / "people.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["email", "name", "country"])
        rows.writerows([f"sample.{n}@example.net", f"Dr Sample {n}", "FR"] for n in range(people))


def timed(act: Callable[[], Any]) -> float:
    """Seconds that it takes."""
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def take_in(folder: Path) -> None:
    """Import the file."""
    found = read_list((folder / "people.csv").read_bytes(), name="people.csv")
    with App(project=folder).store() as store:
        arrivals.import_people(
            store, found, list_name="all", source="bench", file_name="people.csv", now=now_ms()
        )


def plan_and_count(folder: Path) -> dict[str, float]:
    """Plan a send to all, and count a segment of them."""
    app = App(project=folder)
    with app.store() as store:
        segment = reading.parse_segment(store, "list:all country:FR -tag:board")
        proof = make_proof(app, "bench")
        return {
            "count": timed(lambda: store.people.audience_count(segment)),
            "plan": timed(
                lambda: campaign.approve(store, proof, campaign.survey(store, proof, "all"), now_ms())
            ),
        }


def send_all(folder: Path) -> None:
    """Send what is planned."""
    app = App(project=folder)
    with app.store() as store, new_runner() as runner:
        (send,) = store.sends.of_issue("bench")
        store.sends.set_state(send.id, SendState.RUNNING, sender="bench")
        runner.run(
            run_send(
                store.journal(send.id, "bench"),
                composer.composer(store, app.config, send),
                InstantCourier(),
                meter=Meter([]),
                clock=now_ms,
                give_up_after=3_600_000,
                stop=asyncio.Event(),
            )
        )


def step(folder: Path, name: str) -> None:
    """One kind of work, in this process -> its seconds and the peak memory, as JSON on stdout."""
    if name == "plan":
        seconds = plan_and_count(folder)
    else:
        seconds = {name: timed(lambda: take_in(folder) if name == "import" else send_all(folder))}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "memory": peak}))


def figures(people: int) -> Figures:
    """Everything for so many people, each kind of work in a process of its own."""
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        prepare(Path(name), people)
        for work in ("import", "plan", "send"):
            command = [sys.executable, __file__, "--step", work, "--folder", name]
            told = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
            seconds |= told["seconds"]
    return Figures(people=people, seconds=seconds, memory=told["memory"])


def drawn(found: Sequence[Figures]) -> str:
    """Microseconds a recipient over the number of people, both logarithmic, as an SVG."""
    left, top, width, height = 70, 30, 480, 260
    across = width / max(1.0, log10(found[-1].people / found[0].people))

    def point(one: Figures, work: str) -> tuple[float, float]:
        cost = one.seconds[work] / one.people * 1e6
        return left + log10(one.people / found[0].people) * across, top + height * (1 - log10(cost) / 4)

    colours = dict(zip(WORK, ("#1b6ca8", "#5a8f29", "#a8541b", "#7a3b8f"), strict=True))
    lines = []
    for number, (work, colour) in enumerate(colours.items()):
        points = " ".join(
            f"{x:.1f},{max(top, min(top + height, y)):.1f}" for x, y in (point(f, work) for f in found)
        )
        lines.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        lines.append(
            f'<text x="{left + width + 10}" y="{top + 20 * number + 10}" fill="{colour}">{work}</text>'
        )
    for power in range(5):
        y = top + height * (1 - power / 4)
        lines.append(f'<line x1="{left}" y1="{y}" x2="{left + width}" y2="{y}" stroke="#ddd"/>')
        lines.append(f'<text x="{left - 8}" y="{y + 4}" text-anchor="end">{10**power:,} µs</text>')
    for one in found:
        x, _ = point(one, "send")
        lines.append(f'<text x="{x:.1f}" y="{top + height + 20}" text-anchor="middle">{one.people:,}</text>')
    lines.insert(0, "<title>Microseconds a recipient, by the number of people</title>")
    frame = (
        'xmlns="http://www.w3.org/2000/svg" width="640" height="330" font-family="sans-serif" font-size="12"'
    )
    return f"<svg {frame}>{''.join(lines)}</svg>\n"


def main() -> None:
    """Measure the sizes, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--svg", type=Path, default=Path(__file__).with_suffix(".svg"))
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        step(options.folder, options.step)
        return
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    print(f"{'people':>10}" + "".join(f"{work:>22}" for work in WORK) + f"{'memory of the send':>22}")
    found = []
    for people in SIZES if options.full else SIZES[:-1]:
        found.append(figures(people))
        costs = ((found[-1].seconds[work], found[-1].seconds[work] / people * 1e6) for work in WORK)
        cells = "".join(f"{seconds:>11.2f} s {cost:>6.1f} µs" for seconds, cost in costs)
        print(f"{people:>10,}{cells}{found[-1].memory:>19.0f} MB", flush=True)
    options.svg.write_text(drawn(found))
    print(f"drawn in {options.svg}")


if __name__ == "__main__":
    main()
