"""Leaving, and giving back exactly what one leaving took."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from newsletter.audience import departures
from newsletter.audience.preferences import change, person_data, preferences, request_data
from newsletter.links import Purpose, Token
from newsletter.models import ConsentKind, OutboxKind, Shown, SuppressionKind
from tests.audience.town import DAY, HOUR, Town, address, of_kind
from tests.store.samples import profile, take_in


def leave(town: Town, local: str = "ana") -> int | None:
    return departures.leave(town.store, town.subject(local), source="link", page="/p", now=town.clock())


def undo(town: Town, event: int | None, local: str = "ana", *, purpose: Purpose = Purpose.UNDO) -> bool:
    assert event is not None
    token = town.token(purpose, event, local)
    able = departures.can_undo(town.store, token, town.clock())
    done = departures.undo(town.store, token, page="/undo", now=town.clock())
    assert able is done
    return done


def alter(town: Town, keep: Collection[str], join: Collection[str] = (), language: str = "fr") -> int | None:
    return change(
        town.store,
        town.subject(),
        language=language,
        keep=keep,
        join=join,
        shown=Shown(wording="Yes.", language="fr", page="/p"),
        now=town.clock(),
    )


def test_leaving_takes_everything_once_and_says_goodbye_once(town: Town) -> None:
    town.join("ana", "dentists", "radiologists")
    first = leave(town)
    assert first is not None
    assert leave(town) is None
    assert town.state() == "unsubscribed"
    assert set(town.lists().values()) == {"left"}
    assert town.kinds() == ["goodbye"]
    event = town.store.consent.get(first)
    assert event is not None
    assert (event.kind, event.source, event.page) == (ConsentKind.UNSUBSCRIBED, "link", "/p")


def test_one_list_is_left_with_what_waits_for_a_confirmation_there(town: Town) -> None:
    town.join("ana", "dentists", "radiologists")

    def out_of_dentists() -> bool:
        return departures.leave_list(town.store, town.subject(), "dentists", source="x", now=town.clock())

    assert out_of_dentists() and not out_of_dentists()
    assert town.lists() == {"dentists": "left", "radiologists": "active"}
    town.pass_time(HOUR)
    town.ask("ana", "dentists")
    assert town.kinds() == ["confirm"]
    link = town.link()
    assert out_of_dentists()
    town.confirm(link)
    assert town.lists() == {"dentists": "left", "radiologists": "active"}


@pytest.mark.parametrize("subject", [b"x" * 12, b"\0" * 12])
def test_leaving_of_nobody_is_nothing(town: Town, subject: bytes) -> None:
    before = list(town.store.consent.all())
    left = departures.leave(town.store, subject, source="link", page="", now=town.clock())
    assert left is None
    assert list(town.store.consent.all()) == before


def test_undo_gives_back_what_was_taken_and_nothing_else(town: Town) -> None:
    take_in(town.store, profile("ana"), to="board", source="")
    town.join("ana", "dentists", "radiologists")
    alter(town, keep=["dentists"])
    before = town.store.people.by_subject(town.subject())
    town.pass_time(DAY)
    left = leave(town)
    town.pass_time(DAY)
    assert undo(town, left)
    after = town.store.people.by_subject(town.subject())
    assert before is not None and after is not None
    assert (after.memberships, after.state) == (before.memberships, before.state)
    assert town.lists() == {"board": "pending", "dentists": "active", "radiologists": "left"}
    assert not undo(town, left), "only once"
    assert [e.kind for e in town.store.consent.of(town.subject())][-2:] == [
        ConsentKind.UNSUBSCRIBED,
        ConsentKind.RESTORED,
    ]


@pytest.mark.parametrize(
    ("purpose", "wait", "works"),
    [
        (Purpose.UNDO, 0, True),
        (Purpose.UNDO, 30 * DAY - 1, True),
        (Purpose.UNDO, 30 * DAY, False),
        (Purpose.UNDO_ON_PAGE, 0, True),
        (Purpose.UNDO_ON_PAGE, HOUR - 1, True),
        (Purpose.UNDO_ON_PAGE, HOUR, False),
    ],
)
def test_undo_works_for_thirty_days_by_mail_and_an_hour_on_the_page(
    town: Town, purpose: Purpose, wait: int, works: bool
) -> None:
    town.join()
    left = leave(town)
    town.pass_time(wait)
    assert undo(town, left, purpose=purpose) is works


def test_who_left_for_somebody_cannot_undo_it_once_they_left_themselves(town: Town) -> None:
    town.join()
    left = leave(town)
    before = town.store.consent.of(town.subject())
    for _ in range(3):
        assert leave(town) is None
    assert not undo(town, left, purpose=Purpose.UNDO_ON_PAGE)
    assert town.state() == "unsubscribed"
    assert town.store.consent.of(town.subject()) == before, "however often it is pressed"
    assert town.kinds() == ["goodbye"]
    assert undo(town, left), "who has the mail is the person"


@pytest.mark.parametrize("purpose", [Purpose.UNDO, Purpose.UNDO_ON_PAGE])
def test_an_undo_gives_back_no_list_that_was_left_later(town: Town, purpose: Purpose) -> None:
    town.join("ana", "dentists", "radiologists")
    first = leave(town)
    town.join("ana", "dentists", "radiologists")
    alter(town, keep=["radiologists"])
    undo(town, first, purpose=purpose)
    assert town.lists() == {"dentists": "left", "radiologists": "active"}
    leave(town)
    assert not undo(town, first, purpose=purpose)
    assert town.state() == "unsubscribed"


def test_an_undo_that_was_used_ends_the_other_one(town: Town) -> None:
    town.join()
    left = leave(town)
    assert undo(town, left, purpose=Purpose.UNDO_ON_PAGE)
    assert not undo(town, left)


def test_undo_lifts_no_suppression_but_its_own(town: Town) -> None:
    town.join()
    town.store.suppressions.add(address("ana").key, SuppressionKind.COMPLAINED)
    left = leave(town)
    assert undo(town, left)
    assert town.state() == "complained"


def test_an_older_undo_does_nothing_after_a_later_leaving(town: Town) -> None:
    town.join()
    first = leave(town)
    town.ask()
    town.confirm(town.link())
    second = leave(town)
    assert not undo(town, first)
    assert town.state() == "unsubscribed"
    assert undo(town, second)


def test_undo_gives_nothing_back_that_was_joined_again_by_other_means(town: Town) -> None:
    town.join()
    left = leave(town)
    town.ask()
    town.confirm(town.link())
    since = town.store.people.by_subject(town.subject())
    undo(town, left)
    assert town.store.people.by_subject(town.subject()) == since


def test_a_request_that_was_open_is_open_again_after_an_undo(town: Town) -> None:
    town.ask()
    link = town.link()
    left = leave(town)
    assert undo(town, left)
    assert town.confirm(link).state == "done"


def test_nobody_erased_comes_back_by_an_undo(town: Town) -> None:
    town.join()
    left = leave(town)
    assert left is not None
    token = town.token(Purpose.UNDO, left)
    person = town.store.people.by_subject(town.subject())
    assert person is not None
    departures.erase_person(town.store, person, now=town.clock())
    assert not departures.undo(town.store, token, page="", now=town.clock())
    town.ask()
    assert not departures.undo(town.store, token, page="", now=town.clock())
    assert town.state() == "erased"


def test_a_token_for_another_person_purpose_or_event_undoes_nothing(town: Town) -> None:
    town.join("ana")
    town.join("ben")
    events = {local: leave(town, local) or 0 for local in ("ana", "ben")}
    for token in (
        Token(purpose=Purpose.UNDO, subject=town.subject("ana"), about=events["ben"]),
        Token(purpose=Purpose.CONFIRM, subject=town.subject("ana"), about=events["ana"]),
        Token(purpose=Purpose.LEAVE_AT_ONCE, subject=town.subject("ana"), about=events["ana"]),
        Token(purpose=Purpose.UNDO, subject=town.subject("ana"), about=events["ana"] - 1),
    ):
        assert not departures.undo(town.store, token, page="", now=town.clock())
    assert {town.state("ana"), town.state("ben")} == {"unsubscribed"}


def test_a_goodbye_is_not_sent_to_who_bounced_or_undid_before(town: Town) -> None:
    town.join("ana")
    town.join("ben")
    leave(town, "ana")
    town.store.suppressions.add(address("ana").key, SuppressionKind.BOUNCED)
    undo(town, leave(town, "ben"), "ben")
    assert town.kinds() == []


def test_the_coordinator_takes_somebody_out_without_a_mail(town: Town) -> None:
    town.join()
    departures.unsubscribe_address(town.store, address("ana"), source="phone call", now=town.clock())
    assert town.kinds() == []
    assert town.state() == "unsubscribed"


# --- the page of one's own


def test_the_page_shows_no_more_than_its_owner_needs(town: Town) -> None:
    town.join()
    take_in(town.store, profile("ana"), to="board")
    shown = preferences(town.store, town.subject())
    assert shown is not None
    assert "ana@" not in shown.masked and "example.org" not in shown.masked
    assert shown.lists == ("board", "dentists")
    assert [info.name for info in shown.offered] == ["board", "dentists", "radiologists"]
    assert preferences(town.store, b"x" * 12) is None


def test_leaving_one_list_is_told_and_undone(town: Town) -> None:
    town.join("ana", "dentists", "radiologists")
    left = alter(town, keep=["radiologists"], language="de")
    assert town.lists() == {"dentists": "left", "radiologists": "active"}
    assert town.state() == "active"
    (mail,) = town.post()
    assert (mail.kind, mail.language, mail.about) == (OutboxKind.GOODBYE, "de", left)
    assert undo(town, left)
    assert town.lists() == {"dentists": "active", "radiologists": "active"}


def test_keeping_no_list_leaves_everything(town: Town) -> None:
    town.join("ana", "dentists", "radiologists")
    alter(town, keep=[])
    assert town.state() == "unsubscribed"
    assert town.kinds() == ["goodbye"]


def test_a_list_to_join_waits_for_a_confirmation(town: Town) -> None:
    town.join("ana", "dentists")
    town.pass_time(2 * HOUR)
    assert alter(town, keep=["dentists"], join=["radiologists"]) is None
    assert town.lists() == {"dentists": "active"}
    town.ask("ben")
    assert town.lists()["radiologists"] == "pending"
    assert sorted(town.kinds()) == ["confirm", "confirm"]
    town.confirm(town.link())
    assert town.lists() == {"dentists": "active", "radiologists": "active"}


def test_changing_lists_keeps_the_language_where_none_is_chosen(town: Town) -> None:
    town.join("ana", "dentists")
    alter(town, keep=["dentists"], language="")
    person = town.store.people.by_subject(town.subject())
    assert person is not None
    assert person.profile.language == "fr"


def test_data_are_asked_for_once_an_hour(town: Town) -> None:
    town.join()
    for _ in range(5):
        request_data(town.store, town.subject(), town.clock())
        town.pass_time(10 * 60_000)
    assert town.kinds() == ["data"]
    town.pass_time(HOUR)
    request_data(town.store, town.subject(), town.clock())
    assert town.kinds() == ["data"]
    request_data(town.store, b"x" * 12, town.clock())


def test_a_person_sees_all_that_is_kept_and_nobody_else(town: Town) -> None:
    take_in(town.store, profile("ana", name="Ana", attributes={"city": "Lyon"}))
    take_in(town.store, profile("ben", name="Ben"))
    leave(town)
    facts = person_data(town.store, town.subject(), town.clock())
    assert facts["email"] == "ana@example.org"
    assert facts["attributes"] == {"city": "Lyon"}
    assert facts["lists"] == {"dentists": "left"}
    assert [event["what"] for event in facts["consent"]] == ["imported", "unsubscribed"]  # type: ignore[attr-defined]
    assert facts["not_mailed_because"]
    assert "ben" not in str(facts).lower()
    assert person_data(town.store, b"x" * 12, town.clock()) == {}


def test_leaving_and_undoing_again_and_again_floods_nobody(town: Town) -> None:
    town.join()
    town.post()
    for _ in range(30):
        left = leave(town)
        town.post()
        assert undo(town, left)
        town.pass_time(1_000)
    assert len(of_kind([mail for _, _, mail in town.sent], OutboxKind.GOODBYE)) == 1
    last = leave(town)
    assert town.kinds() == [], "it waits for its hour"
    town.pass_time(HOUR)
    assert [(mail.kind, mail.about) for mail in town.post()] == [(OutboxKind.GOODBYE, last)]


def test_who_asks_the_coordinator_too_is_not_brought_back_by_an_older_undo(town: Town) -> None:
    town.join()
    left = leave(town)
    for _ in range(3):
        assert departures.unsubscribe_address(
            town.store, address("ana"), source="asked by letter", now=town.clock()
        )
    assert not undo(town, left)
    assert town.state() == "unsubscribed"
    told = [(e.kind, e.source) for e in town.store.consent.of(town.subject())][-2:]
    assert told == [(ConsentKind.UNSUBSCRIBED, "link"), (ConsentKind.UNSUBSCRIBED, "asked by letter")]


def test_undo_lets_a_joining_wait_in_the_language_that_was_asked_for(town: Town) -> None:
    town.ask("ana", "dentists", language="ar", page_language="fr")
    before = town.store.joinings.of(town.subject())
    left = leave(town)
    assert town.store.joinings.of(town.subject()) == []
    assert undo(town, left)
    assert town.store.joinings.of(town.subject()) == before
    assert [waiting.language for waiting in before] == ["ar"]
    joined = town.store.consent.of(town.subject())[0]
    assert (joined.kind, joined.language) == (ConsentKind.JOINED, "fr"), "the words stood on a French page"


def test_undo_of_an_older_program_s_leaving_takes_the_language_of_the_page(town: Town) -> None:
    town.ask("ana", "dentists", language="ar", page_language="fr")
    left = leave(town)
    town.store._connection.run("UPDATE taken SET language = NULL")
    assert undo(town, left)
    assert [waiting.language for waiting in town.store.joinings.of(town.subject())] == ["fr"]


def test_undo_brings_nobody_into_a_list_that_was_removed_since(town: Town) -> None:
    town.join("ana", "dentists", "radiologists")
    left = leave(town)
    town.store.lists.remove("dentists")
    assert undo(town, left)
    assert town.lists() == {"dentists": "left", "radiologists": "active"}


def test_undo_brings_back_nothing_that_stood_by_an_import_undone_since(town: Town) -> None:
    take_in(town.store, profile("ana"), to="dentists")
    town.join("ana", "radiologists")
    left = leave(town)
    town.store.import_log.undo(town.store.import_log.last(), town.clock())
    assert undo(town, left)
    assert town.lists() == {"dentists": "left", "radiologists": "active"}
