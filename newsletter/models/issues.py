"""Issues, their editions, and what checks say of them."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path

from msgspec import Struct, field


class Picture(Struct, frozen=True, kw_only=True):
    """A picture beside an issue: its file name, media type and bytes."""

    name: str
    media_type: str
    data: bytes


class ShareText(Struct, frozen=True, kw_only=True):
    """The words of the share-with-colleagues footer; empty where the built-in ones stand."""

    sentence: str = ""
    button: str = ""
    mail_subject: str = ""
    mail_text: str = ""
    forwarded: str = ""


class Edition(Struct, frozen=True, kw_only=True):
    """An issue in one language: front matter and markdown.

    `body_line` is the file's line on which the markdown begins, so that findings can name lines. A `draft` is
    in no public place and is not sent.
    """

    path: Path
    language: str
    subject: str
    body: str
    body_line: int
    preheader: str = ""
    title: str = ""
    description: str = ""
    date: datetime.date | None = None
    reviewed_by: str = ""
    reviewed_on: datetime.date | None = None
    share: ShareText = field(default_factory=ShareText)
    silence: Sequence[str] = ()
    draft: bool = False
    lines: Mapping[str, int] = field(default_factory=dict)


class Issue(Struct, frozen=True, kw_only=True):
    """One number of the newsletter: its editions by language tag, and the pictures beside them."""

    slug: str
    folder: Path
    editions: Mapping[str, Edition]
    pictures: Mapping[str, Picture]


class Field(Struct, frozen=True, kw_only=True):
    """One personal field as an issue or a template asks for it.

    `token` is the ASCII word that stands for it until the stencil is cut; `line` is where it was written
    (0 for a field of the template); `default` is None where the field is required.
    """

    token: str
    name: str
    default: str | None = None
    line: int = 0


class Level(StrEnum):
    """How much a finding weighs: an error stops a send."""

    ERROR = "error"
    WARNING = "warning"


class Finding(Struct, frozen=True, kw_only=True):
    """What a check rule has to say of an edition."""

    rule: str
    level: Level
    edition: str
    line: int
    message: str
    help: str = ""


class RenderedEdition(Struct, frozen=True, kw_only=True):
    """An edition as HTML and text, with tokens where personal fields stand.

    `subject` may hold tokens too. `fields` names every token that occurs. `variant` is the bit mask of the
    `::: only` conditions that hold for its readers (bit n for condition n of the edition). `link_lines` are
    the file's lines of the body's links, by address and words.
    """

    slug: str
    language: str
    direction: str
    variant: int
    subject: str
    preheader: str
    title: str
    html: str
    text: str
    fields: Sequence[Field]
    pictures: Sequence[Picture]
    date: datetime.date | None = None
    link_lines: Mapping[tuple[str, str], int] = {}
