"""What a run is told."""

from __future__ import annotations

import random
from collections.abc import Callable

from msgspec import Struct

from newsletter.deliver.doubt import Trust
from newsletter.deliver.limits import Meter
from newsletter.deliver.ports import ProgressCallback, Stop


class Orders(Struct, frozen=True, kw_only=True):
    """What holds for one run; `clock` gives UTC ms, `give_up_after` is in ms, `jitter` draws from [0, 1).

    At most `limit` deliveries are taken up. With `wait` deferred rows and used-up ceilings are waited for;
    without, nobody connects where a ceiling is used up. Before the relay has taken a mail nobody is marked as
    bounced, but by `trust`.
    """

    meter: Meter
    clock: Callable[[], int]
    give_up_after: int
    stop: Stop
    limit: int | None = None
    wait: bool = True
    progress: ProgressCallback | None = None
    jitter: Callable[[], float] = random.random
    trust: Trust = Trust.ONCE
