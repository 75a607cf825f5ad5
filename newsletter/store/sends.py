"""Sends: one issue going to one audience, from planning to done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from newsletter.models import Delivery, DeliveryState, Group, Missing, Send, SendState, Summary, Tally
from newsletter.segments import Segment
from newsletter.store import deliveries, plan, send_states
from newsletter.store import stencils as kept
from newsletter.store.database import Connection
from newsletter.store.stencils import Approval, KindOf
from newsletter.store.summary import summarise


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
            issue = self.issue_number(slug)
            return send_states.create(
                self._connection, issue, audience, now, conditions=conditions or {}, scheduled=scheduled
            )

    def get(self, send: int) -> Send:
        """One send. Raises NotFoundError."""
        return send_states.get(self._connection, send)

    def of_issue(self, slug: str) -> list[Send]:
        """The issue's sends, oldest first."""
        return send_states.read(self._connection, slug)

    def all(self) -> list[Send]:
        """Every send, oldest first."""
        return send_states.read(self._connection)

    def set_state(self, send: int, state: SendState, reason: str = "", sender: str = "") -> Send:
        """Move a send. Raises RefusedError where it is cancelled, or still being planned.

        `started` is kept from the first time it runs; `finished` is when it was done or cancelled.
        """
        return send_states.move(self._connection, send, state, self._now(), reason=reason, sender=sender)

    def begin_run(self, send: Send, sender: str) -> None:
        """Let a send run from now, whatever its time was; RefusedError where another has moved it since."""
        send_states.begin(self._connection, send, self._now(), sender=sender)

    def end_run(self, send: int, state: SendState, reason: str = "") -> Send:
        """Move a send that no longer runs; what another terminal decided meanwhile stands, but for `done`.

        It is not `done` but `ready` where somebody is still to get it, as another terminal may have decided.
        """
        return send_states.end(self._connection, send, state, self._now(), reason=reason)

    def note_trouble(self, send: int, trouble: str) -> None:
        """Say what holds up a send that runs; empty where nothing does any more."""
        send_states.note(self._connection, send, trouble)

    def schedule(self, send: int, at: int | None) -> Send:
        """Let a send begin at `at` (UTC ms), not before; None for as soon as it can."""
        with self._connection.transaction():
            self._connection.run("UPDATE sends SET scheduled = ? WHERE id = ?", [at, send])
            return self.get(send)

    def cancel(self, send: int) -> int:
        """End a send for ever: what is not yet sent is skipped -> how many. Call it again after a run."""
        self.set_state(send, SendState.CANCELLED)
        return deliveries.skip_rest(self._connection, send, self._now())

    def left_behind(self) -> list[Send]:
        """Cancelled sends of which a dead process has left rows that are neither sent nor skipped."""
        return send_states.left_behind(self._connection)

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

    def strays(self, send: int) -> bool:
        """Whether somebody waits for a stencil that is not approved: an amendment was broken off."""
        return kept.strays(self._connection, send)

    def amend(self, send: int, stencils: Approval, kind_of: KindOf) -> int:
        """Approve other stencils in the place of the same languages and variants, for those not yet sent.

        -> how many deliveries changed theirs. Short transactions: broken off, call it again, with these or
        others; `kind_of` reads language and variant from a stencil's bytes.
        """
        return kept.amend(self._connection, send, stencils, kind_of)

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

        `choose(language, mask)` gives the digest of an approved stencil, or None for readers of a kind that
        came after the approval: they get no row, and are newcomers. Short transactions; an interrupted plan
        stays `planning`.
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

    def last_due(self, send: int) -> int:
        """When the last deferred row is due; 0 where none waits."""
        return deliveries.last_due(self._connection, send)

    def unknown_from_crash(self, send: int) -> int:
        """Call what a dead run left claimed unknown -> how many. The caller holds the send's lock."""
        return deliveries.unknown_from_crash(self._connection, send, self._now())

    def _issue(self, slug: str) -> int | None:
        found: int | None = self._connection.value("SELECT id FROM issues WHERE slug = ?", [slug])
        return found
