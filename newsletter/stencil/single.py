"""A mail for one person as bytes, without slots and without the headers of bulk mail."""

from __future__ import annotations

from msgspec import Struct

from newsletter.languages import direction
from newsletter.models import Address, RenderedEdition
from newsletter.stencil.encode import unstructured
from newsletter.stencil.headers import PERSONAL, FilledHeaders, HeaderSlot, mailbox, refuse_breaks
from newsletter.stencil.mime import whole_body
from newsletter.stencil.values import clean


class Single(Struct, frozen=True, kw_only=True):
    """What one person is written by the program itself."""

    sender: Address
    sender_name: str
    reply_to: Address | None
    subject: str
    language: str
    html: str
    text: str


def single_mail(mail: Single, headers: FilledHeaders) -> tuple[bytes, bytes]:
    """The header lines, without the empty line, and the body; marked as automatic (RFC 3834 section 5).

    UsageError or AddressError for what cannot stand in a header.
    """
    rendered = RenderedEdition(
        slug="",
        language=mail.language,
        direction=direction(mail.language),
        variant=0,
        subject=mail.subject,
        preheader="",
        title=mail.subject,
        html=mail.html,
        text=mail.text,
        fields=(),
        pictures=(),
    )
    mime, body = whole_body(rendered, headers.message_id.rpartition("@")[2].rstrip(">"))
    lines = [
        mailbox("From", mail.sender_name, mail.sender),
        PERSONAL[HeaderSlot.TO](headers),
        mailbox("Reply-To", "", mail.reply_to) if mail.reply_to else "",
        unstructured("Subject", clean(refuse_breaks(mail.subject, "The subject"))),
        PERSONAL[HeaderSlot.DATE](headers),
        PERSONAL[HeaderSlot.MESSAGE_ID](headers),
        "Auto-Submitted: auto-generated\r\n",
        mime,
    ]
    return "".join(lines).encode(), body
