"""A copy of a mail for the coordinator to look at; it counts for nobody."""

from __future__ import annotations

from msgspec.structs import replace

from newsletter import composer, links
from newsletter.config import Config
from newsletter.deliver.ports import Parcel
from newsletter.models import Profile
from newsletter.proof import Version
from newsletter.stencil import FilledHeaders, envelope_address, message_id

MARK = "[Test]"
"""Before the subject."""


def parcel(config: Config, version: Version, profile: Profile, now: int) -> Parcel:
    """A copy of one version for the coordinator: marked, links that do nothing, no row in the journal."""
    own = links.inert_links(config)
    marked = replace(version.rendered, subject=f"{MARK} {version.rendered.subject}")
    stencil = replace(version, rendered=marked).stencil()
    headers = FilledHeaders(
        to=profile.address,
        to_name=profile.name,
        date=now,
        message_id=message_id(stencil.digest, now, config.sender.domain),
        list_unsubscribe=own.list_unsubscribe,
    )
    values = composer.reader_values(profile, own)
    return Parcel(
        delivery=0,
        mail_from=composer.mail_from(config),
        rcpt_to=envelope_address(profile.address),
        pieces=composer.filling(stencil, composer.signer_of(config))(values, headers),
        smtputf8=profile.address.needs_smtputf8,
    )
