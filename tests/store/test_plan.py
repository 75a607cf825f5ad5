"""Planning: once per issue, in short transactions, with the stencil that fits; and what is approved."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from newsletter.errors import NotFoundError, RefusedError, StoreError
from newsletter.models import DeliveryState, Missing, Outcome, SendState
from newsletter.segments import Segment
from newsletter.store import Store
from newsletter.store.pace import Pace, next_size
from tests.store.samples import START, STENCIL, Clock, planned, profile, segment, take_in


def test_everybody_of_the_audience_is_planned_once(store: Store) -> None:
    take_in(store, *(profile(f"p{n}") for n in range(700)))
    take_in(store, profile("pending"), source="")
    send = planned(store, run=False)
    assert send.state is SendState.READY
    assert store.sends.tally("issue-1").planned == store.sends.tally("issue-1").total == 700
    assert store.sends.tally_of(send.id) == store.sends.tally("issue-1")
    second = planned(store, run=False)
    assert store.sends.tally_of(second.id).total == 0
    assert store.sends.tally("issue-1").total == 700


def test_who_joined_since_is_told_and_planned_by_a_second_send(store: Store) -> None:
    take_in(store, profile("ana"), profile("ben"))
    planned(store)
    take_in(store, profile("cleo"))
    dentists = segment(store, "dentists")
    assert store.sends.newcomers("issue-1", dentists) == 1
    assert store.sends.newcomers("never sent", dentists) == 3
    assert [group.count for group in store.sends.groups(dentists, exclude_issue="issue-1")] == [1]
    second = planned(store)
    assert store.sends.tally_of(second.id).total == 1
    assert store.sends.newcomers("issue-1", dentists) == 0


def test_the_stencil_fits_language_and_conditions(store: Store) -> None:
    take_in(
        store,
        profile("ana", language="fr", attributes={"tags": "board"}),
        profile("ben", language="fr"),
        profile("cleo", language="de", country="DE", attributes={"tags": "board"}),
        profile("dora", language="xx"),
    )
    conditions = [segment(store, "tag:board"), segment(store, "country:DE")]
    digests = {
        (language, mask): sha256(f"{language}{mask}".encode()).digest()
        for language in ("fr", "de")
        for mask in range(4)
    }
    asked: list[tuple[str, int]] = []

    def choose(language: str, mask: int) -> bytes | None:
        asked.append((language, mask))
        return digests.get((language, mask))

    dentists = segment(store, "dentists")
    assert {(g.language, g.mask, g.count) for g in store.sends.groups(dentists, conditions)} == {
        ("fr", 1, 1), ("fr", 0, 1), ("de", 3, 1), ("xx", 0, 1)
    }  # fmt: skip
    send = store.sends.create("issue-1", "dentists", START)
    store.sends.approve(send.id, {digest: (*key, b"x" + bytes(key[1:])) for key, digest in digests.items()})
    assert store.sends.plan(send.id, dentists, conditions, choose) == 3
    assert sorted(asked) == [("de", 3), ("fr", 0), ("fr", 1), ("xx", 0)]
    assert store.sends.newcomers("issue-1", dentists) == 1, "whom nothing was approved for"
    store.sends.set_state(send.id, SendState.RUNNING)
    claims = store.journal(send.id, "relay").exchange([], 10).claims
    got = {claim.profile.address.text[:3]: claim.stencil for claim in claims}
    assert got == {"ana": digests["fr", 1], "ben": digests["fr", 0], "cle": digests["de", 3]}
    assert store.sends.approved(send.id) == {digest: key for key, digest in digests.items()}


def test_a_stencil_that_nobody_approved_is_no_plan(store: Store) -> None:
    take_in(store, profile("ana"))
    send = store.sends.create("issue-1", "dentists", START)
    with pytest.raises(StoreError, match="nobody approved"):
        store.sends.plan(send.id, segment(store, "dentists"), [], lambda *_: STENCIL)
    assert store.sends.get(send.id).state is SendState.PLANNING
    with pytest.raises(NotFoundError):
        store.sends.stencil(STENCIL)


def test_an_interrupted_plan_is_thrown_away_whole(store: Store) -> None:
    take_in(store, *(profile(f"p{n:03}", language="fr" if n % 2 else "xx") for n in range(300)))
    done = planned(store, to="dentists", slug="other issue", run=False)
    send = store.sends.create("issue-1", "dentists", START)
    store.sends.approve(send.id, {STENCIL: ("en", 0, b"x")})

    class PowerCutError(Exception):
        """The lights go out."""

    calls = iter(range(2))

    def choose(language: str, mask: int) -> bytes | None:
        if next(calls, None) is None:
            raise PowerCutError
        return STENCIL if language == "fr" else None

    store.people.put(profile("zz"), START)
    with pytest.raises(PowerCutError):
        take_in(store, profile("zzz", language="de"))
        store.sends.plan(send.id, segment(store, "dentists"), [], choose)
    assert store.sends.get(send.id).state is SendState.PLANNING
    with pytest.raises(RefusedError, match="not planned to the end"):
        store.sends.set_state(send.id, SendState.RUNNING)
    assert store.journal(send.id, "relay").exchange([], 64).claims == []
    assert store.sends.discard_plans("issue-1") == 1
    assert store.sends.of_issue("issue-1") == []
    assert store.sends.tally("issue-1").total == 0
    assert store.sends.tally_of(done.id).total == 300
    assert store.sends.discard_plans("issue-1") == 0
    assert store.sends.tally_of(planned(store, run=False).id).planned == 301


def test_a_plan_that_is_cancelled_meanwhile_does_not_become_ready(store: Store) -> None:
    take_in(store, profile("ana"))
    send = store.sends.create("issue-1", "dentists", START)
    store.sends.approve(send.id, {STENCIL: ("en", 0, b"x")})

    def choose(language: str, mask: int) -> bytes:
        store.sends.set_state(send.id, SendState.CANCELLED)
        return STENCIL

    with pytest.raises(StoreError, match="not being planned any more"):
        store.sends.plan(send.id, segment(store, "dentists"), [], choose)
    assert store.sends.get(send.id).state is SendState.CANCELLED


def test_a_finished_plan_is_never_thrown_away(store: Store) -> None:
    take_in(store, profile("ana"))
    send = planned(store, run=False)
    assert store.sends.discard_plans("issue-1") == 0
    for sql in ("DELETE FROM deliveries", "UPDATE sends SET state = 'planning'"):
        with pytest.raises(StoreError, match="only deleted with|never planned again"):
            store._connection.run(sql)
    assert store.sends.tally_of(send.id).planned == 1


def test_what_is_missing_is_counted_with_examples(store: Store) -> None:
    take_in(
        store,
        *(profile(f"p{n}", language="fr") for n in range(5)),
        profile("ana", language="fr", name="Ana", attributes={"city": "Lyon"}),
        profile("ben", language="de", name=" ", attributes={"city": " "}),
    )
    dentists = segment(store, "dentists")
    none: Sequence[Segment] = ()
    found = store.sends.missing(dentists, none, "name")
    assert found == {
        ("de", 0): Missing(count=1, examples=("ben@example.org",)),
        ("fr", 0): Missing(count=5, examples=("p0@example.org", "p1@example.org", "p2@example.org")),
    }
    assert {key: one.count for key, one in store.sends.missing(dentists, none, "city").items()} == {
        ("de", 0): 1,
        ("fr", 0): 5,
    }
    assert store.sends.missing(dentists, none, "email") == {}
    planned(store)
    assert store.sends.missing(dentists, none, "name", exclude_issue="issue-1") == {}


def test_a_plan_of_which_somebody_was_mailed_is_kept_as_cancelled(store: Store) -> None:
    """As a restore of an earlier version could leave one."""
    take_in(store, *(profile(f"p{n}") for n in range(3)))
    send = planned(store)
    (claim,) = store.journal(send.id, "relay").exchange([], 1).claims
    store.journal(send.id, "relay").exchange([Outcome(delivery=claim.delivery, state=DeliveryState.SENT)], 0)
    store._connection.raw.execute("DROP TRIGGER sends_are_not_planned_again")
    store._connection.run("UPDATE sends SET state = 'planning'")
    for _ in range(2):
        store.sends.discard_plans("issue-1")
    assert [one.state for one in store.sends.all()] == [SendState.CANCELLED]
    assert store.sends.tally("issue-1").sent == store.sends.tally("issue-1").total == 1
    assert store.sends.newcomers("issue-1", segment(store, "dentists")) == 2


def kind_of(data: bytes) -> tuple[str, int]:
    return "en", 0


def test_what_a_broken_off_amendment_left_is_told_and_amended(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_in(store, *(profile(f"p{n}") for n in range(200)))
    send = planned(store)
    assert not store.sends.strays(send.id)
    second, third = sha256(b"2").digest(), sha256(b"3").digest()
    looks = iter([0.0, 0.0, 0.0])
    with monkeypatch.context() as patched, pytest.raises(StopIteration):
        patched.setattr("newsletter.store.stencils.clock", looks.__next__)
        store.sends.amend(send.id, {second: ("en", 0, b"2")}, kind_of)
    assert store.sends.strays(send.id)
    assert store.sends.amend(send.id, {third: ("en", 0, b"3")}, kind_of) == 200
    assert not store.sends.strays(send.id)
    claims = store.journal(send.id, "relay").exchange([], 64).claims
    assert {claim.stencil for claim in claims} == {third}


def test_amending_changes_only_what_was_not_sent(store: Store) -> None:
    take_in(store, *(profile(f"p{n}") for n in range(100)))
    send = planned(store)
    journal = store.journal(send.id, "relay")
    first = journal.exchange([], 10).claims
    journal.exchange([Outcome(delivery=c.delivery, state=DeliveryState.SENT) for c in first], 0)
    new = sha256(b"new").digest()
    assert store.sends.amend(send.id, {new: ("en", 0, b"new bytes")}, kind_of) == 90
    assert store.sends.amend(send.id, {new: ("en", 0, b"new bytes")}, kind_of) == 0
    assert store.sends.approved(send.id) == {new: ("en", 0)}
    assert {claim.stencil for claim in journal.exchange([], 64).claims} == {new}
    assert store.sends.stencil(STENCIL) == b"stencil bytes"
    rows = store._connection.rows(
        "SELECT DISTINCT t.digest FROM deliveries d JOIN stencils t ON t.id = d.stencil "
        "WHERE d.state = 'sent'"
    )
    assert rows == [(STENCIL,)]


def test_two_issues_with_the_same_stencil_do_not_disturb_each_other(store: Store) -> None:
    take_in(store, profile("ana"))
    first, second = planned(store, "one"), planned(store, "two")
    assert store.sends.approved(first.id) == store.sends.approved(second.id)
    assert store.sends.issue_number("one") != store.sends.issue_number("two")
    assert store.sends.issue_number("one") == store.sends.issue_number("one")
    assert set(store.sends.all_tallies()) == {"one", "two"}


def test_the_states_of_a_send(store: Store, clock: Clock) -> None:
    take_in(store, profile("ana"))
    send = planned(store, run=False)
    assert (send.started, send.finished, len(send.seed)) == (None, None, 32)
    clock.at += 10
    store.sends.set_state(send.id, SendState.RUNNING, sender="process 7")
    clock.at += 10
    paused = store.sends.set_state(send.id, SendState.PAUSED, reason="the relay refuses everybody")
    assert (paused.reason, paused.sender, paused.started) == (
        "the relay refuses everybody",
        "process 7",
        START + 10,
    )
    running = store.sends.set_state(send.id, SendState.RUNNING)
    assert (running.reason, running.started) == ("", START + 10)
    done = store.sends.set_state(send.id, SendState.DONE)
    assert done.finished == START + 20
    for late in (SendState.PAUSED, SendState.CANCELLED, SendState.RUNNING):
        with pytest.raises(RefusedError, match="has ended"):
            store.sends.set_state(send.id, late)
    store.sends.set_state(send.id, SendState.READY)
    cancelled = store.sends.set_state(send.id, SendState.CANCELLED)
    assert store.sends.set_state(send.id, SendState.CANCELLED) == cancelled
    with pytest.raises(RefusedError, match="was cancelled"):
        store.sends.set_state(send.id, SendState.RUNNING)
    with pytest.raises(NotFoundError):
        store.sends.get(99)
    assert store.sends.all() == store.sends.of_issue("issue-1") == [cancelled]


def test_others_can_write_while_a_plan_is_made(store: Store, path: Path) -> None:
    take_in(store, *(profile(f"p{n}", language=str(n % 7)) for n in range(400)))
    send = store.sends.create("issue-1", "dentists", START)
    store.sends.approve(send.id, {STENCIL: ("en", 0, b"x")})
    writes = 0
    checkpoint = store._connection.rows

    def between(sql: str, parameters: object = ()) -> list[tuple[object, ...]]:
        nonlocal writes
        if not store._connection.raw.in_transaction:
            with closing(sqlite3.connect(path, timeout=0)) as other, other:
                other.execute("INSERT INTO usage (relay, minute, sent) VALUES ('x', ?, 1)", [writes])
            writes += 1
        return checkpoint(sql, parameters)  # type: ignore[arg-type]

    store._connection.rows = between  # type: ignore[method-assign]
    assert store.sends.plan(send.id, segment(store, "dentists"), [], lambda *_: STENCIL) == 400
    assert writes > 3


@pytest.mark.parametrize(
    ("size", "cost", "wanted"),
    [
        (50, 0.000_020, 100),  # grows at most twofold
        (800, 0.000_020, 499),  # to what fits the target
        (4_000, 0.000_001, 4_000),  # never more
        (100, 0.5, 10),  # never less
        (100, 0.0, 200),
    ],
)
def test_the_next_batch(size: int, cost: float, wanted: int) -> None:
    assert next_size(size, cost) == wanted


def test_batches_settle_under_the_longest_that_others_may_wait() -> None:
    pace = Pace()
    for cost in [0.000_010] * 30 + [0.000_100] * 30:
        seconds = pace.size * cost
        pace.note(pace.size, seconds)
    assert pace.size * 0.000_100 < 0.020
