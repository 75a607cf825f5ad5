"""RFC 8058 as a mail provider does it, and everything that is no such request."""

from __future__ import annotations

import pytest

from newsletter.links import Purpose
from tests.web.served import Served

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.mark.parametrize("form", ["urlencoded", "multipart"])
def test_one_click_acts_at_once_without_cookie_or_redirect(served: Served, form: str) -> None:
    token = served.token(Purpose.LEAVE_AT_ONCE, served.person("ana"))
    body = (
        {"data": ONE_CLICK} if form == "urlencoded" else {"files": {"List-Unsubscribe": (None, "One-Click")}}
    )
    with served.client(follow_redirects=False) as client:
        answer = client.post(f"/u/{token}", **body)
    assert answer.status_code == 200
    assert not answer.cookies and "set-cookie" not in answer.headers and "location" not in answer.headers
    assert served.state("ana") == "unsubscribed"


def test_the_headers_of_a_provider_change_nothing(served: Served) -> None:
    """Providers post from their own sites; the token is what counts."""
    token = served.token(Purpose.LEAVE_AT_ONCE, served.person("ana"))
    headers = {"Origin": "https://mail.example.com", "Sec-Fetch-Site": "cross-site"}
    with served.client() as client:
        assert client.post(f"/u/{token}", data=ONE_CLICK, headers=headers).status_code == 200
    assert served.state("ana") == "unsubscribed"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "application/x-www-form-urlencoded"),
        (b"List-Unsubscribe=one-click", "application/x-www-form-urlencoded"),
        (b"List-Unsubscribe=One-Click&List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"),
        (b"List-Unsubscribe=One-Click", "text/plain"),
        (b"List-Unsubscribe=One-Click", ""),
        (b'{"List-Unsubscribe": "One-Click"}', "application/json"),
        (b"List-Unsubscribe=%ff%fe", "application/x-www-form-urlencoded"),
        (b"--x\r\nnonsense", "multipart/form-data; boundary=x"),
        (b"nothing", "multipart/form-data"),
        (b"a=1&" * 200 + b"List-Unsubscribe=One-Click", "application/x-www-form-urlencoded"),
    ],
)
def test_what_is_no_one_click_request_is_refused(served: Served, content: bytes, kind: str) -> None:
    token = served.token(Purpose.LEAVE_AT_ONCE, served.person("ana"))
    with served.client() as client:
        answer = client.post(f"/u/{token}", content=content, headers={"Content-Type": kind} if kind else {})
    assert answer.status_code == 400
    assert served.state("ana") == "active"


def test_leaving_twice_or_as_nobody_is_answered_alike(served: Served) -> None:
    gone, erased = served.person("ana"), served.person("ben")
    person = served.store.people.by_subject(erased)
    assert person is not None
    served.store.people.erase(erased, now=served.clock(), reason="")
    tokens = [served.token(Purpose.LEAVE_AT_ONCE, subject) for subject in (gone, gone, erased, b"n" * 12)]
    with served.client() as client:
        answers = [client.post(f"/u/{token}", data=ONE_CLICK) for token in tokens]
    assert {(answer.status_code, answer.text) for answer in answers} == {(200, "Unsubscribed.\n")}
    assert len(served.received(1)) == 1


def test_old_mails_links_work_after_the_key_was_rotated(served: Served) -> None:
    token = served.token(Purpose.LEAVE_AT_ONCE, served.person("ana"))
    served.store.keys.rotate("token")
    with served.client() as client:
        assert client.post(f"/u/{token}", data=ONE_CLICK).status_code == 200
    assert served.state("ana") == "unsubscribed"
