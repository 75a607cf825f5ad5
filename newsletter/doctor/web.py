"""The pages that mails lead to: whether something answers there, and until when its certificate holds."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urljoin, urlsplit

from msgspec import Struct

from newsletter.oneline import one_line

PATIENCE = 10.0


class Seen(Struct, frozen=True, kw_only=True):
    """What answered; `error` says why nothing did. `date` is the server's own clock. Times are UTC ms."""

    status: int = 0
    location: str = ""
    date: int | None = None
    certificate_expires: int | None = None
    error: str = ""


def look(url: str) -> Seen:
    """Ask for a page, without following where it leads."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=PATIENCE)
    try:
        connection.connect()
        certificate: dict[str, str] = getattr(connection.sock, "getpeercert", dict)()
        connection.request("GET", parts.path or "/", headers={"User-Agent": "newsletter-doctor"})
        answer = connection.getresponse()
        return Seen(
            status=answer.status,
            location=urljoin(url, answer.getheader("Location", "")) if 300 <= answer.status < 400 else "",
            date=_date(answer.getheader("Date", "")),
            certificate_expires=_end_of(certificate.get("notAfter", "")),
        )
    except (OSError, HTTPException) as error:
        return Seen(error=_why(error))
    finally:
        connection.close()


def _why(error: Exception) -> str:
    verify = getattr(error, "verify_message", "")
    if verify:
        return f"its certificate cannot be trusted: {verify}"
    if isinstance(error, TimeoutError):
        return "it does not answer"
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return one_line(text) or type(error).__name__


def _date(text: str) -> int | None:
    try:
        return int(parsedate_to_datetime(text).timestamp() * 1000)
    except ValueError:
        return None


def _end_of(text: str) -> int | None:
    if not text:
        return None
    ends = datetime.strptime(text, "%b %d %H:%M:%S %Y %Z").replace(tzinfo=UTC)
    return int(ends.timestamp() * 1000)
