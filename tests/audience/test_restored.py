"""A backup brought back: no outbox mail goes out twice, and nobody comes back who left or was taken out."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsletter.audience import departures, joining
from newsletter.links import KEY_PURPOSE
from newsletter.models import DeliveryState, OutboxKind, Outcome
from newsletter.store import Store, open_store, restore
from tests.audience.town import DAY, HOUR, Town, address, broken_off
from tests.store.samples import planned, profile, take_in


def brought_back(town: Town, copy: Path) -> Town:
    """The town with its database replaced by the backup."""
    path = town.store.path
    town.store.close()
    restore(copy, path, now=town.clock)
    return Town(open_store(path, now=town.clock), town.clock)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "backup.db"


def test_a_mail_that_waited_in_the_backup_and_went_out_since_is_not_sent_again(
    town: Town, copy: Path
) -> None:
    town.ask("ana")
    town.store.backup(copy)
    assert town.kinds() == ["confirm"]
    back = brought_back(town, copy)
    with back.store:
        assert back.kinds() == []
        back.ask("ana")
        assert back.kinds() == [], "the hour counts on"
        back.pass_time(HOUR)
        back.ask("ana")
        assert back.kinds() == ["confirm"]


@pytest.mark.parametrize("state", ["planned", "claimed", "unknown"])
def test_no_mail_of_the_replaced_database_goes_out(town: Town, copy: Path, state: str) -> None:
    town.join("ana")
    town.store.backup(copy)
    departures.leave(town.store, town.subject(), source="link", page="", now=town.clock())
    journal = town.store.outbox.journal("relay")
    if state != "planned":
        claims = journal.exchange([], 5).claims
        if state == "unknown":
            lost = [Outcome(delivery=c.delivery, state=DeliveryState.UNKNOWN) for c in claims]
            journal.exchange(lost, 0)
    back = brought_back(town, copy)
    with back.store:
        assert back.state() == "unsubscribed"
        assert back.kinds() == []
        assert back.store.outbox.last(back.subject(), OutboxKind.GOODBYE) is not None


def test_a_confirmation_from_before_does_nothing_after_a_leaving_since(town: Town, copy: Path) -> None:
    town.ask("ana")
    link = town.link()
    town.store.backup(copy)
    town.pass_time(DAY)
    departures.leave(town.store, town.subject(), source="link", page="", now=town.clock())
    back = brought_back(town, copy)
    with back.store:
        assert back.confirm(link).state == "expired"
        assert back.state() == "unsubscribed"


def test_a_confirmation_from_before_works_after_a_restore(town: Town, copy: Path) -> None:
    town.ask("ana")
    link = town.link()
    town.store.backup(copy)
    back = brought_back(town, copy)
    with back.store:
        assert back.confirm(link).state == "done"


def test_what_was_asked_and_not_settled_is_asked_still(town: Town, copy: Path) -> None:
    town.ask("old", settle=False)
    town.store.backup(copy)
    joining.settle_requests(town.store, town.clock())
    town.post()
    town.ask("ana", settle=False)
    back = brought_back(town, copy)
    with back.store:
        joining.settle_requests(back.store, back.clock())
        assert [back.store.outbox.get(mail.id).subject for mail in back.post()] == [back.subject("ana")]
        assert back.state("old") == ""


def test_what_was_asked_keeps_the_language_of_its_page(town: Town, copy: Path) -> None:
    town.store.backup(copy)
    town.ask("ana", language="ar", page_language="fr", settle=False)
    back = brought_back(town, copy)
    with back.store:
        joining.settle_requests(back.store, back.clock())
        (joined,) = back.store.consent.of(back.subject())
        assert (joined.language, back.language()) == ("fr", "ar")


@pytest.mark.parametrize("older", ["backup", "replaced"])
def test_what_was_asked_of_an_older_program_is_asked_still(town: Town, copy: Path, older: str) -> None:
    town.ask("ben", language="de", page_language="de")
    town.store.backup(copy)
    town.ask("ana", language="ar", page_language="ar", settle=False)
    if older == "backup":
        _without_page_language(copy)
    else:
        town.store.close()
        _without_page_language(town.store.path)
    back = brought_back(town, copy)
    with back.store:
        joining.settle_requests(back.store, back.clock())
        assert (back.state("ana"), back.language("ana")) == ("pending", "ar")
        assert [each.language for each in back.store.joinings.of(back.subject("ben"))] == ["de"]


def _without_page_language(path: Path) -> None:
    with open_store(path, now=lambda: 0) as store:
        raw = store._connection
        raw.run("ALTER TABLE requests DROP COLUMN page_language")
        raw.run("ALTER TABLE joinings DROP COLUMN language")
        raw.run("DELETE FROM _sqlite_migrations WHERE name = '004_page_language'")


def test_an_import_that_was_undone_since_is_undone_again(town: Town, copy: Path) -> None:
    take_in(town.store, profile("ana"))
    take_in(town.store, profile("ana"), profile("ben"), to="radiologists")
    town.store.backup(copy)
    town.store.import_log.undo(2, town.clock())
    assert (town.lists("ana"), town.state("ben")) == ({"dentists": "active"}, "")
    back = brought_back(town, copy)
    with back.store:
        assert (back.lists("ana"), back.state("ben")) == ({"dentists": "active"}, "")
        assert back.store.import_log.get(2).undone is not None


@pytest.mark.parametrize("source", ["sign-up sheet", ""])
def test_an_undo_that_broke_off_since_stands_where_it_stood(town: Town, copy: Path, source: str) -> None:
    take_in(town.store, *(profile(f"p{n}") for n in range(200)), source=source)
    town.store.backup(copy)
    broken_off(town, 1, 50)
    left = {person.profile.address.text for person in town.store.people.select()}
    assert 0 < len(left) < 200
    back = brought_back(town, copy)
    with back.store:
        assert {person.profile.address.text for person in back.store.people.select()} == left
        assert back.store.import_log.get(1).undoing
        assert back.store.import_log.undo(1, back.clock()).removed == len(left)
        assert back.store.people.count() == 0


@pytest.mark.parametrize("finished", [True, False])
def test_who_was_mailed_while_an_import_was_undone_since_stays(
    town: Town, copy: Path, finished: bool
) -> None:
    take_in(town.store, *(profile(f"p{n}") for n in range(200)))
    running = planned(town.store)
    town.store.backup(copy)
    broken_off(town, 1, 50)
    town.pass_time(1_000)
    journal = town.store.journal(running.id, "relay")
    claims = journal.exchange([], 20).claims
    journal.exchange([Outcome(delivery=c.delivery, state=DeliveryState.SENT) for c in claims], 0)
    if finished:
        town.store.import_log.undo(1, town.clock())
    back = brought_back(town, copy)
    with back.store:
        if not finished:
            back.store.import_log.undo(1, back.clock())
        mailed = {claim.profile.address.text for claim in claims}
        assert {person.profile.address.text for person in back.store.people.select()} == mailed
        assert back.store.people.count(state="active") == 20
        assert back.store.import_log.get(1).undone is not None


def test_lists_hidden_and_channels_counted_since_stay_so(town: Town, copy: Path) -> None:
    town.ask("ana")
    town.store.backup(copy)
    town.ask("ben")
    town.store.lists.hide("radiologists", hidden=True)
    back = brought_back(town, copy)
    with back.store:
        assert back.store.requests.channels("first") == {"forward": 2}
        assert [info.name for info in back.store.lists.offered()] == ["dentists"]


def test_a_database_from_before_these_tables_is_brought_back_as_well(town: Town, copy: Path) -> None:
    town.join("ana")
    subject = town.subject()
    town.store.backup(copy)
    _without_tables(copy)
    departures.leave(town.store, subject, source="link", page="", now=town.clock())
    back = brought_back(town, copy)
    with back.store:
        assert back.state() == "unsubscribed"
        back.pass_time(2 * HOUR)
        back.ask("ana")
        assert back.kinds() == ["confirm"]


def _without_tables(path: Path) -> None:
    """The database as the version before made it."""
    with open_store(path, now=lambda: 0) as store:
        raw = store._connection
        for table in ("taken", "leavings", "joinings", "requests", "joins", "outbox"):
            raw.run(f"DROP TABLE {table}")
        raw.run("ALTER TABLE lists DROP COLUMN hidden")
        raw.run("ALTER TABLE imports DROP COLUMN undoing")
        raw.run("DELETE FROM _sqlite_migrations WHERE name >= '003_joining'")


def test_addresses_of_the_outbox_are_kept_as_fingerprints_only(town: Town) -> None:
    town.join("ana")
    town.pass_time(2 * HOUR)
    departures.leave(town.store, town.subject(), source="link", page="", now=town.clock())
    town.post()
    person = town.store.people.by_subject(town.subject())
    assert person is not None
    departures.erase_person(town.store, person, now=town.clock())
    store: Store = town.store
    store.close()
    assert address("ana").text.encode() not in store.path.read_bytes()


def test_who_was_erased_since_stays_so_even_after_joining_anew(town: Town, copy: Path) -> None:
    town.join("ana", "dentists")
    town.store.people.set_words(town.subject(), name="Ana Sample", now=town.clock())
    town.store.backup(copy)
    person = town.store.people.by_subject(town.subject())
    assert person is not None
    departures.erase_person(town.store, person, now=town.clock())
    town.join("ana", "radiologists")
    back = brought_back(town, copy)
    with back.store:
        assert back.state() == ""
        assert back.store.people.by_subject(person.subject) is None
        back.pass_time(HOUR)
        back.join("ana", "radiologists")
        assert back.lists() == {"radiologists": "active"}


def test_links_mailed_since_go_on_working_and_revoked_ones_do_not(town: Town, copy: Path) -> None:
    town.ask("ana")
    keys = town.store.keys
    stolen, kept = keys.current(KEY_PURPOSE), keys.rotate(KEY_PURPOSE)
    town.store.backup(copy)
    keys.revoke(stolen.id)
    new = keys.rotate(KEY_PURPOSE)
    back = brought_back(town, copy)
    with back.store:
        known = back.store.keys.all(KEY_PURPOSE)
        assert {key.id: key.secret for key in known.values()} == {key.id: key.secret for key in (kept, new)}
        assert back.store.keys.current(KEY_PURPOSE).id == new.id
        back.store.keys.rotate(KEY_PURPOSE)


def test_the_first_key_of_links_may_be_younger_than_the_backup(town: Town, copy: Path) -> None:
    town.store.backup(copy)
    town.ask("ana")
    key = town.store.keys.current(KEY_PURPOSE)
    back = brought_back(town, copy)
    with back.store:
        assert back.store.keys.current(KEY_PURPOSE) == key
        back.ask("ana")
        assert back.state() == "pending"
