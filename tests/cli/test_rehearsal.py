"""What is said before anybody is mailed: the dry run, the question, and copies to look at."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Callable

import pytest

from newsletter.cli.app import now_ms
from newsletter.store import open_store
from tests.cli.conftest import ISSUE, PEOPLE, Box
from tests.cli.test_control import in_utc
from tests.deliver.relay import ScriptedRelay, Step

Named = Callable[[int], Box]


@pytest.fixture
def filled(relayed: Named) -> Box:
    """Ten people, and a mail server that is not asked."""
    box = relayed(9)
    box.fill(PEOPLE[:10])
    return box


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ("2026-13-01 09:00", "is no date and time"),
        ("2026-12-01 09:00 Europe/Pari", "is no time zone"),
        ("2020-01-01 09:00", "is over"),
    ],
)
def test_a_dry_run_refuses_a_time_as_a_send_does(filled: Box, at: str, told: str) -> None:
    assert told in filled.send("--at", at, exit_code=2).stderr
    assert told in filled.send("--dry-run", "--at", at, exit_code=2).stderr


def test_copies_count_that_were_taken_before_one_was_refused(relayed: Named) -> None:
    def second(step: Step) -> str | None:
        return "554 5.6.0 no" if step.verb == "END" and step.message == 2 else None

    with ScriptedRelay(second).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE[:2])
        box.write("issues/short/fr.md", ISSUE.replace("A short", "Un petit"))
        assert "was not taken" in box.run("send", "short", "--test", "me@example.org", exit_code=1).stderr
    with open_store(box.folder / "subscribers.db", now=now_ms) as store:
        assert store.usage.sent_since("127.0.0.1", 0) == len(relay.taken) == 1


@pytest.mark.parametrize("url", [True, False])
def test_a_dry_run_says_when_it_would_begin(filled: Box, url: bool) -> None:
    if not url:
        filled.environ.clear()
    time = in_utc(7200)
    assert f"begin{'s' * url} {time}" in filled.send("--dry-run", "--at", time).stderr


def test_a_dry_run_of_what_is_under_way_says_when_it_would_go_on(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE[:10])
        box.send("--limit", "2", exit_code=1)
    time = in_utc(7200)
    told = box.send("--dry-run", "--limit", "3", "--at", time)
    assert "2 of 10 people have it" in told.stdout
    assert "go on with the first 3 of 8 people" in told.stdout
    assert f"begins {time}" in told.stderr


def test_the_limit_stands_in_the_dry_run_and_in_the_question(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE[:10])
        assert "the first 3 of 10 people" in box.send("--dry-run", "--limit", "3").stdout
        assert "first" not in box.send("--dry-run", "--limit", "10").stdout
        asked = box.asked("y", "send", "short", "--to", "dentists", "--limit", "3")
        assert "Send to the first 3 of 10 people?" in asked
        asked = box.asked("n", "send", "short", "--to", "dentists", "--limit", "4")
        assert "Go on with the first 4 of 7 people?" in asked
    assert len(relay.taken) == 3


def test_the_end_is_foretold_with_those_who_are_due_later(relayed: Named) -> None:
    def full(step: Step) -> str | None:
        return "452 4.2.2 mailbox full" if step.verb == "RCPT" and "000" in step.argument else None

    with ScriptedRelay(full).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE[:3])
        box.send("--no-wait", exit_code=1)
        [row] = box.json("deliveries", "short", "--state", "deferred")
        end = f"until {row['next_try']}, as your mail server has put some"
        assert end in box.send("--dry-run").stderr
        asked = box.asked("n", "send", "short", "--to", "dentists")
        assert end in asked
        assert "less than a minute" not in asked


def test_test_copies_go_with_no_audience(filled: Box) -> None:
    told = filled.send("--test", "me@example.org", exit_code=2).stderr
    assert "no other option but --lang" in told
    assert "newsletter send short --test me@example.org" in told


@pytest.mark.parametrize(("lang", "count"), [((), 2), (("--lang", "fr"), 1)])
def test_test_copies_are_marked_and_may_be_of_one_edition(
    relayed: Named, lang: tuple[str, ...], count: int
) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.write("issues/short/fr.md", ISSUE.replace("A short issue for", "Un numéro pour"))
        box.run("send", "short", "--test", "me@example.org", *lang)
        box.fill(PEOPLE[:1])
        box.send()
    subjects = [email.message_from_bytes(m.data, policy=email.policy.default)["Subject"] for m in relay.taken]
    *copies, real = subjects
    assert len(copies) == count
    assert copies[-1] == "[Test] Un numéro pour Dr Sample Reader"
    assert real == "A short issue for Dr Sample 0"


def test_an_edition_is_asked_for_only_in_test_copies(filled: Box) -> None:
    assert "--lang goes with --test only" in filled.send("--lang", "fr", exit_code=2).stderr
    told = filled.run("send", "short", "--test", "me@example.org", "--lang", "fr", exit_code=2).stderr
    assert "no edition in fr" in told
