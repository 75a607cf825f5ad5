"""Connecting: TLS with real certificates, login, and what stands in the way, in words."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from newsletter.deliver.ports import Attempt, Parcel
from newsletter.deliver.smtp import ProbeReport, Timeouts, connect, probe, send_one
from newsletter.errors import RelayError, RelayLoginError, RelayTlsError, RelayUnreachableError
from newsletter.relay import Relay
from tests.deliver.relay import ScriptedRelay

HASTY = Timeouts(connect=3, setup=0.5, command=2, data=2, body=2, end=2, quit=1)
PARCEL = Parcel(
    delivery=1,
    mail_from="news@example.org",
    rcpt_to="jane@example.org",
    pieces=(b"Subject: x\r\n\r\nhello\r\n",),
)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


def server_context(authority: trustme.CA, name: str = "localhost") -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    return context


class Keeper(Sink):
    def __init__(self) -> None:
        self.kept: list[bytes] = []
        self.encrypted: list[bool] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.kept.append(envelope.content)
        self.encrypted.append(session.ssl is not None)
        return "250 2.0.0 kept"


def authenticate(server: object, session: object, envelope: object, mechanism: str, data: Any) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (b"jane", b"s3cret p\xc3\xa4ss")
    return AuthResult(success=good, handled=False)


@contextmanager
def aiosmtpd(keeper: Keeper, **options: Any) -> Iterator[int]:
    with socket.socket() as probe_socket:
        probe_socket.bind(("127.0.0.1", 0))
        port = probe_socket.getsockname()[1]
    controller = Controller(keeper, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def relay(port: int, scheme: str = "smtp", host: str = "localhost", **more: Any) -> Relay:
    return Relay(scheme=scheme, host=host, port=port, **more)


def send(to: Relay) -> Attempt:
    return asyncio.run(send_one(to, PARCEL, timeouts=HASTY))


def look(at: Relay) -> ProbeReport:
    return asyncio.run(probe(at, timeouts=HASTY))


def trouble(at: Relay) -> RelayError:
    async def main() -> None:
        await connect(at, HASTY)

    with pytest.raises(RelayError) as caught:
        asyncio.run(main())
    assert caught.value.where == at.name
    assert caught.value.hint
    return caught.value


def test_plain() -> None:
    keeper = Keeper()
    with aiosmtpd(keeper) as port:
        attempt = send(relay(port, host="127.0.0.1"))
    assert attempt.accepted
    assert keeper.kept == [b"".join(PARCEL.pieces)]


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_starttls_and_login(authority: trustme.CA, mechanism: str) -> None:
    keeper = Keeper()
    options = {
        "tls_context": server_context(authority),
        "require_starttls": True,
        "authenticator": authenticate,
        "auth_required": True,
        "auth_exclude_mechanism": [name for name in ("PLAIN", "LOGIN") if name != mechanism],
    }
    with aiosmtpd(keeper, **options) as port:
        good = relay(port, "smtp+starttls", user="jane", password="s3cret päss")
        assert send(good).accepted
        report = look(good)
        bad = relay(port, "smtp+starttls", user="jane", password="wrong")
        error = trouble(bad)
    assert keeper.encrypted == [True]
    assert (report.logged_in, report.address) == (True, "127.0.0.1")
    assert report.tls.startswith("TLSv1")
    assert report.certificate_expires is not None
    assert report.certificate_expires > 1_700_000_000_000
    assert report.max_size == 33554432
    assert isinstance(error, RelayLoginError)
    assert "535" in str(error)
    assert "wrong" not in str(error)


@pytest.mark.usefixtures("trusted")
def test_implicit_tls(authority: trustme.CA) -> None:
    async def main() -> tuple[Attempt, ProbeReport]:
        async with ScriptedRelay(tls=server_context(authority), login=("jane", "secret")) as server:
            at = relay(server.port, "smtps", user="jane", password="secret")
            return await send_one(at, PARCEL, timeouts=HASTY), await probe(at, timeouts=HASTY)

    attempt, report = asyncio.run(main())
    assert attempt.accepted
    assert report.tls
    assert "PIPELINING" in report.extensions


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
def test_a_certificate_from_nowhere_is_not_trusted(authority: trustme.CA, scheme: str) -> None:
    keeper = Keeper()
    if scheme == "smtps":
        relay_with_tls = ScriptedRelay(tls=server_context(authority))
        with relay_with_tls.in_thread():
            error = trouble(relay(relay_with_tls.port, scheme))
    else:
        with aiosmtpd(keeper, tls_context=server_context(authority)) as port:
            error = trouble(relay(port, scheme))
    assert isinstance(error, RelayTlsError)
    assert "certificate cannot be trusted" in str(error)


@pytest.mark.usefixtures("trusted")
def test_a_certificate_of_another_host_is_not_trusted(authority: trustme.CA) -> None:
    server = ScriptedRelay(tls=server_context(authority, "mail.example.org"))
    with server.in_thread():
        error = trouble(relay(server.port, "smtps"))
    assert isinstance(error, RelayTlsError)
    assert "localhost" in str(error)


def test_tls_at_a_port_without_it() -> None:
    with ScriptedRelay().in_thread() as server:
        error = trouble(relay(server.port, "smtps"))
    assert isinstance(error, RelayTlsError)
    assert "smtp+starttls://localhost:587" in error.hint


def test_starttls_that_is_not_offered_is_never_done_without() -> None:
    with ScriptedRelay().in_thread() as server:
        error = trouble(relay(server.port, "smtp+starttls", user="jane", password="secret"))
    assert isinstance(error, RelayTlsError)
    assert not any(command.startswith(("AUTH", "MAIL")) for command in server.commands)


def test_starttls_that_is_refused() -> None:
    server = ScriptedRelay(
        lambda step: "454 4.7.0 TLS not available" if step.verb == "STARTTLS" else None,
        extensions=("STARTTLS",),
    )
    with server.in_thread():
        error = trouble(relay(server.port, "smtp+starttls"))
    assert isinstance(error, RelayTlsError)
    assert "454" in str(error)


def test_words_spoken_before_the_encryption_are_not_believed() -> None:
    injected = b"220 go ahead\r\n250-evil\r\n250 AUTH PLAIN\r\n"
    server = ScriptedRelay(
        lambda step: injected if step.verb == "STARTTLS" else None, extensions=("STARTTLS",)
    )
    with server.in_thread():
        error = trouble(relay(server.port, "smtp+starttls"))
    assert isinstance(error, RelayTlsError)
    assert "spoke before the encryption" in str(error)


def test_helo_where_ehlo_is_not_known() -> None:
    server = ScriptedRelay(lambda step: "502 5.5.1 what?" if step.verb == "EHLO" else None)
    with server.in_thread():
        assert send(relay(server.port)).accepted
    assert server.commands[1] == "HELO [127.0.0.1]"
    assert "MAIL FROM:<news@example.org>" in server.commands


@pytest.mark.parametrize(
    ("verb", "reply", "words"),
    [
        ("CONNECT", "554 5.7.1 no service for you", "554"),
        ("CONNECT", "421 4.3.2 too many connections", "421"),
        ("CONNECT", b"HTTP/1.1 200 OK\r\n", "not SMTP"),
        ("CONNECT", b"", "did not answer"),
        ("EHLO", "554 5.7.1 go away", "554"),
        ("EHLO", "421 4.3.2 busy", "421"),
    ],
)
def test_a_relay_that_does_not_want_us(verb: str, reply: str | bytes, words: str) -> None:
    with ScriptedRelay(lambda step: reply if step.verb == verb else None).in_thread() as server:
        error = trouble(relay(server.port))
    assert isinstance(error, RelayUnreachableError)
    assert words in str(error)


def test_nothing_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        error = trouble(relay(taken.getsockname()[1]))
    assert isinstance(error, RelayUnreachableError)
    assert "nothing answers" in str(error)


def test_no_such_host() -> None:
    error = trouble(relay(25, host="no-such-host.invalid"))
    assert isinstance(error, RelayUnreachableError)
    assert "no computer is known by the name" in str(error)
