"""The guard before every page: hosts, methods, sizes, times, rates, headers, and a log that keeps silent."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import pytest

from newsletter.links import Purpose
from newsletter.web import server
from newsletter.web.allowance import RATES, Allowance, Rate, client_name, kind_of
from newsletter.web.app import ROUTES
from newsletter.web.guard import MOST_BODY
from newsletter.web.protocol import protocol
from tests.web.served import Served, serving


def talk(port: int, data: bytes, *, seconds: float = 5.0) -> bytes:
    """Send bytes as they are, and read until the other side hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as line:
        line.sendall(data)
        got = b""
        try:
            while piece := line.recv(65_536):
                got += piece
        except TimeoutError:
            pass
    return got


@pytest.mark.parametrize("path", sorted({path for _, path, _ in ROUTES}))
def test_every_answer_carries_the_headers(served: Served, path: str) -> None:
    filled = path.replace("{language}", "en").replace("{name}", "en").replace("{part}", "share")
    filled = filled.replace("{slug}", "image-gently-in-dentistry").replace("{token}", "AQx")
    with served.client() as client:
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"):
            answer = client.request(method, filled)
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; style-src 'self'")
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "set-cookie" not in answer.headers and "server" not in answer.headers
            assert "strict-transport-security" not in answer.headers
            if method not in {"GET", "HEAD", "POST"}:
                assert answer.status_code == 405 and "GET" in answer.headers["allow"]
        got, head = client.get(filled), client.head(filled)
        assert (got.status_code, got.headers.get("content-length")) == (
            head.status_code,
            head.headers.get("content-length"),
        )
        assert head.content == b""


def test_https_pages_ask_for_https_for_ever(tmp_path: Path) -> None:
    with (
        serving(tmp_path / "p", base_url="https://news.example.net", outbox=False) as served,
        served.client() as client,
    ):
        answer = client.get("/", headers={"Host": "news.example.net"})
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        assert client.get("/", headers={"Host": "news.example.net:443"}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example.com",
        "127.0.0.1",
        "127.0.0.1:1",
        "localhost",
        "x@127.0.0.1",
        "127.0.0.1:{port}.evil.com",
        "'",
    ],
)
def test_another_host_is_misdirected(served: Served, host: str) -> None:
    sent = host.format(port=served.port)
    got = talk(served.port, f"GET /join HTTP/1.1\r\nHost: {sent}\r\n\r\n".encode())
    assert got.startswith(b"HTTP/1.1 421") and b"evil" not in got


def test_hostless_and_doubtful_requests_are_refused(served: Served) -> None:
    for head in (
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET http://evil.example.com/ HTTP/1.1\r\nHost: evil.example.com\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /join HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ):
        got = talk(served.port, head)
        assert got[:12] in {b"HTTP/1.1 400", b"HTTP/1.1 421"}, head


def test_redirects_lead_nowhere_else(served: Served) -> None:
    with served.client() as client:
        for path in (
            "//evil.example.com",
            "//evil.example.com/",
            "/\\evil.example.com",
            "/%2f%2fevil.example.com/",
        ):
            got = talk(served.port, f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{served.port}\r\n\r\n".encode())
            assert got.startswith(b"HTTP/1.1 404") and b"ocation:" not in got, path
        for path in ("/latest?via=//evil.example.com", "/latest?next=https://evil.example.com"):
            answer = client.get(path, headers={"X-Forwarded-Host": "evil.example.com"})
            assert answer.status_code == 302 and answer.headers["location"].startswith("/i/")


def test_bodies_are_bounded_announced_or_not(served: Served) -> None:
    host = f"Host: 127.0.0.1:{served.port}\r\n".encode()
    with served.client() as client:
        assert client.post("/join", content=b"x" * (MOST_BODY + 1)).status_code == 413
        assert client.post("/join", content=iter([b"x" * 9_000] * 9)).status_code == 413
        assert client.request("GET", "/", content=b"x" * (MOST_BODY + 1)).status_code == 413
    for length in (b"99999999999999999999999", b"-1", b"1e3", b"\xb2"):
        got = talk(
            served.port, b"POST /join HTTP/1.1\r\n" + host + b"Content-Length: " + length + b"\r\n\r\n"
        )
        assert got[:12] in {b"HTTP/1.1 413", b"HTTP/1.1 400"}, length
    got = talk(served.port, b"GET / HTTP/1.1\r\n" + host + b"X: " + b"y" * 40_000 + b"\r\n\r\n")
    assert got[:12] in {b"HTTP/1.1 431", b"HTTP/1.1 400"}


def test_half_a_form_is_no_form(served: Served) -> None:
    token = served.token(Purpose.LEAVE_AT_ONCE, served.person("ana"))
    body = b"List-Unsubscribe=One-Click"
    head = (
        f"POST /u/{token} HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body) + 5}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", served.port)) as line:
        line.sendall(head.encode() + body)
    time.sleep(0.3)
    assert served.state("ana") == "active"


def test_forwarded_names_count_from_trusted_proxies_alone(tmp_path: Path) -> None:
    rates = dict(RATES) | {"read": Rate(burst=3, per_second=0.001)}
    with serving(tmp_path / "p", rates=rates, outbox=False) as served, served.client() as client:
        for number in range(10):
            headers = {"X-Forwarded-For": f"203.0.113.{number}"}
            assert client.get("/healthz", headers=headers).status_code == 200
        seen = [client.get("/", headers={"X-Forwarded-For": "203.0.113.77"}).status_code for _ in range(4)]
        assert seen == [200, 200, 200, 429]
        spoofed = {"X-Forwarded-For": "198.51.100.1, 203.0.113.77"}
        late = client.get("/", headers=spoofed)
        assert late.status_code == 429 and int(late.headers["retry-after"]) > 0
        assert "wait a moment" in late.text


def test_the_log_tells_pages_and_times_and_no_person(served: Served) -> None:
    token = served.token(Purpose.PREFERENCES, served.person("annabelle"))
    with served.client() as client:
        client.get(f"/p/{token}?lang=en", headers={"X-Forwarded-For": "203.0.113.9", "User-Agent": "spy"})
        served.join(client, "carol@example.org")
        client.post(f"/p/{token}/leave")
        client.get("/nix/carol@example.org")
    served.received(2)
    text = "\n".join(served.log)
    assert "GET ways 200" in text and "POST leave 303" in text and "GET - 404" in text
    for word in (token, token[:10], "annabelle", "carol", "203.0.113.9", "spy", "example.org"):
        assert word not in text


def test_an_unforeseen_error_is_a_page_and_one_line(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("annabelle@example.org")

    monkeypatch.setattr("newsletter.web.leaving.preferences", broken)
    token = served.token(Purpose.PREFERENCES, served.person("ana"))
    with served.client() as client:
        answer = client.get(f"/p/{token}")
    assert answer.status_code == 500 and "not your fault" in answer.text and "Traceback" not in answer.text
    time.sleep(0.3)
    text = "\n".join(served.log)
    assert "error RuntimeError at " in text and "annabelle" not in text and token not in text


def test_slow_clients_are_hung_up_on(served: Served) -> None:
    """The same protocol with short patience: a head that drips, a body that drips, an idle line."""
    quick = protocol((), {"head": 0.5, "body": 0.5, "idle": 0.5})
    stop, ready = threading.Event(), threading.Event()
    with server.listen("127.0.0.1", 0) as listener, pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "protocol", lambda trusted: quick)
        app = _app_of(served)
        kwargs = {"stop": stop.is_set, "ready": ready.set, "log": served.log.append}
        thread = threading.Thread(target=server.run, args=(app, listener), kwargs=kwargs)
        thread.start()
        assert ready.wait(10)
        port = listener.getsockname()[1]
        try:
            for opening in (b"", b"GET / HT", b"POST /join HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"):
                assert drip(port, opening) < 3
        finally:
            stop.set()
            thread.join(15)


def _app_of(served: Served) -> object:
    async def app(scope: object, receive: object, send: object) -> None:
        await receive()  # type: ignore[operator]
        await receive()  # type: ignore[operator]

    return app


def drip(port: int, opening: bytes) -> float:
    """Send one byte after the other until the line is cut -> after how many seconds."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=0.1) as line:
        line.sendall(opening)
        while time.monotonic() - began < 5:
            try:
                if not line.recv(1):
                    break
            except TimeoutError:
                pass
            except ConnectionError:
                break
            try:
                line.sendall(b"x") if opening else None
            except ConnectionError:
                break
    return time.monotonic() - began


def test_pages_go_on_while_many_slow_clients_hang_on(served: Served) -> None:
    lines = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(100)]
    try:
        for line in lines:
            line.sendall(b"GET / HTTP/1.1\r\nHost: ")
        with served.client() as client:
            began = time.monotonic()
            assert client.get("/").status_code == 200
            assert time.monotonic() - began < 2
    finally:
        for line in lines:
            line.close()


# --- the allowance


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::/64"),
        ("x" * 500, "x" * 64),
    ],
)
def test_a_client_is_an_address_or_a_household(host: str, name: str) -> None:
    assert client_name(host) == name


def test_a_bucket_fills_again_with_time() -> None:
    allowance = Allowance(rates={"read": Rate(burst=2, per_second=0.5)})
    assert [allowance.wait("read", "a", 0.0) for _ in range(3)] == [0.0, 0.0, 2.0]
    assert allowance.wait("read", "b", 0.0) == 0.0
    assert allowance.wait("read", "a", 2.0) == 0.0
    assert allowance.wait("read", "a", 3.0) == 1.0
    assert allowance.wait("read", "a", 1_000.0) == 0.0


def test_memory_is_bounded() -> None:
    allowance = Allowance(most=10)
    for number in range(1_000):
        allowance.wait("join", str(number), 0.0)
    assert len(allowance._buckets) == 10


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("GET", "/u/x", "read"),
        ("POST", "/u/x", "one-click"),
        ("POST", "/join", "join"),
        ("POST", "/p/x/leave", "form"),
        ("HEAD", "/", "read"),
    ],
)
def test_which_rate_counts(method: str, path: str, kind: str) -> None:
    assert kind_of(method, path) == kind
