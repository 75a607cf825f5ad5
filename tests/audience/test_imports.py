"""Taking back an import: who goes, who stays, and when it is too late."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from newsletter.audience import departures
from newsletter.audience.arrivals import add_person
from newsletter.errors import NotFoundError, RefusedError
from newsletter.links import Purpose
from newsletter.models import ConsentKind, DeliveryState, Outcome, Reply, Undone
from newsletter.store import open_store
from tests.audience.town import Town, address, broken_off
from tests.store.samples import planned, profile, take_in


def send(
    town: Town, to: str, state: DeliveryState = DeliveryState.SENT, slug: str = "first", most: int = 50
) -> None:
    running = planned(town.store, slug, to)
    journal = town.store.journal(running.id, "relay")
    claims = journal.exchange([], most).claims
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


def test_who_is_brought_again_with_another_proof_stays_by_that_one(town: Town) -> None:
    take_in(town.store, profile("ana"), profile("ben"), profile("cleo"), source="sheet A")
    take_in(town.store, profile("ana"), profile("ben"), source="sheet B")
    take_in(town.store, profile("ana"), profile("cleo"), source="sheet A")
    subject = town.subject("ana")
    sources = [(e.kind, e.source) for e in town.store.consent.of(subject)]
    assert sources == [(ConsentKind.IMPORTED, "sheet A"), (ConsentKind.IMPORTED, "sheet B")]
    assert town.store.import_log.undo(1, town.clock()) == Undone(removed=1, stay=0, pending=0, kept=2)
    assert town.lists("ana") == town.lists("ben") == {"dentists": "active"}
    assert town.state("cleo") == "", "the same proof twice is one"
    assert town.store.consent.of(subject)[-1].source == "sheet B"
    assert town.store.import_log.undo(2, town.clock()) == Undone(removed=2, stay=0, pending=0)
    assert town.store.people.count() == 0


@pytest.mark.parametrize("undone_first", [1, 2])
def test_the_proof_of_an_import_that_was_undone_counts_no_more(town: Town, undone_first: int) -> None:
    sources = {1: "sheet A", 2: "sheet B"}
    for number in (1, 2):
        take_in(town.store, profile("ana"), source=sources[number])
    town.store.import_log.undo(undone_first, town.clock())
    take_in(town.store, profile("ana"), source=sources[undone_first])
    assert town.store.import_log.undo(3 - undone_first, town.clock()).removed == 0
    assert town.lists("ana") == {"dentists": "active"}


def test_the_same_proof_after_the_list_was_renamed_is_one(town: Town) -> None:
    take_in(town.store, profile("ana"))
    town.store.lists.rename("dentists", "dental")
    take_in(town.store, profile("ana"), to="dental")
    assert len(town.store.consent.of(town.subject("ana"))) == 1


def test_who_is_added_by_hand_as_well_stays_by_that(town: Town) -> None:
    take_in(town.store, profile("ana"))
    add_person(town.store, profile("ana"), list_name="dentists", source="phone", now=town.clock())
    assert town.store.import_log.undo(1, town.clock()) == Undone(removed=0, stay=0, pending=0, kept=1)
    assert [e.source for e in town.store.consent.of(town.subject("ana"))] == ["sign-up sheet", "phone"]


def test_a_later_proof_is_undone_without_the_first(town: Town) -> None:
    take_in(town.store, profile("ana"), source="sheet A")
    take_in(town.store, profile("ana"), profile("ben"), source="sheet B")
    assert town.store.import_log.undo(2, town.clock()) == Undone(removed=1, stay=0, pending=0)
    assert town.lists("ana") == {"dentists": "active"}


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


def test_who_was_refused_and_waits_was_not_mailed(town: Town) -> None:
    take_in(town.store, profile("ana"))
    running = planned(town.store)
    journal = town.store.journal(running.id, "relay")
    (claim,) = journal.exchange([], 1).claims
    refused = Outcome(
        delivery=claim.delivery,
        state=DeliveryState.DEFERRED,
        reply=Reply(code=550, enhanced="5.1.1", text="no such user"),
        not_before=town.clock() + 300_000,
    )
    journal.exchange([refused], 0)
    assert town.store.import_log.undo(1, town.clock()).removed == 1


def test_who_is_to_be_mailed_again_may_have_the_mail(town: Town) -> None:
    take_in(town.store, profile("ana"))
    send(town, "dentists", DeliveryState.UNKNOWN)
    town.store.sends.resolve("first", resend=True, now=town.clock())
    with pytest.raises(RefusedError, match="one of its people has been mailed"):
        town.store.import_log.undo(1, town.clock())


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


def test_others_write_while_an_import_is_undone(town: Town) -> None:
    take_in(town.store, *(profile(f"p{n}") for n in range(400)))
    written: list[int] = []

    def write(done: int) -> None:
        with closing(sqlite3.connect(town.store.path, timeout=0)) as other, other:
            other.execute("INSERT INTO usage (relay, minute, sent) VALUES ('x', ?, 1)", [done])
        written.append(done)

    assert town.store.import_log.undo(1, town.clock(), progress=write).removed == 400
    assert written == sorted(written)
    assert (len(written) > 3, written[-1]) == (True, 400)
    assert town.store.import_log.get(1).undone == town.clock()


def test_an_undo_that_broke_off_goes_on(town: Town) -> None:
    take_in(town.store, *(profile(f"p{n}") for n in range(200)))
    broken_off(town, 1, 50)
    assert town.store.import_log.get(1).undoing
    left = town.store.people.count()
    assert 0 < left < 200
    assert town.store.import_log.preview(1) == Undone(removed=left, stay=0, pending=0)
    assert town.store.import_log.undo(1, town.clock()).removed == left
    assert town.store.people.count() == 0


def test_who_is_mailed_while_an_undo_stands_still_stays_and_it_can_be_finished(town: Town) -> None:
    take_in(town.store, *(profile(f"p{n}") for n in range(200)))
    broken_off(town, 1, 50)
    town.pass_time(1_000)
    send(town, "dentists", most=20)
    done = town.store.import_log.undo(1, town.clock())
    assert town.store.people.count() == 20
    assert 0 < done.removed <= 130
    assert town.store.import_log.get(1).undone is not None


def undo_leaving(town: Town, local: str, event: int | None) -> dict[str, str]:
    """The lists of a person who undoes a leaving."""
    token = town.token(Purpose.UNDO, event or 0, local)
    assert departures.undo(town.store, token, page="", now=town.clock())
    return town.lists(local)


@pytest.mark.parametrize("finished", [True, False])
def test_who_stayed_may_undo_a_later_leaving(town: Town, finished: bool) -> None:
    take_in(town.store, *(profile(f"p{n}") for n in range(200)))
    broken_off(town, 1, 50)
    town.pass_time(1_000)
    send(town, "dentists", most=20)
    if finished:
        town.store.import_log.undo(1, town.clock())
    mailed = {d.address.partition("@")[0] for d in town.store.sends.deliveries("first") if d.state == "sent"}
    for local in sorted(mailed)[:2]:
        left = departures.leave(town.store, town.subject(local), source="link", page="", now=town.clock())
        assert town.state(local) == "unsubscribed"
        assert undo_leaving(town, local, left) == {"dentists": "active"}


def test_who_leaves_while_an_undo_runs_and_was_not_mailed_does_not_come_back(town: Town) -> None:
    take_in(town.store, *(profile(f"p{n}") for n in range(200)))
    left: dict[str, int | None] = {}

    def meanwhile(_: int) -> None:
        town.pass_time(1_000)
        if not left:
            for person in list(town.store.people.select()):
                event = departures.leave(town.store, person.subject, source="link", page="", now=town.clock())
                left[person.profile.address.text.partition("@")[0]] = event

    town.store.import_log.undo(1, town.clock(), progress=meanwhile)
    town.pass_time(1_000)
    assert left
    for local, event in left.items():
        assert undo_leaving(town, local, event) == {"dentists": "left"}


def test_two_undos_at_once_leave_those_who_were_mailed(town: Town) -> None:
    take_in(town.store, *(profile(f"p{n}") for n in range(200)))
    done: list[Undone] = []

    def meanwhile(_: int) -> None:
        if not done:
            town.pass_time(1_000)
            send(town, "dentists", most=20)
            with open_store(town.store.path, now=town.clock) as other:
                done.append(other.import_log.undo(1, town.clock()))

    town.store.import_log.undo(1, town.clock(), progress=meanwhile)
    assert 0 < done[0].removed <= 180
    assert town.store.people.count() == 20
    info = town.store.import_log.get(1)
    assert (info.undone, info.undoing) == (town.clock(), False)


def test_nobody_comes_back_by_undoing_a_leaving_while_an_import_is_undone(town: Town) -> None:
    take_in(town.store, *(profile(f"p{n}") for n in range(200)))
    town.join("ana", "radiologists")
    take_in(town.store, profile("ana"), *(profile(f"q{n}") for n in range(200)))
    left = departures.leave(town.store, town.subject(), source="link", page="", now=town.clock())
    broken_off(town, 2, 50)
    leaving = town.store.leavings.get(left or 0)
    assert leaving is not None
    town.store.leavings.give_back(leaving, town.clock())
    assert town.lists("ana") == {"dentists": "left", "radiologists": "active"}


def test_twice_and_unknown_ones_are_refused(town: Town) -> None:
    take_in(town.store, profile("ana"))
    town.store.import_log.undo(1, town.clock())
    with pytest.raises(RefusedError, match="already"):
        town.store.import_log.undo(1, town.clock())
    with pytest.raises(NotFoundError, match="no import 9"):
        town.store.import_log.undo(9, town.clock())
