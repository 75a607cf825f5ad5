"""A mail without sender and reader, which opens as a draft in the mail programs of those who pass it on."""

from __future__ import annotations

from newsletter.models import RenderedEdition
from newsletter.stencil.encode import unstructured
from newsletter.stencil.mime import build_body


def unsent(rendered: RenderedEdition, domain: str) -> bytes:
    """An edition without fields as a mail: subject, text, HTML and pictures; the same bytes each time.

    `domain` stands in the pictures' Content-IDs. Outlook opens what says X-Unsent as a new mail.
    """
    boundary, parts = build_body(rendered, domain)
    head = (
        unstructured("Subject", rendered.subject)
        + "X-Unsent: 1\r\n"
        + "MIME-Version: 1.0\r\n"
        + f"Content-Language: {rendered.language}\r\n"
        + f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n\r\n'
    )
    return head.encode() + b"".join(part for part in parts if isinstance(part, bytes))
