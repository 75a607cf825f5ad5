"""Refusals that may be the relay's fault: nobody has failed before the relay takes mail again."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

from msgspec import Struct
from msgspec.structs import replace

from newsletter.deliver.policy import Verdict, last_word, retry_delay, too_many
from newsletter.models import DeliveryState, Outcome

DOUBTED = "refused, and tried again in case your mail server is at fault"


class Trust(Enum):
    """What is known of the relay before a run."""

    NONE = auto()  # it has taken no mail of this issue yet
    ONCE = auto()  # it took some in another run
    PROVEN = auto()  # it takes mail


class _Refused(Struct, frozen=True, kw_only=True):
    """Who is in doubt; `until` so many mails have been taken.

    `again` where this was so before, `policy` why to pause where it is our mail that is not liked.
    """

    outcome: Outcome
    domain: str
    until: int
    again: bool
    policy: str


class Doubt:
    """Remembers who was refused, and what is still to be said of them.

    A relay that knows nobody says of everybody that there is no such mailbox. So a refusal is `deferred` at
    first, and however the run ends they are tried again; mails that the relay takes afterwards, or the end of
    what there is to do, show that the recipients are at fault: then they have `failed`. Mails that were on
    their way already, over so many `connections`, show nothing. Before it is PROVEN that the relay takes mail
    nobody is marked as bounced; without any `trust`, one that takes nothing is at fault itself.

    A policy against our mail may be that of one recipient's server, too. A run in which the relay takes
    nothing else pauses; else they are tried once more, and have failed then.
    """

    def __init__(self, *, connections: int = 1, trust: Trust = Trust.ONCE) -> None:
        self._trust = trust
        self._on_the_way = 2 * connections  # each may have one that is answered, and one that went ahead
        self._taken = 0
        self._refused: dict[int, _Refused] = {}
        self._blamed = False

    def note(
        self, verdict: Verdict, domain: str, *, attempts: int, again: bool, now: int, jitter: float
    ) -> Verdict:
        """Take a verdict about somebody of `domain` in -> it, with what follows for earlier ones.

        Who is refused is tried again, the later the more `attempts` there were before; `again` says that
        this was so before. `now` is UTC ms; `jitter` is drawn from [0, 1).
        """
        outcome = verdict.outcome
        self._refused.pop(outcome.delivery, None)
        if outcome.state is DeliveryState.SENT:
            self._trust = Trust.PROVEN
            self._taken += 1
            return replace(verdict, revisions=self._settle(self._taken)) if self._refused else verdict
        if not (verdict.doubted or _is_refusal(outcome)):
            return verdict
        if not self._blamed:
            self._refused[outcome.delivery] = _Refused(
                outcome=replace(outcome, state=DeliveryState.FAILED, not_before=0),
                domain=domain,
                until=self._taken + self._on_the_way + 1,
                again=again,
                policy=verdict.pause if verdict.doubted else "",
            )
        later = now + retry_delay(attempts, jitter)
        waits = replace(
            outcome, state=DeliveryState.DEFERRED, not_before=later, bounced=False, reason=DOUBTED
        )
        return replace(verdict, outcome=waits, pause="", doubted=True)

    def blame(self) -> None:
        """It is the relay: who is in doubt, or will be, is tried again."""
        self._blamed = True
        self._refused.clear()

    def close(self, *, dry: bool) -> tuple[Sequence[Outcome], str]:
        """What is to be said of the last ones when nobody is left to be tried for now -> and why to pause.

        Where the run ends though there are more people (it is not `dry`), an unproven relay stays in doubt.
        """
        what = "" if self._taken else self._policy()
        unproven = bool(self._refused) and self._trust is not Trust.PROVEN
        if unproven and not what:
            what = self._at_fault()
        if what or (unproven and not dry):
            self.blame()
        return self._settle(), what

    def _policy(self) -> str:
        """What was said against our mail, of anybody."""
        return next((one.policy for one in self._refused.values() if one.policy), "")

    def _at_fault(self) -> str:
        """Why it must be the relay, which has taken nothing in this run."""
        refused = list(self._refused.values())
        what = too_many(len(refused), {one.domain for one in refused})
        alone = len(refused) == 1 and refused[0].again  # whoever went on has seen that it is this address
        if not what and self._trust is Trust.NONE and not alone:
            addresses = f"{len(refused)} addresses" if len(refused) > 1 else "the address"
            what = f"your mail server has taken no mail of this issue yet, and refused {addresses}"
        return what and f"{what}; {last_word(refused[-1].outcome)}"

    def _settle(self, taken: int | None = None) -> Sequence[Outcome]:
        """Let those fail who waited until so many mails were taken, or all but who is tried once more."""
        if taken is None:
            over = [one for one in self._refused.values() if one.again or not one.policy]
            self._refused.clear()
        else:
            over = [one for one in self._refused.values() if one.until <= taken]
            for one in over:
                del self._refused[one.outcome.delivery]
        proven = self._trust is Trust.PROVEN
        return [replace(one.outcome, bounced=one.outcome.bounced and proven, revised=True) for one in over]


def _is_refusal(outcome: Outcome) -> bool:
    """Whether it failed by a refusal; not whoever was given up after many tries, which is the reason then."""
    refused = outcome.reply is not None and outcome.reply.code >= 500
    return outcome.state is DeliveryState.FAILED and refused and not outcome.reason
