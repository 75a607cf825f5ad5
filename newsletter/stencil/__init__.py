"""Stencils: an edition rendered and encoded once, with slots that are filled per recipient."""

from newsletter.stencil.cut import Misplaced, cut, link_fields, misplaced
from newsletter.stencil.fill import (
    body_parts,
    fill,
    fill_head,
    fill_html,
    fill_pieces,
    fill_subject,
    fill_text,
    missing,
)
from newsletter.stencil.headers import Envelope, FilledHeaders, envelope_address, envelope_id, message_id
from newsletter.stencil.model import Stencil
from newsletter.stencil.places import Place
from newsletter.stencil.single import Single, single_mail
from newsletter.stencil.unsent import unsent
from newsletter.stencil.values import SlotField

__all__ = [
    "Envelope",
    "FilledHeaders",
    "Misplaced",
    "Place",
    "Single",
    "SlotField",
    "Stencil",
    "body_parts",
    "cut",
    "envelope_address",
    "envelope_id",
    "fill",
    "fill_head",
    "fill_html",
    "fill_pieces",
    "fill_subject",
    "fill_text",
    "link_fields",
    "message_id",
    "misplaced",
    "missing",
    "single_mail",
    "unsent",
]
