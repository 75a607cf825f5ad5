"""What a public page is: its bytes, their kind, and the tag by which a browser asks whether they changed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from msgspec import Struct, field

HTML = "text/html; charset=utf-8"
PUBLIC = {"cache-control": "public, max-age=300"}
PRIVATE = {"cache-control": "no-store", "x-robots-tag": "noindex", "referrer-policy": "no-referrer"}


class Page(Struct, frozen=True, kw_only=True):
    """One answer: `etag` is strong and quoted; the names in `headers` are in lower case."""

    status: int
    content_type: str
    body: bytes
    etag: str
    headers: Mapping[str, str] = field(default_factory=dict)


def make_page(
    body: str | bytes, content_type: str = HTML, *, status: int = 200, headers: Mapping[str, str] = PUBLIC
) -> Page:
    """A page whose tag is made from its bytes."""
    data = body.encode() if isinstance(body, str) else body
    tag = hashlib.sha256(data).hexdigest()[:32]
    return Page(status=status, content_type=content_type, body=data, etag=f'"{tag}"', headers=dict(headers))
