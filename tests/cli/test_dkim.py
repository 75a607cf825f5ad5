"""`newsletter dkim`, and what a mail server receives of a project that signs."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable

import pytest

from tests.cli.conftest import Box
from tests.cli.signed import make_key, record, verifies
from tests.deliver.relay import ScriptedRelay

Named = Callable[[int], Box]
PEOPLE = ["ana@example.net", "josé.sample@example.com", "li@example.net"]


@pytest.mark.parametrize("options", [(), ("--ed25519", "--selector", "n2")], ids=["rsa", "ed25519"])
def test_every_mail_of_a_send_verifies_with_the_record_that_was_printed(
    relayed: Named, options: tuple[str, ...]
) -> None:
    with ScriptedRelay(extensions=("PIPELINING", "8BITMIME", "SMTPUTF8")).in_thread() as relay:
        box = relayed(relay.port)
        box.environ["NEWSLETTER_BASE_URL"] = "https://news.example.org"
        printed = make_key(box, *options)
        assert record(box.run("dkim", "show").stdout) == record(printed)
        box.fill(PEOPLE)
        box.send()
        box.run("send", "short", "--test", "me@example.org")
    assert sorted(relay.recipients) == sorted([*PEOPLE, "me@example.org"])
    for taken in relay.taken:
        assert taken.data.startswith(b"DKIM-Signature: v=1; ")
        assert re.search(rb"[:=]list-unsubscribe:", re.sub(rb"\s", b"", taken.data))
        assert verifies(printed, taken.data)
        assert not verifies(printed, taken.data.replace(b"One-Click", b"None"))
        assert not verifies(printed, taken.data.replace(b"says hello", b"says buy it"))
    assert len({taken.data for taken in relay.taken}) == 4


def test_the_key_is_a_secret_file_and_never_overwritten(box: Box) -> None:
    box.write(".gitignore", "subscribers.db*")
    told = box.run("dkim", "new").stderr
    key = box.folder / "dkim-newsletter.pem"
    pem = key.read_bytes()
    assert pem.startswith(b"-----BEGIN PRIVATE KEY-----")
    assert "secret" in told
    assert (box.folder / ".gitignore").read_text() == "subscribers.db*\n/dkim-newsletter.pem\n"
    if os.name == "posix":
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    again = box.run("dkim", "new", exit_code=2).stderr
    assert str(key) in again
    assert "left as it is" in again
    assert key.read_bytes() == pem
    box.run("dkim", "new", "--selector", "newsletter2")
    assert (box.folder / "dkim-newsletter2.pem").exists()


def test_a_key_may_stand_elsewhere_and_another_domain_is_noted(box: Box) -> None:
    elsewhere = box.folder.parent / "my keys" / "key.pem"
    assert "No such file" in box.run("dkim", "new", "--output", str(elsewhere), exit_code=2).stderr
    elsewhere.parent.mkdir()
    told = box.run(
        "dkim", "new", "--output", str(elsewhere), "--domain", "Bücher.example", "--selector", "s1"
    )
    assert f'private_key = "{elsewhere.resolve().as_posix()}"' in told.stdout
    assert record(told.stdout)[0] == "s1._domainkey.xn--bcher-kva.example"
    assert "example.org" in told.stderr and "DMARC" in told.stderr
    assert not (box.folder / ".gitignore").exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [("--selector", "../x"), ("--selector", "a b"), ("--domain", "a;b"), ("--domain", "x@y.org")],
)
def test_what_cannot_stand_in_dns_is_refused_and_no_file_made(box: Box, option: str, value: str) -> None:
    before = set(box.folder.parent.rglob("*"))
    assert option in box.run("dkim", "new", option, value, exit_code=2).stderr
    assert set(box.folder.parent.rglob("*")) == before


def test_show_without_a_key_says_how_to_make_one(box: Box) -> None:
    assert "newsletter dkim new" in box.run("dkim", "show", exit_code=2).stderr


def test_a_lost_key_stops_sending_before_anything_is_planned_and_nothing_else(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        make_key(box)
        key = box.folder / "dkim-newsletter.pem"
        box.fill(PEOPLE[:1])
        key.rename(key.with_suffix(".away"))
        for more in (
            ("--to", "dentists", "--yes"),
            ("--to", "dentists", "--dry-run"),
            ("--test", "me@example.org"),
        ):
            told = box.run("send", "short", *more, exit_code=2).stderr
            assert f"{key}: the DKIM key cannot be read" in told
        box.run("build", "short", "--output", "out")
        assert b"DKIM-Signature" not in (box.folder / "out" / "en.eml").read_bytes()
        assert not relay.taken
        key.with_suffix(".away").rename(key)
        box.send()
    assert len(relay.taken) == 1


@pytest.mark.parametrize(
    "options",
    [(), ("--domain", "example.com", "--selector", "n2"), ("--output", "keys.pem")],
    ids=["defaults", "named", "elsewhere"],
)
def test_the_record_of_a_new_key_can_be_shown_before_it_is_in_the_settings(
    box: Box, options: tuple[str, ...]
) -> None:
    assert "newsletter dkim new" in box.run("dkim", "show", *options, exit_code=2).stderr
    made = box.run("dkim", "new", *options).stdout
    assert box.run("dkim", "show", *options).stdout == made
    again = box.run("dkim", "new", *options, exit_code=2).stderr
    assert " ".join(("newsletter dkim show", *options)) in again


def test_a_second_key_is_shown_beside_the_one_that_is_set(box: Box) -> None:
    first = make_key(box)
    second = box.run("dkim", "new", "--selector", "n2").stdout
    assert record(box.run("dkim", "show").stdout) == record(first)
    assert box.run("dkim", "show", "--selector", "n2").stdout == second
