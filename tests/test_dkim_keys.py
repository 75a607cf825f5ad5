"""DKIM keys: their DNS record, the settings that name them, and the one line for a key that cannot sign."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from newsletter import config
from newsletter.dkim import Dkim, Signer, new_key, parse_domain, parse_selector, txt_strings
from newsletter.errors import ConfigError, UsageError
from tests.test_config import GOOD
from tests.test_dkim import BOTH, DOMAIN, ED25519, RSA, letter, signer_with, verifies

SHORT_KEY = """\
MIIBUwIBADANBgkqhkiG9w0BAQEFAASCAT0wggE5AgEAAkEAx0gzBai5lGmKWE9z
E6cV7SIpJeC5ag2tTj6gJYzKR2JznGP4svcNVVP8DJCebX2toCpRdgSMQGfBAH4S
BiNn+wIDAQABAkANScEtNWz6enchIFsaCmAp6cc4oV17tuHBf+eJ2XN7gvTzmNoO
8hPWM4avgkEfi1Sg1Yw0ceIE0WurMryRoDVhAiEA6PiaW593gLg6cMahsIxaFhxs
bvF4EmhONknx2pjSiXMCIQDa+xXKFBN6yeSm3OaS2yMc8/kbsYizGHRucM/zN5wl
WQIgJnLhBr4KuvOssXAWv0xqkbufKbAwYNlWDx+lCq6uEIECIDBOPSNDxHxMtyTc
C/0PXDKR2zzxr98aIO0P87+KX+aZAiBDy38AQdEl5Co+bq5OrrrOcanA52flQ+mt
cqALptKbBA==
"""


@BOTH
def test_the_record_fits_into_dns_and_is_that_of_the_key(signer: Signer) -> None:
    strings = txt_strings(signer.record)
    assert "".join(strings) == signer.record
    assert max(map(len, strings)) <= 255
    assert len(strings) == (2 if signer is RSA else 1)
    assert signer.record_name == "news.a._domainkey.alliance.example.org"
    assert signer.record.startswith("v=DKIM1; k=rsa; p=MII" if signer is RSA else "v=DKIM1; k=ed25519; p=")
    assert signer.bits == (2048 if signer is RSA else 256)
    other = signer_with(new_key(ed25519=signer is ED25519))
    assert not verifies(other, letter(signer))


def _private(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, password: bytes = b"") -> bytes:
    lock = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)


def _public(pem: bytes) -> bytes:
    return (
        load_pem_private_key(pem, None)
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )


def _framed(kind: str, text: str) -> bytes:
    return f"-----BEGIN {kind}-----\n{text}-----END {kind}-----\n".encode()


@pytest.mark.parametrize(
    ("pem", "words"),
    [
        (b"", "is no private key in a PEM file"),
        (b"\xff\x00\xfe", "is no private key in a PEM file"),
        (RSA.pem[:-200], "is no private key in a PEM file"),
        (_framed("PRIVATE KEY", "AAAA\n"), "is no private key in a PEM file"),
        (_public(RSA.pem), "is no private key in a PEM file"),
        (_private(rsa.generate_private_key(65537, 2048), b"secret"), "is locked with a password"),
        (_private(ec.generate_private_key(ec.SECP256R1())), "is neither an RSA nor an Ed25519 key"),
        (_framed("PRIVATE KEY", SHORT_KEY), "has 512 bits, and must have 1024 to 4096"),
        (_private(rsa.generate_private_key(65537, 4160)), "has 4160 bits"),
        (None, "cannot be read"),
    ],
    ids=["empty", "binary", "cut", "nonsense", "public", "locked", "curve", "short", "long", "missing"],
)
def test_a_key_that_cannot_sign_is_one_line_that_names_the_file(
    tmp_path: Path, pem: bytes | None, words: str
) -> None:
    path = tmp_path / "key.pem"
    if pem is not None:
        path.write_bytes(pem)
    with pytest.raises(ConfigError) as caught:
        Signer.load(Dkim(domain=DOMAIN, selector="a", private_key=path))
    told = str(caught.value)
    assert told.startswith(f"{path}: the DKIM key {words}")
    assert "newsletter dkim new" in told
    assert "secret" not in told


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def test_a_key_made_elsewhere_signs_even_a_short_one(tmp_path: Path, form: PrivateFormat) -> None:
    path = tmp_path / "key.pem"
    key = rsa.generate_private_key(65537, 1024)
    path.write_bytes(key.private_bytes(Encoding.PEM, form, NoEncryption()))
    signer = Signer.load(Dkim(domain=DOMAIN, selector="news.a", private_key=path))
    assert signer.bits == 1024
    assert verifies(signer, letter(signer))


@pytest.mark.parametrize("text", ["newsletter", "n2", "2026-12.eu", "a" * 63])
def test_a_selector_is_words_of_letters_digits_and_hyphens(text: str) -> None:
    assert parse_selector(text) == text


@pytest.mark.parametrize(
    "text", ["", "-a", "a-", "a b", "a..b", ".a", "a.", "é", "a_b", "a;b=", "a\n", "a" * 64]
)
def test_what_is_no_selector_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_selector(text)


def test_a_domain_becomes_ascii_and_what_is_none_is_refused() -> None:
    assert parse_domain("Example.ORG") == "example.org"
    assert parse_domain("bücher.example") == "xn--bcher-kva.example"
    for text in ("", "example", "a b.example.org", "me@example.org", "example.org; d=evil.example"):
        with pytest.raises(UsageError):
            parse_domain(text)


def load(folder: Path, table: str) -> config.Config:
    (folder / "newsletter.toml").write_text(GOOD + textwrap.dedent(table), encoding="utf-8")
    return config.load(folder, {})


def test_settings_name_the_key_beside_the_project_and_do_not_read_it(tmp_path: Path) -> None:
    assert load(tmp_path, "").dkim is None
    assert load(tmp_path, "[dkim]\n").dkim is None
    found = load(tmp_path, '[dkim]\nselector = "a"\nprivate_key = "keys/a.pem"\n').dkim
    assert found == Dkim(domain="example.org", selector="a", private_key=tmp_path / "keys" / "a.pem")
    elsewhere = (tmp_path / "other" / "b.pem").as_posix()
    full = load(
        tmp_path, f'[dkim]\ndomain = "Mail.example.org"\nselector = "b"\nprivate_key = "{elsewhere}"\n'
    ).dkim
    assert full == Dkim(domain="mail.example.org", selector="b", private_key=Path(elsewhere))


@pytest.mark.parametrize(
    ("lines", "line", "words"),
    [
        ('domain = "example.org"\n', 8, "[dkim] selector is missing"),
        ('selector = "a"\n', 8, "[dkim] private_key is missing"),
        ('selector = "a b"\nprivate_key = "k"\n', 9, "[dkim] selector must be letters"),
        ('selector = "a"\ndomain = "x y"\nprivate_key = "k"\n', 10, "[dkim] domain is no domain"),
        ('selector = "a"\nprivate_key = 3\n', 10, "[dkim] private_key must be text"),
        ('selektor = "a"\n', 9, "did you mean 'selector'?"),
    ],
)
def test_a_mistake_in_the_settings_names_its_line(tmp_path: Path, lines: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f"[dkim]\n{lines}")
    assert str(caught.value).startswith(f"{tmp_path / 'newsletter.toml'}:{line}:")
    assert words in str(caught.value)
