"""The headers of every answer: what a browser may do with our pages, which is little."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
ALWAYS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
}
YEAR = "max-age=31536000"
OPEN_TO_ALL = ("image/", "application/atom+xml", "application/feed+json", "application/xml")
"""What other sites may show: the pictures of an issue, and the feeds."""


def guard_headers(headers: MutableHeaders, *, secure: bool) -> None:
    """Add what is missing to an answer; `secure` where the pages' address is https."""
    for name, value in ALWAYS.items():
        headers.setdefault(name, value)
    if secure:
        headers.setdefault("Strict-Transport-Security", YEAR)
    kind = headers.get("Content-Type", "")
    headers.setdefault(
        "Cross-Origin-Resource-Policy", "cross-origin" if kind.startswith(OPEN_TO_ALL) else "same-origin"
    )
    headers.setdefault("Cache-Control", "no-store")
