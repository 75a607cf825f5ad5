"""People and segments: SQL answers as a reader of the design would."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlite_utils import Database

from newsletter.models import ConsentKind, MembershipState, Profile, Subscriber, SuppressionKind
from newsletter.segments import Segment, Term, consent_terms
from newsletter.store import Store, merge, open_store
from newsletter.store.text import fold
from tests.store.samples import START, Clock, profile, segment, take_in


def addresses(people: Iterable[Subscriber]) -> list[str]:
    return [one.profile.address.text.partition("@")[0] for one in people]


def test_a_person_comes_back_whole(store: Store) -> None:
    ana = profile(
        "Ana@Example.org", name="Ana Sample", language="fr-FR", country="FR", attributes={"city": "Lyon"}
    )
    take_in(store, ana)
    person = store.people.get("ana@example.org")
    assert person is not None
    assert person.profile == ana
    assert person.state == "active"
    assert len(person.subject) == 12
    assert [(m.list_name, m.state) for m in person.memberships] == [("dentists", MembershipState.ACTIVE)]
    assert store.people.by_subject(person.subject) == person
    assert store.people.get("other@example.org") is None
    assert store.people.by_subject(b"x" * 12) is None


def test_the_state_is_the_strongest_thing_that_is_so(store: Store) -> None:
    def state() -> str:
        person = store.people.get("ana@example.org")
        assert person is not None
        return person.state

    take_in(store, profile("ana"), to="a", source="")
    assert state() == "pending"
    take_in(store, profile("ana"), to="b")
    assert state() == "active"
    person = store.people.get("ana@example.org")
    assert person is not None
    store.leavings.take_all(person.subject, 1, suppressed=False, now=START)
    assert state() == "unsubscribed"
    for kind in reversed(SuppressionKind):
        store.suppressions.add("ana@example.org", kind)
        assert state() == kind.value


def test_put_fills_and_replaces_but_never_blanks(store: Store) -> None:
    subject = store.people.put(
        profile("ana", name="Ana", attributes={"city": "Lyon", "tags": "board"}), START
    )
    again = store.people.put(
        profile("ana", language="fr", attributes={"city": "Paris", "tags": ""}), START + 5
    )
    assert again == subject
    person = store.people.by_subject(subject)
    assert person is not None
    assert person.profile.name == "Ana"
    assert person.profile.attributes == {"city": "Paris", "tags": "board"}
    assert (person.created, person.updated) == (START, START + 5)
    store.people.put(profile("ana"), START + 9)
    unchanged = store.people.by_subject(subject)
    assert unchanged is not None
    assert unchanged.updated == START + 5


def test_erasing_leaves_nothing_personal_behind(store: Store) -> None:
    take_in(store, profile("ana", name="Ana Zebra"))
    person = store.people.get("ana@example.org")
    assert person is not None
    assert store.people.erase(person.subject, now=START + 1, reason="asked by phone")
    assert not store.people.erase(person.subject, now=START + 2)
    assert store.people.get("ana@example.org") is None
    assert [one.kind for one in store.suppressions.of("ana@example.org")] == [SuppressionKind.ERASED]
    assert [event.kind for event in store.consent.of(person.subject)] == [
        ConsentKind.IMPORTED,
        ConsentKind.ERASED,
    ]
    assert store.lists.all()[0].active == 0
    rows = [repr(row) for table in Database(store._connection.raw).tables for row in table.rows]
    assert not [row for row in rows if "ana" in row.lower().replace("import", "")]


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ("muller", ["bert", "cleo"]),
        ("MÜLLER", ["bert", "cleo"]),
        ("mu\u0308l", ["bert", "cleo"]),
        (" O@EX", ["cleo"]),
        ("%", []),
        ("lukasz  o'b", ["eve"]),
        ("DR MÜLLER", ["bert"]),
        ("اشعة", ["dan"]),
    ],
)
def test_people_are_found_by_a_part_of_what_they_are_called(store: Store, text: str, who: list[str]) -> None:
    take_in(
        store,
        profile("ana"),
        profile("cleo", name="Cleo Mu\u0308ller"),
        profile("bert", name="Dr  Müller-Sample"),
        profile("dan", name="أشِعّة"),
        profile("eve", name="Łukasz O’Brien"),
    )
    assert addresses(store.people.find(text)) == who


def test_select_is_by_address_and_in_pages(store: Store) -> None:
    names = [f"p{n:04}" for n in range(1_203)]
    take_in(store, *(profile(name) for name in reversed(names)))
    assert addresses(store.people.select()) == names
    assert store.people.count() == len(names)


def test_somebody_who_goes_while_people_are_read_is_left_out(store: Store) -> None:
    take_in(store, *(profile(f"p{n:04}") for n in range(600)))
    reader = store.people.select()
    next(reader)
    gone = store.people.get("p0555@example.org")
    assert gone is not None
    store.people.erase(gone.subject, now=START)
    assert len(list(reader)) == 598


def test_attributes_of_all(store: Store) -> None:
    assert (set(store.attributes), len(store.attributes)) == (set(), 0)
    take_in(store, profile("ana", attributes={"city": "Lyon"}), profile("ben", attributes={"café": "ja"}))
    assert (set(store.attributes), len(store.attributes)) == ({"city", "café"}, 2)
    assert all(name in store.attributes for name in ("city", "café"))
    assert not any(name in store.attributes for name in ("town", "name", 'quo"te', "Lyon"))


@pytest.mark.parametrize(
    "key", ["city", "café", "a b", 'quo"te', "back\\slash", "a.b", "[0]", "#", "x'y", "ﬀ"]
)
def test_any_attribute_can_be_asked_for(store: Store, key: str) -> None:
    take_in(
        store, profile("ana", attributes={key: "Überall"}), profile("ben", attributes={"other": "Überall"})
    )
    question = Segment(terms=(Term(key=key, values=("überall",)),))
    assert addresses(store.people.select(question)) == ["ana"]
    assert key in store.attributes
    nothing = Segment(terms=(Term(key=key, values=("",)),))
    assert addresses(store.people.select(nothing)) == ["ben"]


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ("list:dentists", ["ana", "ben", "cleo", "dora"]),
        ("list:board", ["ana"]),
        ("list:board,dentists", ["ana", "ben", "cleo", "dora"]),
        ("-list:board", ["ben", "cleo", "dora"]),
        ("country:FR", ["ana", "ben"]),
        ("country:FR,de", ["ana", "ben", "cleo"]),
        ("-country:FR", ["cleo", "dora"]),
        ('country:""', ["dora"]),
        ("language:fr", ["ana", "ben"]),
        ("language:fr-ca", ["ben"]),
        ("-language:fr", ["cleo", "dora"]),
        ("tag:board", ["ana", "cleo"]),
        ("tag:press", ["ana"]),
        ("tag:boa", []),
        ('tag:""', ["ben", "dora"]),
        ("-tag:board country:FR", ["ben"]),
        ('name:"jürgen straße"', ["cleo"]),
        ('name:"JÜRGEN STRASSE"', ["cleo"]),
        ("email:DORA@example.org", ["dora"]),
        ("city:lyon", ["ana", "ben"]),
        ("city:lyon -tag:press", ["ben"]),
    ],
)
def test_segments(store: Store, text: str, who: list[str]) -> None:
    take_in(
        store,
        profile(
            "ana",
            name="Ana",
            language="fr-FR",
            country="FR",
            attributes={"tags": "Board, press", "city": "Lyon"},
        ),
        profile("ben", name="Ben", language="fr-CA", country="FR", attributes={"city": "LYON"}),
        profile("cleo", name="Jürgen Straße", language="de", country="DE", attributes={"tags": "board"}),
        profile("dora", name="Dora"),
    )
    take_in(store, profile("ana"), to="board")
    question = segment(store, text)
    assert addresses(store.people.select(question)) == who
    assert store.people.count(question) == len(who)
    assert store.people.audience_count(question) == len(who)


# --- the same by a plain reading in Python ------------------------------------

STATES = [None, *MembershipState]
TERMS = st.one_of(
    st.builds(
        Term,
        key=st.just("list"),
        values=st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=2, unique=True).map(tuple),
        negated=st.booleans(),
    ),
    st.builds(Term, key=st.just("country"), values=st.just(("FR",)), negated=st.booleans()),
    st.builds(
        Term, key=st.just("language"), values=st.sampled_from([("fr",), ("fr-ca", "")]), negated=st.booleans()
    ),
    st.builds(Term, key=st.just("tag"), values=st.sampled_from([("x",), ("y", "")]), negated=st.booleans()),
    st.builds(Term, key=st.just("city"), values=st.sampled_from([("ülm",), ("",)]), negated=st.booleans()),
)
SEGMENTS = st.lists(TERMS, max_size=3).map(lambda terms: Segment(terms=tuple(terms)))


@pytest.fixture(scope="module")
def everybody(tmp_path_factory: pytest.TempPathFactory) -> Iterable[tuple[Store, list[Subscriber]]]:
    """Every mix of two lists' states, suppression, and a few values."""
    path: Path = tmp_path_factory.mktemp("people") / "subscribers.db"
    with open_store(path, now=Clock()) as store:
        store.lists.create("a")
        store.lists.create("b")
        number = 0
        for in_a in STATES:
            for in_b in STATES:
                for suppressed in (False, True):
                    for language, country, attributes in (
                        ("fr", "FR", {"tags": "x,y", "city": "ÜLM"}),
                        ("fr-CA", "", {"tags": " y "}),
                        ("", "DE", {"city": "Ulm"}),
                    ):
                        number += 1
                        one = profile(f"p{number}", language=language, country=country, attributes=attributes)
                        subject = store.people.put(one, START)
                        for name, state in (("a", in_a), ("b", in_b)):
                            if state:
                                store.people.join(subject, name, state, _event(store, subject), START)
                        if suppressed:
                            store.suppressions.add(one.address.key, SuppressionKind.BOUNCED)
        yield store, list(store.people.select())


def _event(store: Store, subject: bytes) -> int:
    from newsletter.models import ConsentEvent

    return store.consent.append(ConsentEvent(subject=subject, kind=ConsentKind.ADDED, at=START))


def holds(term: Term, person: Subscriber, states: tuple[MembershipState, ...]) -> bool:
    one = person.profile
    if term.key == "list":
        mine = {m.list_name for m in person.memberships if m.state in states}
        answer = bool(mine & set(term.values))
    elif term.key == "country":
        answer = one.country in term.values
    elif term.key == "language":
        tag = one.language.lower()
        answer = any((tag == v or tag.startswith(f"{v}-")) if v else not tag for v in term.values)
    elif term.key == "tag":
        tags = {fold(part) for part in one.attributes.get("tags", "").split(",")} - {""}
        answer = any((v in tags) if v else not tags for v in term.values)
    else:
        answer = fold(one.attributes.get(term.key, "")) in term.values
    return answer is not term.negated


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(question=SEGMENTS)
def test_sql_and_a_plain_reading_agree(everybody: tuple[Store, list[Subscriber]], question: Segment) -> None:
    store, people = everybody
    members = (MembershipState.ACTIVE, MembershipState.PENDING)
    found = {one.subject for one in store.people.select(question)}
    assert found == {p.subject for p in people if all(holds(t, p, members) for t in question.terms)}
    active = (MembershipState.ACTIVE,)
    audience = [
        p
        for p in people
        if p.state == "active"
        and all(holds(t, p, active) for t in question.terms)
        and (consent_terms(question) or any(m.state is MembershipState.ACTIVE for m in p.memberships))
    ]
    assert store.people.audience_count(question) == len(audience)
    half = Segment(terms=question.terms[:1])
    groups = store.sends.groups(question, [half, Segment(terms=(Term(key="country", values=("FR",)),))])
    expected: dict[tuple[str, int], int] = {}
    for one in audience:
        mask = int(all(holds(t, one, active) for t in half.terms)) + 2 * (one.profile.country == "FR")
        expected[one.profile.language, mask] = expected.get((one.profile.language, mask), 0) + 1
    assert {(g.language, g.mask): g.count for g in groups} == expected


VALUES = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["", "Ana", "Ben"]),
        "language": st.sampled_from(["", "fr", "de"]),
        "country": st.sampled_from(["", "FR"]),
        "attributes": st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(["", "1", "2"])),
    }
)


@given(VALUES, VALUES)
def test_merging_never_loses_what_is_known(known: dict[str, object], new: dict[str, object]) -> None:
    before: Profile = profile("ana", **known)
    later: Profile = profile("ANA@example.org", **new)
    merged = merge(before, later)
    assert merged.address == before.address
    for name in ("name", "language", "country"):
        assert getattr(merged, name) == (getattr(later, name) or getattr(before, name))
    for key in {*before.attributes, *later.attributes}:
        assert merged.attributes.get(key, "") == (later.attributes.get(key) or before.attributes.get(key, ""))
    assert merge(merged, later) == merged


@pytest.mark.parametrize(
    ("meant", "near"),
    [
        ("emile@example.frr", ["emile@example.fr"]),
        ("emil@example.fr", ["emile@example.fr"]),
        ("emile@elsewhere.example.org", ["emile@example.fr"]),
        ("EMILE@example.fr".casefold(), []),
        ("stranger@example.fr", []),
        ("emile%@nowhere.example.org", []),
        ("anna.sampel@example.fr", ["anna.sample@example.fr"]),
    ],
)
def test_addresses_close_to_one_that_nobody_has(store: Store, meant: str, near: list[str]) -> None:
    take_in(store, profile("emile@example.fr"), profile("anna.sample@example.fr"), profile("bo@example.org"))
    assert store.people.near(meant) == near


def test_a_removed_list_that_is_made_again_is_told_as_it_stands(store: Store, clock: Clock) -> None:
    store.lists.create("board", hidden=True)
    store.lists.remove("board")
    clock.at += 1_000
    made = store.lists.create("board", "The board")
    assert made == store.lists.get("board")
    assert (made.title, made.hidden, made.created) == ("The board", True, START)
