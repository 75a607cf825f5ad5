"""A project that signs, and what another program says of its signatures."""

from __future__ import annotations

import re

import dkim as verifier  # type: ignore[import-untyped]

from tests.cli.conftest import SETTINGS, Box

RECORD = re.compile(r'^(\S+\._domainkey\.\S+)\. IN TXT ((?:"[^"]{1,255}" ?)+)$', re.MULTILINE)


def record(printed: str) -> tuple[str, bytes]:
    """The DNS name and its text, as a name server would give it."""
    found = RECORD.search(printed)
    assert found, printed
    return found[1], "".join(re.findall(r'"([^"]*)"', found[2])).encode()


def make_key(box: Box, *options: str) -> str:
    """Make a key and do as told -> what was printed."""
    printed = box.run("dkim", "new", *options).stdout
    box.write("newsletter.toml", SETTINGS + printed[printed.index("[dkim]") :])
    return printed


def verifies(printed: str, message: bytes) -> bool:
    where, text = record(printed)
    return bool(
        verifier.verify(
            message, dnsfunc=lambda name, timeout=5: text if name.decode() in (where, f"{where}.") else None
        )
    )
