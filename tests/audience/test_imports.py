"""Taking back an import: who goes, who stays, and when it is too late."""

from __future__ import annotations

import pytest

from newsletter.audience import departures
from newsletter.errors import NotFoundError, RefusedError
from newsletter.models import ConsentKind, DeliveryState, Outcome, Undone
from tests.audience.town import Town, address
from tests.store.samples import planned, profile, take_in


def send(town: Town, to: str, state: DeliveryState = DeliveryState.SENT, slug: str = "first") -> None:
    running = planned(town.store, slug, to)
    journal = town.store.journal(running.id, "relay")
    claims = journal.exchange([], 50).claims
    journal.exchange([Outcome(delivery=c.delivery, state=state) for c in claims], 0)


def test_people_known_by_the_import_alone_are_forgotten_and_the_proof_stays(town: Town) -> None:
    take_in(town.store, profile("ana", name="Ana"), profile("ben"))
    subject = town.subject("ana")
    assert town.store.import_log.preview(1) == Undone(removed=2, stay=0, pending=0)
    assert town.store.import_log.undo(1, town.clock()) == Undone(removed=2, stay=0, pending=0)
    assert town.store.people.count() == 0
    events = town.store.consent.of(subject)
    assert [(e.kind, e.source) for e in events] == [
        (ConsentKind.IMPORTED, "sign-up sheet"),
        (ConsentKind.LEFT, "import undone"),
    ]
    assert take_in(town.store, profile("ana")).added == 1, "a corrected file may bring them in again"


def test_who_joined_otherwise_stays(town: Town) -> None:
    town.join("ana", "radiologists")
    town.join("ben", "dentists")
    town.ask("cleo", "dentists")
    take_in(town.store, profile("dan"), source="")
    take_in(town.store, *(profile(local) for local in ("ana", "ben", "cleo", "dan", "eve")))
    number = town.store.import_log.all()[0].id
    assert town.store.import_log.undo(number, town.clock()) == Undone(removed=1, stay=1, pending=2)
    assert town.lists("ana") == {"radiologists": "active"}
    assert town.lists("ben") == {"dentists": "active"}
    assert town.lists("cleo") == town.lists("dan") == {"dentists": "pending"}
    assert town.state("eve") == ""
    town.confirm(town.link("cleo"))
    assert town.state("cleo") == "active"


def test_who_left_since_stays_out(town: Town) -> None:
    take_in(town.store, profile("ana"))
    departures.unsubscribe_address(town.store, address("ana"), source="mail", now=town.clock())
    assert town.store.import_log.undo(1, town.clock()) == Undone(removed=0, stay=0, pending=0)
    assert town.state("ana") == "unsubscribed"
    assert take_in(town.store, profile("ana")).suppressed == 1


@pytest.mark.parametrize("state", [DeliveryState.SENT, DeliveryState.UNKNOWN, DeliveryState.FAILED])
def test_it_is_too_late_once_somebody_was_mailed(town: Town, state: DeliveryState) -> None:
    take_in(town.store, profile("ana"), profile("ben"))
    send(town, "dentists", state)
    for act in (town.store.import_log.preview, lambda number: town.store.import_log.undo(number, 0)):
        with pytest.raises(RefusedError, match="2 of its people have been mailed"):
            act(1)
    assert town.state("ana") != ""


def test_a_mail_by_another_list_or_from_before_is_no_hindrance(town: Town) -> None:
    take_in(town.store, profile("ana"), to="radiologists")
    send(town, "radiologists")
    town.pass_time(1_000)
    take_in(town.store, profile("ana"), profile("ben"))
    send(town, "radiologists", slug="second")
    assert town.store.import_log.undo(2, town.clock()) == Undone(removed=1, stay=1, pending=0)


def test_who_waits_in_a_running_send_gets_nothing_after_an_undo(town: Town) -> None:
    take_in(town.store, profile("ana"))
    running = planned(town.store, "first", "dentists")
    town.store.import_log.undo(1, town.clock())
    assert town.store.journal(running.id, "relay").exchange([], 10).claims == []


def test_twice_and_unknown_ones_are_refused(town: Town) -> None:
    take_in(town.store, profile("ana"))
    town.store.import_log.undo(1, town.clock())
    with pytest.raises(RefusedError, match="already"):
        town.store.import_log.undo(1, town.clock())
    with pytest.raises(NotFoundError, match="no import 9"):
        town.store.import_log.undo(9, town.clock())
