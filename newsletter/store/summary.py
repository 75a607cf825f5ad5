"""Counts over the journal of one issue, as a report tells them."""

from __future__ import annotations

from newsletter.models import DeliveryState, Reply, Summary, Trouble
from newsletter.store.database import Connection
from newsletter.store.deliveries import PRESUMED

_SENT = DeliveryState.SENT.value


def summarise(connection: Connection, issue: int) -> Summary:
    """Who got it by stencil and country, why others did not, and when it went out."""
    first, last = connection.row(
        "SELECT min(first_claimed), max(updated) FROM deliveries WHERE issue = ? AND state = ?",
        [issue, _SENT],
    ) or (None, None)
    stencils = connection.rows(
        "SELECT t.digest, count(*) FROM deliveries d JOIN stencils t ON t.id = d.stencil "
        "WHERE d.issue = ? AND d.state = ? GROUP BY 1",
        [issue, _SENT],
    )
    countries = connection.rows(
        "SELECT coalesce(s.country, ''), count(*) FROM deliveries d "
        "LEFT JOIN subscribers s ON s.subject = d.subscriber "
        "WHERE d.issue = ? AND d.state = ? GROUP BY 1 ORDER BY 2 DESC, 1",
        [issue, _SENT],
    )
    return Summary(
        first=first,
        last=last,
        stencils=dict(stencils),
        countries=dict(countries),
        presumed=int(
            connection.value(
                "SELECT count(*) FROM deliveries WHERE issue = ? AND state = ? AND reason = ?",
                [issue, _SENT, PRESUMED],
            )
        ),
        troubles=_troubles(connection, issue),
    )


def _troubles(connection: Connection, issue: int) -> list[Trouble]:
    """Those who did not get it, by state and what was answered; the wording is one example of each."""
    rows = connection.rows(
        "SELECT state, coalesce(reply_code, 0), coalesce(enhanced_code, ''), max(coalesce(reply, '')), "
        "reason, count(*) FROM deliveries "
        "WHERE issue = ? AND state IN ('failed', 'deferred', 'skipped', 'unknown') "
        "GROUP BY state, 2, 3, reason ORDER BY 6 DESC, 1, 2, 3",
        [issue],
    )
    return [
        Trouble(
            state=DeliveryState(state),
            reply=Reply(code=code, enhanced=enhanced, text=text) if code else None,
            reason=reason,
            count=count,
        )
        for state, code, enhanced, text, reason, count in rows
    ]
