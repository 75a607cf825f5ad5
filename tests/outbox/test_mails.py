"""The mails of the outbox as they arrive at a relay: whom they name, where they lead, what they hold not."""

from __future__ import annotations

import re
from pathlib import Path

import dkim as dkimpy  # type: ignore[import-untyped]
import pytest
from msgspec.structs import replace

from newsletter.audience import departures, joining, preferences
from newsletter.dkim import Signer, new_key
from newsletter.links import Purpose
from newsletter.models import OutboxKind, Shown
from newsletter.store import open_store
from tests.audience.town import DAY
from tests.deliver.relay import ScriptedRelay
from tests.outbox.ground import Ground, make_config, parts
from tests.store.samples import START, Clock, profile, take_in

NOT_BULK = ("List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "Precedence", "Feedback-ID", "List-Help")


def test_a_confirmation_names_who_asks_and_for_what_and_leads_to_one_page(ground: Ground) -> None:
    ground.ask("ana")
    ground.runner().turn()
    (mail,) = ground.mails()
    assert mail["To"] == "ana@example.org"
    assert mail["From"] == "Sample News <news@example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"].endswith("@example.org>")
    assert not [name for name in NOT_BULK if name in mail]
    assert ground.relay.taken[0].mail_from == "news@example.org"
    for part in parts(mail):
        for words in ("Sample Federation", "Dentists and their teams", "need do nothing", "1 Sample Street"):
            assert words in part, words
    page, token = ground.token(mail)
    assert (page, token.purpose) == ("c", Purpose.CONFIRM)
    shown = Shown(wording="", language="en", page="/c")
    done = joining.confirm(ground.store, token, name="", shown=shown, now=ground.clock())
    assert done.state == "done"


def test_nothing_that_the_asker_typed_is_in_the_mail(ground: Ground) -> None:
    evil = "BUY-PILLS"
    joining.request_join(
        ground.store,
        address=profile("ana").address,
        list_names=["dentists", evil],
        language=evil,
        shown=Shown(wording=evil, language="en", page=evil),
        channel=evil,
        issue=evil,
        now=ground.clock(),
    )
    ground.runner().turn()
    assert len(ground.relay.taken) == 1
    assert evil.encode() not in ground.relay.taken[0].data
    assert all(evil not in part for part in parts(ground.mails()[0]))


def test_a_goodbye_gives_back_what_was_taken(ground: Ground) -> None:
    take_in(ground.store, profile("ana", language="fr"))
    person = ground.store.people.get("ana@example.org")
    assert person is not None
    departures.leave(ground.store, person.subject, source="link", page="/p", now=START)
    ground.runner().turn()
    (mail,) = ground.mails()
    assert mail["Content-Language"] == "fr"
    page, token = ground.token(mail)
    assert page == "undo"
    assert departures.undo(ground.store, token, page="/undo", now=START + 29 * DAY)
    assert ground.store.people.by_subject(person.subject) == person


def test_a_goodbye_of_some_lists_names_them(ground: Ground) -> None:
    for name in ("dentists", "radiologists"):
        take_in(ground.store, profile("ana"), to=name)
    person = ground.store.people.get("ana@example.org")
    assert person is not None
    preferences.change(
        ground.store,
        person.subject,
        language="de",
        keep=["radiologists"],
        join=[],
        shown=Shown(wording="", language="en", page="/p"),
        now=START,
    )
    ground.runner().turn()
    (mail,) = ground.mails()
    assert mail["Content-Language"] == "de"
    for part in parts(mail):
        assert "Dentists and their teams" in part
        assert "radiologists" not in part


def test_a_data_link_is_good_for_an_hour_from_its_writing(ground: Ground) -> None:
    take_in(ground.store, profile("ana"))
    person = ground.store.people.get("ana@example.org")
    assert person is not None
    preferences.request_data(ground.store, person.subject, START)
    preferences.request_data(ground.store, person.subject, START)
    ground.clock.at += 7_200_000
    ground.runner().turn()
    (mail,) = ground.mails()
    page, token = ground.token(mail)
    assert (page, token.purpose, token.about) == ("d", Purpose.DATA, (START + 7_200_000) // 1000)


@pytest.mark.parametrize("language", ["ar", "de", "en", "es", "fr", "it", "pt"])
def test_every_mail_is_readable_in_every_language(ground: Ground, language: str) -> None:
    take_in(ground.store, profile("ana", language=language))
    person = ground.store.people.get("ana@example.org")
    assert person is not None
    ground.ask("ben", language=language)
    ground.ask("ana", language=language)
    preferences.request_data(ground.store, person.subject, START)
    ground.runner().turn()
    departures.leave(ground.store, person.subject, source="link", page="", now=START)
    ground.runner().turn()
    assert len(ground.relay.taken) == len(OutboxKind)
    for mail in ground.mails():
        plain, rich = parts(mail)
        way = "rtl" if language == "ar" else "ltr"
        assert f'<html lang="{language}" dir="{way}"' in rich
        seen = plain + str(mail["Subject"]) + re.sub(r"<style.*?</style>", "", rich, flags=re.DOTALL)
        assert not re.search(r"\{\w*\}|\{\{|None", seen)
        assert max(map(len, plain.splitlines())) < 200
        ground.token(mail)


def test_a_project_that_signs_signs_these_mails_too(tmp_path: Path) -> None:
    pem = new_key()
    with ScriptedRelay().in_thread() as relay:
        more = '[dkim]\nselector = "news"\nprivate_key = "key.pem"\n'
        config = make_config(tmp_path / "project", relay.port, more)
        (config.root / "key.pem").write_bytes(pem)
        with open_store(config.database, now=Clock()) as store:
            store.lists.create("dentists")
            ground = Ground(store, config, Clock(), relay)
            ground.ask("ana")
            ground.runner().turn()
        assert config.dkim is not None
        record = Signer.load(config.dkim).record.encode()
        assert dkimpy.verify(relay.taken[0].data, dnsfunc=lambda name, timeout=5: record)


def test_without_live_pages_no_dead_link_is_sent(ground: Ground) -> None:
    ground.config = replace(ground.config, web=replace(ground.config.web, base_url=""))
    take_in(ground.store, profile("ana"))
    person = ground.store.people.get("ana@example.org")
    assert person is not None
    ground.ask("ben")
    departures.leave(ground.store, person.subject, source="mail", page="", now=START)
    ground.runner().turn()
    (mail,) = ground.mails()
    assert mail["To"] == "ana@example.org"
    for part in parts(mail):
        assert "https://" not in part
        assert "office@example.org" in part
