"""A login that is missing or wrong: what is said, and what stands in the status afterwards."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.cli.conftest import PEOPLE, Box
from tests.deliver.relay import ScriptedRelay, Step

Named = Callable[[int], Box]
LOGIN = "wants a login that may send: see [smtp] user and password"


def closed(step: Step) -> str | None:
    """What a mail server says to whoever has not logged in."""
    return "530 5.7.0 Authentication required" if step.verb == "MAIL" else None


def test_a_login_that_is_missing_is_asked_for(relayed: Named) -> None:
    with ScriptedRelay(closed).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE[:5])
        told = box.send(exit_code=1).stderr
        assert LOGIN in told
        assert "530 5.7.0 Authentication required" in told
        assert LOGIN in box.run("status", "short").stdout
        assert LOGIN in box.run("send", "short", "--test", "me@example.org", exit_code=1).stderr


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("530 5.7.0 Must issue a STARTTLS command first", "begin [smtp] url with smtp+starttls://"),
        ("550 5.4.5 Daily limit", "used up what you may send"),
    ],
)
def test_no_login_is_asked_for_where_something_else_is_wrong(relayed: Named, said: str, advice: str) -> None:
    with ScriptedRelay(lambda step: said if step.verb == "MAIL" else None).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE[:5])
        told = box.send(exit_code=1).stderr
        assert advice in told
        assert LOGIN not in told


def test_a_wrong_password_at_the_start_mails_nobody_and_stands_in_the_status(box: Box) -> None:
    with ScriptedRelay(login=("jane", "secret")).in_thread() as relay:
        box.environ["NEWSLETTER_SMTP_URL"] = f"smtp://jane:wrong@127.0.0.1:{relay.port}"
        box.fill(PEOPLE[:5])
        assert "refused the login of jane" in box.send(exit_code=1).stderr
        assert box.status()["planned"] == 5
        assert "stopped: the mail server refused the login of jane" in box.run("status", "short").stdout
        box.environ["NEWSLETTER_SMTP_URL"] = f"smtp://jane:secret@127.0.0.1:{relay.port}"
        told = box.send().stderr
        assert "It stopped: the mail server refused the login" in told
        assert "refused" not in box.run("status", "short").stdout
        assert len(relay.taken) == 5
