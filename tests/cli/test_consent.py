"""The proof of one person's consent, keys, imports and hidden lists, at the command line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from newsletter.audience import joining
from newsletter.cli.app import now_ms
from newsletter.links import KEY_PURPOSE, Purpose, Token, sign, verify
from newsletter.models import Shown
from newsletter.store import Store, open_store
from tests.audience.town import address
from tests.cli.conftest import SETTINGS, Box


def opened(box: Box) -> Store:
    return open_store(box.folder / "subscribers.db", now=now_ms)


def join(box: Box, local: str, *, confirm: bool = True) -> str:
    """Somebody joins through the public pages -> a token of theirs."""
    with opened(box) as store:
        store.lists.ensure("dentists")
        joining.request_join(
            store,
            address=address(local),
            list_names=["dentists"],
            language="fr",
            shown=Shown(
                wording="Oui, envoyez-moi la lettre.", language="fr", page="https://news.example.org/join"
            ),
            channel="forward",
            issue="short",
            now=now_ms(),
        )
        joining.settle_requests(store, now_ms())
        person = store.people.get(address(local).key)
        assert person is not None
        about = store.joinings.of(person.subject)[0].event
        token = Token(purpose=Purpose.CONFIRM, subject=person.subject, about=about)
        if confirm:
            shown = Shown(wording="Je confirme.", language="fr", page="/c")
            joining.confirm(store, token, name="", shown=shown, now=now_ms())
        key = store.keys.current(KEY_PURPOSE)
        return sign(key, purpose=Purpose.PREFERENCES, subject=person.subject, about=0)


def test_the_proof_says_what_when_how_and_with_which_words(box: Box) -> None:
    box.write("newsletter.toml", SETTINGS.replace("[sender]", 'timezone = "Europe/Paris"\n[sender]'))
    join(box, "ana")
    told = box.run("consent", "show", "ana@example.org").stdout
    for words in (
        "ana@example.org: active",
        "asked to join the list 'dentists'",
        "confirmed the list 'dentists' from their own mailbox",
        "“Oui, envoyez-moi la lettre.”",
        "“Je confirme.”",
        "https://news.example.org/join",
        "form",
        "fr",
    ):
        assert words in told
    assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d CES?T  asked", told)
    box.run("subscribers", "unsubscribe", "ana@example.org")
    left = box.json("consent", "show", "ana@example.org")
    assert left["state"] == "unsubscribed"
    assert [event["what"] for event in left["events"]] == ["joined", "confirmed", "unsubscribed"]
    assert re.search(r"\+0[12]:00$", left["events"][0]["when"])


def test_who_was_brought_in_without_a_source_is_said_so(box: Box) -> None:
    box.write("p.csv", "email\na@example.net\n")
    box.run("subscribers", "import", "p.csv", "--list", "dentists")
    told = box.run("consent", "show", "a@example.net").stdout
    assert "came into the list 'dentists' by an import\n    how:      not said" in told
    box.run("subscribers", "add", "a@example.net", "--list", "dentists", "--source", "phone call")
    told = box.run("consent", "show", "a@example.net").stdout
    assert "was added to the list 'dentists' by the coordinator\n    how:      phone call" in told


def test_a_consent_names_the_list_as_it_was_and_as_it_is(box: Box) -> None:
    box.fill(["a@example.net"], "dentist")
    box.run("lists", "rename", "dentist", "team")
    box.run("lists", "rename", "team", "zahnärzte")
    box.fill(["a@example.net", "b@example.net"], "dentist")
    old, new = box.json("consent", "show", "a@example.net")["events"]
    assert (old["list"], old["list_now"]) == ("dentist", "zahnärzte")
    assert (new["list"], new["list_now"]) == ("dentist", "dentist")
    assert "now:      the list is called 'zahnärzte'" in box.run("consent", "show", "a@example.net").stdout
    assert "now:" not in box.run("consent", "show", "b@example.net").stdout


def test_of_somebody_erased_it_says_what_is_left(box: Box) -> None:
    token = join(box, "ana")
    box.run("subscribers", "erase", "ana@example.org", "--yes")
    told = box.run("consent", "show", "ana@example.org").stdout
    assert "erased" in told and "fingerprint" in told
    assert "Oui" not in told
    by_link = box.run("consent", "show", f"https://news.example.org/p/{token}").stdout
    assert "whose address is gone" in by_link and "Oui, envoyez-moi la lettre." in by_link
    assert "ana@" not in by_link


def test_who_was_never_here_and_what_is_no_link(box: Box) -> None:
    join(box, "ana")
    assert "nobody here" in box.run("consent", "show", "ben@example.org", exit_code=2).stderr
    assert "neither an address nor a link" in box.run("consent", "show", "hello", exit_code=2).stderr


def test_a_copy_of_ones_data_is_whole(box: Box) -> None:
    join(box, "ana")
    box.run("subscribers", "unsubscribe", "ana@example.org")
    facts = box.json("subscribers", "show", "ana@example.org")
    assert facts["lists"] == {"dentists": "left"}
    assert facts["consent"][0]["wording"] == "Oui, envoyez-moi la lettre."
    assert facts["not_mailed_because"][0]["why"] == "unsubscribed"
    assert facts["deliveries"] == []
    assert facts["first_known"].endswith("+00:00")


@pytest.mark.parametrize("purpose", [Purpose.CONFIRM, Purpose.UNDO, Purpose.UNDO_ON_PAGE, Purpose.DATA])
def test_a_link_that_is_no_way_out_takes_nobody_out(box: Box, purpose: Purpose) -> None:
    join(box, "ana")
    with opened(box) as store:
        person = store.people.get("ana@example.org")
        assert person is not None
        text = sign(store.keys.current(KEY_PURPOSE), purpose=purpose, subject=person.subject, about=1)
    assert "no way out" in box.run("subscribers", "unsubscribe", text, exit_code=1).stderr
    assert box.json("subscribers", "show", "ana@example.org")["state"] == "active"


# --- keys


def test_keys_can_be_changed_and_old_links_go_on_until_their_key_is_withdrawn(box: Box) -> None:
    token = join(box, "ana")
    with opened(box) as store:
        number = store.keys.current(KEY_PURPOSE).id
    assert "go on working" in box.run("keys", "rotate").stderr
    listed = box.run("keys", "list").stdout
    assert "retired" in listed and "in use" in listed and "never changes" in listed
    assert box.json("subscribers", "show", token)["email"] == "ana@example.org"
    assert "wants a yes" in box.run("keys", "revoke", str(number), exit_code=2).stderr
    box.run("keys", "revoke", str(number), "--yes")
    assert "was revoked before" in box.run("keys", "revoke", str(number)).stderr
    assert "revoked" in box.run("keys", "list").stdout
    assert "not made by this project" in box.run("subscribers", "show", token, exit_code=2).stderr


def test_no_key_that_makes_fingerprints_is_withdrawn_and_no_secret_is_shown(box: Box) -> None:
    join(box, "ana")
    with opened(box) as store:
        keys = {key.purpose: key for key in store.keys.every()}
        assert verify(store.keys.all(KEY_PURPOSE), join(box, "ben", confirm=False)).subject
    listed = box.run("keys", "list").stdout
    assert not [key for key in keys.values() if key.secret.hex() in listed]
    refused = box.run("keys", "revoke", str(keys["suppression"].id), "--yes", exit_code=1).stderr
    assert "signs no links" in refused
    assert "no key 99" in box.run("keys", "revoke", "99", "--yes", exit_code=2).stderr


# --- imports


def interrupted(done: int) -> None:
    raise KeyboardInterrupt


def test_an_import_is_listed_and_taken_back(box: Box) -> None:
    box.fill(["ana@example.net", "ben@example.net"])
    box.write("more.csv", "email\ncleo@example.net\n")
    said = box.run("subscribers", "import", "more.csv", "--list", "more", "--yes").stderr
    assert "newsletter imports undo 2" in said
    box.run("imports", "undo", "2", "--yes")
    told = box.json("imports", "list")[1]
    assert (told["number"], told["file"], told["added"], told["undone"]) == (1, "people.csv", 2, None)
    assert "wants a yes" in box.run("imports", "undo", "1", exit_code=2).stderr
    with opened(box) as store, pytest.raises(KeyboardInterrupt):
        store.import_log.undo(1, 0, progress=interrupted)
    assert "not finished" in box.run("imports", "list").stdout
    assert "broke off" in box.run("imports", "undo", "1", exit_code=2).stderr
    done = box.run("imports", "undo", "1", "--yes")
    assert "Undone" in done.stdout
    assert box.json("imports", "list")[1]["undone"]
    assert box.run("subscribers", "list").stdout.count("@") == 0
    assert "undone already" in box.run("imports", "undo", "1", "--yes", exit_code=1).stderr
    assert "no import 7" in box.run("imports", "undo", "7", "--yes", exit_code=2).stderr


# --- lists


def test_a_list_is_hidden_from_the_pages_and_offered_again(box: Box) -> None:
    box.fill(["ana@example.net"], "board")
    assert box.json("lists", "show")[0]["hidden"] is False
    box.run("lists", "hide", "Board")
    assert box.json("lists", "show")[0]["hidden"] is True
    box.run("lists", "offer", "board")
    assert box.json("lists", "show")[0]["hidden"] is False
    assert "did you mean 'board'?" in box.run("lists", "hide", "bord", exit_code=2).stderr


def test_the_report_tells_by_which_way_people_came(box: Box) -> None:
    join(box, "ana")
    join(box, "ben")
    told = box.run("report", "short").stdout
    assert "2 people asked to join from this issue" in told
    assert "2  through the link for readers of a forwarded mail" in told
    assert "example.org" not in told


@pytest.mark.parametrize("command", [("keys", "list"), ("imports", "list"), ("consent", "show", "a@b.org")])
def test_without_a_database_it_is_said_how_to_begin(box: Box, command: tuple[str, ...]) -> None:
    assert "there is no database yet" in box.run(*command, exit_code=2).stderr
    assert not Path(box.folder / "subscribers.db").exists()
