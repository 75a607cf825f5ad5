"""What follows from an attempt: sent, later, failed, given back, unknown, or a pause of the send (pure)."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from newsletter.deliver.ports import Attempt, Stage
from newsletter.deliver.signs import (
    About,
    about,
    pause_reason,
    spoken,
    too_large,
)
from newsletter.models import DeliveryState, Outcome, Reply
from newsletter.redact import redact
from newsletter.when import MINUTE

_MAYBE_THEIRS = frozenset({About.POLICY, About.LOGIN, About.SENDER})
_WANTS_LOGIN = frozenset({530, 534, 535, 538})  # RFC 4954
BOUNCE_CODES = frozenset({"5.1.1", "5.1.3", "5.1.6", "5.1.10"})
_ADDRESS = re.compile(r"[^\s<>@,;:()\"']+@[^\s<>@,;()\"']*[^\s<>@,;()\"'.]")
DELAYS = tuple(minutes * MINUTE for minutes in (5, 15, 30, 60, 120, 240))
RUN_WAITS = (15_000, 30_000, 60_000, 120_000, 300_000, 900_000)  # milliseconds to a relay in trouble
FEW_TRIES = 3  # before which nobody is given up
GIVEN_UP = "given up after many tries"
STRIKES = 3  # refused after DATA; by policy, that many domains
SAME_DOMAIN = 10  # refused by policy
UNANSWERED = 10  # handed over without an answer; more where one restart of the relay can lose more
MISSED, MISSED_DOMAINS = 20, 5  # so many recipients of so many domains: it is the relay, not they


class Verdict(Struct, frozen=True, kw_only=True):
    """What becomes of a delivery. `pause` says why the whole send must stop, empty where it need not.

    `strike` marks a refusal that stops the send when three different recipients in a row, who were not
    refused before, meet one. `revisions` are what follows for those who were refused before. `doubted` says
    that it is not known yet whose fault this refusal is: `pause` is then the reason where it is ours.
    """

    outcome: Outcome
    pause: str = ""
    strike: bool = False
    revisions: Sequence[Outcome] = ()
    doubted: bool = False


def classify(
    attempt: Attempt,
    *,
    address: str = "",
    attempts: int,
    first_claimed: int,
    now: int,
    jitter: float,
    give_up_after: int,
) -> Verdict:
    """Judge one attempt on its own: what the Breaker and the Doubt make of several comes after.

    Judged by the relay's words; what is told and kept of them names neither `address`, which is the
    recipient's, nor any other. `attempts` counts the earlier tries; `first_claimed`, `now` are UTC ms,
    `give_up_after` is in ms; `jitter` is drawn from [0, 1).
    """
    reply = attempt.reply
    if reply is not None and reply.code >= 400:
        judged, reply = _judged(reply), replace(reply, text=redact(reply.text, address))
        refused = _refused(attempt, judged, reply)
        if refused is not None and refused.doubted:
            waits = replace(refused.outcome, not_before=now + retry_delay(attempts, jitter))
            return replace(refused, outcome=waits)
        if refused is not None:
            return refused
    else:
        settled = _settled(attempt, reply)
        if settled is not None:
            return settled
    later = _later(
        attempt,
        reply,
        attempts=attempts,
        end=(first_claimed or now) + give_up_after,
        now=now,
        jitter=jitter,
    )
    return replace(later, strike=reply is not None and reply.code >= 500)


def retry_delay(attempts: int, jitter: float) -> int:
    """Milliseconds until the next try after `attempts` earlier ones: growing, spread a little."""
    base = DELAYS[min(max(attempts, 0), len(DELAYS) - 1)]
    return int(base * (0.8 + 0.4 * jitter))


def run_wait(troubles: int) -> int:
    """Milliseconds until the next run through a relay in trouble, after so many runs that met it."""
    return RUN_WAITS[min(troubles, len(RUN_WAITS) - 1)]


class Breaker(Struct, kw_only=True):
    """Counts what goes wrong in a row, each recipient once; a success begins the counts anew."""

    connections: int = 1
    struck: set[int | str] = field(default_factory=set)  # recipients; by policy, domains
    by_policy: set[int] = field(default_factory=set)
    unanswered: set[int] = field(default_factory=set)
    missed: set[int] = field(default_factory=set)
    domains: set[str] = field(default_factory=set)  # of those who were missed

    def note(self, verdict: Verdict, domain: str, *, first: bool = True, again: bool = False) -> str:
        """Take a verdict about somebody of `domain` in; why the send must pause now, or an empty text.

        Who could not be reached counts at the `first` try only, and who was refused not when that happens
        `again`: at the end of a healthy send, those are left whose mailboxes are full, or whose servers
        refuse this mail. A domain with a policy of its own counts once, up to a point.
        """
        outcome = verdict.outcome
        if outcome.state is DeliveryState.SENT:
            self.struck.clear()
            self.by_policy.clear()
            self.unanswered.clear()
            self.missed.clear()
            self.domains.clear()
            return ""
        if verdict.strike and not again:
            self.struck.add(domain if verdict.doubted else outcome.delivery)
            if verdict.doubted:
                self.by_policy.add(outcome.delivery)
        if outcome.state is DeliveryState.UNKNOWN:
            self.unanswered.add(outcome.delivery)
        if first and outcome.state in (DeliveryState.DEFERRED, DeliveryState.FAILED):
            self.missed.add(outcome.delivery)
            self.domains.add(domain)
        what = self._too_much()
        return what and f"{what}; {last_word(outcome)}"

    @property
    def at_fault(self) -> bool:
        """Whether so many were refused or missed in a row that it is the relay."""
        return self._refuses or bool(too_many(len(self.missed), self.domains))

    @property
    def _refuses(self) -> bool:
        return len(self.struck) >= STRIKES or len(self.by_policy) >= SAME_DOMAIN

    def _too_much(self) -> str:
        """What cannot be the recipients' fault any more; an empty text where nothing is."""
        if self._refuses:
            return f"{max(len(self.struck), len(self.by_policy))} recipients in a row were refused"
        if len(self.unanswered) >= max(UNANSWERED, 2 * self.connections + 1):
            return f"{len(self.unanswered)} messages in a row were handed over and not answered"
        return too_many(len(self.missed), self.domains)


def too_many(missed: int, domains: Collection[str]) -> str:
    """What is said where so many in a row, of so many domains, cannot be at fault; else an empty text."""
    if missed < MISSED or len(domains) < MISSED_DOMAINS:
        return ""
    whom = f"{missed} recipients of {len(domains)} domains in a row"
    return f"{whom} could not be reached, which is hardly their fault: ask whoever runs your mail server"


def last_word(outcome: Outcome) -> str:
    """What came last, in the relay's words or ours."""
    if outcome.reply is not None:
        return f"the last answer: {spoken(outcome.reply)}"
    return f"the last time {outcome.reason}"


def _settled(attempt: Attempt, reply: Reply | None) -> Verdict | None:
    """What needs no judgement; None where the parcel simply has to be tried again."""
    if attempt.accepted:
        return _plain(attempt, DeliveryState.SENT, reply)
    if attempt.unfit:
        return _plain(attempt, DeliveryState.SKIPPED, reply, reason=attempt.unfit)
    if attempt.stage is Stage.CONNECT:
        return _plain(attempt, DeliveryState.PLANNED, None)
    if attempt.stage is Stage.END:
        reason = attempt.error or "no answer came after the message had been handed over"
        return _plain(attempt, DeliveryState.UNKNOWN, None, reason=reason)
    return None


def _refused(attempt: Attempt, reply: Reply, told: Reply) -> Verdict | None:
    """A refusal about the sender or for good, of which `told` is said; None where it may be tried again.

    A 5xx to MAIL is about the message's size or else the sender, whatever its words. One at RCPT is about the
    recipient; one after DATA about the message, and counts to the breaker. What is told of policy, login or
    sender after MAIL, which the relay has taken, is doubted: it may be one recipient's server that says so.
    """
    whom = about(reply)
    if attempt.stage is Stage.MAIL and reply.code >= 500 and whom in (About.OTHER, About.UNCLEAR):
        whom = About.SIZE if too_large(reply) else About.SENDER
    if whom not in (About.OTHER, About.UNCLEAR):
        late = attempt.stage in (Stage.RCPT, Stage.DATA, Stage.END)
        doubted = late and reply.code >= 500 and whom in _MAYBE_THEIRS and reply.code not in _WANTS_LOGIN
        state = DeliveryState.DEFERRED if doubted else DeliveryState.PLANNED
        verdict = _plain(attempt, state, told)
        return replace(verdict, pause=pause_reason(whom, told), doubted=doubted, strike=doubted)
    if reply.code < 500 or whom is About.UNCLEAR:
        return None
    at_rcpt = attempt.stage is Stage.RCPT
    failed = _plain(attempt, DeliveryState.FAILED, told)
    bounced = at_rcpt and reply.enhanced in BOUNCE_CODES
    return Verdict(outcome=replace(failed.outcome, bounced=bounced), strike=not at_rcpt)


def _later(
    attempt: Attempt, reply: Reply | None, *, attempts: int, end: int, now: int, jitter: float
) -> Verdict:
    """Deferred with a growing delay, the last try at the `end`; failed once that has passed.

    Not before a few tries: a computer that was off, or a clock that was put right, has not tried in between.
    """
    reason = attempt.error if reply is None else ""
    if now >= end and attempts >= FEW_TRIES:
        told = GIVEN_UP + (f": {reason}" if reason else "")
        return _plain(attempt, DeliveryState.FAILED, reply, reason=told)
    later = now + retry_delay(attempts, jitter)
    outcome = Outcome(
        delivery=attempt.delivery,
        state=DeliveryState.DEFERRED,
        reply=reply,
        not_before=later if now >= end else min(later, end),
        reason=reason,
    )
    return Verdict(outcome=outcome)


def _plain(attempt: Attempt, state: DeliveryState, reply: Reply | None, reason: str = "") -> Verdict:
    return Verdict(outcome=Outcome(delivery=attempt.delivery, state=state, reply=reply, reason=reason))


def _judged(reply: Reply) -> Reply:
    """The reply as its words are judged: a mailbox named spam@ is no word about spam."""
    return replace(reply, text=_ADDRESS.sub("", reply.text)) if "@" in reply.text else reply
