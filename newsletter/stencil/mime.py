"""The MIME body of a stencil: alternatives, attached pictures, boundaries, encoded pieces."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote

from newsletter.errors import IssueError, UsageError
from newsletter.models import Picture, RenderedEdition
from newsletter.stencil.encode import base64_lines, parameter, quoted_piece
from newsletter.stencil.model import Slot
from newsletter.stencil.places import Occurrence, in_html, in_text, regions, texts_around

_TEXT_HEAD = 'Content-Type: text/{}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'


def build_body(rendered: RenderedEdition, domain: str) -> tuple[str, list[bytes | Slot]]:
    """The outer boundary, and the multipart/alternative body (RFC 2046 5.1.4) as bytes and slots in order."""
    names = {picture.name: _content_id(picture, domain) for picture in rendered.pictures}
    page = _with_content_ids(rendered, names)
    plain = list(_encoded(rendered.text, in_text(rendered.text, rendered.fields)))
    rich = list(_encoded(page, in_html(page, rendered.fields)))
    seed = hashlib.sha256()
    for part in (*plain, *rich, *(picture.data for picture in rendered.pictures)):
        seed.update(part if isinstance(part, bytes) else f"{part.field} {part.place}".encode())
        seed.update(b"\0")
    outer, inner = (f"=_{label}_{seed.hexdigest()[:32]}" for label in ("alternative", "related"))
    rich = [_TEXT_HEAD.format("html").encode(), *rich]
    if rendered.pictures:
        rich = list(_related(rich, rendered.pictures, names, inner))
    return outer, [
        f"--{outer}\r\n{_TEXT_HEAD.format('plain')}".encode(),
        *plain,
        f"\r\n--{outer}\r\n".encode(),
        *rich,
        f"\r\n--{outer}--\r\n".encode(),
    ]


def whole_body(rendered: RenderedEdition, domain: str) -> tuple[str, bytes]:
    """The header lines that tell of the body, and the body; of an edition without fields."""
    boundary, parts = build_body(rendered, domain)
    body = b"".join(part for part in parts if isinstance(part, bytes))
    return mime_headers(rendered.language, boundary), body


def mime_headers(language: str, boundary: str) -> str:
    """The header lines that tell of a body as build_body() makes it. UsageError for what is no language."""
    if not re.fullmatch(r"[A-Za-z0-9-]+", language):
        raise UsageError(f"{language!r} is no language tag.", hint="name the file as in en.md")
    return (
        f"MIME-Version: 1.0\r\nContent-Language: {language}\r\n"
        f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n'
    )


def _related(
    rich: Sequence[bytes | Slot], pictures: Sequence[Picture], names: dict[str, str], boundary: str
) -> Iterator[bytes | Slot]:
    """multipart/related (RFC 2387) of the HTML and its pictures."""
    yield f'Content-Type: multipart/related; type="text/html";\r\n boundary="{boundary}"\r\n'.encode()
    yield f"\r\n--{boundary}\r\n".encode()
    yield from rich
    for picture in pictures:
        disposition = "inline" + parameter("filename", picture.name)
        yield (
            f"\r\n--{boundary}\r\nContent-Type: {picture.media_type}\r\nContent-Transfer-Encoding: base64\r\n"
            f"Content-ID: <{names[picture.name]}>\r\nContent-Disposition: {disposition}\r\n\r\n"
        ).encode()
        yield base64_lines(picture.data)
    yield f"\r\n--{boundary}--\r\n".encode()


def _content_id(picture: Picture, domain: str) -> str:
    """An id made of the name and the bytes (RFC 2392), so that two pictures never share one."""
    readable = re.sub(r"[^a-z0-9]+", "-", picture.name.lower())[:40].strip("-")
    mark = hashlib.sha256(picture.name.encode() + b"\0" + picture.data).hexdigest()[:12]
    return f"{readable}.{mark}@{domain}"


def _with_content_ids(rendered: RenderedEdition, names: dict[str, str]) -> str:
    page, done, at = rendered.html, [], 0
    for region in regions(page):
        value = page[region.start : region.end].strip()
        if region.kind not in ("value", "bare") or not value.lower().startswith("cid:"):
            continue
        name = html.unescape(value[4:])
        identifier = names.get(name) or names.get(unquote(name))
        if identifier is None:
            raise IssueError(
                f"The picture {name} is shown, but it is not beside the issue.",
                where=f"issues/{rendered.slug}/{rendered.language}.md",
                hint=f"put {name} into issues/{rendered.slug}/",
            )
        done += [page[at : region.start], f"cid:{identifier}"]
        at = region.end
    return "".join([*done, page[at:]])


def _encoded(text: str, occurrences: Sequence[Occurrence]) -> Iterator[bytes | Slot]:
    """Quoted-printable pieces with slots between them."""
    texts = texts_around(text, occurrences)
    for number, piece in enumerate(texts):
        last = number == len(occurrences)
        yield quoted_piece(piece, after_slot=number > 0, before_slot=not last)
        if not last:
            found = occurrences[number]
            if found.place is not None:
                yield Slot(field=found.field, place=found.place)
