"""`newsletter serve` as a program: its first line, its refusals, and its end."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from newsletter.cli import serve
from newsletter.cli.app import now_ms
from newsletter.config import load
from newsletter.models import OutboxKind
from newsletter.store import open_store
from tests.cli.conftest import Box
from tests.deliver.relay import ScriptedRelay, Step
from tests.store.samples import profile, take_in
from tests.web.served import make_project


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(make_project(tmp_path / "project"))


@contextmanager
def running(box: Box, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The program, once it says where its pages are -> the process and the address."""
    process = box.start("serve", "--port", "0", *arguments)
    assert process.stderr is not None
    try:
        said = ""
        while not (
            found := re.search(r"The pages are at (http\S+?)(?: \(here at (http\S+?)\))?\. Stop", said)
        ):
            line = process.stderr.readline()
            assert line, said
            said += line
        yield process, found[2] or found[1]
    finally:
        process.kill()
        process.communicate()


def test_it_says_where_it_is_and_stops_when_it_is_told(box: Box) -> None:
    with running(box) as (process, address):
        assert httpx.get(f"{address}/healthz").text == "ok\n"
        assert "Sample News" in httpx.get(address).text
        process.send_signal(signal.SIGINT if sys.platform == "win32" else signal.SIGTERM)
        _, said = process.communicate(timeout=20)
        assert process.returncode == 0 and "Traceback" not in said
        assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ GET health 200 \d+ms", said)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_log_that_cannot_be_written_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with suppress(OSError), Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stderr", full)
        for _ in range(3):
            serve._log("GET health 200 1ms")
        with pytest.raises(OSError):
            full.flush()


def test_what_is_under_way_is_finished(box: Box) -> None:
    with running(box) as (process, address):
        with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))) as line:
            host = address.removeprefix("http://")
            line.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2\r\n\r\n".encode())
            time.sleep(0.5)
            process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            line.sendall(b"ok")
            assert line.recv(100).startswith(b"HTTP/1.1 200")
        process.communicate(timeout=20)
        assert process.returncode == 0


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system does not tell of a closed window")
def test_a_mail_that_is_on_its_way_arrives_although_the_window_is_closed(box: Box) -> None:
    reached, opened = threading.Event(), threading.Event()

    def script(step: Step) -> None:
        if step.verb == "END":
            reached.set()
            assert opened.wait(30)

    config = load(box.folder, box.environ)
    with ScriptedRelay(script).in_thread() as relay:
        box.environ["NEWSLETTER_OUTBOX_URL"] = f"smtp://127.0.0.1:{relay.port}"
        with open_store(config.database, now=now_ms) as store:
            take_in(store, profile("ana"))
            (ana,) = store.people.select()
            store.outbox.add(OutboxKind.DATA, ana.subject, language="en", now=now_ms())
            with running(box) as (process, _):
                assert reached.wait(20)
                for _ in range(3):
                    process.send_signal(signal.SIGHUP)  # by the system, and by the shell
                    time.sleep(0.3)
                opened.set()
                process.communicate(timeout=20)
                assert process.returncode == 0
            assert store.outbox.counts() == {"sent": 1}


def test_a_second_one_of_the_same_project_is_refused(box: Box) -> None:
    with running(box) as (process, address):
        for port in ("0", address.rpartition(":")[2]):
            second = box.run("serve", "--port", port, exit_code=1)
            (line,) = second.stderr.strip().splitlines()
            assert f"the pages are served already, and their mails sent, by process {process.pid}" in line


def test_a_taken_port_is_told_in_one_line(box: Box) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = box.run("serve", "--port", str(port), exit_code=1)
    (line,) = refused.stderr.strip().splitlines()
    assert "this port is taken" in line and f"--port {port + 1}" in line


def test_other_hosts_are_told_in_one_line(box: Box) -> None:
    assert "is no address of this machine" in box.run("serve", "--host", "no such host", exit_code=2).stderr
    assert "cannot listen here" in box.run("serve", "--host", "192.0.2.1", exit_code=1).stderr
    missing = box.run("serve", "--host", "0.0.0.0", "--port", "0", exit_code=2).stderr
    assert "base_url" in missing and "newsletter.toml" in missing


def test_with_a_base_url_only_its_host_and_this_machine_are_answered(box: Box) -> None:
    box.environ["NEWSLETTER_BASE_URL"] = "https://news.example.net/letters"
    with running(box) as (_, address):
        for path in ("/", "/letters/", "/letters"):
            answer = httpx.get(f"{address}{path}", headers={"Host": "news.example.net"})
            assert answer.status_code == 200 and 'href="/letters/site.css"' in answer.text
        assert httpx.get(f"{address}/", headers={"Host": "evil.example.net"}).status_code == 421
        assert httpx.get(f"{address}/healthz", headers={"Host": "10.0.0.7"}).status_code == 200


def test_a_changed_issue_is_shown_within_a_second_or_two(box: Box) -> None:
    path = box.folder / "issues" / "image-gently-in-dentistry" / "en.md"
    with running(box) as (_, address):
        page = f"{address}/i/image-gently-in-dentistry/en"
        first = httpx.get(page)
        assert httpx.get(page, headers={"If-None-Match": first.headers["etag"]}).status_code == 304
        path.write_text(path.read_text(encoding="utf-8") + "\nA sentence that is new.\n", encoding="utf-8")
        time.sleep(1.1)
        changed = httpx.get(page, headers={"If-None-Match": first.headers["etag"]})
        assert changed.status_code == 200 and "A sentence that is new." in changed.text
        path.write_text("---\nbroken", encoding="utf-8")
        time.sleep(1.1)
        assert "A sentence that is new." in httpx.get(page).text
        template = box.folder / "templates" / "pages" / "index.html"
        template.parent.mkdir(parents=True)
        template.write_text("{{ nothing }}", encoding="utf-8")
        time.sleep(1.1)
        broken = httpx.get(f"{address}/")
        assert broken.status_code == 500 and "Traceback" not in broken.text
        template.unlink()
        time.sleep(1.1)
        assert httpx.get(f"{address}/").status_code == 200
