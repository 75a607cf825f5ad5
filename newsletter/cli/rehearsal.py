"""What goes before a send: copies to look at, and what a send would do."""

from __future__ import annotations

from msgspec.structs import replace

from newsletter import campaign, composer, trial
from newsletter.addresses import parse_address
from newsletter.cli.app import App, counted, now_ms, put
from newsletter.cli.asking import examined, refuse_errors, tell_early, tell_time
from newsletter.cli.dispatch import send_copies
from newsletter.cli.proving import chosen_editions, make_proof, sample_reader, tell_blocks, tell_early_errors
from newsletter.cli.tell import people, share
from newsletter.deliver.limits import limits_for
from newsletter.models import Send
from newsletter.proof import Proof
from newsletter.store import Store


def send_test(app: App, issue: str, address: str, lang: str | None) -> None:
    """Send copies of all editions, or of one, to an address; no delivery is written."""
    proof = make_proof(app, issue, inert=True)
    versions = [proof.full_version(tag) for tag in chosen_editions(proof.issue, lang)]
    found = [finding for version in versions for finding in version.findings]
    refuse_errors(app, proof, tell_early_errors(app, proof, found))
    parcels = [
        trial.parcel(
            app.config, version, replace(sample_reader(version), address=parse_address(address)), now_ms()
        )
        for version in versions
    ]
    taken = 0
    try:
        with app.talk.status(f"Asking {app.relay.name} …"):
            for _ in send_copies(app.relay, parcels):
                taken += 1
    finally:
        if taken and app.config.database.exists():
            with app.store() as store:
                store.usage.note(app.relay.account, taken, now_ms())
    tell_blocks(app, versions)
    app.say(f"Sent {counted(len(parcels), 'test copy', 'test copies')} to {address}.")
    app.say(
        f"Before the subject stands {trial.MARK}; the links to leave and to preferences in them do nothing."
    )


def rehearse(app: App, issue: str, audience: str, limit: int | None, at: int | None) -> None:
    """Say what a send to `audience` would do, from `at` (UTC ms) or from now; nothing is sent or written."""
    composer.signer_of(app.config)
    proof = make_proof(app, issue)
    with app.store(create=False) as store:
        under_way = [s for s in campaign.unfinished(store, proof.issue.slug) if s.audience == audience]
        if under_way:
            _go_on(app, store, under_way[0], limit, at)
        elif not _begin(app, store, proof, audience, limit, at):
            return
    app.say("This was a dry run: nothing was sent or written, and no mail server or page was asked.")


def _go_on(app: App, store: Store, send: Send, limit: int | None, at: int | None) -> None:
    tally = store.sends.tally_of(send.id)
    left = tally.waiting
    put(f"Under way to {send.audience}: {tally.sent:,} of {people(tally.total)} have it.")
    put(f"Would go on with {share(limit, left)}.")
    count = min(left, limit or left)
    begin = max(at or send.scheduled or 0, now_ms())
    _tell_time(app, store, count, begin, last_due=campaign.last_due(store, send, count))


def _begin(app: App, store: Store, proof: Proof, audience: str, limit: int | None, at: int | None) -> bool:
    """What a new send would do -> whether there is anybody."""
    found = examined(app, store, proof, audience)
    if found is None:
        return False
    if limit is not None and limit < found.total:
        put(f"Would send to {share(limit, found.total)}.")
    tell_early(app, proof.issue, at or now_ms())
    _tell_time(app, store, min(found.total, limit or found.total), at or now_ms())
    return True


def _tell_time(app: App, store: Store, count: int, begin: int, *, last_due: int = 0) -> None:
    """How long it would take; without a mail server only when it would begin."""
    if app.config.relay is not None:
        tell_time(app, store, count, limits_for(app.config.relay), begin, last_due=last_due)
    elif begin > now_ms():
        app.say(f"It would begin {app.local_time(begin)}.")
