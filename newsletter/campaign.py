"""The life of an issue's sends: which are open, due or late, and how a run ended."""

from __future__ import annotations

from collections.abc import Sequence

from newsletter import locks
from newsletter.config import Config
from newsletter.deliver.limits import LONG, Meter, limits_for
from newsletter.errors import RefusedError
from newsletter.models import Send, SendState, Tally
from newsletter.relay import Rate, Relay
from newsletter.stencil import Stencil
from newsletter.store import Store
from newsletter.when import HOUR, MINUTE

TOO_LATE = HOUR
OPEN_STATES = (SendState.READY, SendState.RUNNING, SendState.PAUSED)


def open_send(store: Store, slug: str, audience: str) -> Send | None:
    """The unfinished send of this issue to this audience; an interrupted plan is thrown away first."""
    store.sends.discard_plans(slug)
    return next((send for send in unfinished(store, slug) if send.audience == audience), None)


def unfinished(store: Store, slug: str) -> list[Send]:
    """The issue's sends that are neither done nor cancelled, oldest first."""
    return [send for send in store.sends.of_issue(slug) if send.state in OPEN_STATES]


def last_due(store: Store, send: Send, count: int) -> int:
    """When the last of the next `count` people can get it at the earliest (UTC ms); 0 for at once."""
    return store.sends.last_due(send.id) if count > store.sends.tally_of(send.id).planned else 0


def holds_deferred(store: Store, slug: str) -> bool:
    """Whether a paused send of the issue holds people whom the relay put off: no run tries them."""
    paused = [send for send in unfinished(store, slug) if send.state is SendState.PAUSED]
    return any(store.sends.tally_of(send.id).deferred for send in paused)


def due(store: Store, now: int) -> list[Send]:
    """The sends that may go on now, oldest first: planned or broken off, and their time has come."""
    moving = {SendState.READY, SendState.RUNNING}
    return [send for send in store.sends.all() if send.state in moving and (send.scheduled or 0) <= now]


def is_late(send: Send, now: int, *, busy: int = 0) -> bool:
    """Whether a send's time passed more than an hour ago, and it has not begun.

    The last `busy` milliseconds do not count: whoever asks was awake, and at work on another send.
    """
    return send.scheduled is not None and now - send.scheduled - busy > TOO_LATE


def pause_late(store: Store, send: Send) -> None:
    """Hold a send whose time passed while nothing ran, or the computer slept: a person decides."""
    store.sends.set_state(send.id, SendState.PAUSED, reason="its time passed while nothing ran")


def meter(store: Store, relay: Relay, rates: Sequence[Rate], now: int) -> Meter:
    """Paces what leaves to a relay that allows these `rates`, with what is used of them (UTC ms)."""
    free_at = store.usage.free_at(relay.account, rates)
    return Meter(rates, history=store.usage.history(relay.account, now - MINUTE), free_at=free_at)


def used_up_until(store: Store, relay: Relay | None, now: int) -> int | None:
    """Until when (UTC ms) the relay's limits are used up; None where something can leave soon."""
    free = store.usage.free_at(relay.account, limits_for(relay).rates) if relay else now
    return free if free - now > LONG else None


def refuse_unapproved(store: Store, config: Config, send: Send) -> None:
    """Raise RefusedError where what would be mailed is not what was approved for everybody."""
    _refuse_other_ways_out(store, config, send)
    _refuse_half_amended(store, send)


def _refuse_other_ways_out(store: Store, config: Config, send: Send) -> None:
    """Raise RefusedError where live pages came or went since the approval: ways out would lead nowhere."""
    kept = (Stencil.from_bytes(store.sends.stencil(digest)) for digest in store.sends.approved(send.id))
    if all(stencil.one_click is bool(config.web.base_url) for stencil in kept):
        return
    what = "came into" if config.web.base_url else "was taken out of"
    raise RefusedError(
        f"[web] base_url {what} newsletter.toml since this was approved, so its ways out would lead nowhere",
        where=send.slug,
        hint=f"put that back, or let the rest get the issue as it is now: newsletter send {send.slug} "
        f'--to "{send.audience}" --amend',
    )


def _refuse_half_amended(store: Store, send: Send) -> None:
    """Raise RefusedError where an --amend broke off: some would get one version, some the other."""
    if store.sends.strays(send.id):
        raise RefusedError(
            "an --amend of this send broke off half-way: some would get another version than the rest",
            where=send.slug,
            hint=f'end it: newsletter send {send.slug} --to "{send.audience}" --amend',
        )


def close_run(store: Store, send: Send, *, pause: str = "", by_hand: str = "") -> Tally:
    """Write down how a run ended, and give the tally of the whole issue.

    `pause` says why it must not go on. What a person ended (`by_hand` says how) is paused, so that `run` does
    not take it up again; and what was paused or cancelled meanwhile stays so.
    """
    of_send = store.sends.tally_of(send.id)
    if pause:
        state, reason = SendState.PAUSED, pause
    elif not of_send.unfinished:
        state, reason = SendState.DONE, ""
    else:
        state, reason = (SendState.PAUSED, by_hand) if by_hand else (SendState.READY, "")
    if store.sends.end_run(send.id, state, reason).state is SendState.CANCELLED:
        store.sends.cancel(send.id)
    return store.sends.tally(send.slug)


def finish_cancelled(store: Store, config: Config) -> None:
    """See to what dead processes left of cancelled sends: unknown what was on its way, skipped the rest."""
    for send in store.sends.left_behind():
        if not locks.holder(config.root, send.slug):
            store.sends.unknown_from_crash(send.id)
            store.sends.cancel(send.id)
