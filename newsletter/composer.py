"""Finished messages: a stencil filled for one person, signed where the project signs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from newsletter import links
from newsletter.addresses import parse_address
from newsletter.config import Config
from newsletter.deliver.ports import Draft, Parcel
from newsletter.deliver.signers import Signers
from newsletter.dkim import BodyHash, Signer
from newsletter.errors import AddressError, UsageError
from newsletter.links import KEY_PURPOSE, PersonalLinks
from newsletter.models import Claim, DeliveryState, Outcome, Profile, Send
from newsletter.stencil import (
    FilledHeaders,
    Stencil,
    body_parts,
    envelope_address,
    envelope_id,
    fill_head,
    fill_pieces,
    message_id,
    missing,
)
from newsletter.store import Store

FEW = 500  # mails that are signed here before other processes have started
BITS = 512  # of a key for each process that signs: Ed25519 is quicker than they would be told

Filling = Callable[[Mapping[str, str], FilledHeaders], Sequence[bytes]]
Finish = Callable[[bytes], Sequence[bytes]]
Drafting = Callable[[Mapping[str, str], FilledHeaders], tuple[bytes, Finish]]
_Wrap = Callable[[Sequence[bytes]], Parcel]
_Making = Callable[[Mapping[str, str], FilledHeaders, _Wrap], Parcel | Draft]


def signer_of(config: Config) -> Signer | None:
    """What signs this project's mails, if it signs. ConfigError for a key that cannot be used."""
    return Signer.load(config.dkim) if config.dkim else None


def filling(stencil: Stencil, signer: Signer | None) -> Filling:
    """What fills a stencil to pieces, and signs where there is a signer: at the moment of the mail's Date."""
    if signer is None:
        return partial(fill_pieces, stencil)
    draft = drafting(stencil, signer)

    def signed(values: Mapping[str, str], headers: FilledHeaders) -> Sequence[bytes]:
        digest, pieces = draft(values, headers)
        return pieces(signer.sign_digest(digest))

    return signed


def drafting(stencil: Stencil, signer: Signer) -> Drafting:
    """What fills a stencil to a digest that is to be signed, and to what makes pieces with the signature."""
    body_hash = BodyHash(stencil.body)

    def draft(values: Mapping[str, str], headers: FilledHeaders) -> tuple[bytes, Finish]:
        head = fill_head(stencil, values, headers)
        parts = body_parts(stencil, values)
        line, digest = signer.unsigned(head, body_hash.of(parts[1::2]), headers.date)
        return digest, lambda signature: [signer.signed(line, signature) + head + b"\r\n", *parts]

    return draft


def signers_for(signer: Signer | None, count: int) -> Signers | None:
    """Processes that sign for a run of `count` mails, where the project signs and they are worth starting."""
    if signer is None or signer.bits < BITS or count < FEW:
        return None
    processes = min(os.cpu_count() or 1, signer.bits // BITS)
    return Signers(signer.pem, signer.sign_digest, count=processes)


def composer(
    store: Store, config: Config, send: Send, signer: Signer | None
) -> Callable[[Claim], Parcel | Draft | Outcome]:
    """What turns a claim of this send into a filled message, from the stored stencils only.

    With a `signer` it becomes a draft, which may be signed elsewhere.
    """
    links_of = links.personal_links(config, store.keys.current(KEY_PURPOSE), send.id)
    domain = config.sender.domain
    sender = mail_from(config)
    known: dict[bytes, tuple[Stencil, _Making]] = {}

    def compose(claim: Claim) -> Parcel | Draft | Outcome:
        if claim.stencil not in known:
            loaded = Stencil.from_bytes(store.sends.stencil(claim.stencil))
            known[claim.stencil] = loaded, _making(loaded, signer)
        stencil, make = known[claim.stencil]
        own = links_of(claim.subject)
        values = reader_values(claim.profile, own)
        identity = message_id(send.seed, claim.delivery, domain)
        headers = FilledHeaders(
            to=claim.profile.address,
            to_name=claim.profile.name,
            date=claim.first_claimed,
            message_id=identity,
            list_unsubscribe=own.list_unsubscribe,
        )
        try:
            return make(values, headers, _wrapping(claim, sender, identity))
        except (UsageError, AddressError) as error:
            empty = missing(stencil, values)
            return _skip(claim, f"the field {empty[0]} is empty by now" if empty else error.message)

    return compose


def reader_values(profile: Profile, own: PersonalLinks) -> dict[str, str]:
    """Every field that is one reader's own; the links that all share stand in the stencil already."""
    return {
        **profile.attributes,
        "name": profile.name,
        "email": profile.address.text,
        "language": profile.language,
        "country": profile.country,
        "leave_url": own.leave,
        "preferences_url": own.preferences,
    }


def _making(stencil: Stencil, signer: Signer | None) -> _Making:
    if signer is None:
        return lambda values, headers, wrap: wrap(fill_pieces(stencil, values, headers))
    drafted = drafting(stencil, signer)

    def make(values: Mapping[str, str], headers: FilledHeaders, wrap: _Wrap) -> Draft:
        digest, pieces = drafted(values, headers)
        return Draft(digest=digest, sign=signer.sign_digest, finish=lambda signature: wrap(pieces(signature)))

    return make


def _wrapping(claim: Claim, sender: str, identity: str) -> _Wrap:
    """What puts a message's pieces into this claim's envelope. AddressError for one that can be in none."""
    address = claim.profile.address
    rcpt_to = envelope_address(address)
    return lambda pieces: Parcel(
        delivery=claim.delivery,
        mail_from=sender,
        rcpt_to=rcpt_to,
        pieces=pieces,
        smtputf8=address.needs_smtputf8,
        dotless=True,
        envelope_id=envelope_id(claim.delivery, identity),
    )


def mail_from(config: Config) -> str:
    """The envelope sender, its domain in ASCII; raises AddressError for what only SMTPUTF8 can carry."""
    address = parse_address(config.bounce_address or config.sender.address)
    if address.needs_smtputf8:
        raise AddressError(
            "the sender's address must be written in ASCII before the @: many servers refuse all others",
            where=address.text,
            hint="choose another [sender] address or [bounces] address in newsletter.toml",
        )
    return envelope_address(address)


def _skip(claim: Claim, reason: str) -> Outcome:
    return Outcome(delivery=claim.delivery, state=DeliveryState.SKIPPED, reason=reason)
