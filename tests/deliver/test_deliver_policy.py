from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.deliver.approach import HOLDS
from newsletter.deliver.policy import (
    BOUNCE_CODES,
    DELAYS,
    MISSED,
    MISSED_DOMAINS,
    UNANSWERED,
    Breaker,
    Verdict,
    classify,
    retry_delay,
)
from newsletter.deliver.ports import Attempt, Stage
from newsletter.deliver.signs import About, about, plain_reason
from newsletter.models import LONGEST_WAIT, DeliveryState, Reply

NOW = 1_800_000_000_000
HOUR = 3_600_000
TWO_DAYS = 48 * HOUR


def reply(text: str) -> Reply:
    """From "550 5.1.1 no such user"; the enhanced code may be missing."""
    code, _, rest = text.partition(" ")
    enhanced, _, words = rest.partition(" ")
    return (
        Reply(code=int(code), enhanced=enhanced, text=words)
        if enhanced.count(".") == 2 and enhanced.replace(".", "").isdigit()
        else Reply(code=int(code), text=rest)
    )


def judge(
    attempt: Attempt, *, address: str = "", attempts: int = 0, first_claimed: int = NOW, now: int = NOW
) -> Verdict:
    return classify(
        attempt,
        address=address,
        attempts=attempts,
        first_claimed=first_claimed,
        now=now,
        jitter=0.5,
        give_up_after=TWO_DAYS,
    )


def at(stage: Stage, text: str = "", *, accepted: bool = False, error: str = "", unfit: str = "") -> Attempt:
    return Attempt(
        delivery=1,
        stage=stage,
        reply=reply(text) if text else None,
        accepted=accepted,
        error=error,
        unfit=unfit,
    )


SENT, LATER, FAILED = DeliveryState.SENT, DeliveryState.DEFERRED, DeliveryState.FAILED
PLANNED, UNKNOWN, SKIPPED = DeliveryState.PLANNED, DeliveryState.UNKNOWN, DeliveryState.SKIPPED

PAUSING = [
    (Stage.MAIL, "550 5.7.1 Sender address rejected: not owned by user"),
    (Stage.MAIL, "550 sender unknown here"),
    (Stage.MAIL, "552 5.3.4 the message is too large"),
    (Stage.MAIL, "530 5.7.0 Must issue a STARTTLS command first"),
    (Stage.MAIL, "530 5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM"),
    (Stage.MAIL, "454 Throttling failure: Daily message quota exceeded."),
    (Stage.MAIL, "451 Authentication failed: Maximum credits exceeded"),
    (Stage.RCPT, "550 5.4.5 Daily user sending limit exceeded."),
    (Stage.RCPT, "450 4.2.1 Peak SMTP relay limit exceeded for customer."),
    (Stage.RCPT, "550 5.1.8 Access denied, bad outbound sender"),
    (Stage.RCPT, "550 5.1.7 Sender address is not valid"),
    (Stage.RCPT, "550 5.1.90 Your message can't be sent because you've reached your daily limit"),
    (Stage.RCPT, "554 5.7.1 <address>: Relay access denied"),
    (Stage.RCPT, "550 5.7.1 Unable to relay"),
    (Stage.RCPT, "550 5.7.64 TenantAttribution; Relay Access Denied"),
    (Stage.RCPT, "550 relay not permitted"),
    (Stage.RCPT, "550 authentication required"),
    (Stage.RCPT, "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org"),
    (Stage.RCPT, "403 You are not authorized to send from that email address"),
    (Stage.RCPT, "550 Domain example.org has exceeded the max emails per hour (25/25) allowed."),
    (Stage.RCPT, "535 5.7.8 Username and Password not accepted"),
    (Stage.END, "550 5.7.26 This mail has been blocked because the sender is unauthenticated."),
    (Stage.END, "550 5.7.515 Access denied, sending domain EXAMPLE.ORG does not meet the required level"),
    (Stage.END, "550 5.7.508 Access denied, [192.0.2.1] has exceeded permitted limits within range"),
    (Stage.END, "550 5.7.511 Access denied, banned sender[192.0.2.1]"),
    (Stage.END, "550 5.7.705 Access denied, tenant has exceeded threshold"),
    (Stage.END, "554 5.2.2 Submission quota exceeded"),
    (Stage.END, "554 5.2.252 SendAsDenied; user not allowed to send as"),
    (Stage.END, "554 Message rejected: Email address is not verified."),
    (Stage.END, "554 5.7.9 Message not accepted for policy reasons"),
    (Stage.END, "553 5.7.2 [TSS09] All messages from 192.0.2.1 will be permanently deferred"),
    (Stage.END, "554 5.7.1 Spam message rejected"),
]


@pytest.mark.parametrize(("stage", "text"), PAUSING)
def test_what_speaks_of_the_sender_pauses_and_marks_nobody(stage: Stage, text: str) -> None:
    verdict = judge(at(stage, text))
    assert verdict.outcome.state is (LATER if verdict.doubted else PLANNED)
    assert text in verdict.pause
    assert not verdict.outcome.bounced
    assert verdict.strike is verdict.doubted


@pytest.mark.parametrize(
    ("stage", "text", "doubted"),
    [
        (Stage.MAIL, "550 5.7.1 Sender address rejected: not owned by user", False),
        (Stage.RCPT, "550 5.4.5 Daily user sending limit exceeded.", False),
        (Stage.END, "554 5.2.2 Submission quota exceeded", False),
        (Stage.RCPT, "550 5.7.1 message refused by local policy", True),
        (Stage.RCPT, "554 5.7.1 <address>: Relay access denied", True),
        (Stage.RCPT, "550 5.1.1 <address>: undeliverable address: host x said: 550 Relaying denied", True),
        (Stage.RCPT, "550 5.1.0 Sender address rejected: sender verify failed", True),
        (Stage.RCPT, "550 authentication required", True),
        (Stage.RCPT, "530 5.7.0 Authentication required", False),
        (Stage.RCPT, "550 5.1.8 Access denied, bad outbound sender", True),
        (Stage.END, "554 5.2.252 SendAsDenied; user not allowed to send as", True),
        (Stage.RCPT, "550 5.7.4 Must issue a STARTTLS command first", False),
        (Stage.END, "554 5.7.1 Spam message rejected", True),
    ],
)
def test_what_one_recipients_server_could_say_as_well_is_tried_after_the_others(
    stage: Stage, text: str, doubted: bool
) -> None:
    verdict = judge(at(stage, text))
    assert (verdict.doubted, verdict.outcome.state) == (doubted, LATER if doubted else PLANNED)
    assert verdict.pause


@pytest.mark.parametrize(
    ("stage", "text", "state", "bounced", "strike"),
    [
        (Stage.RCPT, "550 5.1.1 no such user", FAILED, True, False),
        (Stage.RCPT, "553 5.1.3 bad syntax", FAILED, True, False),
        (Stage.RCPT, "550 5.1.6 moved", FAILED, True, False),
        (Stage.RCPT, "550 5.1.10 RESOLVER.ADR.RecipientNotFound", FAILED, True, False),
        (Stage.RCPT, "550 no such user here", FAILED, False, False),
        (Stage.RCPT, "550 5.2.1 mailbox disabled", FAILED, False, False),
        (Stage.RCPT, "550 5.5.0 Requested action not taken: mailbox unavailable", FAILED, False, False),
        (Stage.RCPT, "552 5.2.2 mailbox full, quota exceeded", FAILED, False, False),
        (Stage.RCPT, "550 5.2.121 Recipient's per hour message receive limit exceeded", FAILED, False, False),
        (Stage.RCPT, "550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup", FAILED, False, False),
        (Stage.RCPT, "550 5.7.1 RESOLVER.RST.AuthRequired; authentication required", FAILED, False, False),
        (Stage.RCPT, "554 5.7.1 <address>: Recipient address rejected: Access denied", FAILED, False, False),
        (Stage.RCPT, "550 account suspended", FAILED, False, False),
        (Stage.DATA, "554 5.5.1 no valid recipients", FAILED, False, True),
        (Stage.END, "554 5.6.0 content not wanted", FAILED, False, True),
        (Stage.END, "550 5.1.1 no such user", FAILED, False, True),
        (Stage.END, "552 message too large", FAILED, False, True),
        (Stage.RCPT, "450 4.2.0 greylisted, try again", LATER, False, False),
        (Stage.RCPT, "452 4.2.2 The email account that you tried is over quota.", LATER, False, False),
        (Stage.RCPT, "451 4.7.1 sending rate limit exceeded, slow down", LATER, False, False),
        (Stage.RCPT, "450 4.2.1 The user is receiving mail too quickly", LATER, False, False),
        (Stage.RCPT, "450 4.1.8 Sender address rejected: Domain not found", LATER, False, False),
        (Stage.MAIL, "421 4.7.0 Try again later, closing connection.", LATER, False, False),
        (Stage.MAIL, "452 4.3.1 Insufficient system storage", LATER, False, False),
        (Stage.END, "451 4.3.0 queue file write error", LATER, False, False),
        (Stage.END, "421 4.3.2 shutting down", LATER, False, False),
        (Stage.RCPT, "550 5.7.1 Administrative prohibition", LATER, False, True),
        (Stage.RCPT, "550 5.7.1 recipient domain requires STARTTLS", LATER, False, True),
    ],
)  # fmt: skip
def test_replies_about_one_message(
    stage: Stage, text: str, state: DeliveryState, bounced: bool, strike: bool
) -> None:
    verdict = judge(at(stage, text))
    assert (verdict.outcome.state, verdict.outcome.bounced, verdict.strike) == (state, bounced, strike)
    assert verdict.pause == ""
    assert verdict.outcome.reply is not None


@pytest.mark.parametrize(
    ("attempt", "state", "reason"),
    [
        (at(Stage.END, "250 2.0.0 queued", accepted=True), SENT, ""),
        (at(Stage.MAIL, unfit="no SMTPUTF8"), SKIPPED, "no SMTPUTF8"),
        (at(Stage.CONNECT), PLANNED, ""),
        (at(Stage.CONNECT, error="nothing answers"), PLANNED, ""),
        (at(Stage.MAIL, error="connection closed"), LATER, "connection closed"),
        (at(Stage.DATA, error="connection closed"), LATER, "connection closed"),
        (at(Stage.END, error="connection closed"), UNKNOWN, "connection closed"),
    ],
)
def test_what_the_wire_alone_tells(attempt: Attempt, state: DeliveryState, reason: str) -> None:
    verdict = judge(attempt)
    assert (verdict.outcome.state, verdict.outcome.reason, verdict.pause) == (state, reason, "")


@given(
    stage=st.sampled_from(Stage),
    code=st.integers(200, 599),
    enhanced=st.from_regex(r"([245]\.[0-7]\.[0-9]{1,3})?", fullmatch=True),
    text=st.text(max_size=60),
    attempts=st.integers(0, 50),
)
def test_nothing_is_sent_without_an_accepted_dot(
    stage: Stage, code: int, enhanced: str, text: str, attempts: int
) -> None:
    attempt = Attempt(delivery=1, stage=stage, reply=Reply(code=code, enhanced=enhanced, text=text))
    verdict = judge(attempt, attempts=attempts)
    assert verdict.outcome.state is not SENT
    if verdict.outcome.bounced:
        assert stage is Stage.RCPT
        assert enhanced in BOUNCE_CODES
    if verdict.pause:
        assert verdict.outcome.state is (LATER if verdict.doubted else PLANNED)
    if verdict.outcome.state is LATER:
        assert NOW < verdict.outcome.not_before <= NOW + TWO_DAYS
    assert plain_reason(attempt.reply)


def test_delays_grow_and_are_spread() -> None:
    middle = [retry_delay(n, 0.5) for n in range(len(DELAYS) + 3)]
    assert middle == sorted(middle)
    assert middle[0] == 5 * 60_000
    assert middle[-1] == middle[-2] == 4 * HOUR
    assert retry_delay(0, 0.0) < retry_delay(0, 0.99)
    assert max(retry_delay(len(DELAYS), 1.0), *HOLDS) == LONGEST_WAIT


def test_giving_up() -> None:
    late = at(Stage.RCPT, "450 4.2.0 not now")
    almost = judge(late, first_claimed=NOW - TWO_DAYS + 60_000, attempts=9)
    assert almost.outcome.state is LATER
    assert almost.outcome.not_before == NOW + 60_000
    over = judge(late, first_claimed=NOW - TWO_DAYS, attempts=10)
    assert over.outcome.state is FAILED
    assert not over.outcome.bounced
    assert "given up" in over.outcome.reason


@pytest.mark.parametrize("attempts", [0, 1, 2])
def test_nobody_is_given_up_after_a_try_or_two(attempts: int) -> None:
    """Put off on Friday, and the computer was off until Monday; or its clock was put right in between."""
    monday = judge(
        at(Stage.RCPT, "451 4.7.1 greylisted"), first_claimed=NOW - 2 * TWO_DAYS, attempts=attempts
    )
    assert monday.outcome.state is LATER
    assert NOW < monday.outcome.not_before < NOW + 2 * HOUR


def test_a_clock_that_stepped_back_gives_nobody_up() -> None:
    assert judge(at(Stage.RCPT, "450 no"), first_claimed=NOW + HOUR).outcome.state is LATER


def strike(delivery: int) -> Verdict:
    return judge(Attempt(delivery=delivery, stage=Stage.END, reply=reply("554 5.6.0 no")))


ACCEPTED = at(Stage.END, "250 ok", accepted=True)


def test_three_different_recipients_in_a_row_trip_the_breaker() -> None:
    breaker = Breaker()
    assert [breaker.note(strike(n), "a.example") for n in (1, 1, 1, 2)] == [""] * 4
    assert breaker.note(judge(at(Stage.RCPT, "550 5.1.1 no such user")), "a.example") == ""
    assert "554 5.6.0 no" in breaker.note(strike(3), "a.example")


def test_a_success_resets_the_breaker() -> None:
    breaker = Breaker()
    for verdict in (strike(1), strike(2), judge(ACCEPTED), strike(3), strike(4)):
        assert breaker.note(verdict, "a.example") == ""
    assert breaker.note(strike(5), "a.example")


def put_off(
    breaker: Breaker, people: int, domains: int, first: int = 1, answer: str = "451 4.3.0 try again later"
) -> list[str]:
    """What the breaker says of each of so many people, put off or refused in a row, of so many domains."""
    attempts = [Attempt(delivery=first + n, stage=Stage.RCPT, reply=reply(answer)) for n in range(people)]
    return [breaker.note(judge(attempt), f"d{n % domains}.example") for n, attempt in enumerate(attempts)]


@pytest.mark.parametrize("answer", ["451 4.3.0 try again later", "550 5.1.1 no such user"])
def test_a_relay_that_puts_off_or_refuses_everybody_trips_the_breaker(answer: str) -> None:
    *before, last = put_off(Breaker(), MISSED, MISSED_DOMAINS, answer=answer)
    assert set(before) == {""}
    assert "20 recipients of 5 domains" in last
    assert answer in last


def test_a_relay_that_takes_messages_and_never_answers_trips_it() -> None:
    breaker = Breaker()
    silent = [Attempt(delivery=n, stage=Stage.END, error="the relay hung up") for n in range(UNANSWERED)]
    *before, last = [breaker.note(judge(attempt), "a.example") for attempt in silent]
    assert set(before) == {""}
    assert "10 messages in a row" in last
    assert "the relay hung up" in last
    assert breaker.note(judge(ACCEPTED), "a.example") == ""
    assert breaker.note(judge(silent[0]), "a.example") == ""


def test_one_restart_of_the_relay_does_not_trip_it() -> None:
    breaker = Breaker(connections=12)
    lost = [Attempt(delivery=n, stage=Stage.END, error="the relay hung up") for n in range(25)]
    said = [breaker.note(judge(attempt), "a.example") for attempt in lost]
    assert set(said[:24]) == {""}
    assert said[24]


def test_who_is_tried_again_at_the_end_of_a_healthy_send_does_not_trip_it() -> None:
    breaker = Breaker()
    later = reply("452 4.2.2 mailbox full")
    attempts = [Attempt(delivery=n, stage=Stage.RCPT, reply=later) for n in range(5 * MISSED)]
    said = [breaker.note(judge(a, attempts=1), f"d{a.delivery}.example", first=False) for a in attempts]
    assert set(said) == {""}


def test_few_domains_or_the_same_recipients_do_not_trip_it() -> None:
    assert set(put_off(Breaker(), 10 * MISSED, MISSED_DOMAINS - 1)) == {""}
    breaker = Breaker()
    assert {said for _ in range(9) for said in put_off(breaker, MISSED - 1, MISSED_DOMAINS)} == {""}


def test_one_success_among_those_who_are_put_off_begins_the_count_anew() -> None:
    breaker = Breaker()
    assert set(put_off(breaker, MISSED - 1, 7)) == {""}
    assert breaker.note(judge(ACCEPTED), "d1.example") == ""
    assert set(put_off(breaker, MISSED - 1, 7, first=100)) == {""}
    assert put_off(breaker, 1, 7, first=200) != [""]


def test_lost_connections_trip_it_too_and_say_why() -> None:
    breaker = Breaker()
    lost = [Attempt(delivery=n, stage=Stage.RCPT, error="the relay hung up") for n in range(MISSED)]
    said = [breaker.note(judge(attempt), f"d{attempt.delivery}.example") for attempt in lost]
    assert "the relay hung up" in said[-1]


def test_the_journal_gets_no_address() -> None:
    verdict = judge(at(Stage.RCPT, "550 5.1.1 <jane@example.org>: Recipient address unknown"))
    assert verdict.outcome.reply is not None
    assert "jane" not in verdict.outcome.reply.text


@pytest.mark.parametrize(
    "text",
    [
        "mail rejected as spam @ mx.example.net",
        "Your IP is blocked (at) our gateway",
        "rejected, see https://pm.example/policy?to=jane%40example.org",
    ],
)
def test_a_refusal_is_judged_by_words_that_are_not_told(text: str) -> None:
    verdict = judge(at(Stage.RCPT, f"550 {text}"), address="jane@example.org")
    assert verdict.pause and verdict.doubted
    assert "jane" not in verdict.pause


@pytest.mark.parametrize("stage", [Stage.MAIL, Stage.RCPT, Stage.END])
@pytest.mark.parametrize("words", ["mail for spam.fan rejected as spam", "spam.fan%40example.org: spam"])
def test_a_pause_names_nobody(stage: Stage, words: str) -> None:
    verdict = judge(at(stage, f"550 5.7.1 {words}"), address="spam.fan@example.org")
    assert "<address>" in verdict.pause
    assert "spam.fan" not in verdict.pause
    assert verdict.pause.endswith("spam")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("550 5.1.1 no", "does not exist"),
        ("550 No such user here", "does not exist"),
        ("452 4.2.2 over quota", "full"),
        ("550 5.4.5 Daily limit", "used up"),
        ("535 5.7.8 bad", "login"),
        ("550 5.7.515 no", "sender or content"),
        ("451 4.7.1 slow down", "slowly"),
        ("550 5.7.133 group", "outside"),
        ("554 what", "for good"),
        ("250 ok", "accepted"),
    ],
)
def test_plain_reasons(text: str, words: str) -> None:
    sentence = plain_reason(reply(text))
    assert words in sentence
    assert sentence.endswith(".")
    assert sentence[0].isupper()


def test_a_lost_connection_has_a_plain_reason() -> None:
    assert "connection" in plain_reason(None)


def test_ordinary_replies_are_about_nobody_in_particular() -> None:
    assert about(reply("550 5.1.1 no such user")) is About.OTHER
