"""DKIM (RFC 6376, 8301, 8463): keys, their DNS record, and the signature line of a message."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

from msgspec import Struct

from newsletter.addresses import parse_address
from newsletter.errors import AddressError, ConfigError, UsageError

SIGNED = frozenset(
    b"from to subject date message-id reply-to mime-version content-type content-language "
    b"list-id list-unsubscribe list-unsubscribe-post list-help list-archive feedback-id".split()
)
"""The headers that a signature covers, of those present (RFC 6376 5.4.1)."""
OVERSIGNED = (b"from", b"subject", b"date")
"""Those of which nobody can add another: named once more than they occur (RFC 6376 8.15)."""
SMALLEST, ADVISED, LARGEST = 1024, 2048, 4096  # bits of an RSA key (RFC 8301 3.2)
STRING = 255  # octets of one string of a TXT record (RFC 1035 3.3.14)
_LINE = 72
_BLANKS = re.compile(rb"[ \t]+")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_SELECTOR = re.compile(rf"(?=.{{1,63}}\Z){_LABEL}(?:\.{_LABEL})*")


class Dkim(Struct, frozen=True, kw_only=True):
    """Who signs: `domain` in ASCII, `private_key` a PEM file, read when something is signed."""

    domain: str
    selector: str
    private_key: Path


def parse_domain(text: str) -> str:
    """A domain in its ASCII form. UsageError where it is none."""
    try:
        return parse_address(f"postmaster@{text}").key.rpartition("@")[2]
    except AddressError as error:
        raise UsageError(f"is no domain: {error.message}", hint="write one like example.org") from None


def parse_selector(text: str) -> str:
    """A selector (RFC 6376 3.1). UsageError where it is none."""
    if not _SELECTOR.fullmatch(text):
        raise UsageError("must be letters, digits and hyphens", hint="write one like newsletter")
    return text


def new_key(*, ed25519: bool = False) -> bytes:
    """A fresh private key as PEM: RSA of 2048 bits, or Ed25519."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = Ed25519PrivateKey.generate() if ed25519 else generate_private_key(65537, ADVISED)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


class Signer:
    """Signs for one domain with one key; without state of its own, so any thread may use it.

    ConfigError, whose `where` is as given, for a key that cannot sign. `bits` is the key's size, `algorithm`
    the a= tag. Only `sign_digest` needs the key, and most of the time: with the same PEM another process can
    do it.
    """

    def __init__(self, *, domain: str, selector: str, pem: bytes, where: str = "") -> None:
        self.domain, self.selector, self.pem = domain, selector, pem
        self._domain, self._selector = domain.encode(), selector.encode()
        self.algorithm, self.bits, self._public, self.sign_digest = _opened(pem, where)

    @classmethod
    def load(cls, settings: Dkim) -> Signer:
        """With the key of the file that is set. ConfigError where it cannot be read or cannot sign."""
        where = str(settings.private_key)
        try:
            pem = settings.private_key.read_bytes()
        except OSError as error:
            raise ConfigError(
                f"the DKIM key cannot be read: {error.strerror}",
                where=where,
                hint="put it back, or make one with: newsletter dkim new",
            ) from None
        return cls(domain=settings.domain, selector=settings.selector, pem=pem, where=where)

    @property
    def record_name(self) -> str:
        """Where the DNS record stands (RFC 6376 3.6.2.1), without a dot at the end."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def record(self) -> str:
        """The TXT record's text (RFC 6376 3.6.1)."""
        kind = self.algorithm.decode().partition("-")[0]
        return f"v=DKIM1; k={kind}; p={base64.b64encode(self._public).decode()}"

    def sign(self, head: bytes, body_hash: bytes, now: int) -> bytes:
        """The DKIM-Signature line with its CRLF, to stand before all headers: see `unsigned`."""
        line, digest = self.unsigned(head, body_hash, now)
        return self.signed(line, self.sign_digest(digest))

    def unsigned(self, head: bytes, body_hash: bytes, now: int) -> tuple[bytes, bytes]:
        """The DKIM-Signature line up to the signature, and the digest, 32 octets, that is to be signed.

        `head` is the header lines, CRLF at each line's end; `body_hash` the SHA-256 of the relaxed body, see
        BodyHash; `now` UTC in milliseconds.
        """
        names, lines = _covered(head)
        unsigned = b"v=1; a=%b; c=relaxed/relaxed; t=%d;\r\n d=%b;\r\n s=%b;\r\n h=%b;\r\n bh=%b;\r\n b=" % (
            self.algorithm,
            now // 1000,
            self._domain,
            self._selector,
            _folded((*names, *OVERSIGNED)),
            base64.b64encode(body_hash),
        )
        lines.append(b"dkim-signature:" + unsigned.replace(b"\r\n", b""))
        return b"DKIM-Signature: " + unsigned, hashlib.sha256(b"\r\n".join(lines)).digest()

    @staticmethod
    def signed(line: bytes, signature: bytes) -> bytes:
        """The whole line of what `unsigned` gave and the signature of its digest."""
        encoded = base64.b64encode(signature)
        chunks = (encoded[at : at + _LINE] for at in range(0, len(encoded), _LINE))
        return line + b"\r\n ".join(chunks) + b"\r\n"


class BodyHash:
    """The body hashes of what one stencil is filled to.

    `pieces` are the constant parts of the body, each but the last followed by a value. A piece ends at a
    line's start and begins, behind a value, with a soft break, so that no run of blanks crosses from a piece
    to a value: each is made relaxed (RFC 6376 3.4.4) by itself, the pieces once. The last piece ends in one
    CRLF. What stands before the first value is hashed once.
    """

    def __init__(self, pieces: Sequence[bytes]) -> None:
        first, *self._rest = (_BLANKS.sub(b" ", piece).replace(b" \r\n", b"\r\n") for piece in pieces)
        self._prefix = hashlib.sha256(first)

    def of(self, values: Sequence[bytes]) -> bytes:
        """SHA-256, 32 bytes, of the body with these values, as encoded as they stand in it."""
        digest = self._prefix.copy()
        for value, piece in zip(values, self._rest, strict=True):
            digest.update(_BLANKS.sub(b" ", value) if b"  " in value or b"\t" in value else value)
            digest.update(piece)
        return digest.digest()


def aligned(one: str, other: str) -> bool:
    """Whether one domain is the other, or lies below it (a little stricter than RFC 7489's relaxed)."""
    return one == other or one.endswith(f".{other}") or other.endswith(f".{one}")


def txt_strings(record: str) -> list[str]:
    """A TXT record's text in strings that DNS can hold."""
    return [record[at : at + STRING] for at in range(0, len(record), STRING)]


def _covered(head: bytes) -> tuple[list[bytes], list[bytes]]:
    """The covered headers' names and their relaxed lines (RFC 6376 3.4.2), the last one first (5.4.2)."""
    unfolded = head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
    if b"  " in unfolded or b"\t" in unfolded:
        unfolded = _BLANKS.sub(b" ", unfolded)
    names, lines = [], []
    for line in reversed(unfolded.split(b"\r\n")):
        name, _, value = line.partition(b":")
        name = name.rstrip(b" ").lower()
        if name in SIGNED:
            names.append(name)
            lines.append(name + b":" + value.strip(b" "))
    return names, lines


@lru_cache(maxsize=64)
def _folded(names: tuple[bytes, ...]) -> bytes:
    """The h= tag's value in lines that are not too long (RFC 6376 3.5)."""
    lines, line = [], b""
    for name in names:
        if len(line) + len(name) > _LINE:
            lines.append(line)
            line = b""
        line += name + b":"
    return b"\r\n ".join([*lines, line[:-1]])


def _opened(pem: bytes, where: str) -> tuple[bytes, int, bytes, Callable[[bytes], bytes]]:
    """A private key's algorithm, its bits, what DNS holds of it, and what signs a digest."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_private_key,
    )

    try:
        key = load_pem_private_key(pem, None)
    except TypeError:
        raise _unfit("is locked with a password", where, "the program cannot ask for it") from None
    except (ValueError, UnsupportedAlgorithm):
        raise _unfit("is no private key in a PEM file", where) from None
    if isinstance(key, Ed25519PrivateKey):
        raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return b"ed25519-sha256", 256, raw, key.sign
    if not isinstance(key, RSAPrivateKey):
        raise _unfit("is neither an RSA nor an Ed25519 key", where)
    if not SMALLEST <= key.key_size <= LARGEST:
        raise _unfit(f"has {key.key_size} bits, and must have {SMALLEST} to {LARGEST}", where)
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    sign, padding, algorithm = key.sign, PKCS1v15(), Prehashed(hashes.SHA256())
    return b"rsa-sha256", key.key_size, public, lambda digest: sign(digest, padding, algorithm)


def _unfit(what: str, where: str, why: str = "") -> ConfigError:
    hint = "make another with: newsletter dkim new"
    return ConfigError(f"the DKIM key {what}", where=where, hint=f"{why}; {hint}" if why else hint)
