"""People who left and want to come back, through the command line."""

from __future__ import annotations

import pytest

from newsletter.cli.app import now_ms
from newsletter.models import SuppressionKind
from newsletter.store import open_store
from tests.cli.conftest import SETTINGS, Box

ANA = "ana@example.net"
ADD = ("subscribers", "add", ANA, "--list", "dentists", "--source", "mail of today")


def state(box: Box) -> str:
    return str(box.json("subscribers", "show", ANA)["state"])


@pytest.fixture
def left(box: Box) -> Box:
    """A project that ana has left."""
    box.fill([ANA, "ben@example.net"])
    box.run("subscribers", "unsubscribe", ANA)
    return box


def test_who_left_is_not_added_and_the_way_back_is_said(left: Box) -> None:
    told = left.run(*ADD, exit_code=1).stderr
    assert f"{ANA}: left before, and was not added: only they themselves can undo that" in told
    assert f"newsletter subscribers invite {ANA} --list dentists" in told
    left.write("newsletter.toml", f'{SETTINGS}[web]\nbase_url = "https://news.example.org"\n')
    assert "at https://news.example.org/join, and confirm" in left.run(*ADD, exit_code=1).stderr
    left.run("lists", "hide", "dentists")
    assert "subscribers invite" in left.run(*ADD, exit_code=1).stderr
    assert state(left) == "unsubscribed"


def test_without_live_pages_the_person_answers_with_a_code(left: Box) -> None:
    told = left.run("subscribers", "invite", ANA, "--list", "Dentists", "--source", "mail of today")
    code = told.stdout.splitlines()[-1]
    assert f"newsletter subscribers confirm {code}" in told.stderr
    assert state(left) == "unsubscribed"
    assert f"{ANA} confirmed: dentists." in left.run("subscribers", "confirm", code).stderr
    assert state(left) == "active"
    *_, asked, confirmed = left.json("consent", "show", ANA)["events"]
    assert (asked["what"], asked["source"]) == ("joined", "mail of today")
    assert (confirmed["what"], confirmed["source"]) == ("confirmed", "answered the coordinator's mail")
    left.run("subscribers", "unsubscribe", ANA)
    assert "left since" in left.run("subscribers", "confirm", code, exit_code=1).stderr
    assert state(left) == "unsubscribed"
    assert "cut" in left.run("subscribers", "confirm", code[:-1], exit_code=2).stderr


def test_with_live_pages_the_mail_holds_a_link(left: Box) -> None:
    left.write("newsletter.toml", f'{SETTINGS}[web]\nbase_url = "https://news.example.org"\n')
    told = left.run("subscribers", "invite", ANA, "--list", "dentists")
    assert "https://news.example.org/c/AQ" in told.stdout
    assert "no list 'x'" in left.run("subscribers", "invite", ANA, "--list", "x", exit_code=2).stderr
    ben = left.run("subscribers", "invite", "ben@example.net", "--list", "dentists", exit_code=1)
    assert "is in 'dentists' already" in ben.stderr


def test_who_was_erased_may_come_back_by_their_own_word(left: Box) -> None:
    left.run("subscribers", "erase", ANA, "--yes")
    assert "only they themselves" in left.run(*ADD, exit_code=1).stderr
    code = left.run("subscribers", "invite", ANA, "--list", "dentists").stdout.splitlines()[-1]
    assert state(left) == "erased"
    left.run("subscribers", "confirm", code)
    assert state(left) == "active"


def test_the_coordinator_lifts_no_leaving(left: Box) -> None:
    told = left.run("subscribers", "lift", ANA, "--reason", "she wrote", exit_code=1).stderr
    assert "only lifted by the person" in told
    told = left.run("subscribers", "lift", "ben@example.net", "--reason", "x", exit_code=1).stderr
    assert "not marked" in told


def test_a_bounce_is_lifted_with_the_reason(box: Box) -> None:
    box.fill([ANA])
    with open_store(box.folder / "subscribers.db", now=now_ms) as store:
        store.suppressions.add(ANA, SuppressionKind.BOUNCED)
    told = box.run(*ADD, exit_code=1).stderr
    assert f"{ANA}: bounced before, and was not added" in told
    assert f"newsletter subscribers lift {ANA} --reason" in told
    assert "active" in box.run("subscribers", "lift", ANA, "--reason", "she wrote").stderr
    assert box.json("consent", "show", ANA)["events"][-1]["source"] == "bounced lifted: she wrote"
    box.run(*ADD)
