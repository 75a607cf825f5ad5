"""What a piece of a mail's HTML still needs: values set apart from their surroundings, pictures attached."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote

from msgspec import Struct

from newsletter.models import Field, Picture
from newsletter.render.picturesize import picture_size

CONTENT_WIDTH = 536
"""Pixels between the paddings of a mail that is 600 pixels wide."""

_TAG = re.compile(r"(<[^>]*>)")
_IMAGE = re.compile(r'<img\b[^>]*?\bsrc="(?P<source>[^"]*)"[^>]*>')
_WIDTH = re.compile(r"\swidth=\"")


class Fragment(Struct, frozen=True, kw_only=True):
    """A piece of HTML, and the pictures that it shows as `cid:NAME`, in order of appearance."""

    html: str
    pictures: tuple[Picture, ...]


def isolate_values(fragment: str, fields: Iterable[Field]) -> str:
    """`<bdi>` around every token of a value in text, so that a name cannot reorder what stands beside it.

    Tokens inside tags, and those of links, are left alone. `fragment` has its quotes escaped in attributes.
    """
    tokens = [re.escape(field.token) for field in fields if not field.name.endswith("_url")]
    if not tokens:
        return fragment
    value = re.compile("|".join(tokens))
    return "".join(
        piece if piece.startswith("<") else value.sub(r"<bdi>\g<0></bdi>", piece)
        for piece in _TAG.split(fragment)
    )


def attach_pictures(fragment: str, pictures: Mapping[str, Picture]) -> Fragment:
    """The pictures that are shown, each image with the integer width that Outlook needs.

    A name that is no picture of the issue is left for the checks to tell.
    """
    used: dict[str, Picture] = {}

    def shown(found: re.Match[str]) -> str:
        scheme, _, name = html.unescape(found["source"]).partition(":")
        picture = pictures.get(unquote(name)) if scheme == "cid" else None
        size = None
        if picture is not None:
            used.setdefault(picture.name, picture)
            size = picture_size(picture.data)
        if _WIDTH.search(found[0]):
            return found[0]
        width = min(size[0] if size else CONTENT_WIDTH, CONTENT_WIDTH)
        return found[0].replace("<img", f'<img width="{width}"', 1)

    return Fragment(html=_IMAGE.sub(shown, fragment), pictures=tuple(used.values()))
