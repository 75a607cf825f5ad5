"""Joining: asked by anybody, done only by whoever confirms from the mailbox."""

from __future__ import annotations

from itertools import pairwise

import pytest

from newsletter.audience import departures, joining
from newsletter.links import Purpose, Token
from newsletter.models import ConsentKind, Shown, SuppressionKind
from tests.audience.town import DAY, HOUR, Town, address
from tests.store.samples import planned, profile, take_in


def test_joining_waits_for_a_confirmation_and_keeps_the_proof(town: Town) -> None:
    town.ask("ana", "dentists", "radiologists")
    assert town.state() == "pending"
    assert town.kinds() == ["confirm"]
    link = town.link()
    assert joining.confirmation(town.store, link, town.clock()) == joining.Confirmation(
        state="open", list_names=("dentists", "radiologists"), language="fr"
    )
    assert town.state() == "pending"
    town.pass_time(DAY)
    assert town.confirm(link, "Ana Sample").state == "done"
    assert town.lists() == {"dentists": "active", "radiologists": "active"}
    person = town.store.people.by_subject(town.subject())
    assert person is not None
    assert (person.profile.name, person.profile.language) == ("Ana Sample", "fr")
    events = town.store.consent.of(town.subject())
    assert [(e.kind, e.list_name, e.source, e.page, e.language) for e in events] == [
        (ConsentKind.JOINED, "dentists", "form", "/join", "fr"),
        (ConsentKind.JOINED, "radiologists", "form", "/join", "fr"),
        (ConsentKind.CONFIRMED, "dentists", "form", "/c", "fr"),
        (ConsentKind.CONFIRMED, "radiologists", "form", "/c", "fr"),
    ]
    assert {e.wording for e in events} == {"Yes, send me the newsletter.", "I confirm."}


def test_a_consent_holds_the_language_of_its_page_and_the_person_that_of_their_mails(town: Town) -> None:
    town.ask("ana", language="ar", page_language="fr")
    (mail,) = town.post()
    assert mail.language == "ar"
    link = town.link()
    assert joining.confirmation(town.store, link, town.clock()).language == "ar"
    town.confirm(link, page_language="de")
    assert [e.language for e in town.store.consent.of(town.subject())] == ["fr", "de"]
    assert town.language() == "ar"


def test_the_language_asked_for_last_is_that_of_who_comes_in_and_of_no_member(town: Town) -> None:
    take_in(town.store, profile("ana", language="de"), source="")
    for language in ("es", "it", ""):
        town.ask("ana", language=language)
    town.confirm(town.link())
    assert town.language() == "it"
    town.ask("ana", "radiologists", language="pt")
    town.confirm(town.link())
    assert town.language() == "it", "who is in has chosen already"


def test_confirming_twice_does_nothing_more(town: Town) -> None:
    town.ask()
    link = town.link()
    town.confirm(link)
    before = town.store.consent.of(town.subject())
    assert town.confirm(link).state == "done"
    assert town.store.consent.of(town.subject()) == before


def test_a_confirmation_does_nothing_after_a_later_leaving(town: Town) -> None:
    town.ask()
    link = town.link()
    town.confirm(link)
    departures.leave(town.store, town.subject(), source="link", page="/p", now=town.clock())
    assert town.confirm(link).state == "expired"
    assert town.lists() == {"dentists": "left"}


def test_leaving_before_confirming_takes_the_request_back(town: Town) -> None:
    town.ask()
    link = town.link()
    departures.leave(town.store, town.subject(), source="link", page="/p", now=town.clock())
    assert town.confirm(link).state == "expired"
    assert town.state() == "unsubscribed"


@pytest.mark.parametrize("kind", list(SuppressionKind))
def test_a_suppression_is_lifted_by_the_confirmation_and_not_before(
    town: Town, kind: SuppressionKind
) -> None:
    town.store.suppressions.add(address("ana").key, kind)
    town.ask()
    assert town.state() == kind.value
    assert town.kinds() == ["confirm"]
    assert town.state() == kind.value
    town.confirm(town.link())
    assert town.state() == "active"


def test_who_complained_and_confirms_one_list_anew_is_mailed_for_that_one_only(town: Town) -> None:
    take_in(town.store, profile("ana"), to="board")
    take_in(town.store, profile("ana"), to="press", source="")
    town.join("ana", "dentists")
    town.store.suppressions.add(address("ana").key, SuppressionKind.COMPLAINED)
    town.pass_time(DAY)
    town.ask("ana", "radiologists")
    link = town.link()
    town.ask("ana", "dentists")
    assert (town.state(), town.lists()["dentists"]) == ("complained", "active")
    town.confirm(link)
    lists = {"board": "left", "dentists": "left", "press": "pending", "radiologists": "active"}
    assert (town.state(), town.lists()) == ("active", lists)
    ended = [e for e in town.store.consent.of(town.subject()) if e.kind is ConsentKind.LEFT]
    assert [(e.list_name, e.source, e.at) for e in ended] == [
        (name, joining.COMPLAINED_BEFORE, town.clock()) for name in ("board", "dentists")
    ]
    take_in(town.store, profile("ana"), to="board")
    assert town.lists() == lists, "no import brings in who complained"
    town.confirm(town.link())
    assert town.lists() == lists | {"dentists": "active"}, "what was asked for anew can be confirmed still"


def test_no_undo_from_before_brings_back_a_list_after_a_complaint(town: Town) -> None:
    town.join("ana", "dentists")
    town.store.suppressions.add(address("ana").key, SuppressionKind.COMPLAINED)
    left = departures.leave(town.store, town.subject(), source="link", page="/p", now=town.clock())
    assert left is not None
    town.ask("ana", "radiologists")
    town.confirm(town.link())
    undo = town.token(Purpose.UNDO, left)
    assert not departures.undo(town.store, undo, page="/undo", now=town.clock())
    assert town.lists() == {"dentists": "left", "radiologists": "active"}


def test_a_running_send_skips_who_complained_and_confirmed_another_list(town: Town) -> None:
    town.join("ana", "dentists")
    send = planned(town.store, to="dentists")
    town.store.suppressions.add(address("ana").key, SuppressionKind.COMPLAINED)
    town.ask("ana", "radiologists")
    town.confirm(town.link())
    assert town.store.journal(send.id, "relay").exchange([], 5).claims == []
    assert town.store.sends.tally(send.slug).skipped == 1


def test_a_bounced_member_confirms_again_and_loses_nothing_by_not_doing_it(town: Town) -> None:
    town.join()
    town.store.suppressions.add(address("ana").key, SuppressionKind.BOUNCED)
    town.pass_time(2 * HOUR)
    town.ask()
    assert (town.state(), town.lists()) == ("bounced", {"dentists": "active"})
    town.pass_time(31 * DAY)
    joining.expire_pending(town.store, town.clock())
    assert (town.state(), town.lists()) == ("bounced", {"dentists": "active"})


def test_who_is_in_already_is_told_so_by_mail_only(town: Town) -> None:
    town.join()
    assert town.kinds() == []
    town.pass_time(2 * HOUR)
    town.ask()
    assert town.kinds() == ["already"]
    assert town.lists() == {"dentists": "active"}


def test_hidden_and_unknown_lists_cannot_be_joined(town: Town) -> None:
    town.ask("ana", "board", "nowhere")
    assert town.state() == ""
    assert town.kinds() == []


def test_an_import_does_not_bring_in_who_left_and_asked_again(town: Town) -> None:
    town.join()
    departures.leave(town.store, town.subject(), source="link", page="", now=town.clock())
    town.ask()
    take_in(town.store, profile("ana"))
    assert town.lists() == {"dentists": "left"}
    town.confirm(town.link())
    assert town.lists() == {"dentists": "active"}


def test_pendings_of_the_form_expire_with_their_person_and_imported_ones_stay(town: Town) -> None:
    take_in(town.store, profile("imported"), source="")
    town.join("member", "radiologists")
    for local in ("stranger", "imported", "member"):
        town.ask(local)
    link = town.link("stranger")
    town.pass_time(30 * DAY + 1)
    assert town.confirm(link).state == "expired"
    assert joining.expire_pending(town.store, town.clock()) == 3
    assert town.state("stranger") == ""
    assert town.lists("imported") == {"dentists": "pending"}
    assert town.lists("member") == {"radiologists": "active"}
    assert joining.confirmation(town.store, link, town.clock()).state == "gone"


def test_an_old_mail_of_the_same_request_confirms_as_well(town: Town) -> None:
    town.ask()
    first = town.link()
    town.pass_time(20 * DAY)
    town.ask()
    town.pass_time(20 * DAY)
    assert town.confirm(first).state == "done"


def test_a_mail_confirms_no_list_that_was_asked_for_after_it(town: Town) -> None:
    town.ask("ana", "dentists")
    link = town.link()
    town.ask("ana", "radiologists")
    town.confirm(link)
    assert town.lists() == {"dentists": "active", "radiologists": "pending"}


def test_a_link_of_another_purpose_or_event_confirms_nothing(town: Town) -> None:
    town.ask("ana")
    town.ask("ben")
    event = town.link("ana").about
    for token in (
        town.token(Purpose.PREFERENCES, event),
        town.token(Purpose.UNDO, event),
        Token(purpose=Purpose.CONFIRM, subject=town.subject("ben"), about=event),
        Token(purpose=Purpose.CONFIRM, subject=b"x" * 12, about=event),
    ):
        town.confirm(token)
    assert {town.state("ana"), town.state("ben")} == {"pending"}


def test_ten_thousand_attempts_give_one_mail_an_hour(town: Town) -> None:
    for n in range(10_000):
        town.ask("victim", ("dentists", "radiologists")[n % 2], settle=n % 50 == 0)
        town.pass_time(3_000)
        if n % 7 == 0:
            town.post()
    town.post()
    times = [at for at, key, _ in town.sent if key == "victim@example.org"]
    assert 5 < len(times) <= 9
    assert all(later - earlier >= HOUR for earlier, later in pairwise(times))


def test_a_new_list_within_the_hour_is_mailed_when_the_hour_is_over(town: Town) -> None:
    town.ask("ana", "dentists")
    assert town.kinds() == ["confirm"]
    town.confirm(town.link())
    town.ask("ana", "radiologists")
    assert town.kinds() == []
    town.pass_time(HOUR)
    assert town.kinds() == ["confirm"]


def test_channels_are_counted_without_a_person(town: Town) -> None:
    for channel in ("whatsapp", "forward", "forward", "made up"):
        joining.request_join(
            town.store,
            address=address("ana"),
            list_names=["dentists"],
            language="en",
            shown=Shown(wording="", language="", page=""),
            channel=channel,
            issue="first",
            now=town.clock(),
        )
    assert town.store.requests.channels("first") == {"forward": 2, "other": 1, "whatsapp": 1}


@pytest.mark.parametrize(("typed", "kept"), [("fr", "fr"), ("pt_br", "pt-BR"), ("<script>", ""), ("", "")])
def test_a_form_brings_in_no_language_that_is_none(town: Town, typed: str, kept: str) -> None:
    town.ask("ana", language=typed)
    person = town.store.people.by_subject(town.subject())
    assert person is not None
    assert person.profile.language == kept
    assert [mail.language for mail in town.post()] == [kept]


def test_erasing_forgets_what_was_asked_and_is_not_settled(town: Town) -> None:
    town.join()
    town.ask(settle=False)
    person = town.store.people.by_subject(town.subject())
    assert person is not None
    departures.erase_person(town.store, person, now=town.clock())
    joining.settle_requests(town.store, town.clock())
    assert town.state() == ""
    assert town.kinds() == []


def test_who_asks_for_a_new_list_while_another_answer_waits_can_confirm_it(town: Town) -> None:
    town.join()
    town.post()
    town.pass_time(HOUR)
    town.ask("ana", "dentists")
    town.ask("ana", "radiologists")
    assert town.kinds() == ["confirm"]


def test_a_list_that_is_renamed_before_a_request_is_settled_is_joined_all_the_same(town: Town) -> None:
    town.ask("ana", settle=False)
    town.pass_time(1)
    town.store.lists.rename("dentists", "dental")
    joining.settle_requests(town.store, town.clock())
    assert town.kinds() == ["confirm"]
    town.confirm(town.link())
    assert town.lists() == {"dental": "active"}


def test_who_was_erased_and_asks_anew_while_a_mail_waits_can_confirm(town: Town) -> None:
    town.ask()
    person = town.store.people.by_subject(town.subject())
    assert person is not None
    departures.erase_person(town.store, person, now=town.clock())
    town.ask(language="es")
    assert [(mail.kind.value, mail.subject, mail.language) for mail in town.post()] == [
        ("confirm", town.subject(), "es")
    ]
    town.confirm(town.link())
    assert town.state() == "active"
