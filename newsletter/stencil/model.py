"""A stencil: mail bytes in pieces with slots between them, and the form in which the database keeps it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from msgspec import Struct

from newsletter.errors import StoreError
from newsletter.stencil.headers import HeaderSlot
from newsletter.stencil.places import Place
from newsletter.stencil.values import SlotField

_MAGIC = b"newsletter-stencil "
_VERSION = b"1"
_ONE_CLICK = re.compile(rb"(?:\A|\n)List-Unsubscribe-Post:")


class Slot(Struct, frozen=True, kw_only=True):
    """A place in a body that a field's value fills; `field` is an index into the stencil's fields."""

    field: int
    place: Place


class Stencil(Struct, frozen=True, kw_only=True, dict=True):
    """An edition encoded once.

    `head` has one piece more than `head_slots`, `body` one more than `body_slots`; pieces are final bytes
    (CRLF, quoted-printable, no line begins with a dot). `body` begins after the empty line that ends the
    headers. `subject` holds texts and field indices in turn where the subject is a slot.
    """

    slug: str
    language: str
    direction: str
    variant: int
    fields: tuple[SlotField, ...]
    head: tuple[bytes, ...]
    head_slots: tuple[HeaderSlot, ...]
    subject: tuple[str | int, ...]
    body: tuple[bytes, ...]
    body_slots: tuple[Slot, ...]

    @cached_property
    def required(self) -> tuple[str, ...]:
        """Names of the fields without a default (links among them), each once."""
        return tuple(dict.fromkeys(field.name for field in self.fields if field.default is None))

    @property
    def one_click(self) -> bool:
        """Whether its ways out are on live pages (RFC 8058), and not by mail."""
        return any(_ONE_CLICK.search(piece) for piece in self.head)

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of `to_bytes()`, 32 bytes."""
        return hashlib.sha256(self.to_bytes()).digest()

    @cached_property
    def distinct_slots(self) -> tuple[Slot, ...]:
        """The different (field, place) pairs of the body."""
        return tuple(dict.fromkeys(self.body_slots))

    @cached_property
    def slot_order(self) -> tuple[int, ...]:
        """For each body slot its index in `distinct_slots`."""
        numbers = {slot: number for number, slot in enumerate(self.distinct_slots)}
        return tuple(numbers[slot] for slot in self.body_slots)

    def to_bytes(self) -> bytes:
        """A stable form: a line with a checksum, a line of JSON, the raw pieces."""
        raw = b"".join((*self.head, *self.body))
        facts = {
            "slug": self.slug,
            "language": self.language,
            "direction": self.direction,
            "variant": self.variant,
            "fields": [[field.name, field.default] for field in self.fields],
            "head": [len(piece) for piece in self.head],
            "head_slots": self.head_slots,
            "subject": self.subject,
            "body": [len(piece) for piece in self.body],
            "body_slots": [[slot.field, slot.place] for slot in self.body_slots],
        }
        content = json.dumps(facts, separators=(",", ":"), sort_keys=True).encode() + b"\n" + raw
        return b"%b%b %b\n%b" % (_MAGIC, _VERSION, hashlib.sha256(content).hexdigest().encode(), content)

    @classmethod
    def from_bytes(cls, data: bytes) -> Stencil:
        """What `to_bytes` wrote. StoreError where it is of another version, cut or changed."""
        first, _, content = data.partition(b"\n")
        if not first.startswith(_MAGIC):
            raise _damaged("What is stored is no message of this program.")
        version, _, checksum = first.removeprefix(_MAGIC).partition(b" ")
        if version != _VERSION:
            raise _damaged("The stored message was written by another version of this program.")
        if checksum != hashlib.sha256(content).hexdigest().encode():
            raise _damaged("The stored message was changed or cut.")
        facts, _, raw = content.partition(b"\n")
        return cls._read(json.loads(facts), raw)

    @classmethod
    def _read(cls, facts: dict[str, Any], raw: bytes) -> Stencil:
        pieces = _pieces(raw, [*facts["head"], *facts["body"]])
        return cls(
            slug=facts["slug"],
            language=facts["language"],
            direction=facts["direction"],
            variant=facts["variant"],
            fields=tuple(SlotField(name=name, default=default) for name, default in facts["fields"]),
            head=tuple(next(pieces) for _ in facts["head"]),
            head_slots=tuple(map(HeaderSlot, facts["head_slots"])),
            subject=tuple(facts["subject"]),
            body=tuple(pieces),
            body_slots=tuple(Slot(field=field, place=Place(place)) for field, place in facts["body_slots"]),
        )


def _pieces(raw: bytes, lengths: Sequence[int]) -> Iterator[bytes]:
    at = 0
    for length in lengths:
        yield raw[at : at + length]
        at += length


def _damaged(message: str) -> StoreError:
    return StoreError(message, hint="restore a backup, or send again with --amend")
