"""Projects from the first command on: init, new, build, backup, restore, the demo, an installed wheel."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import SLUG, Box
from tests.deliver.relay import ScriptedRelay

ROOT = Path(__file__).parent.parent.parent
Named = Callable[[int], Box]


def contents(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as raw:
        return list(raw.iterdump())


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_init_makes_a_project_that_builds_and_checks(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.run("init", "news")
    inside = Box(tmp_path / "news")
    inside.run("build", SLUG)
    inside.run("check", SLUG)
    before = files(inside.folder)
    assert "already" in box.run("init", "news", exit_code=2).stderr
    assert files(inside.folder) == before


def test_init_writes_over_no_issue(tmp_path: Path) -> None:
    box = Box(tmp_path)
    mine = box.write(f"issues/{SLUG}/en.md", "mine")
    box.run("init")
    assert mine.read_text(encoding="utf-8") == "mine"


def test_two_projects_have_two_list_ids(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.run("init", "a", "--empty")
    box.run("init", "b", "--empty")
    first, second = ((tmp_path / n / "newsletter.toml").read_text(encoding="utf-8") for n in "ab")
    assert first != second
    assert list((tmp_path / "a" / "issues").iterdir()) == []
    assert list((tmp_path / "a" / "templates").iterdir()) == []


def test_new_makes_an_edition_that_builds(box: Box) -> None:
    box.run("new", "Été: des radios plus sûres?")
    box.run("new", "Été: des radios plus sûres?", "--lang", "fr_FR")
    folder = next(p for p in (box.folder / "issues").iterdir() if p.name != "short")
    assert {p.name for p in folder.iterdir()} == {"en.md", "fr-FR.md"}
    box.run("build", folder.name)
    assert "exists already" in box.run("new", "Été: des radios plus sûres?", exit_code=2).stderr


def test_the_same_issue_gives_the_same_bytes(tmp_path: Path) -> None:
    box = Box(tmp_path)
    box.run("init", "news")
    inside = Box(tmp_path / "news", environ={"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo"})
    inside.run("build", SLUG, "--output", "one")
    for path in (inside.folder / "issues" / SLUG).glob("*.md"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    other = Box(tmp_path / "news", environ={"PYTHONHASHSEED": "2", "TZ": "America/Lima"})
    other.run("build", SLUG, "--output", "two")
    assert files(inside.folder / "one") == files(inside.folder / "two")
    assert {name for name in files(inside.folder / "one") if name.endswith(".eml")} == {
        "ar.eml",
        "en.eml",
        "fr.eml",
    }


def test_a_projects_own_template_replaces_the_built_in_one(box: Box) -> None:
    box.write("templates/share.html", "<p>Our own share block</p>")
    box.run("build", "short")
    assert "Our own share block" in (box.folder / "build/short/en.html").read_text(encoding="utf-8")
    box.write("templates/share.html", "{{ nothing.there }}")
    assert "share.html:1" in box.run("build", "short", exit_code=2).stderr


def test_a_backup_brings_everything_back_and_pauses_what_was_under_way(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.fill([f"a{n}@example.net" for n in range(6)])
        box.send("--limit", "2", exit_code=1)
        box.run("backup", "keep/first.db")
        assert "never overwrites" in box.run("backup", "keep/first.db", exit_code=2).stderr
        box.send()
        assert len(relay.taken) == 6
        assert "--yes" in box.run("restore", "keep/first.db", exit_code=2).stderr
        told = box.run("restore", "keep/first.db", "--yes").stderr
        assert "4 deliveries since are taken over" in told
        assert "whom you erased" in told
        assert box.status()["sent"] == 6
        assert "paused" in box.run("status", "short").stdout
        box.send()
        assert len(relay.taken) == 6
        box.write("keep/bad.db", "nothing")
        before = contents(box.folder / "subscribers.db")
        assert "bad.db" in box.run("restore", "keep/bad.db", "--yes", exit_code=2).stderr
        assert contents(box.folder / "subscribers.db") == before


def test_after_a_restore_the_rest_of_a_later_issue_is_sent_and_nobody_who_left_gets_it(
    relayed: Named,
) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.fill([f"a{n}@example.net" for n in range(6)])
        box.run("backup", "first.db")
        box.send("--limit", "2", exit_code=1)
        reached = set(relay.recipients)
        left, erased = sorted({f"a{n}@example.net" for n in range(6)} - reached)[:2]
        box.run("subscribers", "unsubscribe", left)
        box.run("subscribers", "erase", erased, "--yes")
        told = box.run("restore", "first.db", "--yes").stderr
        assert "2 people left or were erased since; they are kept out." in told
        assert "nobody" in box.run("subscribers", "show", erased, exit_code=2).stderr
        assert box.status()["sent"] == 2
        box.send()
        assert sorted(relay.recipients) == sorted({f"a{n}@example.net" for n in range(6)} - {left, erased})


def test_a_restore_where_nothing_stood_says_what_it_cannot_know(box: Box) -> None:
    box.fill(["a@example.net"])
    box.run("backup", "first.db")
    (box.folder / "subscribers.db").unlink()
    assert "since the backup is not known" in box.run("restore", "first.db").stderr


@pytest.mark.parametrize("known", [False, True])
def test_what_to_type_next_works_where_the_program_was_started(tmp_path: Path, known: bool) -> None:
    script = tmp_path / "bin" / "newsletter"
    script.parent.mkdir()
    script.write_text("from newsletter.cli.main import run\nrun()\n")
    script.chmod(0o755)
    told = subprocess.run(
        [sys.executable, "bin/newsletter", "demo", "--output", "show", "--no-open"],
        cwd=tmp_path,
        env={**os.environ, "PATH": str(script.parent if known else tmp_path), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    name = "newsletter" if known else str(Path("bin/newsletter"))
    assert f" {name} init my-newsletter" in told.stdout
    assert f" {name} --project show status" in told.stderr


def test_the_demo_works_twice_and_says_little(tmp_path: Path) -> None:
    box = Box(tmp_path)
    for _ in range(2):
        told = box.run("demo", "--output", "show", "--no-open")
        assert len((told.stdout + told.stderr).splitlines()) <= 25
        mails = list((tmp_path / "show" / "outbox").glob("*.eml"))
        assert len(mails) == 21
        page = (tmp_path / "show" / "index.html").read_text(encoding="utf-8")
        assert all(f"outbox/{mail.name}" in page for mail in mails)
        assert "srcdoc" in page
    box.write("mine/keep.txt", "x")
    assert "not empty" in box.run("demo", "--output", "mine", "--no-open", exit_code=2).stderr


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_the_output_survives_an_old_terminal(tmp_path: Path, encoding: str) -> None:
    environ = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    for arguments in (["--help"], ["init", "p"], ["demo", "--no-open"], ["--project", "p", "check", SLUG]):
        told = subprocess.run(
            [sys.executable, "-m", "newsletter", *arguments],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            check=True,
        )
        told.stdout.decode(encoding)
        told.stderr.decode(encoding)
        assert b"Traceback" not in told.stderr


def test_an_installed_wheel_has_all_it_needs(tmp_path: Path) -> None:
    source = tmp_path / "source"
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file() and not name.startswith(("tests/", "bench/")):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, source / name)
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "-q",
            "--no-deps",
            "--no-build-isolation",
            "-w",
            tmp_path,
            source,
        ],
        check=True,
        capture_output=True,
    )
    wheel = next(tmp_path.glob("*.whl"))
    installed = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(installed)
    box = Box(tmp_path, environ={"PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"})
    box.run("init", "news")
    where = subprocess.run(
        [sys.executable, "-c", "import newsletter; print(newsletter.__file__)"],
        cwd=tmp_path,
        env={**os.environ, **box.environ},
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(installed) in where.stdout
    inside = Box(tmp_path / "news", environ=box.environ)
    inside.run("build", SLUG)
    assert (inside.folder / "build" / SLUG / "ar.eml").exists()
