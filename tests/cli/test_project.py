"""Projects from the first command on: init, new, build, backup, restore, the demo, an installed wheel."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import pytest

from newsletter import locks
from tests.cli.conftest import ISSUE, SLUG, Box
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
    assert "the postal address of the sample project" in inside.run("check", SLUG).stdout
    before = files(inside.folder)
    assert "already" in box.run("init", "news", exit_code=2).stderr
    assert files(inside.folder) == before


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="there is no folder that nobody may write in")
def test_a_folder_that_may_not_be_written_is_named_with_what_to_do(box: Box) -> None:
    for arguments in (("archive", "--output", "/sys/public"), ("build", "short", "--output", "/sys/out")):
        told = box.run(*arguments, exit_code=2).stderr.splitlines()[-1]
        assert told.startswith(
            "newsletter: /sys: permission was refused (look whether you may read and write here"
        )
    (box.folder / "issues" / "mine").symlink_to("/sys")
    told = box.run("new", "Mine", exit_code=2).stderr
    assert "newsletter: /sys: permission was refused (look" in told.replace(
        str(box.folder / "issues/mine"), "/sys"
    )


def test_git_takes_no_people_and_nothing_that_is_made_anew(tmp_path: Path) -> None:
    Box(tmp_path).run("init", "--empty")
    if shutil.which("git") is None:
        pytest.skip("there is no git")
    kept = ("newsletter.toml", "issues/a/en.md", "issues/a/table.csv", "templates/mail.html")
    private = (
        "subscribers.db",
        "subscribers.db.before-restore-x",
        "backups/a.db",
        "mine.db",
        "all.csv",
        "d.xlsx",
    )
    made = ("archive/index.html", "site/index.html", "build/a/en.html", "demo/index.html")
    git = ["git", "-c", "core.excludesFile=", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    asked = [*git, "check-ignore", "--no-index", *kept, *private, *made]
    told = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    assert set(told.split()) == {*private, *made}


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


def test_a_picture_of_any_name_is_seen_in_what_was_built(box: Box) -> None:
    names = ["plain.png", "Plakat für Wartezimmer (1).PNG"]
    box.write("issues/short/en.md", ISSUE + "".join(f"\n![A poster](<{name}>)\n" for name in names))
    drawing = (ROOT / "issues" / SLUG / "collimation.png").read_bytes()
    for name in names:
        (box.folder / "issues/short" / name).write_bytes(drawing)
    box.run("build", "short")
    page = (box.folder / "build/short/en.html").read_text(encoding="utf-8")
    shown = [unquote(src) for src in re.findall(r'<img\b[^>]*\bsrc="([^"]*)"', page)]
    assert shown == names
    assert all((box.folder / "build/short" / name).exists() for name in names)


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
        assert "4 deliveries since taken over" in told
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


def test_who_came_since_the_backup_and_was_mailed_is_mailed_once(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.fill(["a@example.net"])
        box.run("backup", "first.db")
        box.fill(["b@example.net"])
        box.send()
        told = box.run("restore", "first.db", "--yes").stderr
        assert "1 person came and was mailed since" in told
        box.fill(["b@example.net", "c@example.net"])
        box.send()
        assert sorted(relay.recipients) == ["a@example.net", "b@example.net", "c@example.net"]


def test_nothing_is_restored_under_a_server_even_where_the_database_is_away(box: Box) -> None:
    box.fill(["a@example.net"])
    box.run("backup", "first.db")
    with locks.outbox(box.folder, datetime.now(UTC)):
        for _ in range(2):
            told = box.run("restore", "first.db", "--yes", exit_code=1).stderr
            assert "the pages are served already" in told
            (box.folder / "subscribers.db").unlink(missing_ok=True)
    assert not (box.folder / "subscribers.db").exists()
    box.run("restore", "first.db", "--yes")


def test_a_restore_of_what_is_no_backup_does_not_advise_a_restore(box: Box) -> None:
    box.fill(["a@example.net"])
    cut = (box.folder / "subscribers.db").read_bytes()
    box.write("cut.db", cut[: len(cut) // 3])
    for name in ("newsletter.toml", "cut.db"):
        told = box.run("restore", name, "--yes", exit_code=2).stderr
        assert told.startswith(f"newsletter: {name}: ")
        assert "newsletter restore" not in told
        assert "name a file that was made by: newsletter backup FILE" in told


def test_a_restored_send_says_the_time_of_the_backup_as_all_others(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        settings = (box.folder / "newsletter.toml").read_text(encoding="utf-8")
        zone = settings.replace("[sender]", 'timezone = "Asia/Kathmandu"\n[sender]')
        box.write("newsletter.toml", zone)
        box.fill(["a@example.net", "b@example.net"])
        box.send("--limit", "1", exit_code=1)
        box.run("backup", "first.db")
        box.run("restore", "first.db", "--yes")
        told = box.run("status", "short").stdout
        assert re.search(r"a backup made at \d{4}-\d\d-\d\d \d\d:\d\d \+0545", told), told


def another(box: Box) -> Box:
    """A second project, with a list of its own and a backup of it."""
    other = Box(box.folder.parent / "another", environ=box.environ)
    other.write("newsletter.toml", (box.folder / "newsletter.toml").read_text(encoding="utf-8"))
    other.fill(["a@example.net", "b@example.net"], "board")
    other.run("backup", "other.db")
    return other


def test_a_backup_of_another_project_is_refused_where_people_would_come_back(box: Box) -> None:
    box.fill(["a@example.net"])
    box.run("subscribers", "unsubscribe", "a@example.net")
    other = another(box)
    before = contents(box.folder / "subscribers.db")
    file = str(other.folder / "other.db")
    told = box.run("restore", file, "--yes", exit_code=1).stderr
    assert "backup of another project" in told
    assert "nobody who left or complained here would stay out" in told
    assert "move subscribers.db to another folder" in told
    assert "stays out." not in box.asked("y", "restore", file)
    assert contents(box.folder / "subscribers.db") == before
    (box.folder / "subscribers.db").rename(box.folder / "away.db")
    box.run("restore", file)
    assert box.json("lists", "show")[0]["name"] == "board"


def test_a_restore_promises_to_keep_people_out_only_where_it_can(box: Box) -> None:
    box.fill(["a@example.net"])
    box.run("backup", "first.db")
    assert "erased since then stays out." in box.asked("n", "restore", "first.db")
    (box.folder / "subscribers.db").write_bytes(b"\xa5" * 40_000)
    told = box.asked("y", "restore", "first.db")
    assert "stays out." not in told
    assert "erased since then would be mailed again. [y/N]" in told
    assert "Restored" in told


def test_another_projects_backup_takes_the_place_of_an_empty_database(box: Box) -> None:
    box.run("lists", "add", "dentists")
    told = box.asked("y", "restore", str(another(box).folder / "other.db"))
    assert "stays out." not in told
    assert "it belongs to another project" in told
    assert box.json("lists", "show")[0]["name"] == "board"


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

    def started(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "bin/newsletter", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PATH": str(script.parent if known else tmp_path), "PYTHONUTF8": "1"},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )

    told = started("demo", "--output", "show", "--no-open")
    assert told.returncode == 0, told.stderr
    name = "newsletter" if known else str(Path("bin/newsletter"))
    assert f" {name} init my-newsletter" in told.stdout
    assert f" {name} --project show status" in told.stderr
    assert f"({name} --project show status {SLUG})" in started("--project", "show", "pause", SLUG).stderr


def test_the_demo_works_twice_and_says_little(tmp_path: Path) -> None:
    elsewhere = {"NEWSLETTER_SMTP_URL": "smtp://127.0.0.1:9", "NEWSLETTER_BASE_URL": "https://example.org"}
    box = Box(tmp_path, environ=elsewhere)
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
    demo = [["demo", "--no-open"]] if encoding == "ascii" else []
    for arguments in (["--help"], ["init", "p"], *demo, ["--project", "p", "check", SLUG]):
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
