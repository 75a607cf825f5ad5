"""The courier of this process: keeps several connections to one relay full."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Sequence

from newsletter.deliver.ports import Attempt, HandBack, Parcel, Stage
from newsletter.deliver.smtp import Connection, Timeouts, Tls, connect, trust
from newsletter.deliver.token import token_of
from newsletter.errors import RelayError, RelayUnreachableError
from newsletter.relay import Relay

WAITS = (1.0, 3.0, 10.0, 20.0, 30.0)  # seconds between tries to reach a relay that went away
REST = 60.0  # seconds until a connection beyond what the relay allows is tried again


class SmtpCourier:
    """Parcels in, attempts out, over up to `connections` connections; no database, so it can run anywhere.

    A parcel whose connection broke before the final dot is sent once more at once on another connection:
    so neither a connection that the relay closed while idle, nor a relay that offers PIPELINING and cannot
    do it, costs anybody a delay. A relay that takes fewer connections gets fewer. When none at all can be had
    for all of `waits`, everything comes back at stage CONNECT with the reason.
    """

    def __init__(
        self,
        relay: Relay,
        *,
        connections: int = 0,
        timeouts: Timeouts | None = None,
        waits: Sequence[float] = WAITS,
        tls: Tls | None = None,
    ) -> None:
        self.away = False  # no connection was to be had the last time
        self.connections = max(1, connections or relay.connections)
        self._relay = relay
        self._timeouts = timeouts or Timeouts()
        self._waits = waits
        self._tls = tls or trust(relay)
        self._token = token_of(relay)
        self._pipelining = True
        self._queue: deque[Parcel] = deque()
        self._again: set[int] = set()  # deliveries that had their second chance
        self._hand_back: HandBack = lambda attempt: None
        self._idle: list[asyncio.Future[None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._busy: set[Connection] = set()
        self._recalled = False  # nothing more is begun
        self._spare: Connection | None = None
        self._connected = 0
        self._failures = 0  # in a row, while no connection is left
        self._full_until = 0.0  # the relay takes no further connection before this
        self._door = asyncio.Lock()

    async def open(self, hand_back: HandBack) -> None:
        """Connect and log in once. Raises RelayError."""
        self._hand_back = hand_back
        self._spare = await self._connect()

    def put(self, parcel: Parcel) -> None:
        """Queue a parcel and see that a worker takes it."""
        if self._recalled:
            self._requeue(parcel)
            return
        self._queue.append(parcel)
        if not self._wake():
            self._hire()

    def _hire(self) -> None:
        """Let one worker more take from the queue, where the relay may have another connection."""
        full = asyncio.get_running_loop().time() < self._full_until and self._tasks
        if len(self._tasks) < self.connections and not full:
            task = asyncio.create_task(self._carry())
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    def recall(self, error: str = "") -> None:
        """Begin nothing more: hand back all that the relay cannot have; `error` says where it is lost.

        What has its final dot written is waited for; what is on its way to there is broken off.
        """
        self._recalled = True
        while self._queue:
            self._finish(Attempt(delivery=self._queue.popleft().delivery, stage=Stage.CONNECT, error=error))
        for connection in tuple(self._busy):
            ahead = connection.recall()
            if ahead is not None:
                self._requeue(ahead)

    async def close(self) -> None:
        """Break off what still travels and leave the relay."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        if self._spare is not None:
            await self._spare.close()
            self._spare = None

    # --- one worker

    async def _carry(self) -> None:
        """Take parcels from the queue over one connection after the other, until there is none to be had."""
        connection: Connection | None = None
        try:
            while True:
                if connection is not None and not connection.usable:
                    await self._leave(connection)
                    connection = None
                if not self._queue:
                    if not await self._rest(connection is not None):
                        return
                elif connection is not None:
                    await self._send(connection)
                else:
                    connection = await self._dial()
                    if connection is None and self._connected:
                        return
        finally:
            await self._leave(connection)
            self._wake()

    async def _rest(self, connected: bool) -> bool:
        """Wait for work; false when none came for so long that the connection is better closed."""
        nudge = asyncio.get_running_loop().create_future()
        self._idle.append(nudge)
        try:
            async with asyncio.timeout(self._timeouts.idle if connected else None):
                await nudge
        except TimeoutError:
            return bool(self._queue)
        finally:
            if nudge in self._idle:
                self._idle.remove(nudge)
        return True

    def _wake(self) -> bool:
        """Nudge the worker that rested last, so that connections which are not needed fall idle."""
        while self._queue and self._idle:
            nudge = self._idle.pop()
            if not nudge.done():
                nudge.set_result(None)
                return True
        return False

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        crash = None if task.cancelled() else task.exception()
        if crash is not None:
            self._hand_back(crash)
        elif self._queue:
            self._hire()  # what was put while this one said goodbye

    async def _send(self, connection: Connection) -> None:
        """Send from the queue until it is empty or the connection ends."""
        self._busy.add(connection)
        try:
            parcel = self._next()
            while parcel is not None:
                try:
                    attempt = await connection.send(parcel, self._next)
                except asyncio.CancelledError:
                    self._give_back(parcel, connection)
                    raise
                if not connection.usable:
                    self._broken_under(connection, parcel, attempt)
                    return
                self._finish(attempt)
                parcel = connection.ahead or self._next()
        finally:
            self._busy.discard(connection)

    def _broken_under(self, connection: Connection, parcel: Parcel, attempt: Attempt) -> None:
        """A connection has ended: what had not begun, or deserves a second chance, takes another one."""
        self._pipelining = self._pipelining and not connection.lost_step
        ahead = connection.recall()
        if ahead is not None:
            self._requeue(ahead)
        if connection.sent and _is_goodbye(attempt):
            self._requeue(parcel)  # a relay may end any connection that has served
        elif self._deserves_another(parcel, attempt):
            self._again.add(parcel.delivery)
            self._requeue(parcel)
        else:
            self._finish(attempt)

    def _requeue(self, parcel: Parcel) -> None:
        """Let a parcel that the relay cannot have take another connection, or come back untouched."""
        if self._recalled:
            self._finish(Attempt(delivery=parcel.delivery, stage=Stage.CONNECT))
        else:
            self._queue.appendleft(parcel)

    def _give_back(self, parcel: Parcel, connection: Connection) -> None:
        """A worker is broken off: what the relay cannot have taken comes back, as if it had not begun."""
        self.recall()
        if connection.handed_over:
            self._finish(Attempt(delivery=parcel.delivery, stage=Stage.END, error="left before it answered"))
        else:
            self._requeue(parcel)

    def _deserves_another(self, parcel: Parcel, attempt: Attempt) -> bool:
        """Whether the connection, not the parcel, was at fault, and this has not happened to it before."""
        if attempt.unfit or (parcel.delivery in self._again and not self._recalled):
            return False
        return _is_goodbye(attempt) or (attempt.reply is None and attempt.stage is not Stage.END)

    def _next(self) -> Parcel | None:
        return self._queue.popleft() if self._queue else None

    def _finish(self, attempt: Attempt) -> None:
        self._again.discard(attempt.delivery)
        self._hand_back(attempt)

    # --- connections

    async def _connect(self) -> Connection:
        session = await connect(self._relay, self._timeouts, tls=self._tls, token=self._token)
        return Connection(
            session,
            self._timeouts,
            pipelining=self._pipelining,
            most=self._relay.messages_per_connection,
        )

    async def _dial(self) -> Connection | None:
        """A new connection. While the relay is away one worker at a time tries, waiting longer each time."""
        if self._spare is not None:
            connection, self._spare = self._spare, None
            self._connected += 1
            return connection
        if not self._failures:
            return await self._try()
        async with self._door:
            if self._failures:
                await asyncio.sleep(self._waits[self._failures - 1] * random.uniform(0.8, 1.2))
            return await self._try(again=True) if self._queue else None

    async def _try(self, *, again: bool = False) -> Connection | None:
        try:
            connection = await self._connect()
        except RelayError as error:
            self._refused(error, again=again)
            return None
        self._failures, self.away = 0, False
        self._connected += 1
        return connection

    def _refused(self, error: RelayError, *, again: bool) -> None:
        """No connection: one too many, or the relay is away, for now or for good."""
        if self._connected:
            self._full_until = asyncio.get_running_loop().time() + REST
            return
        self.away = True
        if self._failures < len(self._waits):
            self._failures = self._failures + 1 if again else max(self._failures, 1)
        else:
            self._failures = 0
            lost = isinstance(error, RelayUnreachableError)
            gone = f"{self._relay.name} answered before, and does no more: {error.message}"
            self.recall(gone if lost else str(error))

    async def _leave(self, connection: Connection | None) -> None:
        if connection is not None:
            self._connected -= 1
            await connection.close()


def _is_goodbye(attempt: Attempt) -> bool:
    """Whether the relay ended the connection before it looked at the parcel."""
    return attempt.stage is Stage.MAIL and attempt.reply is not None and attempt.reply.code == 421
