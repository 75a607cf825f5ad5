"""What stands on a terminal of any width: the bar of a send, and sentences with commands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO

import pytest

from newsletter.cli import progress
from newsletter.cli.app import App, Talk, folded
from newsletter.deliver.ports import Progress
from newsletter.models import Tally
from tests.cli.conftest import Box, until
from tests.deliver.relay import Do, ScriptedRelay

BEFORE = Tally(planned=12, deferred=4, sent=581, failed=3)
REFUSED = "550 5.1.1 The email account that you tried to reach does not exist"
NOON = 1_790_000_000_000


def shown(box: Box, width: int, *steps: Progress, limit: int | None = None) -> list[str]:
    """The lines that stand on the screen after these steps."""
    out = StringIO()
    console = Talk(file=out, force_terminal=True, width=width, soft_wrap=True, color_system=None)
    with progress.sending(App(project=box.folder, talk=console), BEFORE, limit) as show:
        for step in steps:
            show(step)
        before = out.tell()
        until(lambda: out.tell() > before)
        last = re.split(r"\x1b\[[12]K", out.getvalue())[-1]
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", last).rstrip().splitlines()


def on_a_terminal(box: Box, width: int, *arguments: str) -> str:
    """What the program writes to a terminal of this width."""
    main, side = pytest.importorskip("pty").openpty()
    try:
        subprocess.run(
            [sys.executable, "-m", "newsletter", *arguments],
            cwd=box.folder,
            env={**os.environ, **box.environ, "COLUMNS": str(width), "TERM": "xterm"},
            stdout=side,
            check=True,
        )
        return os.read(main, 100_000).decode()
    finally:
        os.close(side)
        os.close(main)


@pytest.mark.parametrize("width", [120, 80, 60, 40])
def test_the_bar_and_its_note_fit_the_terminal(box: Box, width: int) -> None:
    step = Progress(sent=3, deferred=8, failed=1, unknown=1, waiting_until=NOON)
    bar, *note = shown(box, width, step)
    assert "589/600" in bar
    assert "━━━" in bar
    assert max(map(len, (bar, *note))) <= width
    told = " ".join(line.strip() for line in note)
    assert told.startswith("4 failed, 1 unknown, 8 put off, waiting until ")
    assert told.endswith("; you may stop and go on later")


def test_a_wait_until_another_day_is_told_with_its_date(box: Box) -> None:
    tomorrow = int(time.time() * 1000) + 24 * 3_600_000
    note = " ".join(line.strip() for line in shown(box, 120, Progress(sent=3, waiting_until=tomorrow))[1:])
    day = datetime.fromtimestamp(tomorrow / 1000, tz=UTC)
    assert f"waiting until {day:%Y-%m-%d %H:%M} UTC;" in note


def test_a_database_in_trouble_is_told_beside_the_bar(box: Box) -> None:
    told = shown(box, 120, Progress(sent=3, trouble="another program holds subscribers.db"))[1]
    assert told.strip().endswith("another program holds subscribers.db; trying again")


def test_the_bar_ends_where_the_limit_of_the_run_does(box: Box) -> None:
    assert "587/594" in shown(box, 80, Progress(sent=3), limit=10)[0]
    assert "590/590" in shown(box, 80, Progress(sent=2, skipped=4), limit=2)[0]


def test_no_time_left_is_shown_while_nothing_leaves(box: Box) -> None:
    clock = re.compile(r"\d:\d\d:\d\d|-:--:--")
    assert clock.search(shown(box, 80, Progress(sent=3, in_flight=2))[0])
    assert not clock.search(shown(box, 80, Progress(sent=3, waiting_until=NOON))[0])
    assert not clock.search(shown(box, 80, Progress(sent=3, in_flight=1, leaving=True))[0])


@pytest.mark.parametrize(
    ("in_flight", "told"),
    [
        (1, "finishing one that is on its way, at most 10 minutes"),
        (4, "finishing 4 that are on their way, at most 10 minutes"),
    ],
)
def test_at_the_end_it_says_what_it_waits_for(box: Box, in_flight: int, told: str) -> None:
    assert shown(box, 80, Progress(sent=3, in_flight=in_flight, leaving=True))[1].endswith(told)


def test_deliveries_show_the_message_id_where_there_is_room(relayed: Callable[[int], Box]) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.fill(["a@example.net"])
        box.send()
    [row] = box.json("deliveries", "short")
    assert row["message_id"] in box.run("deliveries", "short").stdout
    narrow = on_a_terminal(box, 100, "deliveries", "short")
    assert "a@example.net" in narrow
    assert row["message_id"][:20] not in narrow
    assert row["message_id"] in on_a_terminal(box, 150, "deliveries", "short")


@pytest.mark.parametrize("width", [100, 80, 60, 40])
def test_an_address_in_a_table_is_never_folded(box: Box, width: int) -> None:
    address = "maximiliane.mustermann@uniklinik.example.org"
    box.run("subscribers", "add", address, "--name", "Maximiliane Mustermann-Beispiel", "--list", "dentists")
    assert address in on_a_terminal(box, width, "subscribers", "list")


def test_the_tables_on_a_person_stand_apart(box: Box) -> None:
    box.fill(["a@example.net"])
    told = box.run("subscribers", "show", "a@example.net").stdout
    headings = [part.splitlines()[0].split()[0] for part in told.split("\n\n")]
    assert headings == ["email", "list", "when"]


def test_a_report_breaks_between_words(relayed: Callable[[int], Box]) -> None:
    with ScriptedRelay(lambda step: REFUSED if step.verb == "RCPT" else None).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(["a@example.net"])
        box.send(exit_code=1)
    whole = box.run("report", "short").stdout
    narrow = on_a_terminal(box, 40, "report", "short").replace("\r", "")
    prose = narrow.partition("For the board")[0]
    assert narrow.split() == whole.split()
    assert all(len(line) <= 40 or "newsletter" in line for line in prose.splitlines())


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a short sentence", ["a short sentence"]),
        (
            "Keep this window open, or let `newsletter run --watch` wait.",
            ["Keep this window open, or let", "`newsletter run --watch` wait."],
        ),
        (
            "Go on with: newsletter send short --to L. Or not.",
            ["Go on with:", "newsletter send short --to L.", "Or not."],
        ),
        (
            'Later: newsletter --project "my news" send short --to "list:a country:FR,BE" (or: not)',
            ["Later:", 'newsletter --project "my news" send short --to "list:a country:FR,BE"', "(or: not)"],
        ),
        (
            "one\n\n  indented line that is too long for it",
            ["one", "", "  indented line that is too", "long for it"],
        ),
    ],
)
def test_sentences_break_between_words_and_never_inside_a_command(text: str, lines: list[str]) -> None:
    assert folded(text, 30).split("\n") == lines


def test_a_row_of_words_hangs_behind_its_number() -> None:
    assert folded(f"{3:>9}  one two three four five", 24, 11).split("\n") == [
        "        3  one two three",
        "           four five",
    ]


def test_without_a_terminal_a_sentence_stays_one_line(box: Box) -> None:
    out = StringIO()
    App(talk=Talk(file=out, width=30, soft_wrap=True)).say("word " * 20)
    assert out.getvalue().count("\n") == 1


def test_a_silence_is_told_while_something_is_on_its_way(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SECONDS_OF_SILENCE", 0)
    told = "no answer from your mail server for 0 seconds; waiting for it"
    assert shown(box, 80, Progress(in_flight=2))[1].endswith(told)
    assert shown(box, 80, Progress(connecting=True))[1].endswith(told)
    assert "no answer" not in shown(box, 80, Progress(in_flight=2, away=True))[1]


def test_without_a_terminal_a_relay_that_says_nothing_is_named(relayed: Callable[[int], Box]) -> None:
    with ScriptedRelay(lambda step: Do.SILENCE if step.verb == "CONNECT" else None).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(["a@example.net"])
        sender = box.start("send", "short", "--to", "dentists", "--yes")
        assert sender.stderr is not None
        assert any("0 of 1 finished" in line and "no answer" in line for line in sender.stderr)
        sender.kill()
        sender.communicate(timeout=20)


def test_without_a_terminal_a_wait_is_told_once_for_each_new_time(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = {"at": 100.0}
    monkeypatch.setattr(time, "monotonic", lambda: clock["at"])
    out = StringIO()
    app = App(project=box.folder, talk=Talk(file=out, width=200, soft_wrap=True))
    with progress.sending(app, BEFORE) as show:
        for step in (
            Progress(sent=1, in_flight=1),
            *[Progress(sent=2, waiting_until=NOON)] * 3,
            *[Progress(sent=2, waiting_until=NOON + 60_000)] * 2,
            Progress(sent=3, in_flight=1, waiting_until=NOON + 60_000),
            *[Progress(sent=3, waiting_until=NOON + 60_000)] * 2,
        ):
            clock["at"] += 11
            show(step)
    told = [line.partition(" finished, ")[::2] for line in out.getvalue().splitlines()]
    assert [(done.split()[0], "waiting" in note, "a second" in note) for done, note in told] == [
        ("585", False, True),
        ("586", True, False),
        ("586", True, False),
        ("587", True, True),
        ("587", True, False),
    ]


def test_a_silence_begins_anew_with_every_answer_and_while_nothing_is_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = {"at": 100.0}
    monkeypatch.setattr(time, "monotonic", lambda: clock["at"])
    silence, lasted = progress._Silence(), list[float]()
    for now in (
        Progress(in_flight=2),
        Progress(in_flight=2),
        Progress(in_flight=2, sent=1),
        Progress(in_flight=2, sent=1),
        Progress(in_flight=1, sent=1, deferred=1),
        Progress(sent=2, deferred=1),
        Progress(connecting=True, sent=2, deferred=1),
    ):
        clock["at"] += 5
        lasted.append(silence.lasts(now))
    assert lasted == [5, 10, 0, 5, 0, 0, 5]
