"""A courier to a scripted relay, and collecting what comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from newsletter.deliver.courier import SmtpCourier
from newsletter.deliver.ports import Attempt, Parcel
from newsletter.deliver.smtp import Timeouts
from newsletter.relay import Relay
from tests.deliver.relay import ScriptedRelay

HASTY = Timeouts(connect=2, setup=1, command=0.5, data=0.5, body=2, end=0.5, idle=0.3, quit=0.2)


def parcel(number: int) -> Parcel:
    return Parcel(
        delivery=number,
        mail_from="news@example.org",
        rcpt_to=f"p{number}@example.org",
        pieces=(b"Subject: x\r\n\r\nhello\r\n",),
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


class Basket:
    """What a courier hands back: nothing but attempts, one for each parcel."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Attempt | BaseException] = asyncio.Queue()

    def __call__(self, attempt: Attempt | BaseException) -> None:
        self._queue.put_nowait(attempt)

    @property
    def waiting(self) -> int:
        return self._queue.qsize()

    async def collect(self, count: int) -> dict[int, Attempt]:
        attempts: dict[int, Attempt] = {}
        async with asyncio.timeout(30):
            while len(attempts) < count:
                attempt = await self._queue.get()
                if isinstance(attempt, BaseException):
                    raise attempt
                assert attempt.delivery not in attempts, "two attempts for one parcel"
                attempts[attempt.delivery] = attempt
        return attempts


def carry(relay: ScriptedRelay, count: int, **options: Any) -> dict[int, Attempt]:
    async def main() -> dict[int, Attempt]:
        async with relay:
            courier, basket = courier_to(relay, **options), Basket()
            await courier.open(basket)
            for number in range(count):
                courier.put(parcel(number))
            try:
                return await basket.collect(count)
            finally:
                await courier.close()

    return asyncio.run(main())


def accepted(attempts: dict[int, Attempt]) -> set[str]:
    return {f"p{number}@example.org" for number, attempt in attempts.items() if attempt.accepted}


def once_each(relay: ScriptedRelay) -> None:
    assert len(relay.recipients) == len(set(relay.recipients))
