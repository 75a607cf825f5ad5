"""How a domain is approached that has been putting mail off (pure)."""

from __future__ import annotations

import re

from msgspec import Struct

from newsletter.deliver.ports import Attempt, Stage
from newsletter.when import MINUTE

PATIENCE = 3  # people of a domain who are put off in a row before the others wait
HOLDS = tuple(minutes * MINUTE for minutes in (1, 2, 5, 15, 30, 60))
PROBE = 30_000  # milliseconds that the others wait for what becomes of the one who is tried
_ONE_MAILBOX = re.compile(r"4\.2\.[1-4]")  # RFC 3463: the mailbox, not its domain
_EACH_ANEW = re.compile(r"gr[ea]y-?\s?list", re.IGNORECASE)  # puts off each first try, whoever waits


class _Domain(Struct, kw_only=True):
    put_off: int = 0
    hold: int = -1  # index into HOLDS
    until: int = 0
    probing: bool = False


class Approach:
    """Which domains wait, in the memory of one run; the journal keeps until when each person does.

    Once PATIENCE people in a row were put off at RCPT, the others of that domain wait, without a try that
    counts, for a minute; then one is tried. Each time that one is put off as well the wait grows; a success
    ends it. A full mailbox says nothing about a domain, and a greylist nothing about the next person.
    """

    def __init__(self) -> None:
        self._domains: dict[str, _Domain] = {}

    def wait_until(self, domain: str, now: int) -> int:
        """Until when (UTC ms) people of this domain wait; 0 where this one may be tried now."""
        found = self._domains.get(domain)
        if found is None or found.hold < 0:
            return 0
        if now < found.until <= now + HOLDS[-1]:
            return found.until
        found.probing, found.until = True, now + PROBE
        return 0

    def note(self, domain: str, attempt: Attempt, now: int) -> None:
        """Learn from an attempt at one of its people."""
        if attempt.accepted:
            self._domains.pop(domain, None)
        elif _puts_off(attempt):
            found = self._domains.setdefault(domain, _Domain())
            found.put_off += 1
            if found.put_off == PATIENCE or found.probing:
                found.hold = min(found.hold + 1, len(HOLDS) - 1)
                found.until, found.probing = now + HOLDS[found.hold], False


def _puts_off(attempt: Attempt) -> bool:
    reply = attempt.reply
    if reply is None or attempt.stage is not Stage.RCPT or not 400 <= reply.code < 500:
        return False
    return not (_ONE_MAILBOX.fullmatch(reply.enhanced) or _EACH_ANEW.search(reply.text))
