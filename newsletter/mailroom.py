"""Empties the outbox while `serve` runs: settles what was asked, and sends the mails that go with it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime

from newsletter import campaign, composer, locks
from newsletter.audience.departures import forget_leavings
from newsletter.audience.joining import expire_pending, settle_requests
from newsletter.config import Config
from newsletter.deliver.courier import SmtpCourier
from newsletter.deliver.doubt import Trust
from newsletter.deliver.limits import Limits, limits_for
from newsletter.deliver.orders import Orders
from newsletter.deliver.policy import run_wait
from newsletter.deliver.ports import Composer
from newsletter.deliver.report import RunReport
from newsletter.deliver.run import run_send
from newsletter.errors import DatabaseBusyError, NewsletterError
from newsletter.models import LONGEST_WAIT
from newsletter.outbox import outbox_composer
from newsletter.redact import redact
from newsletter.relay import Rate, Relay
from newsletter.store import Store, open_store
from newsletter.when import DAY, HOUR, MINUTE, duration

GIVE_UP_AFTER = 3 * DAY
KEPT = 35 * DAY
LIMIT_LOOKS = 5 * MINUTE  # between looks whether a limit that is used up has room again
LOOKS_EVERY = 1.0  # seconds between looks at what was asked meanwhile
CONNECTIONS = 2
_MARGIN = 1.05  # of a preset, which is under what its operator publishes: sends leave that much to the outbox

Tell = Callable[[str], None]


class OutboxRunner:
    """One turn after the other, in one thread; the outbox's lock is held by the caller.

    Without a relay what was asked is settled, and the mails wait.
    """

    def __init__(
        self,
        store: Store,
        config: Config,
        relay: Relay | None,
        *,
        now: Callable[[], int],
        tell: Tell,
        stop: threading.Event,
    ) -> None:
        self._store = store
        self._config = config
        self._relay = relay
        self._now = now
        self._tell = tell
        self._stop = stop
        self._troubles = 0
        self._not_before = 0
        self._used_up_until = 0
        self._tidied = 0
        self._compose: Composer | None = None

    def turn(self) -> int:
        """Do everything that is due -> when to come again at the latest (UTC ms).

        Trouble with the relay or the database is told in one line, without any address, and tried again
        after growing waits.
        """
        try:
            self._tidy()
            settle_requests(self._store, self._now())
            return self._send()
        except DatabaseBusyError:
            return self._now() + run_wait(0)
        except NewsletterError as error:
            return self._trouble(error.message)
        except OSError as error:  # too many open files, say, while many visitors are here
            return self._trouble(error.strerror or type(error).__name__)

    def _tidy(self) -> None:
        """Once an hour: forget what is too old."""
        now = self._now()
        if now < self._tidied + HOUR:
            return
        expire_pending(self._store, now)
        forget_leavings(self._store, now)
        self._store.outbox.drop(now - GIVE_UP_AFTER)
        self._store.outbox.forget(now - KEPT)
        self._tidied = now

    def _send(self) -> int:
        now = self._now()
        due = self._store.outbox.next_due()
        if due is None or self._relay is None:
            return now + HOUR
        begin = max(due if due - now <= LONGEST_WAIT else 0, self._not_before)
        if begin > now:
            return min(begin, now + HOUR)
        report = self._run(self._relay)
        if report.must_pause:
            return self._trouble(report.reason)
        if report.sent:
            self._troubles = 0
        self._rest_until(report.used_up_until or 0)
        now = self._now()
        return min(report.next_due or now, now + HOUR)

    def _rest_until(self, free: int) -> None:
        """While a limit is used up, which is told once; what is not taken may free it earlier."""
        now = self._now()
        if free > self._used_up_until:
            wait = duration((free - now) / 1000)
            self._tell(f"The mails of the outbox wait {wait}: the mail server's limit is used up.")
        self._used_up_until = free
        self._not_before = min(free, now + LIMIT_LOOKS)

    def _run(self, relay: Relay) -> RunReport:
        # What a run of ours claimed, whose outcomes could not be written.
        self._store.outbox.unknown_from_crash()
        if self._compose is None:
            self._compose = outbox_composer(self._store, self._config, self._now)
        limits = _limits(relay)
        journal = self._store.outbox.journal(relay.account, limits.rates)
        proven = self._store.usage.taken_since(relay.account, self._now() - DAY) > 0
        return asyncio.run(
            run_send(
                journal,
                self._compose,
                SmtpCourier(relay, connections=min(CONNECTIONS, limits.connections)),
                Orders(
                    meter=campaign.meter(self._store, relay, limits.rates, self._now()),
                    clock=self._now,
                    give_up_after=GIVE_UP_AFTER,
                    stop=self._stop,
                    wait=False,
                    trust=Trust.PROVEN if proven else Trust.ONCE,
                ),
            )
        )

    def _trouble(self, reason: str) -> int:
        """Tell it, and wait longer each time; what comes up again within a wait is the same trouble."""
        if self._now() < self._not_before:
            return self._not_before
        wait = run_wait(self._troubles)
        self._troubles += 1
        self._not_before = self._now() + wait
        self._tell(f"The mails of the outbox wait {wait // 1000} seconds: {redact(reason)}")
        return self._not_before


@contextmanager
def emptying(
    config: Config, relay: Relay | None, *, now: Callable[[], int], tell: Tell
) -> Iterator[threading.Event]:
    """Empty the outbox in a thread while the block runs -> an event that makes it look at once.

    What a dead program left on its way becomes unknown, and is never repeated. RefusedError where another
    process does this already; ConfigError where the mails could not be made.
    """
    stop, wake = threading.Event(), threading.Event()
    with ExitStack() as held:
        since = datetime.fromtimestamp(now() / 1000, config.campaign.zone)
        held.enter_context(locks.outbox(config.root, since))
        store = held.enter_context(open_store(config.database, now=now))
        if lost := store.outbox.unknown_from_crash():
            tell(
                f"Mails of the outbox that were on their way when `serve` ended: {lost}. None is sent again."
            )
        composer.signer_of(config)
        composer.mail_from(config)
        runner = OutboxRunner(store, config, relay, now=now, tell=tell, stop=stop)
        if relay is None:
            tell("No mail server is set: confirmations and goodbyes wait in the outbox.")
        thread = threading.Thread(target=_work, args=(runner, now, stop, wake), name="outbox", daemon=True)
        thread.start()
        try:
            yield wake
        finally:
            stop.set()
            wake.set()
            thread.join()


def _work(runner: OutboxRunner, now: Callable[[], int], stop: threading.Event, wake: threading.Event) -> None:
    while not stop.is_set():
        due = runner.turn()
        wake.wait(max(0.05, min(LOOKS_EVERY, (due - now()) / 1000)))
        wake.clear()


def _limits(relay: Relay) -> Limits:
    """The relay's limits; of a built-in preset the outbox may use a little more than sends do."""
    limits = limits_for(relay)
    if not limits.note:
        return limits
    rates = tuple(Rate(count=int(rate.count * _MARGIN), seconds=rate.seconds) for rate in limits.rates)
    return Limits(rates=rates, connections=limits.connections)
