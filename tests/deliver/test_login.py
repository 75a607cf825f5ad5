"""AUTH in its kinds, and a login that is refused or may not be tried."""

from __future__ import annotations

import pytest

from newsletter.deliver.smtp.trouble import login_refused
from newsletter.errors import RelayLoginError, RelayTlsError
from newsletter.models import Reply
from tests.deliver.relay import ScriptedRelay
from tests.deliver.test_session import relay, send, trouble


@pytest.mark.parametrize("password", ["secret", "wrong"])
def test_login_over_loopback_needs_no_encryption(password: str) -> None:
    server = ScriptedRelay(login=("jane", "secret"))
    with server.in_thread():
        at = relay(server.port, host="127.0.0.1", user="jane", password=password)
        if password == "secret":
            assert send(at).accepted
        else:
            assert isinstance(trouble(at), RelayLoginError)


def test_a_password_never_leaves_this_computer_unencrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("newsletter.deliver.smtp.wire.Wire.peer", "192.0.2.1")
    server = ScriptedRelay(login=("jane", "secret"))
    with server.in_thread():
        error = trouble(relay(server.port, user="jane", password="secret"))
    assert isinstance(error, RelayTlsError)
    assert not any(command.startswith("AUTH") for command in server.commands)


def test_a_relay_without_login() -> None:
    with ScriptedRelay().in_thread() as server:
        error = trouble(relay(server.port, user="jane", password="secret"))
    assert isinstance(error, RelayLoginError)


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("smtp.gmail.com", "app password"),
        ("smtp.office365.com", "SMTP AUTH"),
        ("email-smtp.eu-west-1.amazonaws.com", "Amazon SES"),
        ("mail.example.org", "[smtp] user and password"),
    ],
)
def test_a_refused_login_says_what_to_do(host: str, words: str) -> None:
    error = login_refused(relay(587, host=host, user="jane"), Reply(code=535, enhanced="5.7.8", text="no"))
    assert words in error.hint
