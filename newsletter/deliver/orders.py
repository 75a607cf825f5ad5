"""What a run was told."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from newsletter.deliver.doubt import Trust
from newsletter.deliver.limits import Allowance, Meter
from newsletter.deliver.ports import ProgressCallback, Stop


class Orders(Struct, frozen=True, kw_only=True):
    """What holds for one run; `clock` gives UTC ms, `give_up_after` is in ms, `jitter` draws from [0, 1)."""

    meter: Meter
    allowance: Allowance
    clock: Callable[[], int]
    give_up_after: int
    stop: Stop
    wait: bool
    progress: ProgressCallback | None
    jitter: Callable[[], float]
    trust: Trust
