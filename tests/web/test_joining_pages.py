"""Joining over HTTP: the form's promises, double opt-in, and what a stranger can not do."""

from __future__ import annotations

import re
from email.message import EmailMessage
from html import unescape
from typing import Any

import pytest

from newsletter.links import Purpose
from newsletter.models import ConsentKind, Shown
from newsletter.pages import words_for
from newsletter.typography import without_isolates
from newsletter.web.forms import OLDEST, QUICKEST
from tests.web.served import STAMP, Served

LINK = re.compile(r"http://127\.0\.0\.1:\d+(/(?:c|undo|d)/[\w-]{54})")


def link_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    found = LINK.search(body.get_content())
    assert found is not None, body.get_content()
    return found[1]


def test_the_form_names_organisation_and_sender_and_preselects_the_list(served: Served) -> None:
    with served.client() as client:
        text = client.get("/join?list=radiologists").text
    assert "Sample Federation" in text and "news@example.org" in text
    assert re.search(r'value="radiologists" checked', text) and not re.search(
        r'value="dentists" checked', text
    )
    assert "board" not in text


def test_joining_is_confirmed_by_a_button_and_nothing_else(served: Served) -> None:
    with served.client() as client:
        asked = served.join(client, "ana@example.org", via="whatsapp", issue="image-gently-in-dentistry")
        assert asked.status_code == 303 and asked.headers["location"].startswith("/join/sent")
        (mail,) = served.received(1)
        assert mail["To"] == "ana@example.org" and mail["Auto-Submitted"] == "auto-generated"
        assert mail["List-Unsubscribe"] is None and mail["Precedence"] is None
        page = link_of(mail)
        for _ in range(3):
            assert client.get(page).status_code == 200
            assert client.head(page).status_code == 200
        assert served.state("ana") in {"", "pending", "unsubscribed"}
        done = client.post(f"{page}?lang=fr", data={"name": "Dr\u202e Ana  Sample"})
        assert done.status_code == 303
        assert "Bienvenue" in client.get(done.headers["location"]).text
    assert served.state("ana") == "active"
    person = served.store.people.get("ana@example.org")
    assert person is not None and person.profile.name == "Dr Ana Sample"
    joined, confirmed = served.store.consent.of(person.subject)
    assert (joined.kind, confirmed.kind) == (ConsentKind.JOINED, ConsentKind.CONFIRMED)
    assert "Sample Federation" in joined.wording and "news@example.org" in joined.wording
    assert joined.page == "/join" and joined.source == "form" and joined.language == "en"
    assert "je souhaite recevoir" in confirmed.wording
    assert served.store.requests.channels("image-gently-in-dentistry") == {"whatsapp": 1}


def test_the_wording_that_is_kept_is_the_wording_that_was_shown(served: Served) -> None:
    with served.client() as client:
        shown = client.get("/join?lang=ar").text
        form = {"address": "layla@example.org", "list": "dentists", "language": "ar"}
        stamp = STAMP.search(shown)
        assert stamp is not None
        served.clock.forward(seconds=5)
        client.post("/join?lang=ar", data=form | {"stamp": stamp[1]})
        (mail,) = served.received(1)
    assert "layla@example.org" in mail["To"]
    person = served.store.people.get("layla@example.org")
    assert person is not None
    (joined,) = served.store.consent.of(person.subject)
    sentence = re.search(r'<p class="consent">(.*?)</p>', shown)
    assert sentence is not None
    assert joined.wording == re.sub("[\u2068\u2069]", "", sentence[1])


def test_a_consent_says_in_which_language_the_page_spoke_and_mails_come_in_the_one_asked_for(
    served: Served,
) -> None:
    with served.client() as client:
        shown = client.get("/join?lang=fr").text
        stamp = STAMP.search(shown)
        assert stamp is not None
        served.clock.forward(seconds=5)
        form = {"address": "ana@example.org", "list": "dentists", "language": "ar", "stamp": stamp[1]}
        client.post("/join?lang=fr", data=form)
        (mail,) = served.received(1)
        assert mail["Content-Language"] == "ar"
        client.post(f"{link_of(mail)}?lang=de", data={"name": ""})
        person = served.store.people.get("ana@example.org")
        assert person is not None and person.profile.language == "ar"
        page = f"/p/{served.token(Purpose.PREFERENCES, person.subject)}/preferences"
        asked = unescape(client.get(f"{page}?lang=it").text)
        chosen = {"list": ["dentists", "radiologists"], "language": "en"}
        client.post(f"{page}?lang=it", data=chosen)
        wait_until_settled(served)
    joined, confirmed, added = served.store.consent.of(person.subject)
    told = [(event.language, event.wording) for event in (joined, confirmed, added)]
    words = [("fr", "joining_consent"), ("de", "confirm_consent"), ("it", "prefs_consent")]
    assert [language for language, _ in told] == [language for language, _ in words]
    for (_, wording), (language, name) in zip(told, words, strict=True):
        assert wording[:12] == words_for(language)[name][:12]
    assert words_for("it")["prefs_save"] in added.wording
    assert without_isolates(asked).count(added.wording) == 1
    with served.client() as client:
        assert 'class="consent"' not in client.get(page).text, "there is nothing to add"


def test_the_answer_is_the_same_whether_or_not_an_address_is_known(served: Served) -> None:
    served.person("ana")
    left = served.person("ben")
    person = served.store.people.by_subject(left)
    assert person is not None
    served.store.people.erase(left, now=served.clock(), reason="")
    seen = set()
    with served.client() as client:
        for local in ("ana", "ben", "carol"):
            answer = served.join(client, f"{local}@example.org")
            headers = {k: v for k, v in answer.headers.items() if k != "date"}
            seen.add((answer.status_code, answer.text, tuple(sorted(headers.items()))))
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("typed", "taken"),
    [
        ("\u200eana@example.org\u200f", "ana@example.org"),
        ("  <ANA@Example.org>; ", "ANA@example.org"),
        ("\u202aana@example.org\u202c", "ana@example.org"),
        ("mailto:ana@example.org", "ana@example.org"),
    ],
)
def test_what_phones_paste_is_understood(served: Served, typed: str, taken: str) -> None:
    with served.client() as client:
        assert served.join(client, typed).status_code == 303
    (mail,) = served.received(1)
    assert mail["To"].lower() == taken.lower()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"address": ""}, "like name@example.org"),
        ({"address": "ana"}, "like name@example.org"),
        ({"address": "ana@example.org, ben@example.org"}, "like name@example.org"),
        ({"address": "ana@example.org\r\nBcc: ben@example.org"}, "like name@example.org"),
        ({"address": 'x"><script>alert(1)</script>@example.org'}, "like name@example.org"),
        ({"list": "board"}, "choose at least one"),
        ({"list": "nonsense"}, "choose at least one"),
        ({"list": ""}, "choose at least one"),
        ({"stamp": ""}, "open for a long time"),
        ({"stamp": "1.1.AAAA"}, "open for a long time"),
        ({"stamp": "x" * 500}, "open for a long time"),
    ],
)
def test_a_mistake_is_told_beside_its_field_and_nothing_is_asked(
    served: Served, fields: dict[str, str], said: str
) -> None:
    with served.client() as client:
        typed = {"address": "ana@example.org"} | fields
        answer = served.join(client, typed.pop("address"), **typed)
    assert answer.status_code == 422 and said in answer.text
    assert "<script>" not in answer.text
    assert served.store.requests.first(10) == [] and served.store.people.get("ana@example.org") is None


def test_a_form_that_is_filled_too_fast_or_is_too_old_is_asked_again(served: Served) -> None:
    form = {"address": "ana@example.org", "list": "dentists", "language": "en"}
    with served.client() as client:
        stamp = STAMP.search(client.get("/join").text)
        assert stamp is not None
        served.clock.ahead -= 500
        quick = client.post("/join", data=form | {"stamp": stamp[1]})
        assert quick.status_code == 422
        served.clock.forward(seconds=OLDEST // 1000 + 60)
        old = client.post("/join", data=form | {"stamp": stamp[1]})
        assert old.status_code == 422 and "long time" in old.text
        again = STAMP.search(old.text)
        assert again is not None
        served.clock.forward(seconds=QUICKEST // 1000 + 1)
        assert client.post("/join", data=form | {"stamp": again[1]}).status_code == 303


def test_a_robot_that_fills_every_field_is_thanked_and_ignored(served: Served) -> None:
    with served.client() as client:
        answer = served.join(client, "ana@example.org", website="https://spam.example.com")
        assert answer.status_code == 303
    assert served.store.requests.first(10) == []
    assert not list(served.mails.glob("*"))


def test_nothing_that_a_stranger_types_reaches_the_mail(served: Served) -> None:
    marks = {"via": "CHEAP-PILLS", "issue": "CHEAP-PILLS", "language": "CHEAP-PILLS", "name": "CHEAP-PILLS"}
    with served.client() as client:
        assert served.join(client, "victim@example.org", **marks).status_code == 303
    (mail,) = served.received(1)
    assert b"CHEAP-PILLS" not in mail.as_bytes()
    assert served.store.requests.channels("") == {"other": 1}


def test_a_form_of_another_site_is_refused(served: Served) -> None:
    foreign: list[dict[str, str]] = [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example.com"},
    ]
    with served.client() as client:
        for headers in foreign:
            client.headers.update(headers)
            assert served.join(client, "ana@example.org").status_code == 403
            for name in headers:
                del client.headers[name]
        client.headers.update({"Sec-Fetch-Site": "same-origin", "Origin": "null"})
        assert served.join(client, "ana@example.org").status_code == 303


def test_a_link_that_is_older_than_30_days_says_so_and_offers_to_begin_again(served: Served) -> None:
    with served.client() as client:
        served.join(client, "ana@example.org")
        page = link_of(served.received(1)[0])
        served.clock.forward(days=31)
        assert client.get(page).status_code == 410
        assert client.post(page, data={"name": ""}).status_code == 303
    assert served.state("ana") != "active"


def test_somebody_who_is_on_the_list_is_told_so_by_mail_only(served: Served) -> None:
    served.person("ana")
    with served.client() as client:
        assert served.join(client, "ana@example.org").status_code == 303
    (mail,) = served.received(1)
    assert not LINK.search(str(mail.get_body(("plain",)).get_content()))


def test_a_thousand_requests_for_one_victim_bring_one_mail_an_hour(served: Served) -> None:
    """The asking is done where the pages do it; over HTTP the rates would stop most of them."""
    from newsletter.addresses import parse_address
    from newsletter.audience.joining import request_join

    with served.client() as client:
        for _ in range(50):
            assert served.join(client, "victim@example.org").status_code == 303
    with served.store.transaction():
        for number in range(1_000):
            request_join(
                served.store,
                address=parse_address(f"victim@{'example.org' if number % 2 else 'EXAMPLE.ORG'}"),
                list_names=["dentists", "radiologists"][: number % 2 + 1],
                language="en",
                shown=Shown(wording="", language="en", page="/join"),
                channel="link",
                issue="",
                now=served.clock(),
            )
    wait_until_settled(served)
    mails = len(list(served.mails.glob("*")))
    assert mails == 1
    served.clock.forward(seconds=3_700)
    with served.client() as client:
        served.join(client, "victim@example.org")
    wait_until_settled(served)
    assert len(served.received(2)) == 2


def wait_until_settled(served: Served, seconds: float = 60) -> None:
    import time

    until: Any = time.monotonic() + seconds
    while served.store.requests.first(1) and time.monotonic() < until:
        time.sleep(0.1)
    assert not served.store.requests.first(1)
    time.sleep(1.5)
