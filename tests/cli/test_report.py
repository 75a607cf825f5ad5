"""The coordinator's page in words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from newsletter import campaign
from newsletter.audience.reading import parse_segment
from newsletter.cli.report import _percent
from newsletter.store import open_store
from tests.cli.conftest import ISSUE, Box
from tests.deliver.relay import ScriptedRelay, Step

HOUR = 3_600_000


def test_the_report_says_who_got_it_and_why_others_did_not(relayed: Callable[[int], Box]) -> None:
    def script(step: Step) -> str | None:
        if step.verb != "RCPT":
            return None
        if "gone" in step.argument:
            return "550 5.1.1 no such user"
        return "452 4.2.2 mailbox full" if "full" in step.argument else None

    with ScriptedRelay(script).in_thread() as relay:
        box = relayed(relay.port)
        box.write(
            "people.csv",
            "email,country\na@example.net,FR\nb@example.net,DE\nc@example.net,FR\n"
            "gone.one@example.net,FR\ngone.two@example.net,US\nfull@example.net,\n",
        )
        box.run("subscribers", "import", "people.csv", "--list", "dentists", "--source", "x", "--yes")
        box.send("--no-wait", exit_code=1)
    told = box.run("report", "short").stdout
    assert told.startswith("A short issue\n")
    assert "3 people of 6 have it" in told
    assert "English (en)" in told
    assert "France" in told
    failed = told[told.index("Failed.") :]
    assert "        2  " in failed
    assert "deliveries short --state failed" in failed
    assert told.rstrip().endswith("went out to 3 people in 2 countries (50% of its readers).")
    assert "no issue 'nothing'" in box.run("report", "nothing", exit_code=2).stderr


@pytest.mark.parametrize(
    ("part", "whole", "percent"),
    [
        (29, 291, 10),
        (8, 291, 3),
        (288, 291, 99),
        (2_999, 3_000, 99),
        (1, 3_000, 1),
        (1, 8, 13),
        (5, 5, 100),
        (0, 5, 0),
    ],
)
def test_shares_are_rounded_but_never_to_all_or_nobody(part: int, whole: int, percent: int) -> None:
    assert _percent(part, whole) == percent


def test_after_amend_each_edition_counts_all_who_got_it(relayed: Callable[[int], Box]) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.write("issues/short/fr.md", ISSUE)
        rows = "".join(f"p{n}@example.net,{'fr' if n < 3 else 'en'}\n" for n in range(9))
        box.write("people.csv", f"email,language\n{rows}")
        box.run("subscribers", "import", "people.csv", "--list", "dentists", "--source", "x", "--yes")
        box.send("--limit", "4", exit_code=1)
        for language in ("en", "fr"):
            box.write(f"issues/short/{language}.md", f"{ISSUE}One more line.\n")
        box.send("--amend")
    told = " ".join(box.run("report", "short").stdout.split())
    assert "9 people of 9 have it" in told
    assert "English (en) 6" in told
    assert "Français (fr) 3" in told
    assert told.endswith("went out to 9 people, in 2 languages (100% of its readers).")


def test_the_sentence_for_the_board_when_nobody_has_it(relayed: Callable[[int], Box]) -> None:
    answer = "452 4.2.2 mailbox full"
    with ScriptedRelay(lambda step: answer if step.verb == "RCPT" else None).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(["a@example.net"])
        box.send("--no-wait", exit_code=1)
        assert "1 person is still to get it" in box.run("report", "short").stdout
        assert box.run("report", "short").stdout.endswith(
            "\u201cA short issue\u201d has not reached anybody yet.\n"
        )
        box.run("cancel", "short", "--yes")
        assert box.run("report", "short").stdout.endswith(
            "\u201cA short issue\u201d has not reached anybody.\n"
        )


@pytest.mark.parametrize(("late", "is_late"), [(0, False), (HOUR, False), (HOUR + 1, True)])
def test_a_send_whose_time_passed_long_ago_is_late(tmp_path: Path, late: int, is_late: bool) -> None:
    planned = 1_800_000_000_000
    clock = {"now": planned - HOUR}
    with open_store(tmp_path / "subscribers.db", now=lambda: clock["now"]) as store:
        store.lists.create("dentists")
        send = store.sends.create("short", "dentists", clock["now"])
        store.sends.plan(send.id, parse_segment(store, "dentists"), [], lambda *_: None)
        send = store.sends.schedule(send.id, planned)
        assert campaign.due(store, planned - 1) == []
        assert [one.id for one in campaign.due(store, planned + late)] == [send.id]
        assert campaign.is_late(send, planned + late) is is_late
        campaign.pause_late(store, send)
        assert campaign.due(store, planned + late) == []
        assert store.sends.get(send.id).reason


def test_who_waits_in_a_paused_send_is_tried_once_it_is_resumed(relayed: Callable[[int], Box]) -> None:
    def script(step: Step) -> str | None:
        return "452 4.2.2 mailbox full" if step.verb == "RCPT" and "full" in step.argument else None

    with ScriptedRelay(script).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(["a@example.net", "full@example.net"])
        box.send("--no-wait", exit_code=1)
        assert "newsletter run" in box.run("report", "short").stdout
        assert "each run tries again" in box.run("status", "short").stdout
        box.run("pause", "short")
        told = box.run("report", "short").stdout
        assert "tried again once you go on: newsletter resume short" in told
        assert "newsletter run" not in told
        assert "each run" not in box.run("status", "short").stdout
        assert "tried again once you go on" in box.run("status", "short").stdout
