"""Addresses as people type and paste them."""

from __future__ import annotations

import pytest
from email_validator import SPECIAL_USE_DOMAIN_NAMES
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.addresses import (
    _RESERVED_TOP,
    _examine,
    _ordinary,
    clean_text,
    mask,
    parse_address,
    parse_mailbox,
)
from newsletter.errors import AddressError

ACCEPTED = [
    ("jane@example.org", "jane@example.org", "jane@example.org"),
    ("Jane.Doe@Example.ORG", "Jane.Doe@Example.ORG", "jane.doe@example.org"),
    ("jane+news@example.org", "jane+news@example.org", "jane+news@example.org"),
    ("d'arcy.o'neil@example.org", "d'arcy.o'neil@example.org", "d'arcy.o'neil@example.org"),
    ("Info@example.org", "Info@example.org", "info@example.org"),
    (" \u00a0jane@example.org\u00a0", "jane@example.org", "jane@example.org"),
    ("\u202ajane@example.org\u202c", "jane@example.org", "jane@example.org"),
    ("\ufeffja\u200bne@example\u200e.org", "jane@example.org", "jane@example.org"),
    ("jane＠example.org", "jane@example.org", "jane@example.org"),
    ("'jane@example.org'", "jane@example.org", "jane@example.org"),
    ("“jane@example.org”", "jane@example.org", "jane@example.org"),
    ("<jane@example.org>", "jane@example.org", "jane@example.org"),
    ("jane@example.org.", "jane@example.org", "jane@example.org"),
    ("jane@example.org;", "jane@example.org", "jane@example.org"),
    ("mailto:jane@example.org?subject=hello", "jane@example.org", "jane@example.org"),
    ("MAILTO:jane%2Bnews@example.org", "jane+news@example.org", "jane+news@example.org"),
    ("jane@example.org; jane@example.org", "jane@example.org", "jane@example.org"),
    ("jane@Bücher.example", "jane@bücher.example", "jane@xn--bcher-kva.example"),
    ("jane@XN--BCHER-KVA.example", "jane@XN--BCHER-KVA.example", "jane@xn--bcher-kva.example"),
]

REFUSED = [
    ("", "no address"),
    (" \u00a0\u200b", "no address"),
    ("dr.smith.example.org", "no @ in 'dr.smith.example.org'"),
    ("@example.org", "nothing before the @"),
    ("jane@", "nothing after the @"),
    ("jane@@example.org", "more than one @"),
    ("jane@example", "has no dot"),
    ("jane doe@example.org", "a space inside 'jane doe@example.org'"),
    ("jane@example,org", "a comma inside"),
    ("jane..doe@example.org", "two dots in a row"),
    (".jane@example.org", "dot"),
    ("a@x.org; b@y.org", "two addresses where one belongs: 'a@x.org', 'b@y.org'"),
    ("a@x.org, b@y.org c@z.org", "3 addresses where one belongs"),
    ("a@x.org/b@y.org", "two addresses"),
    ("jane@example.org\r\nBcc: mallory@example.net", "two addresses"),
    ("jane@example.org\r\nX-Evil: 1", "a space inside"),
    ("jane@clinic.local", "special-use"),
    ("jane@[192.0.2.1]", "is no e-mail address"),
    ("j" * 65 + "@example.org", "too long"),
    ("x" * 5000, "far too long"),
    ("jane\x00@example.org", "a space inside"),
    ("jane\x01doe@example.org", "a space inside"),
]


@pytest.mark.parametrize(("text", "kept", "key"), ACCEPTED)
def test_an_address_is_kept_as_given_and_known_by_its_key(text: str, kept: str, key: str) -> None:
    address = parse_address(text)
    assert (address.text, address.key, address.needs_smtputf8) == (kept, key, False)


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_what_is_no_address_is_refused_with_a_plain_reason(text: str, reason: str) -> None:
    with pytest.raises(AddressError) as refused:
        parse_address(text)
    assert reason in str(refused.value)
    assert len(str(refused.value)) < 300
    assert "\n" not in str(refused.value)


def test_a_local_part_beyond_ascii_is_kept_and_needs_smtputf8() -> None:
    address = parse_address("Jose\u0301@BÜCHER.example")
    assert address.text == "José@bücher.example"
    assert address.key == "josé@xn--bcher-kva.example"
    assert address.needs_smtputf8


def test_an_arabic_address_is_kept() -> None:
    address = parse_address("\u200fعلي@مثال.إختبار.example\u200f")
    assert address.text.startswith("علي@")
    assert address.key.isascii() is False
    assert address.key.partition("@")[2].isascii()


MAILBOXES = [
    ("Jane Doe <jane@example.org>", "Jane Doe", "jane@example.org"),
    ('"Doe, Jane" <jane@example.org>', "Doe, Jane", "jane@example.org"),
    ("'Jane Doe' <jane@example.org>;", "Jane Doe", "jane@example.org"),
    ("Jane Doe <jane@example.org", "Jane Doe", "jane@example.org"),
    ("Jane Doe <mailto:jane@example.org>", "Jane Doe", "jane@example.org"),
    ("jane@example.org (Jane Doe)", "Jane Doe", "jane@example.org"),
    ("jane@example.org <jane@example.org>", "", "jane@example.org"),
    ("jane@example.org<mailto:jane@example.org>", "", "jane@example.org"),
    ("\u202bعلي\u202c <ali@example.org>", "علي", "ali@example.org"),
    ("Jane\r\n\tDoe <jane@example.org>", "Jane Doe", "jane@example.org"),
    ("D'Arcy O'Neil <da@example.org>", "D'Arcy O'Neil", "da@example.org"),
    ("jane@example.org", "", "jane@example.org"),
]


@pytest.mark.parametrize(("text", "name", "address"), MAILBOXES)
def test_a_mailbox_has_a_name_and_an_address(text: str, name: str, address: str) -> None:
    found, parsed = parse_mailbox(text)
    assert (found, parsed.text) == (name, address)


@pytest.mark.parametrize(
    "text",
    [
        "b@example.net <a@example.org>",
        "Jane <a@example.org>, Bob <b@example.net>",
        "Jane\nBcc: x@example.net <a@example.org>",
    ],
)
def test_two_people_in_one_mailbox_are_refused(text: str) -> None:
    with pytest.raises(AddressError, match="two addresses"):
        parse_mailbox(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("jane@example.org", "j•••@e•••.org"),
        ("x@clinic.uni.example", "x•••@c•••.example"),
        ("علي@example.org", "ع•••@e•••.org"),
    ],
)
def test_a_masked_address_does_not_give_itself_away(text: str, shown: str) -> None:
    assert mask(parse_address(text)) == shown
    assert mask(text) == shown


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Jane\u00a0 Doe ", "Jane Doe"),
        ("Jane\r\nBcc: x\x00y\u2028z\x85", "Jane Bcc: x y z"),
        ("علی\u200cرضا", "علی\u200cرضا"),
        ("An\u200cna\u200d", "Anna"),
        ("\ud800x", "x"),
        ("Zoe\u0308", "Zoë"),
    ],
)
def test_cleaned_text_is_one_line(text: str, cleaned: str) -> None:
    assert clean_text(text) == cleaned


@given(st.text())
def test_cleaned_text_never_carries_a_line_break_and_is_clean(text: str) -> None:
    cleaned = clean_text(text)
    assert cleaned.splitlines() in ([], [cleaned])
    assert "\x00" not in cleaned
    assert cleaned.encode("utf-8").decode() == cleaned
    assert clean_text(cleaned) == cleaned


LOCAL = st.from_regex(r"[A-Za-z0-9_.+'-]{1,66}", fullmatch=True)
DOMAIN = st.from_regex(
    r"[A-Za-z0-9-]{1,20}(\.[A-Za-z0-9-]{1,20}){0,3}\.(org|COM|local|test|c|x1|museum)", fullmatch=True
)


@settings(max_examples=400)
@given(LOCAL, DOMAIN)
def test_the_fast_path_answers_as_the_validator_does(local: str, domain: str) -> None:
    text = f"{local}@{domain}"
    fast = _ordinary(text)
    if fast is not None:
        assert fast == _examine(text, text)


def test_the_reserved_domains_are_those_of_the_library() -> None:
    assert {name.rpartition(".")[2] for name in SPECIAL_USE_DOMAIN_NAMES} == _RESERVED_TOP


@given(st.from_regex(r"[a-z0-9_][a-z0-9_+-]{0,20}@[a-z][a-z0-9]{0,20}\.(org|com|net)", fullmatch=True))
def test_ordinary_addresses_take_the_fast_path(text: str) -> None:
    assert _ordinary(text) is not None


@settings(max_examples=300)
@given(st.text(alphabet="aäZİß.@+<>\"' ;,\u00a0\u200c\u0301例", max_size=24))
def test_any_text_gives_a_stable_address_or_a_reason(text: str) -> None:
    try:
        address = parse_address(f"{text}@example.org")
    except AddressError as error:
        assert str(error)
    else:
        assert parse_address(address.text) == address
        assert parse_address(address.key).key == address.key
        assert not any(c.isspace() for c in address.text)


@given(st.text())
def test_no_text_breaks_the_reader_of_mailboxes(text: str) -> None:
    try:
        name, address = parse_mailbox(text)
    except AddressError:
        return
    assert clean_text(name) == name
    assert address.text.count("@") == 1
