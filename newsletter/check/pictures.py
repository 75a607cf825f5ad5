"""Rules on pictures: that they are there, and that they say something to who does not see them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from newsletter.check.page import Image, bare
from newsletter.check.rule import CheckInput, Note, rule
from newsletter.models import Level
from newsletter.render import picture_size

_LARGE, _WIDE, _SENSIBLE = 500 * 1024, 1_400, 1_200
_FILE_NAME = re.compile(r"[\w .()-]+\.(?:png|jpe?g|gif|webp|svg|avif|bmp|tiff?)", re.IGNORECASE)


def _name(image: Image) -> str:
    return unquote(image.src.strip().removeprefix("cid:"))


@rule(
    "image-missing",
    Level.ERROR,
    title="A picture that is neither attached nor on the web",
    help_="put the file beside the issue and name it exactly, or use an https:// address",
)
def image_missing(given: CheckInput) -> Iterator[Note]:
    """A source that is no picture of the issue and no https address."""
    attached = {picture.name for picture in given.rendered.pictures}
    for image in given.page.images:
        src = image.src.strip()
        held = src.startswith("cid:") and (src[4:] in attached or _name(image) in attached)
        if not held and not src.lower().startswith("https://") and src not in given.tokens:
            message = f"The picture {_name(image) or '(without a name)'} cannot be shown."
            yield Note(message=message, line=given.line_of(_name(image)))


@rule(
    "alt-missing",
    Level.ERROR,
    title="A picture without an alternative text",
    help_="write what the picture tells between the brackets: ![A child beside the X-ray unit](unit.png)",
)
def alt_missing(given: CheckInput) -> Iterator[Note]:
    """No `alt` at all, or an empty one on a picture of the issue or on one that is all there is of a link."""
    for image in given.page.images:
        own = image.src.strip().startswith("cid:") and not image.linked
        if image.alt is None or (own and not bare(image.alt)):
            message = f"The picture {_name(image)} has no alternative text."
            yield Note(message=message, line=given.line_of(_name(image)))
        elif image.only_link and not bare(image.alt):
            message = f"The picture {_name(image)} is a link, but has no alternative text."
            yield Note(message=message, line=given.line_of(_name(image)))


@rule(
    "alt-file-name",
    Level.WARNING,
    title="An alternative text that is a file name",
    help_="write what the picture tells: it is read aloud, and shown while pictures are blocked",
)
def alt_file_name(given: CheckInput) -> Iterator[Note]:
    """`alt="photo.png"`."""
    for image in given.page.images:
        if image.alt and _FILE_NAME.fullmatch(image.alt.strip()):
            message = f"The alternative text of a picture is a file name: {image.alt.strip()}."
            yield Note(message=message, line=given.line_of(image.alt.strip()))


@rule(
    "picture-large",
    Level.WARNING,
    title="A picture is larger than a mail can show",
    help_=f"save a copy that is {_SENSIBLE:,} pixels wide: a mail shows it at most 600 wide, and each reader "
    "gets the whole of it",
)
def picture_large(given: CheckInput) -> Iterator[Note]:
    """Over 500 KB, or over 1,400 pixels wide: twice the width of a mail is enough for any screen."""
    for picture in given.rendered.pictures:
        width, height = picture_size(picture.data) or (0, 0)
        if len(picture.data) > _LARGE or width > _WIDE:
            pixels = f" and {width:,} × {height:,} pixels" if width else ""
            message = f"The picture {picture.name} has {-(-len(picture.data) // 1024):,} KB{pixels}."
            yield Note(message=message, line=given.line_of(picture.name))
