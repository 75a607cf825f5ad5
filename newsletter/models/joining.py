"""Asking to join, leaving, and the mails of the outbox that go with them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from newsletter.models.people import Address
from newsletter.when import HOUR


class OutboxKind(StrEnum):
    """The mails that the program writes to one person by itself."""

    CONFIRM = "confirm"
    ALREADY = "already"
    GOODBYE = "goodbye"
    DATA = "data"


class Shown(Struct, frozen=True, kw_only=True):
    """The words to which somebody agreed, the language in which they were shown, and the page."""

    wording: str
    language: str
    page: str


class JoinRequest(Struct, frozen=True, kw_only=True):
    """Somebody typed an address into a form; nothing is known yet of whose it is.

    `language` is wanted for the mails.
    """

    id: int
    at: int
    address: Address
    list_names: Sequence[str]
    language: str
    shown: Shown


class Joining(Struct, frozen=True, kw_only=True):
    """One list that one person is asked to confirm; `event` is the JOINED event, `asked` its last asking.

    `language` is the one wanted for the mails.
    """

    event: int
    list_name: str
    language: str
    asked: int


class Leaving(Struct, frozen=True, kw_only=True):
    """What one leaving took, so that it can be given back; `whole` where the person left everything.

    `anew` where it was asked once more since, when there was nothing left to take.
    """

    event: int
    subject: bytes
    at: int
    whole: bool
    anew: bool
    list_names: Sequence[str]


_GAP = HOUR  # between mails of some kinds to one address


class LastMail(Struct, frozen=True, kw_only=True):
    """The last outbox mail of some kinds to an address: whether one waits still, and when one moved last."""

    waits: bool
    at: int

    def free_at(self, now: int) -> int:
        """When (UTC ms) the next may leave, an hour after the last; 0 for at once.

        A last one that is far in the future was dated by a clock that was ahead, and keeps nobody waiting.
        """
        return self.at + _GAP if abs(now - self.at) < _GAP else 0


class OutboxMail(Struct, frozen=True, kw_only=True):
    """One row of the outbox; `about` is the consent event it tells of, 0 where there is none."""

    id: int
    kind: OutboxKind
    subject: bytes
    language: str
    about: int
    created: int


class ImportInfo(Struct, frozen=True, kw_only=True):
    """One import: what it brought, and when it was undone; without a file it was one person, by hand.

    `undoing` where taking it back has begun and not ended.
    """

    id: int
    at: int
    list_name: str
    source: str
    file_name: str
    added: int
    updated: int
    undone: int | None = None
    undoing: bool = False


class Undone(Struct, frozen=True, kw_only=True):
    """What taking back an import does, in people.

    `removed` are forgotten; `stay` leave its list, and are known by another; `pending` wait in it as before;
    `kept` stay in it, by another import.
    """

    removed: int
    stay: int
    pending: int
    kept: int = 0

    @property
    def total(self) -> int:
        """Whom it concerns."""
        return self.removed + self.stay + self.pending + self.kept
