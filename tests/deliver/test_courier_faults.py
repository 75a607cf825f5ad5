"""Whatever a relay does, on any of several connections."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.deliver.ports import Stage
from newsletter.deliver.smtp import Timeouts
from tests.deliver.carrying import accepted, carry, once_each
from tests.deliver.relay import EXTENSIONS, Do, ScriptedRelay, Step

VERBS = ("CONNECT", "MAIL", "RCPT", "DATA", "END", "QUIT")
REPLIES: tuple[str | bytes | Do, ...] = (
    "421 4.3.2 closing",
    "450 4.2.0 later",
    "451 4.3.0 later",
    "452 4.3.1 full",
    "503 5.5.1 what?",
    "535 5.7.8 no",
    "552 5.2.2 full",
    "554 5.7.1 no",
    b"garbage\r\n",
    b"250 Ok\r\n250 Ok\r\n",
    b"354 go\r\n",
    Do.HANG_UP,
    Do.TAKE_AND_HANG_UP,
    Do.SILENCE,
)
faults = st.dictionaries(
    st.tuples(st.sampled_from(VERBS), st.integers(0, 25)), st.sampled_from(REPLIES), max_size=6
)


def faulty(faults: dict[tuple[str, int], str | bytes | Do]) -> Callable[[Step], str | bytes | Do | None]:
    counts = dict.fromkeys(VERBS, 0)

    def script(step: Step) -> str | bytes | Do | None:
        if step.verb not in counts:
            return None
        counts[step.verb] += 1
        return faults.get((step.verb, counts[step.verb]))

    return script


@settings(max_examples=30, deadline=None)
@given(
    faults=faults,
    extensions=st.sampled_from([EXTENSIONS, EXTENSIONS[1:]]),
    connections=st.integers(1, 4),
    drip=st.booleans(),
    deaf=st.booleans(),
)
def test_whatever_the_relay_does_every_parcel_comes_back_once(
    faults: dict[tuple[str, int], str | bytes | Do],
    extensions: tuple[str, ...],
    connections: int,
    drip: bool,
    deaf: bool,
) -> None:
    faults.pop(("CONNECT", 1), None)
    quick = Timeouts(connect=5, setup=0.5, command=0.1, data=0.1, body=0.5, end=0.1, idle=0.2, quit=0.02)
    relay = ScriptedRelay(faulty(faults), extensions=extensions, drip=drip, deaf=deaf)
    attempts = carry(relay, 20, connections=connections, timeouts=quick)
    once_each(relay)
    taken = set(relay.recipients)
    assert accepted(attempts) <= taken
    for number, attempt in attempts.items():
        if f"p{number}@example.org" in taken and not attempt.accepted:
            assert attempt.stage is Stage.END
            assert attempt.reply is None or attempt.reply.code >= 400
