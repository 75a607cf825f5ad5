"""Names that do not exist: the nearest one is named, and nothing is left behind."""

from __future__ import annotations

import pytest

from tests.cli.conftest import PEOPLE, Box

COMMANDS = [
    ("status", "shrot"),
    ("deliveries", "shrot"),
    ("report", "shrot"),
    ("resolve", "shrot", "--unknown", "sent"),
    ("pause", "shrot"),
    ("resume", "shrot"),
    ("cancel", "shrot", "--yes"),
    ("send", "shrot", "--to", "dentists", "--yes"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_an_issue_that_does_not_exist_is_told_with_the_nearest(box: Box, command: tuple[str, ...]) -> None:
    box.environ["NEWSLETTER_SMTP_URL"] = "smtp://127.0.0.1:9"
    box.fill(PEOPLE[:1])
    told = box.run(*command, exit_code=2).stderr
    assert "there is no issue 'shrot'" in told
    assert "short" in told
    assert not (box.folder / ".newsletter").exists()


def test_an_issue_that_was_never_sent_is_told_with_the_command_that_sends_it(box: Box) -> None:
    box.fill(PEOPLE[:1])
    told = box.run("status", "short", exit_code=2).stderr
    assert "never sent" in told
    assert "newsletter send short --to LIST" in told


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["bild"], "did you mean 'build'?"),
        (["stauts", "short"], "did you mean 'status'?"),
        (["xyzzy"], "known are: archive, backup, build"),
        (["--bild"], "No such option"),
        (["import", "people.csv"], "did you mean 'imports' or 'subscribers import'?"),
        (["hide", "board"], "did you mean 'lists hide'?"),
        (["rotate"], "did you mean 'keys rotate'?"),
        (["list"], "did you mean 'lists' or 'subscribers list'?"),
        (["send", "short", "--to", "x", "--limit", "fifty"], "'fifty' is no whole number"),
        (["send", "short", "--to", "x", "--limit", "0"], "0 is too small: at least 1"),
    ],
)
def test_a_mistyped_command_is_told_with_the_nearest(box: Box, typed: list[str], told: str) -> None:
    assert told in box.run(*typed, exit_code=2).stderr


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("--at", "'' is no date and time"),
        ("--test", "--test sends copies to one address now"),
        ("--lang", "--lang goes with --test only"),
    ],
)
def test_an_empty_word_of_a_script_is_no_option_left_out(box: Box, option: str, told: str) -> None:
    box.environ["NEWSLETTER_SMTP_URL"] = "smtp://127.0.0.1:9"
    box.fill(PEOPLE[:1])
    assert told in box.run("send", "short", "--to", "dentists", "--yes", option, "", exit_code=2).stderr


def test_a_mistyped_send_leaves_nothing_behind(box: Box) -> None:
    box.environ["NEWSLETTER_SMTP_URL"] = "smtp://127.0.0.1:9"
    box.run("send", "shrot", "--to", "dentists", "--yes", exit_code=2)
    assert not (box.folder / "subscribers.db").exists()
    box.fill(PEOPLE[:1])
    box.run("send", "short", "--to", "dentits", "--yes", exit_code=2)
    assert not (box.folder / ".newsletter").exists()
