"""What a person is told of a send before it is too late, and of trouble while it lasts."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.cli.conftest import PEOPLE, Box, Gate, until
from tests.cli.test_control import in_utc
from tests.cli.test_decisions import until_said
from tests.deliver.relay import Do, ScriptedRelay

Named = Callable[[int], Box]


def test_a_wrong_password_is_told_before_the_wait_for_the_time(box: Box) -> None:
    with ScriptedRelay(login=("jane", "secret")).in_thread() as relay:
        box.environ["NEWSLETTER_SMTP_URL"] = f"smtp://jane:wrong@127.0.0.1:{relay.port}"
        box.fill(PEOPLE[:2])
        waiting = box.start("send", "short", "--to", "dentists", "--yes", "--at", in_utc(3600))
        until_said(waiting, "refused the login of jane")
        until_said(waiting, "Waiting until")
        waiting.send_signal(signal.SIGINT)
        waiting.communicate(timeout=20)
        assert "planned for" in box.run("status", "short").stdout


def test_no_wait_does_not_wait_for_a_time(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE[:2])
        begun = time.monotonic()
        told = box.send("--at", in_utc(86_400), "--no-wait", exit_code=1).stderr
        assert "It begins at" in told and "--now" in told
        assert "It begins at" in box.send("--no-wait", exit_code=1).stderr
        assert time.monotonic() - begun < 30
        assert not relay.taken


def test_a_limit_that_was_not_reached_stands_in_the_next_command(relayed: Named) -> None:
    gate = Gate()
    with ScriptedRelay(gate).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE)
        sender = box.start("send", "short", "--to", "dentists", "--yes", "--limit", "50")
        until(lambda: bool(relay.taken))
        box.run("pause", "short")
        until(lambda: box.status()["planned"] > len(PEOPLE) - 50)
        gate.opened.set()
        told = sender.communicate(timeout=30)[1]
        left = 50 - box.status()["sent"]
        assert 0 < left < 50
        assert f"send short --to dentists --limit {left}, or with all of them: newsletter resume" in told
        assert box.send("--limit", str(left), exit_code=1)
        assert len(relay.taken) == 50


@contextmanager
def babbling() -> Iterator[int]:
    """A server that agrees to encrypt, says something else in the clear, and hangs up -> its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            client, _ = server.accept()
            with client:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                client.sendall(b"220 hello\r\n")
                client.recv(1_000)
                client.sendall(b"250-hello\r\n250 STARTTLS\r\n")
                client.recv(1_000)
                client.sendall(b"220 go\r\n")
                client.sendall(b"what now?\r\n")
                time.sleep(0.2)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield int(server.getsockname()[1])
        thread.join(10)


def test_an_encryption_that_never_begins_is_one_line(box: Box) -> None:
    box.fill(PEOPLE[:2])
    with babbling() as port:
        box.environ["NEWSLETTER_SMTP_URL"] = f"smtp+starttls://127.0.0.1:{port}"
        told = box.send(exit_code=1).stderr
    assert "Exception" not in told
    assert box.status()["planned"] == 2


def test_ctrl_c_while_the_relay_is_tried_before_a_wait(relayed: Named) -> None:
    with ScriptedRelay(lambda step: Do.SILENCE if step.verb == "CONNECT" else None).in_thread() as relay:
        box = relayed(relay.port)
        box.fill(PEOPLE[:2])
        waiting = box.start("send", "short", "--to", "dentists", "--yes", "--at", in_utc(3600))
        until(lambda: relay.sessions > 0)
        stopped = time.monotonic()
        waiting.send_signal(signal.SIGINT)
        assert "It begins at" in waiting.communicate(timeout=20)[1]
        assert time.monotonic() - stopped < 5
