"""What a run can still expect of the journal, and whether that is its end (pure)."""

from __future__ import annotations

from msgspec import Struct

from newsletter.deliver.ledger import Entry
from newsletter.deliver.limits import LONG
from newsletter.deliver.report import Ending
from newsletter.models import DeliveryState


class Prospect(Struct, frozen=True, kw_only=True):
    """What the journal said last. Times are UTC ms.

    `dry` means that it has nothing to give before `next_due`, and nothing at all where that is None;
    `put_off` counts who is deferred.
    """

    dry: bool = False
    next_due: int | None = None
    put_off: int = 0

    def heard(self, entry: Entry, now: int) -> Prospect:
        """After an exchange."""
        answer, next_due = entry.answer, entry.answer.next_due
        if entry.room:
            fewer = len(answer.claims) + answer.skipped < entry.room
            dry = fewer and (next_due is None or next_due > now)
        else:
            given_back = any(outcome.state is DeliveryState.PLANNED for outcome in entry.outcomes)
            dry = next_due is None or (self.dry and not given_back)
        return Prospect(dry=dry, next_due=next_due, put_off=answer.put_off)

    def ending(self, *, spent: bool, full: bool, wait: bool, free: int, now: int) -> Ending | None:
        """How a run ends that has nothing in flight and nothing unwritten; None where it goes on.

        `spent` and `full`: the run may take up no more, or no more for now; `free` is when the limits of the
        relay let the next leave. Without `wait` nothing is waited for, but what is paced.
        """
        if self.dry and self.next_due is None:
            return Ending.FINISHED
        if spent:
            return Ending.LIMITED
        if wait:
            return None
        if self.dry:
            return Ending.WAITING
        if full:
            return Ending.LIMITED
        return Ending.WAITING if free - now > LONG else None

    def waiting_until(self, free: int, now: int) -> int | None:
        """Until when nothing can leave; None where something can within a second."""
        if self.dry:
            return self.next_due
        return free if free > now + 1000 else None
