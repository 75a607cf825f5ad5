"""Use cases on people: who comes in, who stays out, who leaves, and what is read out."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from newsletter.audience import arrivals, departures, reading
from newsletter.errors import RefusedError, UsageError
from newsletter.listfile import read_list
from newsletter.models import (
    Address,
    ConsentEvent,
    ConsentKind,
    ImportReport,
    MembershipState,
    Profile,
    RejectedRow,
    Subscriber,
    SuppressionKind,
)
from newsletter.store import Decision, Known, Store, open_store
from tests.store.samples import START, Clock, list_file, profile, take_in

ACTIVE, PENDING, LEFT = MembershipState.ACTIVE, MembershipState.PENDING, MembershipState.LEFT


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "subscribers.db", now=Clock()) as opened:
        yield opened


def person(store: Store, local: str = "ana") -> Subscriber:
    found = store.people.get(f"{local}@example.org")
    assert found is not None
    return found


def address(local: str = "ana") -> Address:
    return profile(local).address


def counts(report: ImportReport) -> tuple[int, ...]:
    return (
        report.added,
        report.updated,
        report.unchanged,
        report.suppressed,
        report.duplicates,
        report.pending,
    )


# --- coming -----------------------------------------------------------------

ANA = profile("ana", name="Ana")
KNOWN = profile("ana", name="Ana", language="fr")


@pytest.mark.parametrize(
    ("known", "consenting", "decision"),
    [
        (Known(suppressed=True), True, Decision(count="suppressed")),
        (
            Known(suppressed=True, subject=b"a", profile=KNOWN, membership=ACTIVE),
            True,
            Decision(count="suppressed"),
        ),
        (
            Known(suppressed=False, subject=b"a", profile=KNOWN, membership=LEFT),
            True,
            Decision(count="suppressed"),
        ),
        (
            Known(suppressed=False, subject=b"a", profile=KNOWN, membership=LEFT),
            False,
            Decision(count="suppressed"),
        ),
        (
            Known(suppressed=False, subject=b"a", profile=KNOWN, membership=ACTIVE),
            True,
            Decision(count="unchanged", proof=True),
        ),
        (
            Known(suppressed=False, subject=b"a", profile=KNOWN, membership=ACTIVE, proven=True),
            True,
            Decision(count="unchanged"),
        ),
        (
            Known(suppressed=False, subject=b"a", profile=KNOWN, membership=ACTIVE),
            False,
            Decision(count="unchanged"),
        ),
        (
            Known(suppressed=False, subject=b"a", profile=KNOWN, membership=PENDING),
            False,
            Decision(count="unchanged", stays_pending=True),
        ),
        (
            Known(suppressed=False, subject=b"a", profile=KNOWN, membership=PENDING),
            True,
            Decision(count="updated", membership=ACTIVE),
        ),
        (
            Known(suppressed=False, subject=b"a", profile=KNOWN),
            True,
            Decision(count="updated", membership=ACTIVE),
        ),
        (
            Known(suppressed=False, subject=b"a", profile=KNOWN),
            False,
            Decision(count="updated", membership=PENDING, stays_pending=True),
        ),
        (
            Known(suppressed=False, subject=b"a", profile=profile("ana", language="fr"), membership=ACTIVE),
            True,
            Decision(count="updated", profile=KNOWN, proof=True),
        ),
    ],
)
def test_what_an_import_decides(known: Known, consenting: bool, decision: Decision) -> None:
    assert arrivals.decide_import(ANA, known, consenting=consenting) == decision


def test_an_import_with_a_source_makes_people_active_with_the_proof(store: Store) -> None:
    report = take_in(store, profile("ana"), profile("ben"), source="  Lyon congress,\n May 2026 ")
    assert counts(report) == (2, 0, 0, 0, 0, 0)
    assert report.list_created
    assert person(store).state == "active"
    (event,) = store.consent.of(person(store).subject)
    assert event == ConsentEvent(
        subject=person(store).subject,
        kind=ConsentKind.IMPORTED,
        at=START,
        list_name="dentists",
        source="Lyon congress, May 2026",
    )
    for source in ("Lyon congress, May 2026", "sign-up sheet", "sign-up sheet"):
        assert counts(take_in(store, profile("ana"), source=source)) == (0, 0, 1, 0, 0, 0)
    sources = [event.source for event in store.consent.of(person(store).subject)]
    assert sources == ["Lyon congress, May 2026", "sign-up sheet"]


@pytest.mark.parametrize("source", ["", "  "])
def test_without_a_source_people_stay_pending_until_one_is_given(store: Store, source: str) -> None:
    assert counts(take_in(store, profile("ana"), source=source)) == (1, 0, 0, 0, 0, 1)
    assert person(store).state == "pending"
    assert counts(take_in(store, profile("ana"), source=source)) == (0, 0, 1, 0, 0, 1)
    assert counts(take_in(store, profile("ana"), source="they signed")) == (0, 1, 0, 0, 0, 0)
    assert person(store).state == "active"
    assert counts(take_in(store, profile("ana"), source=source)) == (0, 0, 1, 0, 0, 0)
    assert person(store).state == "active"


def test_repeats_in_a_file_are_one_person(store: Store) -> None:
    report = take_in(
        store,
        profile("ana", name="Ana"),
        profile("ANA@Example.org", name="A. Sample", country="FR"),
        profile("ben"),
        profile("ana", language="fr", country="DE"),
    )
    assert counts(report) == (2, 0, 0, 0, 2, 0)
    found = person(store).profile
    assert (found.name, found.country, found.language) == ("Ana", "FR", "fr")
    assert found.address.text == "ana@example.org"


def test_new_values_fill_and_replace_and_empty_cells_do_not_blank(store: Store) -> None:
    take_in(store, profile("ana", name="Ana", country="FR", attributes={"city": "Lyon", "tags": "board"}))
    report = take_in(store, profile("ana", name="Ana Maria", attributes={"city": "", "tags": "press"}))
    assert counts(report) == (0, 1, 0, 0, 0, 0)
    found = person(store).profile
    assert (found.name, found.country) == ("Ana Maria", "FR")
    assert found.attributes == {"city": "Lyon", "tags": "press"}


def test_a_known_person_who_comes_to_another_list_is_updated(store: Store) -> None:
    take_in(store, profile("ana"))
    assert counts(take_in(store, profile("ana"), to="radiologists")) == (0, 1, 0, 0, 0, 0)
    assert {m.list_name: m.state for m in person(store).memberships} == {
        "dentists": ACTIVE,
        "radiologists": ACTIVE,
    }


@pytest.mark.parametrize("kind", list(SuppressionKind))
@pytest.mark.parametrize("known", [True, False])
def test_no_import_lifts_a_suppression(store: Store, kind: SuppressionKind, known: bool) -> None:
    if known:
        take_in(store, profile("ana", name="Ana"))
    store.suppressions.add("ana@example.org", kind)
    report = take_in(store, profile("ana", name="Changed"), profile("ben"), to="radiologists")
    assert counts(report) == (1, 0, 0, 1, 0, 0)
    if known:
        assert person(store).state == kind.value
        assert person(store).profile.name == "Ana"
        assert [m.list_name for m in person(store).memberships] == ["dentists"]
    else:
        assert store.people.get("ana@example.org") is None
    assert [one.kind for one in store.suppressions.of("ana@example.org")] == [kind]


def test_who_left_a_list_is_not_brought_back_to_it_but_may_come_to_another(store: Store) -> None:
    take_in(store, profile("ana", name="Ana"))
    store.leavings.take_all(person(store).subject, 1, suppressed=False, now=START)
    assert counts(take_in(store, profile("ana", name="Changed"))) == (0, 0, 0, 1, 0, 0)
    assert (person(store).state, person(store).profile.name) == ("unsubscribed", "Ana")
    assert counts(take_in(store, profile("ana"), to="radiologists")) == (0, 1, 0, 0, 0, 0)


def test_an_empty_file_gives_zeros_and_the_list(store: Store) -> None:
    report = take_in(store)
    assert counts(report) == (0, 0, 0, 0, 0, 0)
    assert store.lists.names() == ["dentists"]


def test_an_import_notes_itself_and_says_how_far_it_is(store: Store) -> None:
    found = list_file([profile("ana"), profile("ana"), *(profile(f"p{n}") for n in range(300))])
    found = replace(found, rejected=[RejectedRow(line=9, reason="no @")])
    steps: list[int] = []
    report = arrivals.import_people(
        store,
        found,
        list_name="dentists",
        source="s",
        file_name="May.xlsx",
        now=START + 5,
        progress=steps.append,
    )
    assert report.rejected == [RejectedRow(line=9, reason="no @")]
    assert steps == sorted(set(steps))
    assert steps[-1] == 302
    rows = store._connection.rows(
        "SELECT at, source, file_name, added, duplicates, rejected, finished FROM imports"
    )
    assert rows == [(START + 5, "s", "May.xlsx", 301, 1, 1, START)]
    assert store._connection.value("SELECT count(*) FROM consent_events WHERE import = 1") == 301


def test_an_impossible_list_name_takes_nobody_in(store: Store) -> None:
    with pytest.raises(UsageError):
        take_in(store, profile("ana"), to="my list")
    assert store.people.count() == 0


def test_one_person_is_added_by_the_rules_of_an_import(store: Store) -> None:
    one = profile("ana", name="Ana")
    report = arrivals.add_person(store, one, list_name="dentists", source="phone call", now=START)
    assert counts(report) == (1, 0, 0, 0, 0, 0)
    assert [event.kind for event in store.consent.of(person(store).subject)] == [ConsentKind.ADDED]
    departures.unsubscribe_address(store, address(), source="mail", now=START)
    report = arrivals.add_person(store, one, list_name="dentists", source="phone call", now=START)
    assert report.suppressed == 1


def test_subject_ids_say_nothing_of_the_order_in_a_file(store: Store) -> None:
    names = [f"p{n:03}" for n in range(200)]
    take_in(store, *(profile(name) for name in names))
    subjects = [person(store, name).subject for name in names]
    assert len(set(subjects)) == 200
    rising = sum(a < b for a, b in pairwise(subjects))
    assert 60 < rising < 140


# --- leaving ----------------------------------------------------------------


def test_leaving_leaves_everything_and_is_written_down_once(store: Store) -> None:
    take_in(store, profile("ana"))
    take_in(store, profile("ana"), to="radiologists", source="")
    for _ in range(3):
        departures.unsubscribe_address(store, address(), source="mail of 3 May", now=START + 1)
    assert person(store).state == "unsubscribed"
    assert {m.state for m in person(store).memberships} == {LEFT}
    events = [
        event for event in store.consent.of(person(store).subject) if event.kind is ConsentKind.UNSUBSCRIBED
    ]
    assert [(event.at, event.source) for event in events] == [(START + 1, "mail of 3 May")]


def test_what_was_left_before_keeps_its_time(store: Store) -> None:
    take_in(store, profile("ana"))
    store.leavings.take_all(person(store).subject, 1, suppressed=False, now=START + 1)
    take_in(store, profile("ana"), to="radiologists")
    departures.unsubscribe_address(store, address(), source="mail", now=START + 9)
    assert {m.list_name: m.since for m in person(store).memberships} == {
        "dentists": START + 1,
        "radiologists": START + 9,
    }


def test_leaving_works_for_somebody_who_is_not_here_and_stands(store: Store) -> None:
    departures.unsubscribe_address(store, address("stranger"), source="mail", now=START)
    assert store.people.get("stranger@example.org") is None
    assert counts(take_in(store, profile("stranger"))) == (0, 0, 0, 1, 0, 0)


def test_leaving_by_the_id_of_a_token(store: Store) -> None:
    take_in(store, profile("ana"))
    subject = person(store).subject
    departures.unsubscribe_subject(store, subject, source="link", now=START)
    assert person(store).state == "unsubscribed"
    departures.erase_person(store, person(store), now=START)
    departures.unsubscribe_subject(store, subject, source="link", now=START)
    departures.unsubscribe_subject(store, b"x" * 12, source="link", now=START)
    assert [one.kind for one in store.suppressions.of("ana@example.org")] == [
        SuppressionKind.ERASED,
        SuppressionKind.UNSUBSCRIBED,
    ]


def test_who_complained_and_then_leaves_is_both(store: Store) -> None:
    take_in(store, profile("ana"))
    store.suppressions.add("ana@example.org", SuppressionKind.COMPLAINED)
    departures.unsubscribe_address(store, address(), source="mail", now=START)
    assert person(store).state == "complained"
    departures.lift_suppression(store, address(), SuppressionKind.COMPLAINED, reason="by mistake", now=START)
    assert person(store).state == "unsubscribed"


def test_the_erased_stay_away(store: Store) -> None:
    take_in(store, profile("ana"))
    departures.erase_person(store, person(store), now=START)
    assert counts(take_in(store, profile("ana"))) == (0, 0, 0, 1, 0, 0)
    assert store.people.get("ana@example.org") is None


def test_a_bounce_is_lifted_with_a_reason_that_is_kept(store: Store) -> None:
    take_in(store, profile("ana"))
    store.suppressions.add("ana@example.org", SuppressionKind.BOUNCED)
    departures.lift_suppression(store, address(), SuppressionKind.BOUNCED, reason="mailbox mended", now=START)
    assert person(store).state == "active"
    last = store.consent.of(person(store).subject)[-1]
    assert (last.kind, last.source) == (ConsentKind.RESTORED, "bounced lifted: mailbox mended")


@pytest.mark.parametrize(
    ("kind", "reason", "words"),
    [
        (SuppressionKind.UNSUBSCRIBED, "I want it", "only lifted by the person"),
        (SuppressionKind.ERASED, "I want it", "only lifted by the person"),
        (SuppressionKind.BOUNCED, " ", "say why"),
        (SuppressionKind.COMPLAINED, "was a mistake", "not marked"),
    ],
)
def test_what_the_coordinator_cannot_lift(
    store: Store, kind: SuppressionKind, reason: str, words: str
) -> None:
    take_in(store, profile("ana"))
    with pytest.raises(RefusedError, match=words):
        departures.lift_suppression(store, address(), kind, reason=reason, now=START)


# --- reading out ------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("Ana", "Ana"),
        ("", ""),
        ("=1+1", "'=1+1"),
        ("+33 1 23", "'+33 1 23"),
        ("-5", "'-5"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("'=1", "''=1"),
        ("O'Brien", "O'Brien"),
        ("'tis", "'tis"),
        ("a=b", "a=b"),
        ("-", "'-"),
    ],
)
def test_cells_that_a_spreadsheet_would_run(text: str, cell: str) -> None:
    assert reading.spreadsheet_safe(text) == cell


def test_the_export_has_its_columns(store: Store) -> None:
    take_in(
        store,
        profile(
            "ana", name="=cmd()", language="fr", country="FR", attributes={"city": "Lyon", "@risk": "+1"}
        ),
        profile("ben"),
    )
    take_in(store, profile("ana"), to="board", source="")
    departures.unsubscribe_address(store, address("ben"), source="", now=START)
    heading, rows = reading.export_table(store, store.people.select())
    assert heading == (
        "email",
        "name",
        "language",
        "country",
        "state",
        "lists",
        "attributes",
        "'@risk",
        "city",
    )
    ana, ben = rows
    assert ana[:6] == ("ana@example.org", "'=cmd()", "fr", "FR", "active", "board,dentists")
    assert ana[6:] == ('{"@risk": "+1", "city": "Lyon"}', "'+1", "Lyon")
    assert ben == ("ben@example.org", "", "", "", "unsubscribed", "", "", "", "")


def test_the_consent_export_is_the_proof(store: Store) -> None:
    take_in(store, profile("ana"), source="=sheet")
    heading, rows = reading.consent_table(store, store.people.select())
    assert heading == reading.CONSENT_COLUMNS
    (row,) = rows
    assert row[0] == "ana@example.org"
    assert row[1] == person(store).subject.hex()
    assert row[2:6] == ("imported", "2026-09-21T14:13:20.000+00:00", "dentists", "'=sheet")


NAMES = st.sampled_from(
    ["Ana", "Jürgen Straße", "=cmd()", "+1 2", "-x", "O'Brien", "@home", "مريم", "李", ""]
)
PROFILES = st.dictionaries(
    st.sampled_from([f"p{n}@example.org" for n in range(6)]),
    st.tuples(NAMES, st.sampled_from(["", "fr", "pt-BR"]), st.sampled_from(["", "FR"]), NAMES),
    max_size=6,
)


@settings(max_examples=15, deadline=None)
@given(PROFILES)
def test_what_is_exported_comes_back_the_same(
    tmp_path_factory: pytest.TempPathFactory, people: dict[str, tuple[str, str, str, str]]
) -> None:
    given_people = [
        profile(
            text,
            name=name,
            language=language,
            country=country,
            attributes={"clinic": clinic} if clinic else {},
        )
        for text, (name, language, country, clinic) in people.items()
    ]
    folder = tmp_path_factory.mktemp("export")
    with (
        open_store(folder / "one.db", now=Clock()) as first,
        open_store(folder / "two.db", now=Clock()) as second,
    ):
        take_in(first, *given_people)
        text = io.StringIO(newline="")
        heading, rows = reading.export_table(first, first.people.select())
        csv.writer(text).writerows([heading, *rows])
        found = read_list(text.getvalue().encode(), name="export.csv")
        arrivals.import_people(
            second, found, list_name="dentists", source="moved", file_name="export.csv", now=START
        )
        before: list[Profile] = [one.profile for one in first.people.select()]
        assert [one.profile for one in second.people.select()] == before
