"""How a run ended, and the counts on the way."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from newsletter.deliver.ports import Progress
from newsletter.models import DeliveryState, Outcome


class Ending(StrEnum):
    """Why a run ended.

    FINISHED nothing is left to do; LIMITED as many were taken up as the run was allowed; WAITING only later
    (deferred rows, or a used-up ceiling); STOPPED asked to; PAUSED by a refusal that concerns the whole send
    (with a reason) or from another terminal (without); CANCELLED from another terminal; RELAY_LOST the relay
    went away and did not come back.
    """

    FINISHED = "finished"
    LIMITED = "limited"
    WAITING = "waiting"
    STOPPED = "stopped"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    RELAY_LOST = "relay lost"


class RunReport(Struct, frozen=True, kw_only=True):
    """What a run did. `next_due` (UTC ms) is when something can leave again, None where nothing waits.

    `used_up_until` is set where the run ended because a ceiling is used up, until then.

    Where `must_pause` is true, whoever called writes `paused` and the `reason` into the send: a run only ever
    writes outcomes. Counts are of this run; `deferred` counts deferrals, not people.
    """

    sent: int
    deferred: int
    failed: int
    skipped: int
    unknown: int
    ending: Ending
    reason: str = ""
    next_due: int | None = None
    used_up_until: int | None = None

    @property
    def must_pause(self) -> bool:
        """Whether the send is to be paused with `reason`."""
        return bool(self.reason) and self.ending in (Ending.PAUSED, Ending.RELAY_LOST)


class Counts:
    """Outcomes of a run by state."""

    def __init__(self) -> None:
        self._of = dict.fromkeys(DeliveryState, 0)

    def note(self, state: DeliveryState, count: int = 1) -> None:
        """Count outcomes that the journal has written."""
        self._of[state] += count

    def note_outcome(self, outcome: Outcome) -> None:
        """Count an outcome that the journal has written; who has failed after all is not put off any more."""
        if outcome.revised:
            self.note(DeliveryState.DEFERRED, -1)
        self.note(outcome.state, int(outcome.tried))

    def progress(self, state: Progress) -> Progress:
        """The run's `state` with the counts, as a progress bar wants them."""
        seen = self._seen()
        return replace(state, **{name: seen[name] for name in ("sent", "failed", "skipped", "unknown")})

    def report(
        self,
        ending: Ending,
        *,
        reason: str = "",
        next_due: int | None = None,
        used_up_until: int | None = None,
    ) -> RunReport:
        """The counts as the end of a run."""
        until = next_due if used_up_until is None else used_up_until
        return RunReport(
            **self._seen(), ending=ending, reason=reason, next_due=until, used_up_until=used_up_until
        )

    def _seen(self) -> dict[str, int]:
        return {name: self._of[DeliveryState(name)] for name in _SEEN}


_SEEN = ("sent", "deferred", "failed", "skipped", "unknown")
