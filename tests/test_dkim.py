"""DKIM: what is signed verifies elsewhere, what was tampered with does not, and bad keys are told."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import dkim as verifier  # type: ignore[import-untyped]
import pytest
from dkim.canonicalization import Relaxed  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from newsletter.composer import filling
from newsletter.dkim import BodyHash, Signer, new_key
from newsletter.stencil import body_parts, cut, fill
from tests.stencil.samples import (
    COLLEAGUE,
    ENVELOPE,
    LEAVE,
    NAME,
    VALUES,
    address,
    edition,
    headers,
)

NOW = 1_700_000_000_123
DOMAIN = "alliance.example.org"
LINE = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=120)
BLANKS = st.text(st.sampled_from(" \t\na.=-é"), max_size=90)


def signer_with(pem: bytes) -> Signer:
    return Signer(domain=DOMAIN, selector="news.a", pem=pem)


RSA, ED25519 = signer_with(new_key()), signer_with(new_key(ed25519=True))
BOTH = pytest.mark.parametrize("signer", [RSA, ED25519], ids=["rsa", "ed25519"])


def verifies(signer: Signer, message: bytes) -> bool:
    """What dkimpy says, given the signer's record and no other."""
    asked = []

    def txt(name: bytes, timeout: int = 5) -> bytes:
        asked.append(name.decode().rstrip("."))
        return signer.record.encode()

    answer = verifier.verify(message, dnsfunc=txt)
    assert asked == [signer.record_name]
    return bool(answer)


def letter(
    signer: Signer, to_name: str = "Ana García", values: dict[str, str] = VALUES, **more: object
) -> bytes:
    stencil = cut(edition(**more), ENVELOPE)
    return b"".join(filling(stencil, signer)({**VALUES, **values}, headers(to_name=to_name, date=NOW)))


def signature_of(message: bytes) -> dict[str, str]:
    """The tags of the first header, without blanks."""
    name, _, value = re.split(rb"\r\n(?! )", message)[0].partition(b":")
    assert name == b"DKIM-Signature"
    tags = (tag.partition("=") for tag in "".join(value.decode().split()).split(";"))
    return {name: value for name, _, value in tags}


@BOTH
def test_a_signed_mail_verifies_and_is_the_unsigned_one_behind_its_signature(signer: Signer) -> None:
    message = letter(signer)
    assert verifies(signer, message)
    unsigned = fill(cut(edition(), ENVELOPE), VALUES, headers(date=NOW))
    assert message.endswith(b"\r\n" + unsigned)
    assert message == letter(signer)
    first = message.removesuffix(unsigned)
    assert first.count(b"\r\n") == len(re.findall(rb"\r\n(?= |\Z)", first))
    assert max(map(len, first.split(b"\r\n"))) <= 78


@BOTH
def test_the_signature_says_what_it_covers(signer: Signer) -> None:
    tags = signature_of(letter(signer))
    assert (tags["v"], tags["c"], tags["d"], tags["s"]) == ("1", "relaxed/relaxed", DOMAIN, "news.a")
    assert tags["a"] == signer.algorithm.decode() == ("rsa-sha256" if signer is RSA else "ed25519-sha256")
    assert tags["t"] == "1700000000"
    assert set(tags) == {"v", "a", "c", "d", "s", "t", "h", "bh", "b"}
    covered = tags["h"].split(":")
    twice = {"from", "subject", "date"}
    once = (
        "to message-id reply-to mime-version content-type content-language list-id list-unsubscribe "
        "list-unsubscribe-post list-help list-archive feedback-id"
    )
    assert sorted(covered) == sorted([*twice, *twice, *once.split()])


def test_a_header_that_is_absent_is_not_named() -> None:
    plain = replace(ENVELOPE, reply_to=None, one_click=False, list_archive="")
    message = b"".join(
        filling(cut(edition(), plain), ED25519)(VALUES, headers(date=NOW, list_unsubscribe=""))
    )
    covered = signature_of(message)["h"].split(":")
    assert {"reply-to", "list-unsubscribe", "list-unsubscribe-post", "list-archive"}.isdisjoint(covered)
    assert verifies(ED25519, message)


@given(name=LINE, subject=LINE, city=LINE)
@settings(max_examples=60, deadline=None)
def test_whatever_people_are_called_it_verifies(name: str, subject: str, city: str) -> None:
    message = letter(ED25519, name, {"name": f"A{name}", "city": city}, subject=f"For {COLLEAGUE}: {subject}")
    assert verifies(ED25519, message)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Ana  Two   Blanks",
        "Ana\tTab",
        "García Núñez " * 20,
        "عائشة",
        "\u202eevil",
        "a: b; b=",
        "=?utf-8?q?x?=",
    ],
)
def test_a_name_that_must_be_encoded_or_folded_verifies(name: str) -> None:
    assert verifies(RSA, letter(RSA, name, {"name": name.strip() or "x"}))


def test_an_address_with_letters_beyond_ascii_verifies() -> None:
    to = address("josé@bücher.example", "josé@xn--bcher-kva.example")
    message = b"".join(filling(cut(edition(), ENVELOPE), RSA)(VALUES, headers(to=to, date=NOW)))
    assert "josé@".encode() in message
    assert verifies(RSA, message)


@given(
    texts=st.lists(BLANKS, min_size=4, max_size=4),
    name=BLANKS,
    leave=st.sampled_from(["mailto:a@b", "https://x/"]),
)
@settings(max_examples=60, deadline=None)
def test_the_body_hash_is_that_of_the_whole_body(texts: list[str], name: str, leave: str) -> None:
    one, two, three, four = texts
    page = f"<p>{one}{NAME}{two}{COLLEAGUE}{NAME}{three}</p><a href='{LEAVE}'>{four}</a>"
    stencil = cut(edition(html=page, text=f"{four}{NAME}{three}{LEAVE}{two}", pictures=()), ENVELOPE)
    values = {**VALUES, "name": f"{name} x  y", "leave_url": leave}
    body = b"".join(body_parts(stencil, values))
    expected = hashlib.sha256(Relaxed.canonicalize_body(body)).digest()
    hashed = BodyHash(stencil.body)
    for _ in range(2):
        assert hashed.of(body_parts(stencil, values)[1::2]) == expected


def test_the_body_hash_of_a_body_without_values_is_its_own() -> None:
    stencil = cut(edition(html="<p>all  the\tsame </p>", text="the  same ", fields=(), pictures=()), ENVELOPE)
    expected = hashlib.sha256(Relaxed.canonicalize_body(b"".join(body_parts(stencil, {})))).digest()
    assert BodyHash(stencil.body).of([]) == expected


def _parts(message: bytes) -> tuple[bytes, bytes, bytes]:
    """The signature, the other headers, the body."""
    head, _, body = message.partition(b"\r\n\r\n")
    signature, *rest = re.split(rb"(?<=\r\n)(?! )", head + b"\r\n")
    return signature, b"".join(rest), body


@BOTH
@pytest.mark.parametrize("at", [0.0, 0.3, 0.6, 0.99])
def test_one_changed_byte_of_the_body_is_seen(signer: Signer, at: float) -> None:
    message = bytearray(letter(signer))
    start = message.index(b"\r\n\r\n") + 4
    spot = start + int((len(message) - start) * at)
    while not chr(message[spot]).isalnum():
        spot += 1
    message[spot] ^= 1
    assert not verifies(signer, bytes(message))


@BOTH
@pytest.mark.parametrize(
    "added", [b"From: evil@example.com", b"Subject: Buy", b"Date: Thu, 1 Jan 1970 00:00:00 +0000"]
)
def test_another_header_of_a_kind_that_readers_are_shown_is_seen(signer: Signer, added: bytes) -> None:
    signature, head, body = _parts(letter(signer))
    assert not verifies(signer, added + b"\r\n" + signature + head + b"\r\n" + body)
    assert not verifies(signer, signature + head + added + b"\r\n\r\n" + body)


@pytest.mark.parametrize(
    "name",
    [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Reply-To",
        "List-Id",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "List-Help",
        "List-Archive",
        "Feedback-ID",
        "MIME-Version",
        "Content-Type",
        "Content-Language",
    ],
)
def test_a_header_that_was_changed_or_taken_away_is_seen(name: str) -> None:
    signature, head, body = _parts(letter(RSA))
    line = re.search(rf"^{name}: (?:.*\r\n)(?: .*\r\n)*".encode(), head, re.MULTILINE)
    assert line
    for instead in (b"", line[0].replace(b": ", b": x", 1)):
        assert not verifies(RSA, signature + head.replace(line[0], instead) + b"\r\n" + body)


def _refolded(signature: bytes, head: bytes, body: bytes) -> bytes:
    unfolded = head.replace(b"\r\n ", b" ")
    return signature + re.sub(rb"([,;>]) (?=\S)", rb"\1\r\n\t ", unfolded) + b"\r\n" + body


RELAYED: dict[str, Callable[[bytes, bytes, bytes], bytes]] = {
    "traces added": lambda s, h, b: (
        b"Received: from a by b;\r\n today\r\nX-Scanned: yes\r\n" + s + h + b"\r\n" + b
    ),
    "headers refolded": _refolded,
    "blanks doubled in headers": lambda s, h, b: s + h.replace(b": ", b":   ") + b"\r\n" + b,
    "names in capitals": lambda s, h, b: (
        s + re.sub(rb"(?m)^[\w-]+:", lambda m: m[0].upper(), h) + b"\r\n" + b
    ),
    "blanks at line ends": lambda s, h, b: s + h + b"\r\n" + b.replace(b"\r\n", b" \t\r\n"),
    "blanks doubled in the body": lambda s, h, b: s + h + b"\r\n" + re.sub(rb"(?<! ) (?! )", b"  ", b),
    "empty lines at the end": lambda s, h, b: s + h + b"\r\n" + b + b"\r\n\r\n",
    "the signature on one line": lambda s, h, b: s.replace(b"\r\n ", b" ") + h + b"\r\n" + b,
}


@BOTH
@pytest.mark.parametrize("change", RELAYED)
def test_what_relays_do_to_blanks_and_folds_is_forgiven(signer: Signer, change: str) -> None:
    parts = _parts(letter(signer))
    changed = RELAYED[change](*parts)
    assert changed != parts[0] + parts[1] + b"\r\n" + parts[2]
    assert verifies(signer, changed)


def sign_there(signer: Signer, head: bytes, now: int) -> bytes:
    return signer.sign(head, bytes(32), now)


@BOTH
def test_threads_sign_the_same(signer: Signer) -> None:
    heads = [f"From: news@example.org\r\nSubject: Sample {n}\r\n".encode() for n in range(40)]
    here = [sign_there(signer, head, NOW) for head in heads]
    assert len(set(here)) == 40
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(sign_there, [signer] * 40, heads, [NOW] * 40)) == here


@BOTH
def test_only_a_digest_is_signed_and_that_can_be_done_elsewhere(signer: Signer) -> None:
    head = b"From: news@example.org\r\nSubject: Sample\r\n"
    line, digest = signer.unsigned(head, bytes(32), NOW)
    assert len(digest) == 32
    assert signer.unsigned(head, bytes(32), NOW) == (line, digest)
    copy = signer_with(signer.pem)
    signature = copy.sign_digest(digest)
    assert len(signature) == (256 if signer is RSA else 64)
    assert signer.signed(line, signature) == signer.sign(head, bytes(32), NOW)
