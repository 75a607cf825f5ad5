"""What may change between approval and the last mail, and what may not."""

from __future__ import annotations

import quopri
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from newsletter.cli.app import now_ms
from newsletter.models import SendState
from newsletter.stencil import Stencil
from newsletter.store import open_store
from tests.cli.conftest import ISSUE, Box
from tests.deliver.relay import ScriptedRelay

Named = Callable[[int], Box]
ONLY = "\n::: only list:dentists\nFor dentists alone.\n:::\n"
BOARD = "\n::: only list:board\nFor the board alone.\n:::\n"


def started(box: Box, text: str) -> None:
    """Four dentists of whom one has it, and one member of the board."""
    box.write("issues/short/en.md", text)
    box.fill(["x@example.net"], "board")
    box.fill([f"a{n}@example.net" for n in range(4)])
    box.send("--limit", "1", exit_code=1)


@pytest.mark.parametrize(
    "later", [ISSUE + BOARD + ONLY, ISSUE, ISSUE + ONLY.replace("dentists\n", "board\n", 1)]
)
def test_other_only_lines_are_never_read_with_the_approved_variants(relayed: Named, later: str) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        started(box, ISSUE + ONLY)
        box.write("issues/short/en.md", later)
        assert ":::" in box.send("--amend", exit_code=1).stderr
        assert "have changed" in box.send().stderr
        assert all(b"For dentists alone" in m.data for m in relay.taken)
        assert len(relay.taken) == 4


def test_a_new_required_field_is_refused_before_anybody_is_skipped(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.run(
            "subscribers", "add", "c@example.net", "--list", "other", "--set", "city=Lyon", "--source", "x"
        )
        started(box, ISSUE)
        box.write("issues/short/en.md", ISSUE + "{{ city }}\n")
        told = box.send("--amend", exit_code=1).stderr
        assert "city" in told and "en.md:9" in told
        assert box.status()["skipped"] == 0
        box.write("issues/short/en.md", ISSUE + '{{ city | default("your town") }}\n')
        box.send("--amend")
        assert sum(b"your town" in m.data for m in relay.taken) == 3


def test_nothing_is_amended_where_the_question_is_answered_with_no(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        started(box, ISSUE)
        box.write("issues/short/en.md", ISSUE + "Another line.\n")
        told = box.asked("n", "send", "short", "--to", "dentists", "--amend")
        assert "nothing was done" in told
        assert "have changed" in box.send().stderr
        assert not any(b"Another line" in message.data for message in relay.taken)
        assert len(relay.taken) == 4


def test_an_amend_that_broke_off_is_ended_before_anything_goes_out(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        started(box, ISSUE)
        box.write("issues/short/en.md", ISSUE + "Another line.\n")
        with open_store(box.folder / "subscribers.db", now=now_ms) as store:
            (send,) = store.sends.of_issue("short")
            (known,) = store.sends.approved(send.id)
            other = replace(Stencil.from_bytes(store.sends.stencil(known)), subject=("Half-way",))
            version = {other.digest: ("en", 0, other.to_bytes())}
            store.sends.amend(send.id, version, lambda data: ("en", 0))
            store.sends.approve(send.id, {known: ("en", 0, store.sends.stencil(known))})
            store.sends.set_state(send.id, SendState.READY)
        for command in (["resume", "short"], ["send", "short", "--to", "dentists", "--yes"]):
            assert "broke off half-way" in box.run(*command, exit_code=1).stderr
        assert "broke off half-way" in box.run("run", exit_code=None).stderr
        assert len(relay.taken) == 1
        box.send("--amend")
        assert sum(b"Another line" in message.data for message in relay.taken) == 3
        assert len(relay.taken) == 4


@pytest.mark.parametrize("first", ["", "https://news.example.org"])
def test_ways_out_are_all_as_approved_or_all_as_now(relayed: Named, first: str) -> None:
    other = "" if first else "https://news.example.org"
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.environ["NEWSLETTER_BASE_URL"] = first
        started(box, ISSUE)
        box.environ["NEWSLETTER_BASE_URL"] = other
        for command in (("send", "short", "--to", "dentists", "--yes"), ("resume", "short")):
            told = box.run(*command, exit_code=1).stderr
            assert "base_url" in told and '--to "dentists" --amend' in told
            assert "paused" in box.run("status", "short").stdout, "cron must not take it up"
        assert len(relay.taken) == 1
        box.send("--amend")
        heads = [message.data.partition(b"\r\n\r\n")[0] for message in relay.taken]
        assert [b"List-Unsubscribe-Post" in head for head in heads] == [bool(first), *[bool(other)] * 3]
        assert [b"<https://" in head for head in heads] == [bool(first), *[bool(other)] * 3]


def test_an_only_line_that_cannot_be_is_an_error_with_its_line(box: Box) -> None:
    box.fill(["a@example.net"])
    box.write("issues/short/en.md", ISSUE + ONLY.replace("list:dentists", "list:dentistss"))
    told = box.run("check", "short", exit_code=1).stdout
    assert "en.md:10" in told
    assert "dentists" in told
    assert "en.md:10" in box.run("send", "short", "--to", "dentists", "--dry-run", exit_code=2).stderr


def test_a_field_inside_a_block_is_asked_only_of_its_readers(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.write("b.csv", "email,seat\nx@example.net,7\n")
        box.run("subscribers", "import", "b.csv", "--list", "board", "--source", "x")
        box.fill(["a@example.net", "x@example.net"])
        box.write("issues/short/en.md", ISSUE + BOARD.replace("alone", "seat {{ seat }}"))
        box.send()
    texts = [quopri.decodestring(m.data) for m in relay.taken]
    assert sorted(b"seat 7" in text for text in texts) == [False, True]
    assert not any(b"seat  " in text for text in texts)


def test_a_required_field_has_a_stand_in_in_samples(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.write("b.csv", "email,seat\nx@example.net,7\n")
        box.run("subscribers", "import", "b.csv", "--list", "board", "--source", "x")
        box.write("issues/short/en.md", ISSUE + "{{ seat }}\n")
        box.run("build", "short")
        assert "(seat)" in (box.folder / "build/short/en.txt").read_text(encoding="utf-8")
        box.run("send", "short", "--test", "me@example.com")
        assert len(relay.taken) == 1
        assert (
            "no other option"
            in box.run("send", "short", "--test", "me@example.com", "--dry-run", exit_code=2).stderr
        )
        assert len(relay.taken) == 1


def test_an_international_domain_of_the_sender_reaches_everybody(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        settings = (box.folder / "newsletter.toml").read_text(encoding="utf-8")
        box.write("newsletter.toml", settings.replace("news@example.org", "news@bücher.example.org"))
        box.fill(["a@example.net"])
        box.send()
        assert relay.taken[0].mail_from == "news@xn--bcher-kva.example.org"
        box.write("newsletter.toml", settings.replace("news@example.org", "nöws@example.org"))
        box.fill(["b@example.net"])
        assert "ASCII" in box.send(exit_code=2).stderr
        assert box.status()["skipped"] == 0


def test_a_changed_setting_is_not_told_as_a_changed_issue(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        started(box, ISSUE)
        box.environ["NEWSLETTER_ARCHIVE_URL"] = "https://archive.example.org"
        told = box.send().stderr
        assert "files have changed" not in told
        assert "the issue, its templates, the settings or this program have changed" in told
