"""The page that asks who is reading, leaving, undoing, choosing, and one's own data."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from newsletter.links import Purpose
from newsletter.pages import words_for
from newsletter.web.owning import tables
from tests.editions import make_edition, make_issue
from tests.pages.scene import SAMPLE, make_site
from tests.web.served import Served
from tests.web.test_joining_pages import link_of


def test_the_page_of_a_mails_link_shows_no_address_and_asks_who_is_reading(served: Served) -> None:
    subject = served.person("annabelle")
    with served.client() as client:
        for purpose, path in ((Purpose.PREFERENCES, "p"), (Purpose.LEAVE_AT_ONCE, "u")):
            text = client.get(f"/{path}/{served.token(purpose, subject)}").text
            assert "a•••@e•••.org" in text and "annabelle" not in text
            assert "/join?via=forward" in text and "/leave" in text
    assert served.state("annabelle") == "active"


def test_leaving_and_undoing(served: Served) -> None:
    subject = served.person("ana", "dentists", "radiologists")
    page = f"/p/{served.token(Purpose.PREFERENCES, subject)}"
    with served.client(follow_redirects=True) as client:
        left = client.post(f"{page}/leave")
        assert left.status_code == 200 and "You have left" in left.text
        assert served.state("ana") == "unsubscribed"
        (mail,) = served.received(1)
        undo = link_of(mail)
        assert undo.startswith("/undo/")
        for _ in range(3):
            assert "You have left" in client.get(undo).text
        assert served.state("ana") == "unsubscribed"
        assert "Good to have you back" in client.post(undo).text
        assert served.state("ana") == "active"
        assert client.get(undo).status_code == 410
    person = served.store.people.by_subject(subject)
    assert person is not None and [m.state for m in person.memberships] == ["active", "active"]


def test_undo_is_over_after_an_hour_on_the_page_and_after_30_days_by_mail(served: Served) -> None:
    page = f"/p/{served.token(Purpose.PREFERENCES, served.person('ana'))}"
    with served.client(follow_redirects=True) as client:
        left = client.post(f"{page}/leave")
        on_page, mailed = left.url.path, link_of(served.received(1)[0])
        assert "for one hour" in left.text and "for one hour" not in client.get(mailed).text
        served.clock.forward(seconds=3_601)
        for undo in (on_page, mailed):
            assert client.get(undo).status_code == (410 if undo == on_page else 200)
        assert client.post(on_page).status_code == 410
        served.clock.forward(days=30)
        assert client.get(mailed).status_code == 410
        assert client.post(mailed).status_code == 410
    assert served.state("ana") == "unsubscribed"


def test_the_kept_page_of_a_leaving_does_nothing_once_the_person_left_anew(served: Served) -> None:
    subject = served.person("ana")
    page = f"/p/{served.token(Purpose.PREFERENCES, subject)}"
    with served.client(follow_redirects=True) as client:
        kept = client.post(f"{page}/leave").url.path
        one_click = {"List-Unsubscribe": "One-Click"}
        client.post(f"/u/{served.token(Purpose.LEAVE_AT_ONCE, subject)}", data=one_click)
        assert client.post(kept).status_code == 410
        assert served.state("ana") == "unsubscribed"
        assert "Good to have you back" in client.post(link_of(served.received(1)[0])).text
    assert served.state("ana") == "active"


def test_leaving_is_kind_to_whoever_left_was_erased_or_never_was(served: Served) -> None:
    left, erased = served.person("ana"), served.person("ben")
    served.store.people.erase(erased, now=served.clock(), reason="")
    with served.client(follow_redirects=True) as client:
        seen = set()
        client.post(f"/p/{served.token(Purpose.PREFERENCES, left)}/leave")
        for subject in (left, erased, b"n" * 12):
            page = f"/p/{served.token(Purpose.PREFERENCES, subject)}"
            looked = client.get(page)
            assert looked.status_code == 200 and "has ended" in looked.text
            assert "/leave" not in looked.text and 'href="/join?' in looked.text
            choices = client.get(f"{page}/preferences").text
            assert "has ended" in choices and "/leave" not in choices and 'href="/join?' in choices
            assert ("/data" in choices) == (subject == left)
            gone = client.post(f"{page}/leave")
            assert gone.url.path.endswith("/left")
            seen.add((gone.status_code, gone.text.replace(page, "")))
        assert len(seen) == 1 and seen.pop()[0] == 200


def test_choosing_lists_and_language(served: Served) -> None:
    subject = served.person("ana", "dentists")
    page = f"/p/{served.token(Purpose.PREFERENCES, subject)}/preferences"
    with served.client(follow_redirects=True) as client:
        text = client.get(page).text
        assert 'value="dentists" checked' in text and 'value="radiologists">' in text and "board" not in text
        saved = client.post(page, data={"list": ["dentists", "radiologists"], "language": "fr"})
        assert "we have sent you a mail" in saved.text
        assert "(attend la confirmation)" in client.get(f"{page}?lang=fr").text
        assert 'value="radiologists"' not in saved.text
        person = served.store.people.by_subject(subject)
        assert person is not None and person.profile.language == "fr"
        assert [m.list_name for m in person.memberships if m.state == "active"] == ["dentists"]
        (mail,) = served.received(1)
        assert "(waits for confirmation)" in client.get(f"{page}?lang=en").text
        client.post(link_of(mail), data={"name": ""})
        assert 'value="radiologists" checked' in client.get(page).text
        person = served.store.people.by_subject(subject)
        assert person is not None
        assert {m.list_name for m in person.memberships if m.state == "active"} == {
            "dentists",
            "radiologists",
        }
        client.post(page, data={"list": ["radiologists", "board"], "language": "nonsense"})
        person = served.store.people.by_subject(subject)
        assert person is not None and person.profile.language == "fr"
        assert {m.list_name: m.state.value for m in person.memberships} == {
            "dentists": "left",
            "radiologists": "active",
        }


def test_a_list_joined_after_the_page_was_opened_is_not_left_by_saving_it(served: Served) -> None:
    subject = served.person("ana", "dentists")
    page = f"/p/{served.token(Purpose.PREFERENCES, subject)}/preferences"
    with served.client(follow_redirects=True) as client:
        shown = re.findall(r'name="shown" value="([^"]+)"', client.get(page).text)
        served.person("ana", "board")
        client.post(page, data={"shown": shown, "list": ["dentists"], "language": "en"})
    person = served.store.people.by_subject(subject)
    assert person is not None
    assert {m.list_name for m in person.memberships if m.state == "active"} == {"dentists", "board"}


def test_one_who_is_in_a_hidden_list_can_leave_it(served: Served) -> None:
    subject = served.person("ana", "board", "dentists")
    page = f"/p/{served.token(Purpose.PREFERENCES, subject)}/preferences"
    with served.client(follow_redirects=True) as client:
        assert 'value="board" checked' in client.get(page).text
        client.post(page, data={"list": ["dentists"], "language": "en"})
    person = served.store.people.by_subject(subject)
    assert person is not None
    assert {m.list_name for m in person.memberships if m.state == "active"} == {"dentists"}


def test_data_go_only_by_a_fresh_mail_to_ones_own_address(served: Served) -> None:
    subject = served.person("ana")
    page = f"/p/{served.token(Purpose.PREFERENCES, subject)}"
    with served.client(follow_redirects=True) as client:
        for _ in range(3):
            asked = client.post(f"{page}/data")
            assert asked.status_code == 200 and "a•••@e•••.org" in asked.text
        assert "ana@example.org" not in client.get(f"{page}/preferences").text
        (mail,) = served.received(1)
        assert mail["To"] == "ana@example.org"
        data = link_of(mail)
        shown = client.get(data)
        assert "ana@example.org" in shown.text and "Dr Ana" in shown.text
        exported = client.post(f"{data}/download")
        assert exported.headers["content-disposition"].startswith("attachment")
        assert exported.json()["email"] == "ana@example.org"
        assert client.get(f"{data}/download").status_code == 405
        unsure = client.post(f"{data}/erase", data={"sure": ""})
        assert unsure.status_code == 422 and served.state("ana") == "active"
        assert 'aria-describedby="sure-wrong"' in unsure.text and 'id="sure-wrong"' in unsure.text
        served.clock.forward(seconds=3_601)
        for method, path in (("GET", ""), ("POST", "/download"), ("POST", "/erase")):
            late = client.request(method, f"{data}{path}", data={"sure": "yes"} if method == "POST" else None)
            assert late.status_code == 410, path
        assert served.state("ana") == "active"
        served.clock.forward(seconds=-3_500)
        gone = client.post(f"{data}/erase", data={"sure": "yes"})
        assert gone.status_code == 200 and "deleted" in gone.text
    assert served.store.people.by_subject(subject) is None
    assert not any("ana@example.org" in str(row) for rows in served.rows().values() for row in rows)


def test_data_are_shown_in_the_words_of_the_page(tmp_path: Path) -> None:
    when = "2026-11-24T10:00:00+00:00"
    data = {
        "email": "ana@example.org",
        "name": "",
        "language": "de",
        "country": "DE",
        "attributes": {},
        "first_known": when,
        "not_mailed_because": [],
        "memberships": [],
        "consent": [],
        "deliveries": [
            {"issue": slug, "state": "sent", "when": when} for slug in (SAMPLE.slug, "gone", "sample")
        ],
    }
    nameless = make_issue(make_edition("Dear {{ name }}.", "fr", subject="For {{ name }}", title=""))
    shown = tables(data, words_for("fr"), make_site(tmp_path, SAMPLE, nameless))
    assert ("Pays", "Allemagne") in shown["profile"] and ("Langue", "Deutsch") in shown["profile"]
    assert [mail[1] for mail in shown["mails"]] == [SAMPLE.editions["fr"].title, "gone", "sample"]
    assert shown["mails"][0][0] == "24\u00a0novembre\u00a02026"


@pytest.mark.parametrize("purpose", list(Purpose))
def test_a_token_is_good_for_its_own_purpose_alone(served: Served, purpose: Purpose) -> None:
    undoing = [("GET", "/undo/{}"), ("POST", "/undo/{}"), ("GET", "/undo/{}/done")]
    paths = {
        Purpose.LEAVE_AT_ONCE: [("POST", "/u/{}")],
        Purpose.PREFERENCES: [
            ("POST", "/p/{}/leave"),
            ("POST", "/p/{}/data"),
            ("POST", "/p/{}/preferences"),
            ("GET", "/p/{}/preferences"),
            ("GET", "/p/{}/data"),
            ("GET", "/p/{}/left"),
        ],
        Purpose.CONFIRM: [("GET", "/c/{}"), ("POST", "/c/{}")],
        Purpose.UNDO: undoing,
        Purpose.UNDO_ON_PAGE: undoing,
        Purpose.DATA: [("GET", "/d/{}"), ("POST", "/d/{}/download"), ("POST", "/d/{}/erase")],
    }
    subject = served.person("ana")
    about = served.clock() // 1000 if purpose is Purpose.DATA else 1
    token = served.token(purpose, subject, about)
    cut, swapped = token[:-1], token[:-4] + token[-2:] + token[-4:-2]
    form = {"List-Unsubscribe": "One-Click", "sure": "yes", "name": ""}
    before = served.rows()
    with served.client() as client:
        for routes in paths.values():
            for method, path in routes:
                for text in (token, cut, swapped, token + "A", "AQ" + "A" * 52):
                    if paths[purpose] is routes and text == token:
                        continue
                    sent = form if method == "POST" else None
                    answer = client.request(method, path.format(text), data=sent)
                    assert answer.status_code == 404, (method, path, text == token)
                    assert "mailto:office@example.org" in answer.text
    assert served.rows() == before


def test_a_token_of_another_project_is_refused(served: Served) -> None:
    from newsletter.links import sign
    from newsletter.models import Key

    own = served.store.keys.current("token")
    foreign = Key(id=own.id, purpose="token", secret=b"x" * 32, created=0)
    token = sign(foreign, purpose=Purpose.LEAVE_AT_ONCE, subject=served.person("ana"), about=1)
    with served.client() as client:
        answer = client.post(f"/u/{token}", data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 404 and served.state("ana") == "active"
