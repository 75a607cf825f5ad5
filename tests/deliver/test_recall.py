"""A recalled courier begins nothing more: what the relay cannot have comes back at once and untouched."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.deliver.ports import Attempt, Parcel, Stage
from newsletter.deliver.smtp import Timeouts
from newsletter.deliver.smtp.wire import Wire
from tests.deliver.carrying import Basket, courier_to, once_each, parcel
from tests.deliver.relay import EXTENSIONS, Do, ScriptedRelay, Step, _Session
from tests.deliver.test_courier_faults import faults, faulty

PATIENT = Timeouts()
PEOPLE = 30


def silent_at(verb: str) -> Callable[[Step], Do | None]:
    return lambda step: Do.SILENCE if step.verb == verb else None


async def recalled(
    relay: ScriptedRelay, *, answer: bytes | None = None, timeouts: Timeouts = PATIENT
) -> tuple[dict[int, Attempt], int]:
    """What comes back at once, of 30 over two connections; then the relay answers, or hangs up."""
    courier, basket = courier_to(relay, connections=2, timeouts=timeouts), Basket()
    await courier.open(basket)
    for number in range(PEOPLE):
        courier.put(parcel(number))
    await asyncio.sleep(0.2)
    courier.recall()
    await asyncio.sleep(0.05)
    at_once = basket.waiting
    for session in list(relay.open):
        if answer is None:
            session.transport.abort()
        else:
            session.transport.write(answer)
    attempts = await basket.collect(PEOPLE)
    await asyncio.sleep(0.05)
    assert not relay.open, "a connection on which a message is expected that will not come is closed"
    await courier.close()
    return attempts, at_once


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("extensions", [EXTENSIONS, EXTENSIONS[1:]])
def test_before_the_dot_nothing_is_waited_for(verb: str, extensions: tuple[str, ...]) -> None:
    async def main() -> None:
        async with ScriptedRelay(silent_at(verb), extensions=extensions) as relay:
            attempts, at_once = await recalled(relay)
            assert at_once == PEOPLE
            assert {(a.stage, a.error) for a in attempts.values()} == {(Stage.CONNECT, "")}
            assert not relay.taken
            assert relay.sessions == 2

    asyncio.run(main())


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [
        (b"250 2.0.0 Ok\r\n250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 go\r\n", 2),
        (b"451 4.3.0 later\r\n250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 go\r\n", 0),
        (None, 0),
    ],
)
def test_only_what_has_its_dot_is_waited_for(answer: bytes | None, accepted: int) -> None:
    async def main() -> None:
        async with ScriptedRelay(silent_at("END")) as relay:
            attempts, at_once = await recalled(relay, answer=answer)
            assert at_once == PEOPLE - 2
            back = [a for a in attempts.values() if a.stage is Stage.CONNECT]
            assert len(back) == PEOPLE - 2
            assert not any(a.error for a in back)
            assert sum(a.accepted for a in attempts.values()) == accepted
            assert relay.messages == 2
            assert relay.sessions == 2

    asyncio.run(main())


def test_what_is_put_after_a_recall_comes_back() -> None:
    async def main() -> None:
        async with ScriptedRelay() as relay:
            courier, basket = courier_to(relay), Basket()
            await courier.open(basket)
            courier.recall()
            courier.put(parcel(1))
            assert (await basket.collect(1))[1].stage is Stage.CONNECT
            await courier.close()
            assert not relay.taken

    asyncio.run(main())


@settings(max_examples=40, deadline=None)
@given(
    faults=faults,
    extensions=st.sampled_from([EXTENSIONS, EXTENSIONS[1:]]),
    connections=st.integers(1, 4),
    wait=st.floats(0, 0.05),
)
def test_recalled_at_any_moment_every_parcel_comes_back_once(
    faults: dict[tuple[str, int], str | bytes | Do],
    extensions: tuple[str, ...],
    connections: int,
    wait: float,
) -> None:
    faults.pop(("CONNECT", 1), None)
    quick = Timeouts(connect=0.2, setup=0.1, command=0.1, data=0.1, body=0.5, end=0.1, idle=0.2, quit=0.02)

    async def main() -> None:
        async with ScriptedRelay(faulty(faults), extensions=extensions) as relay:
            courier, basket = courier_to(relay, connections=connections, timeouts=quick), Basket()
            await courier.open(basket)
            for number in range(PEOPLE):
                courier.put(parcel(number))
            await asyncio.sleep(wait)
            courier.recall()
            await asyncio.sleep(0)
            begun = relay.messages
            attempts = await basket.collect(PEOPLE)
            await courier.close()
            once_each(relay)
            assert relay.messages <= begun + connections
            untouched = {f"p{n}@example.org" for n, a in attempts.items() if a.stage is not Stage.END}
            assert untouched.isdisjoint(relay.recipients)

    asyncio.run(main())


BIG = Parcel(
    delivery=1,
    mail_from="news@example.org",
    rcpt_to="p1@example.org",
    pieces=(b"Subject: x\r\n\r\n", *(b"y" * 70 + b"\r\n" for _ in range(300_000))),
)


def test_a_message_whose_last_byte_is_out_is_never_called_untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system took the last byte, the waiting task has not run yet, and the courier is recalled."""

    async def main() -> None:
        async with ScriptedRelay(extensions=("PIPELINING",)) as relay:
            courier, basket = courier_to(relay, connections=1, timeouts=PATIENT), Basket()
            await courier.open(basket)
            resume = Wire.resume_writing

            def resume_and_recall(wire: Wire) -> None:
                resume(wire)
                courier.recall()

            monkeypatch.setattr(Wire, "resume_writing", resume_and_recall)
            courier.put(BIG)
            attempt = (await basket.collect(1))[1]
            assert attempt.accepted
            assert len(relay.taken) == 1
            await courier.close()

    asyncio.run(main())


@pytest.mark.parametrize("connections", [1, 2])
def test_what_is_put_while_the_last_connection_says_goodbye_is_carried(
    connections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = _Session.command

    def deaf_to_goodbyes(session: _Session, verb: str, argument: str) -> None:
        if verb != "QUIT":
            command(session, verb, argument)

    monkeypatch.setattr(_Session, "command", deaf_to_goodbyes)
    hasty = Timeouts(connect=2, setup=1, command=2, data=2, body=2, end=2, idle=0.1, quit=0.5)

    def script(step: Step) -> str | None:
        too_many = step.verb == "CONNECT" and step.session == 2 and connections == 2
        return "421 4.3.2 too many connections" if too_many else None

    async def main() -> None:
        async with ScriptedRelay(script) as relay:
            courier, basket = courier_to(relay, connections=connections, timeouts=hasty), Basket()
            await courier.open(basket)
            for number in range(connections):
                courier.put(parcel(number))
            await basket.collect(connections)
            await asyncio.sleep(0.3)
            courier.put(parcel(9))
            assert (await basket.collect(1))[9].accepted
            await courier.close()

    asyncio.run(main())
