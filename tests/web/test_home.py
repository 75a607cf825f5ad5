"""One home: a send asks the pages whether they use the database that it reads."""

from __future__ import annotations

import shutil
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from msgspec.structs import replace

from newsletter import home
from newsletter.errors import RefusedError
from newsletter.store import open_store
from tests.web.served import Served, serving


def elsewhere(served: Served, base_url: str) -> home.Answer:
    config = replace(served.config, web=replace(served.config.web, base_url=base_url))
    return home.ask(config, served.store)


def test_pages_on_the_same_database_are_at_home(served: Served) -> None:
    assert home.ask(served.config, served.store) == home.Answer(here=True)
    assert home.refuse_elsewhere(served.config, served.store)


def test_a_copy_of_the_project_is_not_at_home(served: Served, tmp_path: Path) -> None:
    assert home.ask(served.config, served.store).here
    copy = tmp_path / "copy.db"
    served.store.backup(copy)
    with open_store(copy, now=served.clock) as store:
        assert store.project_id == served.store.project_id
        with pytest.raises(RefusedError, match="another copy of this project"):
            home.refuse_elsewhere(served.config, store)


def test_another_project_is_not_at_home(served: Served, tmp_path: Path) -> None:
    with serving(tmp_path / "other", sample=False, outbox=False) as other:
        assert "another project" in elsewhere(served, other.base).fault


def test_no_answer_is_no_home(served: Served) -> None:
    assert "no pages answer there" in elsewhere(served, "http://127.0.0.1:9").fault


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (200, {}, b"<html>hello</html>"),
        (200, {}, b"[]"),
        (200, {}, b'{"project": 1, "proof": null}'),
        (200, {}, b"\xff\xfe"),
        (200, {"Content-Length": "99"}, b"{"),
        (404, {}, b"{}"),
        (302, {"Location": "http://localhost:1/"}, b""),
    ],
)
def test_whatever_else_answers_is_no_home(
    served: Served, status: int, headers: dict[str, str], body: bytes
) -> None:
    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Other) as other:
        threading.Thread(target=other.handle_request).start()
        answer = elsewhere(served, f"http://127.0.0.1:{other.server_port}")
    assert not answer.here and answer.fault


def test_the_answer_says_nothing_of_the_word(served: Served) -> None:
    served.store.set_home_word("a-secret-word")
    with served.client() as client:
        answer = client.get(home.PATH)
    assert set(answer.json()) == {"project", "proof"} and "a-secret-word" not in answer.text
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("url", "sample"),
    [
        ("https://news.example.org", True),
        ("https://example.com/news", True),
        ("https://pages.example", True),
        ("https://example.org.evil.net", False),
        ("https://news.imagegently.org", False),
        ("http://127.0.0.1:8000", False),
    ],
)
def test_sample_addresses_are_not_asked(url: str, sample: bool) -> None:
    assert home.is_sample(url) is sample


def test_a_copied_folder_is_refused_by_send(served: Served, tmp_path: Path) -> None:
    """The whole way: a copy of the project, one send from it."""
    from tests.cli.conftest import Box

    served.person("ana")
    box = Box(
        tmp_path / "copy", {"NEWSLETTER_BASE_URL": served.base, "NEWSLETTER_SMTP_URL": "smtp://127.0.0.1:9"}
    )
    shutil.copytree(
        served.folder, box.folder, ignore=shutil.ignore_patterns("subscribers.db*", ".newsletter")
    )
    served.store.backup(box.folder / "subscribers.db")
    send = box.run("send", "image-gently-in-dentistry", "--to", "dentists", "--yes", exit_code=1)
    assert "another copy of this project" in send.stderr and "log in where the project lives" in send.stderr
    assert box.json("status") == []
    dry = box.run("send", "image-gently-in-dentistry", "--to", "dentists", "--dry-run", exit_code=None)
    assert "another copy" not in dry.stderr
