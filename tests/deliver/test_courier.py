"""Many connections to one relay: kept full, given up, found again; parcels in, one attempt each out."""

from __future__ import annotations

import asyncio
from collections import defaultdict

import pytest

from newsletter.deliver.ports import Attempt, Stage
from newsletter.deliver.smtp import Timeouts
from newsletter.errors import RelayUnreachableError
from tests.deliver.carrying import Basket, accepted, carry, courier_to, once_each, parcel
from tests.deliver.relay import Do, ScriptedRelay, Step


def test_many_connections_share_the_work() -> None:
    seen: dict[str, set[int]] = defaultdict(set)
    relay = ScriptedRelay(lambda step: seen[step.verb].add(step.session))
    attempts = carry(relay, 300, connections=6, most=20)
    assert len(accepted(attempts)) == 300
    once_each(relay)
    assert 1 < relay.most_open <= 6
    assert relay.sessions >= 15
    assert seen["END"] <= seen["QUIT"], "only one that was still greeting at the end is hung up"


def test_one_message_needs_one_connection() -> None:
    relay = ScriptedRelay()
    carry(relay, 1, connections=8)
    assert relay.sessions == 1


def test_a_relay_that_is_away_is_told_before_the_first_parcel() -> None:
    relay = ScriptedRelay(lambda step: "421 4.3.2 busy" if step.verb == "CONNECT" else None)

    async def main() -> None:
        async with relay:
            await courier_to(relay).open(Basket())

    with pytest.raises(RelayUnreachableError):
        asyncio.run(main())


def test_a_relay_that_pipelines_badly_costs_nobody_anything() -> None:
    relay = ScriptedRelay(deaf=True)
    attempts = carry(relay, 30, connections=3)
    assert len(accepted(attempts)) == 30
    once_each(relay)


@pytest.mark.parametrize(("connections", "most"), [(3, 5), (12, 2), (30, 1)])
def test_421_in_between_costs_nobody_anything(connections: int, most: int) -> None:
    counts: dict[int, int] = {}

    def script(step: Step) -> str | None:
        if step.verb != "MAIL":
            return None
        counts[step.session] = counts.get(step.session, 0) + 1
        return "421 4.7.0 enough for now" if counts[step.session] > most else None

    relay = ScriptedRelay(script)
    attempts = carry(relay, 60, connections=connections)
    assert len(accepted(attempts)) == 60
    once_each(relay)


def test_421_to_everybody_ends_with_an_attempt_each() -> None:
    relay = ScriptedRelay(lambda step: "421 4.7.0 not today" if step.verb == "MAIL" else None)
    attempts = carry(relay, 5, connections=2)
    assert {(attempt.stage, attempt.reply and attempt.reply.code) for attempt in attempts.values()} == {
        (Stage.MAIL, 421)
    }


def test_a_connection_closed_while_idle_costs_nobody_anything() -> None:
    async def main() -> None:
        async with ScriptedRelay() as relay:
            courier, basket = courier_to(relay, connections=1), Basket()
            await courier.open(basket)
            courier.put(parcel(1))
            await basket.collect(1)
            for session in list(relay.open):
                session.transport.abort()
            courier.put(parcel(2))
            assert (await basket.collect(1))[2].accepted
            await courier.close()
            assert relay.sessions == 2

    asyncio.run(main())


def test_idle_connections_are_closed_politely() -> None:
    async def main() -> None:
        async with ScriptedRelay() as relay:
            courier, basket = courier_to(relay, connections=4), Basket()
            await courier.open(basket)
            for number in range(20):
                courier.put(parcel(number))
            await basket.collect(20)
            await asyncio.sleep(0.6)
            assert not relay.open
            assert relay.commands.count("QUIT") == relay.sessions
            courier.put(parcel(99))
            assert (await basket.collect(1))[99].accepted
            await courier.close()

    asyncio.run(main())


def test_a_relay_that_takes_fewer_connections_gets_fewer() -> None:
    relay = ScriptedRelay()

    def script(step: Step) -> str | None:
        return "421 4.3.2 too many connections" if step.verb == "CONNECT" and len(relay.open) > 2 else None

    relay.script = script
    attempts = carry(relay, 100, connections=8, most=10)
    assert len(accepted(attempts)) == 100
    once_each(relay)


def test_hanging_up_after_the_dot_is_unknown_and_never_tried_again() -> None:
    def script(step: Step) -> Do | None:
        if step.verb != "END":
            return None
        return {"p3@example.org": Do.TAKE_AND_HANG_UP, "p7@example.org": Do.HANG_UP}.get(step.rcpt_to)

    relay = ScriptedRelay(script)
    attempts = carry(relay, 20, connections=2)
    assert {n for n, attempt in attempts.items() if not attempt.accepted} == {3, 7}
    assert {attempts[n].stage for n in (3, 7)} == {Stage.END}
    once_each(relay)


def test_hanging_up_before_the_dot_comes_back_at_once_or_as_an_attempt() -> None:
    relay = ScriptedRelay(lambda step: Do.HANG_UP if step.verb == "DATA" and step.rcpt_to[1] == "3" else None)
    attempts = carry(relay, 10, connections=2)
    assert attempts[3].stage in (Stage.MAIL, Stage.RCPT, Stage.DATA)
    assert attempts[3].reply is None
    assert len(accepted(attempts)) == 9


def test_a_relay_that_comes_back_is_used_again() -> None:
    async def main() -> tuple[int, dict[int, Attempt]]:
        relay = ScriptedRelay()
        async with relay:
            courier, basket = courier_to(relay, connections=2, waits=(0.05,) * 20), Basket()
            await courier.open(basket)
            courier.put(parcel(0))
            await basket.collect(1)
        for number in range(1, 11):
            courier.put(parcel(number))
        await asyncio.sleep(0.2)
        async with relay:
            attempts = await basket.collect(10)
            await courier.close()
        return relay.sessions, attempts

    _, attempts = asyncio.run(main())
    assert len(accepted(attempts)) == 10


def test_a_relay_that_stays_away_gives_everything_back_with_the_reason() -> None:
    async def main() -> dict[int, Attempt]:
        async with ScriptedRelay() as relay:
            courier, basket = courier_to(relay, connections=4), Basket()
            await courier.open(basket)
            courier.put(parcel(0))
            await basket.collect(1)
        for number in range(1, 21):
            courier.put(parcel(number))
        try:
            return await basket.collect(20)
        finally:
            await courier.close()

    attempts = asyncio.run(main())
    assert {attempt.stage for attempt in attempts.values()} <= {Stage.CONNECT, Stage.MAIL}
    lost = [attempt for attempt in attempts.values() if attempt.stage is Stage.CONNECT]
    assert len(lost) >= 16
    assert all("nothing answers" in attempt.error for attempt in lost)
    assert all("answered before, and does no more" in attempt.error for attempt in lost)
    assert not any("check the port" in attempt.error for attempt in lost)


def test_close_breaks_off_what_still_travels() -> None:
    async def main(relay: ScriptedRelay) -> None:
        async with relay:
            courier, basket = courier_to(relay, timeouts=Timeouts()), Basket()
            await courier.open(basket)
            courier.put(parcel(1))
            await asyncio.sleep(0.1)
            async with asyncio.timeout(1):
                await courier.close()
            await asyncio.sleep(0.1)
            assert not relay.open

    asyncio.run(main(ScriptedRelay(lambda step: Do.SILENCE if step.verb == "END" else None)))


def test_a_fault_of_the_program_is_not_swallowed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*args: object) -> Attempt:
        raise ZeroDivisionError

    monkeypatch.setattr("newsletter.deliver.smtp.connection.Connection.send", broken)
    with pytest.raises(ZeroDivisionError):
        carry(ScriptedRelay(), 1)
