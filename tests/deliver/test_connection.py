"""One connection against a relay that does as the test says, over real sockets."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from newsletter.deliver.ports import Attempt, Parcel, Stage
from newsletter.deliver.smtp import Connection, Timeouts, connect
from newsletter.relay import Relay
from tests.deliver.relay import EXTENSIONS, Do, Script, ScriptedRelay, Step

HASTY = Timeouts(connect=2, setup=2, command=0.3, data=0.3, body=0.5, end=0.3, idle=1, quit=0.5)
LOCK_STEP = tuple(name for name in EXTENSIONS if name != "PIPELINING")


def parcel(number: int = 1, data: bytes = b"Subject: x\r\n\r\nhello\r\n", **more: Any) -> Parcel:
    return Parcel(
        delivery=number,
        mail_from="news@example.org",
        rcpt_to=f"p{number}@example.org",
        pieces=(data,),
        **more,
    )


def relay_at(port: int, **more: Any) -> Relay:
    return Relay(scheme="smtp", host="127.0.0.1", port=port, **more)


def say(verb: str, reply: str | bytes | Do, *, message: int | None = None) -> Script:
    return lambda step: reply if step.verb == verb and message in (None, step.message) else None


def talk(
    relay: ScriptedRelay, *parcels: Parcel, timeouts: Timeouts = HASTY
) -> tuple[list[Attempt], Connection]:
    """Send the parcels over one connection as long as it is usable, each going ahead with the one before."""

    async def main() -> tuple[list[Attempt], Connection]:
        async with relay:
            connection = Connection(await connect(relay_at(relay.port), timeouts), timeouts)
            waiting, attempts = list(parcels), list[Attempt]()

            def follow() -> Parcel | None:
                return waiting.pop(0) if waiting else None

            current = follow()
            while current is not None and connection.usable:
                attempts.append(await connection.send(current, follow))
                current = connection.ahead or follow()
            await connection.close()
            return attempts, connection

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("extensions", "to", "mail", "rcpt"),
    [
        (EXTENSIONS, "ana@example.org", "", ""),
        (
            (*EXTENSIONS, "DSN"),
            "ana@example.org",
            " RET=HDRS ENVID=7-ab",
            " NOTIFY=FAILURE ORCPT=rfc822;ana@example.org",
        ),
        (
            (*LOCK_STEP, "DSN"),
            "ana+tag=1@example.org",
            " RET=HDRS ENVID=7-ab",
            " NOTIFY=FAILURE ORCPT=rfc822;ana+2Btag+3D1@example.org",
        ),
        (
            (*EXTENSIONS, "DSN", "SMTPUTF8"),
            "ané@example.org",
            " BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=7-ab",
            " NOTIFY=FAILURE",
        ),
    ],
)
def test_a_relay_that_can_is_asked_to_tell_of_failures_only(
    extensions: tuple[str, ...], to: str, mail: str, rcpt: str
) -> None:
    one = replace(parcel(envelope_id="7-ab"), rcpt_to=to, smtputf8=not to.isascii())
    relay = ScriptedRelay(extensions=extensions)
    attempts, _ = talk(relay, one)
    assert attempts[0].accepted
    said = {line.split(" ")[0]: line for line in relay.commands}
    assert said["MAIL"] == f"MAIL FROM:<news@example.org> SIZE={one.size}{mail}"
    assert said["RCPT"] == f"RCPT TO:<{to}>{rcpt}"


@pytest.mark.parametrize("extensions", [EXTENSIONS, LOCK_STEP, ()])
@pytest.mark.parametrize("drip", [False, True])
def test_messages_arrive_as_they_were_given(extensions: tuple[str, ...], drip: bool) -> None:
    relay = ScriptedRelay(extensions=extensions, drip=drip)
    attempts, _ = talk(relay, *(parcel(n) for n in range(1, 6)))
    assert [attempt.accepted for attempt in attempts] == [True] * 5
    assert relay.recipients == [f"p{n}@example.org" for n in range(1, 6)]
    assert {taken.data for taken in relay.taken} == {b"Subject: x\r\n\r\nhello\r\n"}
    assert relay.commands[-1] == "QUIT"


def test_with_pipelining_a_message_costs_one_round_trip() -> None:
    seen: list[tuple[str, int]] = []

    def script(step: Step) -> None:
        seen.append((step.verb, step.message))

    relay = ScriptedRelay(script)
    talk(relay, parcel(1), parcel(2))
    assert [verb for verb, _ in seen] == (
        ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "END", "MAIL", "RCPT", "DATA", "END", "QUIT"]
    )


def test_a_large_message_and_leading_dots() -> None:
    data = (
        b"Subject: x\r\n\r\n" + b".first\r\n..\r\n.\r\n" + b"x" * 70 + b"\r\n" + b"0123456789\r\n" * 200_000
    )
    relay = ScriptedRelay()
    attempts, _ = talk(relay, parcel(1, data), parcel(2), timeouts=Timeouts())
    assert [attempt.accepted for attempt in attempts] == [True, True]
    assert relay.taken[0].data == data


def test_a_missing_line_end_is_added() -> None:
    relay = ScriptedRelay()
    talk(relay, parcel(1, b"Subject: x\r\n\r\nno end"))
    assert relay.taken[0].data.endswith(b"no end\r\n")


def test_the_parameters_of_mail() -> None:
    relay = ScriptedRelay(extensions=(*EXTENSIONS, "SMTPUTF8"))
    talk(relay, parcel(1, smtputf8=True))
    assert "MAIL FROM:<news@example.org> SIZE=21 BODY=8BITMIME SMTPUTF8" in relay.commands


@pytest.mark.parametrize("extensions", [EXTENSIONS, LOCK_STEP])
@pytest.mark.parametrize(
    ("verb", "stage"), [("MAIL", Stage.MAIL), ("RCPT", Stage.RCPT), ("DATA", Stage.DATA), ("END", Stage.END)]
)
@pytest.mark.parametrize(
    "reply", ["450 4.2.0 not now", "452 4.3.1 full", "552 5.2.2 full", "554 5.7.1 no", "535 5.7.8 who?"]
)
def test_a_refusal_stays_with_its_message(
    extensions: tuple[str, ...], verb: str, stage: Stage, reply: str
) -> None:
    def script(step: Step) -> str | None:
        return reply if step.verb == verb and step.message == (2 if verb == "END" else 1) else None

    relay = ScriptedRelay(script, extensions=extensions)
    attempts, connection = talk(relay, *(parcel(n) for n in range(1, 5)))
    refused = 1 if verb == "END" else None
    first = attempts[refused if refused is not None else 1]
    assert (first.stage, first.accepted) == (stage, False)
    assert first.reply is not None
    assert str(first.reply.code) == reply[:3]
    assert not connection.lost_step
    taken = [f"p{attempt.delivery}@example.org" for attempt in attempts if attempt.accepted]
    assert relay.recipients == taken


def test_a_refused_recipient_does_not_end_the_connection() -> None:
    relay = ScriptedRelay(lambda step: "550 5.1.1 unknown" if "p2@" in step.argument else None)
    attempts, _ = talk(relay, *(parcel(n) for n in range(1, 5)))
    assert [attempt.accepted for attempt in attempts] == [True, False, True, True]
    assert relay.sessions == 1
    assert "RSET" in relay.commands


def test_data_wanted_although_the_recipient_was_refused() -> None:
    def script(step: Step) -> str | None:
        if "p2@" in step.argument:
            return "550 5.1.1 unknown"
        return "354 go on" if step.verb == "DATA" else None

    relay = ScriptedRelay(script)
    attempts, _ = talk(relay, *(parcel(n) for n in range(1, 5)))
    assert [attempt.accepted for attempt in attempts] == [True, False, True, True]
    assert attempts[1].stage is Stage.RCPT
    assert relay.recipients == ["p1@example.org", "p3@example.org", "p4@example.org"]
    assert relay.messages == 4
    assert relay.sessions == 1


@pytest.mark.parametrize("extensions", [EXTENSIONS, LOCK_STEP])
@pytest.mark.parametrize(
    ("verb", "stage"), [("MAIL", Stage.MAIL), ("RCPT", Stage.RCPT), ("DATA", Stage.DATA), ("END", Stage.END)]
)
@pytest.mark.parametrize(
    "reply", [Do.HANG_UP, Do.SILENCE, b"garbage from the relay\r\n", b"2", b"999 what\r\n", b"334 odd\r\n"]
)
def test_no_answer_is_told_by_its_stage(
    extensions: tuple[str, ...], verb: str, stage: Stage, reply: bytes | Do
) -> None:
    relay = ScriptedRelay(say(verb, reply), extensions=extensions)
    attempts, connection = talk(relay, parcel(1), parcel(2))
    assert [(a.stage, a.reply, a.accepted) for a in attempts] == [(stage, None, False)]
    assert attempts[0].error
    assert not connection.usable
    assert relay.taken == []


def test_hanging_up_after_the_message_was_taken_is_not_known_here() -> None:
    relay = ScriptedRelay(say("END", Do.TAKE_AND_HANG_UP))
    attempts, connection = talk(relay, parcel(1), parcel(2))
    assert (attempts[0].stage, attempts[0].reply) == (Stage.END, None)
    assert connection.ahead is not None
    assert connection.ahead.delivery == 2
    assert relay.recipients == ["p1@example.org"]


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "END"])
def test_421_ends_the_connection(verb: str) -> None:
    attempts, connection = talk(ScriptedRelay(say(verb, "421 4.3.2 closing")), parcel(1), parcel(2))
    assert len(attempts) == 1
    assert attempts[0].reply is not None
    assert attempts[0].reply.code == 421
    assert not connection.usable


def test_two_replies_in_one_packet_are_not_taken_for_the_next_message() -> None:
    doubled = b"250 2.0.0 queued\r\n250 2.0.0 queued\r\n"
    relay = ScriptedRelay(say("END", doubled), extensions=LOCK_STEP)
    attempts, connection = talk(relay, parcel(1), parcel(2))
    assert [attempt.accepted for attempt in attempts] == [True]
    assert not connection.usable


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "END"])
@pytest.mark.parametrize("extensions", [EXTENSIONS, LOCK_STEP])
def test_a_reply_too_many_never_counts_as_sent(verb: str, extensions: tuple[str, ...]) -> None:
    """A relay one reply ahead says 250 before it has the message; nobody is sent by that."""

    def script(step: Step) -> bytes | str | None:
        if step.verb == verb and step.session == 1:
            return {"DATA": b"354 go\r\n", "END": b"250 ok\r\n"}.get(
                verb, b"250 ok\r\n"
            ) + b"250 2.0.0 Ok\r\n"
        return "451 4.3.0 no" if step.verb == "END" and verb != "END" else None

    relay = ScriptedRelay(script, extensions=extensions)
    attempts, _ = talk(relay, *(parcel(n) for n in range(1, 6)))
    taken = set(relay.recipients)
    for attempt in attempts:
        if attempt.accepted:
            assert f"p{attempt.delivery}@example.org" in taken


def test_a_relay_that_cannot_pipeline_is_found_out() -> None:
    _, connection = talk(ScriptedRelay(deaf=True), parcel(1), parcel(2))
    assert connection.lost_step


@pytest.mark.parametrize("reply", ["503 5.5.1 bad sequence", "554 SMTP synchronization error"])
def test_a_relay_that_complains_about_pipelining_is_found_out(reply: str) -> None:
    attempts, connection = talk(ScriptedRelay(say("RCPT", reply)), parcel(1))
    assert connection.lost_step
    assert attempts[0].reply is None


@pytest.mark.parametrize(
    ("more", "extensions", "words"),
    [
        ({"smtputf8": True}, EXTENSIONS, "SMTPUTF8"),
        ({"rcpt_to": "jörg@example.org"}, EXTENSIONS, "SMTPUTF8"),
        ({"rcpt_to": "a@example.org>\r\nRCPT TO:<b@example.org"}, EXTENSIONS, "control character"),
    ],
)
def test_what_the_relay_can_never_take(more: dict[str, Any], extensions: tuple[str, ...], words: str) -> None:
    odd = replace(parcel(2), **more)
    relay = ScriptedRelay(extensions=extensions)
    attempts, _ = talk(relay, parcel(1), odd, parcel(3))
    assert words in attempts[1].unfit
    assert [attempt.accepted for attempt in attempts] == [True, False, True]
    assert len(relay.taken) == 2


def test_a_message_larger_than_the_relay_takes() -> None:
    attempts, _ = talk(ScriptedRelay(extensions=("SIZE 10",)), parcel(1))
    assert attempts[0].stage is Stage.MAIL
    assert attempts[0].reply is not None
    assert (attempts[0].reply.code, attempts[0].reply.enhanced) == (552, "5.3.4")


def test_messages_per_connection() -> None:
    async def main(relay: ScriptedRelay) -> list[bool]:
        async with relay:
            connection = Connection(await connect(relay_at(relay.port), HASTY), HASTY, most=2)
            usable = []
            for number in range(1, 3):
                await connection.send(parcel(number), lambda: None)
                usable.append(connection.usable)
            await connection.close()
            return usable

    assert asyncio.run(main(ScriptedRelay())) == [True, False]


@pytest.mark.parametrize("number", [1, 2])
def test_a_refusal_in_the_middle_of_a_message_is_one_of_the_message(number: int) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 relay\r\n")
        messages = 0
        while line := await reader.readline():
            if line.startswith(b"EHLO"):
                writer.write(b"250-relay\r\n250 PIPELINING\r\n")
            elif line.startswith(b"DATA"):
                writer.write(b"354 go on\r\n")
                messages += 1
                if messages == number:
                    await reader.read(1000)
                    writer.write(b"550 5.6.0 content not liked\r\n")
                    break
                await reader.readuntil(b"\r\n.\r\n")
                writer.write(b"250 2.0.0 queued\r\n")
            else:
                writer.write(b"250 2.0.0 ok\r\n")
        await writer.drain()
        await asyncio.sleep(0.3)
        writer.close()

    async def main() -> Attempt:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            timeouts = replace(HASTY, body=5)
            connection = Connection(await connect(relay_at(port), timeouts), timeouts)
            large = b"Subject: x\r\n\r\n" + b"x" * 70 * 200_000 + b"\r\n"
            waiting = [parcel(1, large if number == 1 else b"Subject: x\r\n"), parcel(2, large)]
            current: Parcel | None = waiting.pop(0)
            while current is not None:
                attempt = await connection.send(current, lambda: waiting.pop(0) if waiting else None)
                current = connection.ahead if connection.usable else None
            return attempt

    attempt = asyncio.run(main())
    assert (attempt.delivery, attempt.stage) == (number, Stage.DATA)
    assert attempt.reply is not None
    assert attempt.reply.code == 550
