"""Whatever is sent to whatever path: an answer, never a trace, a hang, or a change by whom it is not for."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.links import Purpose
from newsletter.web.app import ROUTES
from tests.web.served import Served, serving

MODEST = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
PATHS = sorted({path for _, path, _ in ROUTES})
NAMES = st.sampled_from(
    [
        "address",
        "list",
        "language",
        "stamp",
        "website",
        "via",
        "issue",
        "name",
        "sure",
        "List-Unsubscribe",
        "x",
    ]
)
TEXTS = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        [
            "One-Click",
            "yes",
            "dentists",
            "en",
            "' OR 1=1 --",
            '"><script>alert(1)</script>',
            "{{ 7 * 7 }}",
            "../../../../etc/passwd",
            "ana@example.org\r\nBcc: ben@example.org",
            "\u202e\u2066\x00",
            "%00%0d%0a",
            "A" * 3_000,
        ]
    ),
)
TOKENS = st.one_of(TEXTS, st.from_regex(r"AQ[A-Za-z0-9_-]{52}", fullmatch=True))
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            *("Accept-Language", "If-None-Match", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"),
            *("Origin", "Sec-Fetch-Site", "Referer", "Cookie", "Range", "Expect", "Content-Type", "Accept"),
        ]
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60),
    max_size=4,
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("attacks") / "project") as found:
        yield found


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[httpx.Client]:
    with served.client() as found:
        yield found


def sound(answer: httpx.Response, served: Served) -> None:
    assert answer.status_code < 500, answer.text
    assert "Traceback" not in answer.text and "<script" not in answer.text and ">49<" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    place = answer.headers.get("location", "/")
    assert place.startswith("/") and not place.startswith(("//", "/\\"))
    assert "set-cookie" not in answer.headers


@MODEST
@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "OPTIONS", "PROPFIND"]),
    path=st.sampled_from(PATHS),
    parts=st.lists(TOKENS, min_size=3, max_size=3),
    query=st.dictionaries(
        st.sampled_from(["lang", "list", "via", "issue", "saved", "next"]), TEXTS, max_size=3
    ),
    headers=HEADERS,
    form=st.dictionaries(NAMES, TEXTS, max_size=5),
)
def test_every_route_answers_anything(
    served: Served,
    client: httpx.Client,
    method: str,
    path: str,
    parts: list[str],
    query: dict[str, str],
    headers: dict[str, str],
    form: dict[str, str],
) -> None:
    from urllib.parse import quote

    for place, part in zip(("{token}", "{slug}", "{name}"), parts, strict=True):
        path = path.replace(place, quote(part, safe="") or "x")
    path = path.replace("{language}", quote(parts[0], safe="") or "x").replace("{part}", "share")
    data = form if method == "POST" else None
    try:
        answer = client.request(method, path[:6_000], params=query, headers=headers, data=data)
    except httpx.LocalProtocolError:
        return  # httpx itself does not send such a header
    sound(answer, served)


@MODEST
@given(data=st.binary(max_size=400))
def test_any_bytes_are_answered_or_hung_up_on(served: Served, data: bytes) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as line:
        line.sendall(data + b"\r\n\r\n")
        line.shutdown(socket.SHUT_WR)
        got = b""
        while piece := line.recv(65_536):
            got += piece
    assert not got or got.startswith(b"HTTP/1.1 ")
    assert b"Traceback" not in got and b" 500 " not in got[:20]


@MODEST
@given(
    body=st.binary(max_size=2_000), kind=st.sampled_from(["x-www-form-urlencoded", "form-data; boundary=x"])
)
def test_any_form_is_answered(served: Served, client: httpx.Client, body: bytes, kind: str) -> None:
    base = "application" if kind.startswith("x") else "multipart"
    headers = {"Content-Type": f"{base}/{kind}"}
    for path in ("/join", f"/u/{served.token(Purpose.LEAVE_AT_ONCE, b'n' * 12)}"):
        answer = client.post(path, content=body, headers=headers)
        assert answer.status_code in {200, 303, 400, 422}


@MODEST
@given(position=st.integers(0, 53), letter=st.sampled_from("ABCXYZabcxyz0189-_"))
def test_no_changed_token_is_taken(served: Served, client: httpx.Client, position: int, letter: str) -> None:
    token = served.token(Purpose.LEAVE_AT_ONCE, served.person("ana"))
    changed = token[:position] + letter + token[position + 1 :]
    if changed == token:
        return
    answer = client.post(f"/u/{changed}", data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 404 and served.state("ana") == "active"


def test_hostile_names_are_only_text(served: Served) -> None:
    name = '"><img src=x onerror=alert(1)>{{7*7}}\u202e'
    with served.client() as client:
        served.join(client, "mallory@example.org")
        from tests.web.test_joining_pages import link_of

        link = link_of(served.received(1)[-1])
        assert client.post(link, data={"name": name}).status_code == 303
    person = served.store.people.get("mallory@example.org")
    assert person is not None
    data = served.token(Purpose.DATA, person.subject, served.clock() // 1000)
    with served.client() as client:
        text = client.get(f"/d/{data}").text
    assert "<img src=x" not in text and "&lt;img src=x" in text and "{{7*7}}" in text and "\u202e" not in text
