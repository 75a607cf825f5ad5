"""What a run expects after an exchange, and when it is over."""

from __future__ import annotations

import pytest

from newsletter.deliver.ledger import Entry
from newsletter.deliver.limits import LONG
from newsletter.deliver.ports import given_back
from newsletter.deliver.prospect import Prospect
from newsletter.deliver.report import Ending
from newsletter.models import DeliveryState, Exchange, Outcome, SendState

NOW = 1_800_000_000_000
SOON = NOW + 60_000
SENT = Outcome(delivery=1, state=DeliveryState.SENT)
WET, DRY, OVER = Prospect(next_due=NOW), Prospect(dry=True, next_due=SOON), Prospect(dry=True)


def entry(room: int, next_due: int | None, *outcomes: Outcome, skipped: int = 0) -> Entry:
    answer = Exchange(claims=[], skipped=skipped, next_due=next_due, state=SendState.RUNNING, put_off=7)
    return Entry(outcomes=outcomes, room=room, answer=answer)


@pytest.mark.parametrize(
    ("before", "heard", "dry"),
    [
        (WET, entry(5, None), True),
        (WET, entry(5, SOON), True),
        (WET, entry(5, NOW), False),  # a ceiling leaves no room, or more is due
        (WET, entry(5, SOON, skipped=5), False),
        (WET, entry(0, SOON), False),
        (WET, entry(0, None), True),
        (DRY, entry(0, SOON, SENT), True),
        (DRY, entry(0, SOON, SENT, given_back(2)), False),
        (DRY, entry(5, NOW), False),
    ],
)
def test_what_an_exchange_tells(before: Prospect, heard: Entry, dry: bool) -> None:
    after = before.heard(heard, NOW)
    assert after == Prospect(dry=dry, next_due=heard.answer.next_due, put_off=7)


@pytest.mark.parametrize(
    ("prospect", "spent", "full", "wait", "free", "ending"),
    [
        (OVER, True, True, True, NOW, Ending.FINISHED),
        (DRY, True, True, True, NOW, Ending.LIMITED),
        (WET, True, True, False, NOW, Ending.LIMITED),
        (DRY, False, False, True, NOW, None),
        (WET, False, True, True, NOW + 2 * LONG, None),
        (DRY, False, True, False, NOW, Ending.WAITING),
        (WET, False, True, False, NOW + 2 * LONG, Ending.LIMITED),
        (WET, False, False, False, NOW + LONG, None),  # paced
        (WET, False, False, False, NOW + LONG + 1, Ending.WAITING),
    ],
)
def test_how_a_run_ends(
    prospect: Prospect, spent: bool, full: bool, wait: bool, free: int, ending: Ending | None
) -> None:
    assert prospect.ending(spent=spent, full=full, wait=wait, free=free, now=NOW) is ending


def test_until_when_it_waits() -> None:
    assert WET.waiting_until(NOW + 1000, NOW) is None
    assert WET.waiting_until(NOW + 1001, NOW) == NOW + 1001
    assert DRY.waiting_until(NOW + 1001, NOW) == SOON
    assert OVER.waiting_until(NOW + 1001, NOW) is None
