"""What is said where nothing can be sent now: what there is, and when or how it goes on."""

from __future__ import annotations

import signal
from collections.abc import Callable
from subprocess import Popen

from tests.cli.conftest import PEOPLE, SETTINGS, Box, until
from tests.cli.test_control import in_utc
from tests.cli.test_decisions import until_said
from tests.deliver.relay import ScriptedRelay, Step

Named = Callable[[int], Box]


def waiting_for(box: Box, time: str) -> Popen[str]:
    """A send that waits for its time."""
    sender = box.start("send", "short", "--to", "dentists", "--yes", "--at", time)
    until_said(sender, "Waiting until")
    return sender


def test_run_without_anything_to_do_says_so(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE[:3])
        assert "Nothing is to be sent." in box.run("run").stderr
        assert box.run("run", "--quiet").stderr == ""
        box.send("--limit", "1", exit_code=1)
        told = box.run("run").stderr
        assert "'short' to dentists is paused" in told
        assert "newsletter resume short" in told
        assert len(told.splitlines()) == 1


def test_run_says_until_when_those_wait_who_were_put_off(relayed: Named) -> None:
    def full(step: Step) -> str | None:
        return "452 4.2.2 mailbox full" if step.verb == "RCPT" else None

    with ScriptedRelay(full).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(["full@example.net"])
        box.send("--no-wait", exit_code=1)
    [row] = box.json("deliveries", "short")
    told = box.run("run").stderr
    assert f"has put off 1 person until {row['next_try']}" in told
    assert "newsletter run --watch" in told


def test_after_ctrl_c_in_the_countdown_it_is_said_how_it_begins(relayed: Named) -> None:
    box = relayed(9)
    box.fill(PEOPLE[:3])
    time = in_utc(7200)
    sender = waiting_for(box, time)
    assert f"begins at {time}: process {sender.pid} " in box.run("run").stderr
    sender.send_signal(signal.SIGINT)
    _, told = sender.communicate(timeout=20)
    assert f"It begins at {time} if newsletter run --watch is running then" in told
    assert "newsletter resume short" in told
    assert "on its way" not in told
    assert f"begins at {time} if newsletter run --watch is running then" in box.run("run").stderr


def test_a_second_send_of_what_waits_for_its_time_is_told_until_when(relayed: Named) -> None:
    box = relayed(9)
    box.fill(PEOPLE[:3])
    time = in_utc(7200)
    sender = waiting_for(box, time)
    told = box.send(exit_code=1).stderr
    assert f"waits until {time}" in told
    assert f"process {sender.pid} " in told
    assert "being sent already" not in told
    box.run("pause", "short")
    sender.communicate(timeout=20)


def test_a_limit_that_is_used_up_is_told_and_quiet_for_cron(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.write("newsletter.toml", f'{SETTINGS}[smtp]\nrate = "4/day"\n')
        box.fill(PEOPLE[:9])
        box.send("--no-wait", exit_code=1)
        assert len(relay.taken) == 4
        told = "Your mail server's limit is used up until "
        assert told in box.run("status", "short").stderr
        assert told[5:] in box.run("run").stderr
        quiet = box.run("run", "--quiet")
        assert (quiet.stdout, quiet.stderr) == ("", "")
        assert len(relay.taken) == 4
        sender = box.start("send", "short", "--to", "dentists", "--yes")
        until(lambda: f"is being sent by process {sender.pid} " in box.run("status", "short").stderr)
        assert told in box.run("status", "short").stderr
        sender.send_signal(signal.SIGINT)
        sender.communicate(timeout=20)
