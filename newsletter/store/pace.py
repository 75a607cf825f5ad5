"""How much goes into one write transaction, so that other writers never wait long."""

from __future__ import annotations

import time

TARGET_SECONDS = 0.010
_FIRST = 50
_LEAST = 10
_MOST = 4_000
_SMOOTHING = 0.5


def next_size(size: int, cost: float) -> int:
    """The next batch's size, when a row has cost `cost` seconds: near the target, growing at most twofold."""
    wanted = int(TARGET_SECONDS / cost) if cost > 0 else size * 2
    return max(_LEAST, min(wanted, size * 2, _MOST))


class Pace:
    """Cuts batches by what the last ones have cost, from the write lock to the end of the commit."""

    def __init__(self) -> None:
        self.size = _FIRST
        self.transactions = 0
        self._cost = 0.0

    def note(self, rows: int, seconds: float) -> None:
        """Learn from a transaction of `rows` rows."""
        self.transactions += 1
        if rows <= 0:
            return
        cost = seconds / rows
        self._cost = cost if not self._cost else self._cost + (cost - self._cost) * _SMOOTHING
        self.size = next_size(self.size, max(self._cost, cost))


def clock() -> float:
    """Seconds that only ever grow, for measuring."""
    return time.perf_counter()
