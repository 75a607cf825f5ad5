"""The promise of the send engine, stated once: never twice, never nobody, nothing guessed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec.structs import asdict

from newsletter.models import Delivery, DeliveryState, Tally
from newsletter.store import MOST_IN_FLIGHT

SAFE = frozenset({DeliveryState.SENT, DeliveryState.UNKNOWN})


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What was seen from outside.

    `copies` counts what the relay took and `accepted` what it answered 2xx to, by address; `crashes` counts
    ends of the program without its goodbye, `lost` connections that broke at their worst moment. `resent`
    counts by address how often a person said `resolve --unknown resend` of somebody who was unknown.
    """

    people: Collection[str]
    copies: Mapping[str, int]
    accepted: Mapping[str, int]
    crashes: int = 0
    lost: int = 0
    resent: Mapping[str, int] = field(default_factory=dict)


def violations(rows: Sequence[Delivery], tally: Tally, seen: Evidence) -> list[str]:
    """Every way in which the promise is broken, in words; the send may be at any moment of its life."""
    state = {row.address: row.state for row in rows}
    counted = Counter(row.state.value for row in rows)
    unknown = sum(row.state is DeliveryState.UNKNOWN for row in rows)
    most = MOST_IN_FLIGHT * seen.crashes + seen.lost
    found = [
        f"{who} got {count} copies, and a person asked for {seen.resent.get(who, 0)} more"
        for who, count in seen.copies.items()
        if count > 1 + seen.resent.get(who, 0)
    ]
    found += [
        f"{who} counts as sent, and the relay never said 2xx"
        for who, its in state.items()
        if its is DeliveryState.SENT and not seen.accepted.get(who)
    ]
    found += [
        f"{who} has a copy, and is {state.get(who, 'without a row')}"
        for who in seen.copies
        if state.get(who) not in SAFE | {DeliveryState.CLAIMED} and not seen.resent.get(who)
    ]
    found += [f"{who} has no row" for who in sorted(set(seen.people) - state.keys())]
    found += [f"{who} has a row, and is nobody of ours" for who in sorted(state.keys() - set(seen.people))]
    if len(rows) != len(state):
        found.append(f"{len(rows)} rows for {len(state)} people")
    if dict(counted) != {name: count for name, count in asdict(tally).items() if count}:
        found.append(f"the rows say {dict(counted)}, the tally says {tally}")
    if tally.total != len(rows):
        found.append(f"the seven states add up to {tally.total}, and there are {len(rows)} rows")
    if counted["claimed"] > MOST_IN_FLIGHT:
        found.append(f"{counted['claimed']} are in flight")
    if unknown + sum(seen.resent.values()) > most:
        found.append(f"{unknown} unknown, {sum(seen.resent.values())} resent; at most {most} may be")
    return found


def settled(rows: Sequence[Delivery]) -> list[str]:
    """What is still open although the program has nothing more to do."""
    left = Counter(row.state.value for row in rows)
    return [f"{left[name]} are {name} for ever" for name in ("planned", "claimed", "deferred") if left[name]]
