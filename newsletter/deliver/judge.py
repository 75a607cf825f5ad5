"""Policy with the memory of one run: who waits, what becomes of each attempt, when the send must pause."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from newsletter.deliver.approach import Approach
from newsletter.deliver.doubt import Doubt, Trust
from newsletter.deliver.policy import Breaker, Verdict, classify
from newsletter.deliver.ports import Attempt
from newsletter.models import Claim, DeliveryState, Outcome

HELD = "others at the same mail domain were put off: it is approached more slowly"


class Judge:
    """`clock` gives UTC ms, `give_up_after` is in ms, `jitter` draws from [0, 1)."""

    def __init__(
        self,
        clock: Callable[[], int],
        *,
        give_up_after: int,
        jitter: Callable[[], float],
        connections: int = 1,
        trust: Trust = Trust.ONCE,
    ) -> None:
        self._clock, self._give_up_after, self._jitter = clock, give_up_after, jitter
        self._approach = Approach()
        self._breaker = Breaker(connections=connections)
        self._doubt = Doubt(connections=connections, trust=trust)

    def hold(self, claim: Claim) -> Outcome | None:
        """The outcome of one who waits as the domain puts mail off; None where this one may be tried."""
        until = self._approach.wait_until(_domain(claim), self._clock())
        if not until or until >= claim.first_claimed + self._give_up_after:
            return None
        return Outcome(
            delivery=claim.delivery,
            state=DeliveryState.DEFERRED,
            not_before=until,
            reason=HELD,
            tried=False,
        )

    def verdict(self, claim: Claim, attempt: Attempt) -> Verdict:
        """What becomes of this attempt, and of the send."""
        now, domain, jitter = self._clock(), _domain(claim), self._jitter()
        judged = classify(
            attempt,
            address=claim.profile.address.text,
            attempts=claim.attempts,
            first_claimed=claim.first_claimed,
            now=now,
            jitter=jitter,
            give_up_after=self._give_up_after,
        )
        self._approach.note(domain, attempt, now)
        tripped = self._breaker.note(judged, domain, first=not claim.attempts, again=claim.refused)
        if tripped and self._breaker.at_fault:
            self._doubt.blame()
        verdict = self._doubt.note(
            judged, domain, attempts=claim.attempts, again=claim.refused, now=now, jitter=jitter
        )
        return replace(verdict, pause=judged.pause or tripped) if tripped else verdict

    def close(self, *, dry: bool) -> tuple[Sequence[Outcome], str]:
        """What is still to be said of people when nobody is left to be tried for now -> and why to pause.

        `dry` says that there is nobody more.
        """
        return self._doubt.close(dry=dry)


def _domain(claim: Claim) -> str:
    return claim.profile.address.key.rpartition("@")[2]
