"""Measures the database: import, count, plan and journal, against bare SQLite in the same run.

Run: python bench/store.py [ROWS]   (100,000 unless told)
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from newsletter.audience import arrivals
from newsletter.models import Address, DeliveryState, ListFile, ListRow, Outcome, Profile, Reply, SendState
from newsletter.segments import parse
from newsletter.store import Store, open_store

LANGUAGES = ("en", "fr", "de", "ar", "pt-BR")
COUNTRIES = ("FR", "DE", "US", "BR", "EG", "IN", "JP")


def now() -> int:
    """UTC milliseconds."""
    return time.time_ns() // 1_000_000


def people(count: int) -> ListFile:
    """Made-up people."""
    rows = [
        ListRow(
            line=n + 1,
            profile=Profile(
                address=Address(text=f"person{n}.sample@example.org", key=f"person{n}.sample@example.org"),
                name=f"Person {n}",
                language=LANGUAGES[n % 5],
                country=COUNTRIES[n % 7],
                attributes={"tags": "board,press"} if n % 10 == 0 else {},
            ),
        )
        for n in range(count)
    ]
    return ListFile(rows=rows, rejected=(), warnings=(), columns=("email",), encoding="utf-8", kind="csv")


def timed(what: str, rows: int, act: Callable[[], object], reference: float = 0.0) -> tuple[object, float]:
    """Do it, and print what a row has cost."""
    started = time.perf_counter()
    result = act()
    seconds = time.perf_counter() - started
    ratio = f"{seconds / reference:6.2f} of bare SQLite" if reference else ""
    print(f"{what:<34}{seconds:8.2f} s {seconds / rows * 1e6:9.2f} µs a row  {ratio}", flush=True)
    return result, seconds


def bare(folder: Path, rows: int) -> None:
    """One table with one unique index, committed once: as fast as SQLite writes here."""
    raw = sqlite3.connect(folder / "bare.db")
    raw.execute("PRAGMA journal_mode = WAL")
    raw.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT UNIQUE, b TEXT)")
    raw.executemany(
        "INSERT INTO t (a, b) VALUES (?, ?)", ((f"person{n}@example.org", f"Person {n}") for n in range(rows))
    )
    raw.commit()
    raw.close()


def journal(store: Store, send: int, rows: int) -> int:
    """Send everything in groups of 64, each one transaction with its fsync."""
    store.sends.set_state(send, SendState.RUNNING)
    seat = store.journal(send, "bench")
    outcomes: list[Outcome] = []
    sent = 0
    while True:
        found = seat.exchange(outcomes, 64)
        if not found.claims:
            return sent
        sent += len(found.claims)
        outcomes = [
            Outcome(
                delivery=claim.delivery,
                state=DeliveryState.SENT,
                reply=Reply(code=250, enhanced="2.0.0", text="Ok: queued as 4B2C"),
            )
            for claim in found.claims
        ]


def main(rows: int) -> None:
    """Measure all of it once."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = people(rows)
        _, reference = timed("bare SQLite insert", rows, lambda: bare(folder, rows))
        with open_store(folder / "subscribers.db", now=now) as store:

            def take_in() -> object:
                return arrivals.import_people(
                    store, found, list_name="dentists", source="bench", file_name="bench.csv", now=now()
                )

            timed("import, new people", rows, take_in, reference)
            timed("import, all unchanged", rows, take_in, reference)
            segments = {
                "count list:dentists": "list:dentists",
                "count country, language, -tag": "list:dentists country:FR,BE language:fr -tag:board",
                "count by name": 'name:"person 77"',
            }
            for what, text in segments.items():
                segment = parse(text, lists=store.lists.names(), segments={})
                count = store.people.audience_count
                timed(what, rows, lambda segment=segment, count=count: count(segment))  # type: ignore[misc]
            segment = parse("dentists", lists=store.lists.names(), segments={})
            condition = parse("tag:board", lists=store.lists.names(), segments={})
            timed("groups", rows, lambda: store.sends.groups(segment, [condition]))
            send = store.sends.create("bench", "dentists", now())
            digest = b"d" * 32
            store.sends.approve(send.id, {digest: ("en", 0, b"stencil")})
            timed("plan", rows, lambda: store.sends.plan(send.id, segment, [condition], lambda *_: digest))
            timed("tally", rows, lambda: store.sends.tally("bench"))
            timed("journal, groups of 64", rows, lambda: journal(store, send.id, rows), reference)
            print(store.sends.tally("bench"))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
