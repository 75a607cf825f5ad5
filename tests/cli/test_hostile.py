"""Bad input ends in one clear line: nothing sent, nothing half-written, no traceback."""

from __future__ import annotations

import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import ISSUE, SETTINGS, Box
from tests.deliver.relay import ScriptedRelay

Named = Callable[[int], Box]


def one_line(told: subprocess.CompletedProcess[str]) -> str:
    """The error: the last line on stderr, and the only one that is an error."""
    lines = [line for line in told.stderr.splitlines() if line.startswith("newsletter: ")]
    assert len(lines) == 1, told.stderr
    assert told.returncode in {1, 2}
    return lines[0]


def fail(box: Box, *arguments: str) -> str:
    return one_line(box.run(*arguments, exit_code=None))


def edition(box: Box, text: str | bytes) -> str:
    box.write("issues/short/en.md", text)
    return fail(box, "build", "short")


def test_no_project_here(tmp_path: Path) -> None:
    assert "newsletter init" in fail(Box(tmp_path), "status")


def test_broken_settings(box: Box) -> None:
    box.write("newsletter.toml", SETTINGS.replace('"Sample News"', '"Sample News', 1))
    assert "newsletter.toml:2: is not valid TOML" in fail(box, "build", "short")
    box.write("newsletter.toml", SETTINGS + 'colour = "red"\n')
    assert "newsletter.toml:11: [sender] colour is unknown" in fail(box, "build", "short")
    box.write("newsletter.toml", SETTINGS.replace("name = ", 'name = "A\\r\\nBcc: x@example.com" #', 1))
    assert "line break" in fail(box, "build", "short")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["en.md"]),
        ("Dear reader", ["en.md:1", "front matter"]),
        ("---\nsubject: x\n", ["en.md", "closed"]),
        ("---\nsubject: [\n---\nx", ["en.md:"]),
        ("---\ntitle: x\n---\nx", ["en.md", "subject"]),
        ("---\nsubject: x\nsubjekt: y\n---\nx", ["en.md:3", "subjekt", "subject"]),
        ("---\nsubject: x\n---\n", ["en.md"]),
        (b"---\nsubject: x\n---\n\xff\xfe\x00 bytes", ["en.md:"]),
        (b"\x89PNG\r\n\x1a\n\x00\x00", ["en.md"]),
        (ISSUE + "{{ ''.__class__.__mro__ }}\n", ["en.md:9", "no placeholder"]),
        (ISSUE + "{{ name.__class__ }}\n", ["en.md:9", "no placeholder"]),
        (ISSUE + "{% for x in () %}\n", ["en.md:9", "no placeholder"]),
        (ISSUE + "{{ cycler.__init__.__globals__ }}\n", ["en.md:9", "no placeholder"]),
        (ISSUE + "::: calout\nx\n:::\n", ["en.md:9", "callout"]),
        (ISSUE + "::: callout\nx\n", ["en.md:9"]),
        (ISSUE + "[x](javascript:alert)\n", ["en.md:9"]),
        ('---\nsubject: "a\\r\\nBcc: b@example.com"\n---\nx', ["en.md:2"]),
        ("---\nsubject: x\nsubject: y\n---\nx", ["en.md:3"]),
        ("---\nsubject: &a [*a]\n---\nx", ["en.md:2"]),
    ],
)
def test_a_broken_issue(box: Box, text: str | bytes, words: list[str]) -> None:
    line = edition(box, text)
    for word in words:
        assert word in line
    assert not (box.folder / "build").exists()


@pytest.mark.parametrize(
    "name", ["../short", "/etc", "short/../../x", "..", ".", "short/", "a\\b", "C:x", "nothing", ""]
)
def test_an_issue_that_is_none_or_climbs_out(box: Box, name: str) -> None:
    assert "issue" in fail(box, "build", name)
    assert "issue" in fail(box, "send", name, "--to", "dentists", "--dry-run")


def test_a_link_that_leads_out_of_the_issues(box: Box) -> None:
    box.write("secret.md", ISSUE)
    (box.folder / "issues/short/fr.md").symlink_to(box.folder / "secret.md")
    assert "leads out" in fail(box, "build", "short")


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_an_audience_that_is_none_or_empty(relayed: Named, more: list[str]) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.run("lists", "add", "dentists")
        assert "dentists" in fail(box, "send", "short", "--to", "dentist", "--yes", *more)
        assert "nobody" in fail(box, "send", "short", "--to", "dentists", "--yes", *more)
        assert "cuontry" in fail(box, "send", "short", "--to", "cuontry:FR", "--yes", *more)
        assert not relay.taken


def test_a_relay_that_is_down_claims_nothing(relayed: Named) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        box = relayed(taken.getsockname()[1])
        box.fill(["a@example.net", "b@example.net"])
        line = one_line(box.send(exit_code=1))
        assert "127.0.0.1" in line
        assert fail(box, "send", "short", "--test", "me@example.com")
        assert box.run("doctor", exit_code=1).stdout
    found = box.status()
    assert (found["planned"], found["total"]) == (2, 2)


def test_a_wrong_password_claims_nothing(box: Box) -> None:
    def script(step: object) -> str | None:
        return "535 5.7.8 bad credentials" if getattr(step, "verb", "") == "AUTH" else None

    with ScriptedRelay(script, extensions=("AUTH PLAIN LOGIN",)).in_thread() as relay:
        box.environ["NEWSLETTER_SMTP_URL"] = f"smtp://me:wrong-secret@127.0.0.1:{relay.port}"
        box.fill(["a@example.net"])
        told = box.send(exit_code=1)
        assert "wrong-secret" not in told.stderr + told.stdout
        assert "login" in one_line(told) or "password" in one_line(told)
    assert box.status()["planned"] == 1


def test_a_login_never_goes_out_unencrypted(box: Box) -> None:
    box.environ["NEWSLETTER_SMTP_URL"] = "smtp://me:secret@mail.example.org:25"
    line = fail(box, "doctor")
    assert "unencrypted" in line
    assert "secret" not in line


def test_tls_that_is_not_offered_or_not_trusted(box: Box) -> None:
    with ScriptedRelay().in_thread() as relay:
        box.environ["NEWSLETTER_SMTP_URL"] = f"smtp+starttls://127.0.0.1:{relay.port}"
        box.fill(["a@example.net"])
        assert "encrypt" in one_line(box.send(exit_code=1)).lower()
        assert not relay.taken
    assert box.status()["planned"] == 1


def test_no_relay_is_set(box: Box) -> None:
    box.fill(["a@example.net"])
    assert "NEWSLETTER_SMTP_URL" in one_line(box.send(exit_code=2))


def test_no_terminal_and_no_yes(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.fill(["a@example.net"])
        assert "--yes" in fail(box, "send", "short", "--to", "dentists")
        assert "--yes" in fail(box, "subscribers", "erase", "a@example.net")
        assert not relay.taken
    assert "never sent" in box.run("status", "short", exit_code=2).stderr


def test_no_database_yet(box: Box) -> None:
    for arguments in (["status"], ["deliveries", "short"], ["subscribers", "list"], ["backup", "b.db"]):
        assert "no database yet" in fail(box, *arguments)
    assert not (box.folder / "subscribers.db").exists()


def test_a_database_that_is_none(box: Box) -> None:
    box.write("subscribers.db", b"not a database" * 100)
    before = (box.folder / "subscribers.db").read_bytes()
    assert "subscribers.db" in fail(box, "lists")
    assert (box.folder / "subscribers.db").read_bytes() == before


def test_a_database_that_is_locked(box: Box) -> None:
    box.fill(["a@example.net"])
    with sqlite3.connect(box.folder / "subscribers.db", isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        line = fail(box, "subscribers", "add", "b@example.net", "--list", "dentists")
        assert "another program" in line
        other.execute("ROLLBACK")


def test_a_database_of_a_newer_program(box: Box) -> None:
    box.fill(["a@example.net"])
    with sqlite3.connect(box.folder / "subscribers.db") as other:
        other.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('newsletter', 'z9', '')"
        )
    other.close()
    assert "newer" in fail(box, "lists")


def test_a_disk_that_is_full(box: Box, tmp_path: Path) -> None:
    """A file system of 300 KiB stands for a full disk."""
    small = tmp_path / "small"
    small.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(small)], check=False, capture_output=True
    )
    if not mounted or mounted.returncode:
        pytest.skip("a small file system can only be mounted as root")
    try:
        other = Box(small / "project")
        shutil.copytree(box.folder, other.folder)
        people = "".join(f"sample.{n}@example.net,{'Sample ' * 20}\n" for n in range(5000))
        box.write("many.csv", f"email,name\n{people}")
        told = other.run(
            "subscribers",
            "import",
            str(box.folder / "many.csv"),
            "--list",
            "d",
            "--source",
            "x",
            exit_code=None,
        )
        assert "full" in one_line(told)
        rows = other.run("subscribers", "list", "--limit", "0", exit_code=None)
        assert rows.returncode in {0, 2}
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_bad_list_file(box: Box) -> None:
    for name, data in [
        ("a.csv", b"%PDF-1.7 \x00\x01\x02"),
        ("b.xlsx", b"PK\x03\x04 broken"),
        ("c.csv", b"name,town\nAna,Paris\n"),
    ]:
        box.write(name, data)
        assert name in fail(box, "subscribers", "import", name, "--list", "d", "--source", "x")
    assert "directory" in fail(box, "subscribers", "import", ".", "--list", "d")
    assert "does not exist" in fail(box, "subscribers", "import", "none.csv", "--list", "d")


def test_a_bad_name_for_a_list(box: Box) -> None:
    for name in ("a b", "list:x", "-x", "x" * 99, "a,b", "a\nb"):
        box.write("p.csv", "a@example.net\n")
        assert fail(box, "subscribers", "import", "p.csv", "--list", name, "--source", "x")
        assert fail(box, "lists", "add", "--", name)


def test_an_empty_file_gives_zeros(box: Box) -> None:
    box.write("empty.csv", "")
    told = box.json("subscribers", "import", "empty.csv", "--list", "d", "--source", "x")
    assert told == {
        "added": 0,
        "updated": 0,
        "unchanged": 0,
        "suppressed": 0,
        "duplicates": 0,
        "rejected": [],
    }


def test_a_required_field_that_is_empty_stops_the_send_with_the_count(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.write("issues/short/en.md", ISSUE + "Your practice: {{ practice }}\n")
        box.write("p.csv", "email,practice\na@example.net,Clinic\nb@example.net,\nc@example.net,\n")
        box.run("subscribers", "import", "p.csv", "--list", "dentists", "--source", "x", "--yes")
        line = one_line(box.send(exit_code=1))
        assert "2 people" in line
        assert "practice" in line
        assert "en.md:9" in line
        assert not relay.taken


def test_each_fault_of_a_front_matter_has_its_line(box: Box) -> None:
    box.write("issues/short/en.md", "---\nsubject: 7\ndate: soon\nbutton: x\n---\nText.\n")
    told = box.run("check", "short", exit_code=2).stderr.splitlines()
    assert [line.split(": ")[1] for line in told] == [f"issues/short/en.md:{n}" for n in (2, 3, 4)]
