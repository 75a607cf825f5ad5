"""Many connections to one relay: kept full, given up, found again; parcels in, one attempt each out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.deliver.courier import SmtpCourier
from newsletter.deliver.ports import Attempt, Parcel, Stage
from newsletter.deliver.smtp import Timeouts
from newsletter.errors import RelayUnreachableError
from newsletter.relay import Relay
from tests.deliver.relay import EXTENSIONS, Do, ScriptedRelay, Step

HASTY = Timeouts(connect=2, setup=1, command=0.5, data=0.5, body=2, end=0.5, idle=0.3, quit=0.2)


def parcel(number: int) -> Parcel:
    return Parcel(
        delivery=number,
        mail_from="news@example.org",
        rcpt_to=f"p{number}@example.org",
        data=b"Subject: x\r\n\r\nhello\r\n",
    )


def courier_to(
    relay: ScriptedRelay,
    connections: int = 4,
    most: int = 100,
    timeouts: Timeouts = HASTY,
    waits: Sequence[float] = (0.01, 0.02),
) -> SmtpCourier:
    at = Relay(
        scheme="smtp",
        host="127.0.0.1",
        port=relay.port,
        connections=connections,
        messages_per_connection=most,
    )
    return SmtpCourier(at, timeouts=timeouts, waits=waits)


async def collect(courier: SmtpCourier, count: int) -> dict[int, Attempt]:
    attempts: dict[int, Attempt] = {}
    async with asyncio.timeout(10):
        while len(attempts) < count:
            for attempt in await courier.take():
                assert attempt.delivery not in attempts, "two attempts for one parcel"
                attempts[attempt.delivery] = attempt
    return attempts


def carry(relay: ScriptedRelay, count: int, **options: Any) -> dict[int, Attempt]:
    async def main() -> dict[int, Attempt]:
        async with relay:
            courier = courier_to(relay, **options)
            await courier.open()
            for number in range(count):
                courier.put(parcel(number))
            try:
                return await collect(courier, count)
            finally:
                await courier.close()

    return asyncio.run(main())


def accepted(attempts: dict[int, Attempt]) -> set[str]:
    return {f"p{number}@example.org" for number, attempt in attempts.items() if attempt.accepted}


def once_each(relay: ScriptedRelay) -> None:
    assert len(relay.recipients) == len(set(relay.recipients))


def test_many_connections_share_the_work() -> None:
    relay = ScriptedRelay()
    attempts = carry(relay, 300, connections=6, most=20)
    assert len(accepted(attempts)) == 300
    once_each(relay)
    assert 1 < relay.most_open <= 6
    assert relay.sessions >= 15


def test_one_message_needs_one_connection() -> None:
    relay = ScriptedRelay()
    carry(relay, 1, connections=8)
    assert relay.sessions == 1


def test_a_relay_that_is_away_is_told_before_the_first_parcel() -> None:
    relay = ScriptedRelay(lambda step: "421 4.3.2 busy" if step.verb == "CONNECT" else None)

    async def main() -> None:
        async with relay:
            await courier_to(relay).open()

    with pytest.raises(RelayUnreachableError):
        asyncio.run(main())


def test_a_relay_that_pipelines_badly_costs_nobody_anything() -> None:
    relay = ScriptedRelay(deaf=True)
    attempts = carry(relay, 30, connections=3)
    assert len(accepted(attempts)) == 30
    once_each(relay)


def test_421_in_between_costs_nobody_anything() -> None:
    counts: dict[int, int] = {}

    def script(step: Step) -> str | None:
        if step.verb != "MAIL":
            return None
        counts[step.session] = counts.get(step.session, 0) + 1
        return "421 4.7.0 enough for now" if counts[step.session] > 5 else None

    relay = ScriptedRelay(script)
    attempts = carry(relay, 60, connections=3)
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
            courier = courier_to(relay, connections=1)
            await courier.open()
            courier.put(parcel(1))
            await collect(courier, 1)
            for session in list(relay.open):
                session.transport.abort()
            courier.put(parcel(2))
            assert (await collect(courier, 1))[2].accepted
            await courier.close()
            assert relay.sessions == 2

    asyncio.run(main())


def test_idle_connections_are_closed_politely() -> None:
    async def main() -> None:
        async with ScriptedRelay() as relay:
            courier = courier_to(relay, connections=4)
            await courier.open()
            for number in range(20):
                courier.put(parcel(number))
            await collect(courier, 20)
            await asyncio.sleep(0.6)
            assert not relay.open
            assert relay.commands.count("QUIT") == relay.sessions
            courier.put(parcel(99))
            assert (await collect(courier, 1))[99].accepted
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
            courier = courier_to(relay, connections=2, waits=(0.05,) * 20)
            await courier.open()
            courier.put(parcel(0))
            await collect(courier, 1)
        for number in range(1, 11):
            courier.put(parcel(number))
        await asyncio.sleep(0.2)
        async with relay:
            attempts = await collect(courier, 10)
            await courier.close()
        return relay.sessions, attempts

    _, attempts = asyncio.run(main())
    assert len(accepted(attempts)) == 10


def test_a_relay_that_stays_away_gives_everything_back_with_the_reason() -> None:
    async def main() -> dict[int, Attempt]:
        async with ScriptedRelay() as relay:
            courier = courier_to(relay, connections=4)
            await courier.open()
            courier.put(parcel(0))
            await collect(courier, 1)
        for number in range(1, 21):
            courier.put(parcel(number))
        try:
            return await collect(courier, 20)
        finally:
            await courier.close()

    attempts = asyncio.run(main())
    assert {attempt.stage for attempt in attempts.values()} <= {Stage.CONNECT, Stage.MAIL}
    lost = [attempt for attempt in attempts.values() if attempt.stage is Stage.CONNECT]
    assert len(lost) >= 16
    assert all("nothing answers" in attempt.error for attempt in lost)


def test_recall_gives_back_what_has_not_begun() -> None:
    async def main(relay: ScriptedRelay) -> dict[int, Attempt]:
        async with relay:
            courier = courier_to(relay, connections=2)
            await courier.open()
            for number in range(30):
                courier.put(parcel(number))
            await asyncio.sleep(0.2)
            courier.recall()
            attempts = await collect(courier, 30)
            await courier.close()
            return attempts

    relay = ScriptedRelay(lambda step: Do.SILENCE if step.verb == "END" else None)
    attempts = asyncio.run(main(relay))
    recalled = [a for a in attempts.values() if a.stage is Stage.CONNECT]
    assert len(recalled) == 26
    assert not any(a.error for a in recalled)


def test_close_breaks_off_what_still_travels() -> None:
    async def main(relay: ScriptedRelay) -> None:
        async with relay:
            courier = courier_to(relay, timeouts=Timeouts())
            await courier.open()
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


VERBS = ("CONNECT", "MAIL", "RCPT", "DATA", "END", "QUIT")
REPLIES: tuple[str | bytes | Do, ...] = (
    "421 4.3.2 closing",
    "450 4.2.0 later",
    "451 4.3.0 later",
    "452 4.3.1 full",
    "503 5.5.1 what?",
    "535 5.7.8 no",
    "552 5.2.2 full",
    "554 5.7.1 no",
    b"garbage\r\n",
    b"250 Ok\r\n250 Ok\r\n",
    b"354 go\r\n",
    Do.HANG_UP,
    Do.TAKE_AND_HANG_UP,
    Do.SILENCE,
)
faults = st.dictionaries(
    st.tuples(st.sampled_from(VERBS), st.integers(0, 25)), st.sampled_from(REPLIES), max_size=6
)


def faulty(faults: dict[tuple[str, int], str | bytes | Do]) -> Callable[[Step], str | bytes | Do | None]:
    counts = dict.fromkeys(VERBS, 0)

    def script(step: Step) -> str | bytes | Do | None:
        if step.verb not in counts:
            return None
        counts[step.verb] += 1
        return faults.get((step.verb, counts[step.verb]))

    return script


@settings(max_examples=30, deadline=None)
@given(
    faults=faults,
    extensions=st.sampled_from([EXTENSIONS, EXTENSIONS[1:]]),
    connections=st.integers(1, 4),
    drip=st.booleans(),
    deaf=st.booleans(),
)
def test_whatever_the_relay_does_every_parcel_comes_back_once(
    faults: dict[tuple[str, int], str | bytes | Do],
    extensions: tuple[str, ...],
    connections: int,
    drip: bool,
    deaf: bool,
) -> None:
    faults.pop(("CONNECT", 1), None)
    quick = Timeouts(connect=0.2, setup=0.1, command=0.1, data=0.1, body=0.5, end=0.1, idle=0.2, quit=0.02)
    relay = ScriptedRelay(faulty(faults), extensions=extensions, drip=drip, deaf=deaf)
    attempts = carry(relay, 20, connections=connections, timeouts=quick)
    once_each(relay)
    taken = set(relay.recipients)
    assert accepted(attempts) <= taken
    for number, attempt in attempts.items():
        if f"p{number}@example.org" in taken and not attempt.accepted:
            assert attempt.stage is Stage.END
            assert attempt.reply is None or attempt.reply.code >= 400
