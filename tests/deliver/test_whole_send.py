"""The run, the courier and a real socket together, with the journal in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from newsletter.deliver.courier import SmtpCourier
from newsletter.deliver.limits import Meter
from newsletter.deliver.loop import new_runner
from newsletter.deliver.orders import Orders
from newsletter.deliver.ports import Draft, Parcel, Signers
from newsletter.deliver.report import Ending, RunReport
from newsletter.deliver.run import run_send
from newsletter.deliver.smtp import Timeouts
from newsletter.models import Claim, DeliveryState, Outcome
from newsletter.relay import Relay
from tests.deliver.relay import Do, Script, ScriptedRelay, Step
from tests.deliver.simulation import START, MemoryJournal, compose

Filler = Callable[[Claim], Parcel | Draft | Outcome]
HASTY = Timeouts(connect=2, setup=1, command=0.5, data=0.5, body=2, end=0.5, idle=1, quit=0.2)


def send(
    script: Script, people: int, *, fill: Filler = compose, signers: Signers | None = None
) -> tuple[RunReport, MemoryJournal, ScriptedRelay]:
    return send_from(MemoryJournal(people, lambda: START), script, fill=fill, signers=signers)


def send_from(
    journal: MemoryJournal, script: Script, *, fill: Filler = compose, signers: Signers | None = None
) -> tuple[RunReport, MemoryJournal, ScriptedRelay]:
    relay = ScriptedRelay(script)

    async def main() -> RunReport:
        async with relay:
            courier = SmtpCourier(
                Relay(scheme="smtp", host="127.0.0.1", port=relay.port), timeouts=HASTY, waits=(0.01, 0.02)
            )
            return await run_send(
                journal,
                fill,
                courier,
                Orders(
                    meter=Meter([]),
                    clock=lambda: START,
                    give_up_after=3_600_000,
                    stop=asyncio.Event(),
                    wait=False,
                ),
                signers=signers,
            )

    with new_runner() as runner:
        return runner.run(main()), journal, relay


def test_300_people_get_one_copy_each() -> None:
    report, journal, relay = send(lambda step: None, 300)
    assert (report.ending, report.sent) == (Ending.FINISHED, 300)
    assert sorted(relay.recipients) == sorted(f"p{n}@example.org" for n in range(1, 301))
    assert journal.count(DeliveryState.SENT) == 300


def test_a_mixed_day() -> None:
    def script(step: Step) -> str | Do | None:
        if step.verb == "RCPT" and "p7@" in step.argument:
            return "550 5.1.1 <p7@example.org>: no such user"
        if step.verb == "RCPT" and "p9@" in step.argument:
            return "451 4.2.0 later"
        if step.verb == "END" and step.rcpt_to == "p11@example.org":
            return Do.TAKE_AND_HANG_UP
        return None

    report, journal, relay = send(script, 100)
    assert (report.ending, report.sent, report.failed, report.deferred, report.unknown) == (
        Ending.WAITING,
        97,
        1,
        1,
        1,
    )
    assert len(relay.recipients) == len(set(relay.recipients)) == 98
    failed = journal.rows[7].outcomes[0]
    assert journal.rows[7].bounced
    assert failed.reply is not None
    assert failed.reply.text == "<address>: no such user"


def test_a_sender_who_may_not_send_marks_nobody() -> None:
    report, journal, relay = send(lambda step: "550 5.7.60 SendAsDenied" if step.verb == "MAIL" else None, 50)
    assert report.ending is Ending.PAUSED
    assert "SendAsDenied" in report.reason
    assert journal.count(DeliveryState.PLANNED) == 50
    assert relay.taken == []


def test_a_relay_that_dies_is_a_pause_and_loses_nobody() -> None:

    def script(step: Step) -> Do | str | None:
        if step.message >= 40:
            return "421 4.3.2 dying" if step.verb == "CONNECT" else Do.HANG_UP
        return None

    report, journal, relay = send(script, 100)
    assert report.ending is Ending.RELAY_LOST
    assert report.must_pause
    assert report.sent == len(set(relay.recipients))
    assert journal.count(DeliveryState.CLAIMED) == 0
    assert journal.count(DeliveryState.UNKNOWN) <= 4
