"""Sends: one issue going to one audience, from planning to done."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence

from newsletter.errors import NotFoundError, RefusedError
from newsletter.models import Delivery, DeliveryState, Group, Missing, Send, SendState, Summary, Tally
from newsletter.segments import Segment
from newsletter.store import deliveries, plan, usage
from newsletter.store import stencils as kept
from newsletter.store.database import Connection, Row
from newsletter.store.stencils import Approval
from newsletter.store.summary import summarise

_SEED_BYTES = 32
_SENDS_SQL = (
    "SELECT n.id, i.slug, n.audience, n.state, n.seed, n.created, n.started, n.finished, n.scheduled, "
    "n.conditions, n.reason, n.sender "
    "FROM sends n JOIN issues i ON i.id = n.issue"
)
_FINAL = frozenset({SendState.DONE, SendState.CANCELLED})


class Sends:
    """The journal's sends: planning, approval, states, and reading what became of each delivery."""

    def __init__(self, connection: Connection, now: Callable[[], int]) -> None:
        self._connection = connection
        self._now = now

    # --- issues and sends

    def issue_number(self, slug: str) -> int:
        """The number that tokens carry for an issue; given at first use, never again."""
        with self._connection.transaction():
            found = self._issue(slug)
            return found or self._connection.insert(
                "INSERT INTO issues (slug, created) VALUES (?, ?)", [slug, self._now()]
            )

    def create(
        self,
        slug: str,
        audience: str,
        now: int,
        *,
        conditions: Mapping[str, Sequence[str]] | None = None,
        scheduled: int | None = None,
    ) -> Send:
        """A send in the state `planning`, with a random seed for its Message-IDs.

        `conditions` are each edition's `::: only` expressions, `scheduled` is when it may begin (UTC ms).
        """
        with self._connection.transaction():
            send = self._connection.insert(
                "INSERT INTO sends (issue, audience, state, seed, created, conditions, scheduled) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    self.issue_number(slug),
                    audience,
                    SendState.PLANNING,
                    secrets.token_bytes(_SEED_BYTES),
                    now,
                    json.dumps(conditions or {}),
                    scheduled,
                ],
            )
            return self.get(send)

    def get(self, send: int) -> Send:
        """One send. Raises NotFoundError."""
        row = self._connection.row(f"{_SENDS_SQL} WHERE n.id = ?", [send])
        if row is None:
            raise NotFoundError(f"there is no send {send}")
        return _send(row)

    def of_issue(self, slug: str) -> list[Send]:
        """The issue's sends, oldest first."""
        return [
            _send(row)
            for row in self._connection.rows(f"{_SENDS_SQL} WHERE i.slug = ? ORDER BY n.id", [slug])
        ]

    def all(self) -> list[Send]:
        """Every send, oldest first."""
        return [_send(row) for row in self._connection.rows(f"{_SENDS_SQL} ORDER BY n.id")]

    def set_state(self, send: int, state: SendState, reason: str = "", sender: str = "") -> Send:
        """Move a send. Raises RefusedError where it is cancelled, or still being planned.

        `started` is kept from the first time it runs; `finished` is when it was done or cancelled.
        """
        now = self._now()
        with self._connection.transaction():
            before = self.get(send)
            _refuse_move(before, state)
            self._connection.run(
                "UPDATE sends SET state = ?, reason = ?, sender = ?, started = coalesce(started, ?), "
                "finished = ? WHERE id = ?",
                [
                    state,
                    reason,
                    sender or before.sender,
                    now if state is SendState.RUNNING else None,
                    now if state in _FINAL else None,
                    send,
                ],
            )
            return self.get(send)

    def begin_run(self, send: Send, sender: str) -> None:
        """Let a send run from now, whatever its time was; RefusedError where another has moved it since."""
        with self._connection.transaction():
            found = self.get(send.id).state
            if found is not send.state:
                raise RefusedError(
                    f"another terminal has made this send {found.value}",
                    where=send.slug,
                    hint=f"newsletter status {send.slug}",
                )
            self._connection.run("UPDATE sends SET scheduled = NULL WHERE id = ?", [send.id])
            self.set_state(send.id, SendState.RUNNING, sender=sender)

    def end_run(self, send: int, state: SendState, reason: str = "") -> Send:
        """Move a send that no longer runs; what another terminal decided meanwhile stands, but for `done`."""
        with self._connection.transaction():
            before = self.get(send)
            if before.state is SendState.CANCELLED:
                return before
            if before.state is SendState.PAUSED and state is not SendState.DONE:
                return before
            return self.set_state(send, state, reason)

    def schedule(self, send: int, at: int) -> Send:
        """Let a send begin at `at` (UTC ms), not before."""
        with self._connection.transaction():
            self._connection.run("UPDATE sends SET scheduled = ? WHERE id = ?", [at, send])
            return self.get(send)

    def cancel(self, send: int) -> int:
        """End a send for ever: what is not yet sent is skipped -> how many. Call it again after a run."""
        self.set_state(send, SendState.CANCELLED)
        return deliveries.skip_rest(self._connection, send, self._now())

    def left_behind(self) -> list[Send]:
        """Cancelled sends of which a dead process has left rows that are neither sent nor skipped."""
        rows = self._connection.rows(
            f"{_SENDS_SQL} WHERE n.state = 'cancelled' AND EXISTS (SELECT 1 FROM deliveries d "
            "WHERE d.send = n.id AND (d.state = 'planned' OR d.state = 'claimed' OR d.state = 'deferred')) "
            "ORDER BY n.id"
        )
        return [_send(row) for row in rows]

    # --- stencils

    def approve(self, send: int, stencils: Approval) -> None:
        """Keep the stencils that this send may use: digest -> (language, variant, data)."""
        kept.approve(self._connection, send, stencils)

    def approved(self, send: int) -> dict[bytes, tuple[str, int]]:
        """What was approved for a send: digest -> (language, variant)."""
        return kept.approved(self._connection, send)

    def stencil(self, digest: bytes) -> bytes:
        """A kept stencil's bytes. Raises NotFoundError."""
        return kept.read(self._connection, digest)

    def amend(self, send: int, stencils: Approval) -> int:
        """Approve other stencils in the place of the same languages and variants, for those not yet sent.

        -> how many deliveries changed theirs. Short transactions: broken off, call it again.
        """
        return kept.amend(self._connection, send, stencils)

    # --- planning

    def groups(
        self, segment: Segment, conditions: Sequence[Segment] = (), exclude_issue: str = ""
    ) -> list[Group]:
        """The audience by language and mask, without those who have a row for `exclude_issue`."""
        return plan.groups(self._connection, segment, conditions, self._issue(exclude_issue))

    def missing(
        self, segment: Segment, conditions: Sequence[Segment], field: str, exclude_issue: str = ""
    ) -> dict[tuple[str, int], Missing]:
        """Of the same people, those for whom `field` is empty, by language and mask."""
        return plan.missing(self._connection, segment, conditions, field, self._issue(exclude_issue))

    def newcomers(self, slug: str, segment: Segment) -> int:
        """How many of the audience have no row for the issue."""
        return plan.newcomers(self._connection, segment, self._issue(slug))

    def plan(self, send: int, segment: Segment, conditions: Sequence[Segment], choose: plan.Choose) -> int:
        """Write a row for each of the audience who has none for the issue -> how many; then it is ready.

        `choose(language, mask)` gives the digest of an approved stencil, or None where no edition fits: that
        row is written as skipped, with the reason. Short transactions; an interrupted plan stays `planning`.
        """
        issue = int(self._connection.value("SELECT issue FROM sends WHERE id = ?", [send]) or 0)
        return plan.Planner(self._connection, send, issue, self._now).run(segment, conditions, choose)

    def discard_plans(self, slug: str) -> int:
        """Throw away the issue's interrupted plans -> how many. The caller holds the issue's lock."""
        rows = self._connection.rows(
            "SELECT n.id, n.issue FROM sends n JOIN issues i ON i.id = n.issue "
            "WHERE i.slug = ? AND n.state = 'planning'",
            [slug],
        )
        for send, issue in rows:
            plan.discard(self._connection, send, issue)
        return len(rows)

    # --- deliveries

    def tally(self, slug: str) -> Tally:
        """The issue's deliveries by state; all zero for an issue that was never sent."""
        return deliveries.tally(self._connection, self._issue(slug) or 0)

    def tally_of(self, send: int) -> Tally:
        """One send's deliveries by state."""
        return deliveries.tally_of_send(self._connection, send)

    def all_tallies(self) -> dict[str, Tally]:
        """Every issue's deliveries by state."""
        return deliveries.all_tallies(self._connection)

    def summary(self, slug: str) -> Summary:
        """What became of the issue, as a report tells it."""
        return summarise(self._connection, self._issue(slug) or 0)

    def deliveries(self, slug: str, state: DeliveryState | None = None) -> Iterator[Delivery]:
        """The issue's rows, page by page."""
        return deliveries.read(self._connection, self._issue(slug) or 0, state)

    def deliveries_to(self, subject: bytes) -> list[tuple[str, Delivery]]:
        """One person's rows, each with the issue's slug."""
        return deliveries.to_person(self._connection, subject)

    def resolve(self, slug: str, *, resend: bool, now: int) -> int:
        """Decide the unknown rows: send them again, or take them as sent -> how many."""
        return deliveries.resolve(self._connection, self._issue(slug) or 0, resend=resend, now=now)

    def next_due(self, send: int) -> int | None:
        """When the send's next deferred row is due (UTC ms); None where none waits."""
        return deliveries.next_due(self._connection, send)

    def unknown_from_crash(self, send: int) -> int:
        """Call what a dead run left claimed unknown -> how many. The caller holds the send's lock."""
        return deliveries.unknown_from_crash(self._connection, send, self._now())

    # --- usage of the relay

    def note_usage(self, relay: str, count: int, now: int) -> None:
        """Count mails that left outside the journal; exchange() counts its own."""
        usage.note_usage(self._connection, relay, count, now)

    def sent_since(self, relay: str, since: int) -> int:
        """How many mails left to the relay since then."""
        return usage.sent_since(self._connection, relay, since)

    def usage(self, relay: str, since: int) -> list[tuple[int, int]]:
        """What left to the relay since then, as (UTC ms, how many), for the limits over a sliding day."""
        return usage.used_since(self._connection, relay, since, self._now())

    def _issue(self, slug: str) -> int | None:
        found: int | None = self._connection.value("SELECT id FROM issues WHERE slug = ?", [slug])
        return found


def _refuse_move(send: Send, state: SendState) -> None:
    if send.state is state:
        return
    if send.state is SendState.CANCELLED:
        raise RefusedError(
            f"this send of '{send.slug}' was cancelled",
            hint="whoever was left out can only be reached by a new issue: newsletter new TITLE",
        )
    if SendState.PLANNING in {send.state, state} and state is not SendState.CANCELLED:
        raise RefusedError(
            f"this send of '{send.slug}' was not planned to the end",
            hint=f"newsletter send {send.slug} --to …",
        )


def _send(row: Row) -> Send:
    send, slug, audience, state, seed, created, started, finished, scheduled, *words = row
    conditions, reason, sender = words
    return Send(
        id=send,
        slug=slug,
        audience=audience,
        state=SendState(state),
        seed=seed,
        created=created,
        started=started,
        finished=finished,
        scheduled=scheduled,
        conditions=json.loads(conditions),
        reason=reason,
        sender=sender,
    )
