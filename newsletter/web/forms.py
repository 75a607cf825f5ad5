"""What a form sends: its fields, the stamp of when it was shown, and whether a page of ours sent it."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlsplit

from python_multipart.exceptions import FormParserError
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request

from newsletter.models import Key
from newsletter.when import DAY

MOST_FIELDS = 100
STAMP_BYTES = 16
QUICKEST = 2_000
OLDEST = DAY
_PURPOSE = b"newsletter form:"


async def fields(request: Request) -> dict[str, list[str]]:
    """The fields of a form; raises HTTPException 400 for a body that is in neither of HTML's encodings."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return await _urlencoded(request)
    if kind == "multipart/form-data":
        return await _multipart(request)
    raise HTTPException(400)


async def _urlencoded(request: Request) -> dict[str, list[str]]:
    try:
        text = (await request.body()).decode("utf-8")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError:
        raise HTTPException(400) from None
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


async def _multipart(request: Request) -> dict[str, list[str]]:
    try:
        data: FormData = await request.form(max_files=0, max_fields=MOST_FIELDS)
    except (MultiPartException, FormParserError, UnicodeDecodeError):
        raise HTTPException(400) from None
    found: dict[str, list[str]] = {}
    for name, value in data.multi_items():
        found.setdefault(name, []).append(str(value))
    return found


def first(found: Mapping[str, list[str]], name: str) -> str:
    """The first value of a field; empty where there is none."""
    return found.get(name, [""])[0]


def refuse_foreign(request: Request, origin: str) -> None:
    """Raise HTTPException 403 for a form that a page of another site has sent.

    Our pages send no referrer, so that their Origin is "null" where Sec-Fetch-Site is not known.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in {"same-origin", "none"}:
            raise HTTPException(403)
        return
    sent = request.headers.get("origin", "null")
    if sent != "null" and sent.lower() != origin:
        raise HTTPException(403)


def origin_of(url: str) -> str:
    """The origin of an address, as browsers write it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def stamp(key: Key, now: int) -> str:
    """What a form carries to say when it was shown."""
    return f"{now:x}.{key.id:x}.{_mac(key, now)}"


def stamp_age(keys: Mapping[int, Key], text: str, now: int) -> int | None:
    """How long ago a form was shown, in milliseconds; None for a stamp that is not ours, or of the future."""
    try:
        at_text, id_text, mac = text.split(".")
        at, key_id = int(at_text, 16), int(id_text, 16)
    except ValueError:
        return None
    key = keys.get(key_id)
    if key is None or not hmac.compare_digest(_mac(key, at).encode(), mac.encode()) or at > now:
        return None
    return now - at


def _mac(key: Key, at: int) -> str:
    digest = hmac.digest(key.secret, _PURPOSE + b"%x" % at, "sha256")[:STAMP_BYTES]
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
