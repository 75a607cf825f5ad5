"""One line of the examination: what is, and where it is not well, the mend."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Verdict(StrEnum):
    """`UNKNOWN` could not be looked at, or is only worth knowing."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Advice(Struct, frozen=True, kw_only=True):
    """`mend` says what to do, in plain words; `record` is a DNS record to paste."""

    topic: str
    verdict: Verdict
    text: str
    mend: str = ""
    record: str = ""


def yes(topic: str, text: str) -> Advice:
    """All is well."""
    return Advice(topic=topic, verdict=Verdict.YES, text=text)


def no(topic: str, text: str, mend: str, record: str = "") -> Advice:
    """Something is to be mended."""
    return Advice(topic=topic, verdict=Verdict.NO, text=text, mend=mend, record=record)


def unknown(topic: str, text: str, mend: str = "", record: str = "") -> Advice:
    """Worth knowing, or not to be seen from here."""
    return Advice(topic=topic, verdict=Verdict.UNKNOWN, text=text, mend=mend, record=record)


def txt_record(name: str, *strings: str) -> str:
    """A TXT record as zone files write it."""
    quoted = " ".join('"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in strings)
    return f"{name}. IN TXT {quoted}"
