"""A mail without sender and reader, which opens as a draft in the mail programs of those who pass it on."""

from __future__ import annotations

from newsletter.models import RenderedEdition
from newsletter.stencil.encode import unstructured
from newsletter.stencil.mime import whole_body


def unsent(rendered: RenderedEdition, domain: str) -> bytes:
    """An edition without fields as a mail: subject, text, HTML and pictures; the same bytes each time.

    `domain` stands in the pictures' Content-IDs. Outlook opens what says X-Unsent as a new mail.
    """
    mime, body = whole_body(rendered, domain)
    head = unstructured("Subject", rendered.subject) + "X-Unsent: 1\r\n" + mime + "\r\n"
    return head.encode() + body
