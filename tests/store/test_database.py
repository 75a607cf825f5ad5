"""Opening the file: what is refused, what is said, and that nothing is harmed."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest

from newsletter.errors import DatabaseBusyError, DatabaseVersionError, StoreError
from newsletter.store import Store, open_store
from newsletter.store.database import Connection
from newsletter.store.failures import translate
from newsletter.store.place import filesystem_type, parse_mount_output, parse_proc_mounts, sync_warning
from newsletter.store.schema import MIGRATION_SET, STEPS, migrate
from newsletter.store.schema_people import PEOPLE_SQL
from tests.store.samples import Clock, profile, take_in

ROOT = Path(__file__).parents[2]


def test_it_is_made_at_first_use_and_keeps_its_identity(path: Path, clock: Clock) -> None:
    with open_store(path, now=clock) as store:
        first = store.project_id
        pragmas = {
            name: store._connection.value(f"PRAGMA {name}")
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    with open_store(path, now=clock) as store:
        assert store.project_id == first
        assert len(bytes.fromhex(first)) == 16
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_bulk_work_ends_with_waiting_for_the_disk_again(store: Store) -> None:
    with store._connection.bulk():
        assert store._connection.value("PRAGMA synchronous") == 1
    assert store._connection.value("PRAGMA synchronous") == 2


def test_no_database_and_none_wanted(path: Path, clock: Clock) -> None:
    with pytest.raises(StoreError, match="there is no database yet.*subscribers import"):
        open_store(path, now=clock, create=False)
    assert not path.exists()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"email,name\nana@example.org,Ana\n" * 50, "no newsletter database"),
        (b"PK\x03\x04" * 500, "no newsletter"),
    ],
)
def test_another_kind_of_file_is_refused_untouched(
    path: Path, clock: Clock, content: bytes, sentence: str
) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreError, match=sentence):
        open_store(path, now=clock)
    assert path.read_bytes() == content


def test_a_foreign_sqlite_file_is_refused_untouched(path: Path, clock: Clock) -> None:
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("CREATE TABLE recipes (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="no newsletter database"):
        open_store(path, now=clock)
    assert path.read_bytes() == before


def test_a_database_of_a_newer_program_is_refused_byte_for_byte(path: Path, clock: Clock) -> None:
    open_store(path, now=clock).close()
    with closing(sqlite3.connect(path)) as raw:
        raw.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES (?, '999', 'then')",
            [MIGRATION_SET],
        )
        raw.commit()
    before = path.read_bytes()
    with pytest.raises(DatabaseVersionError, match="newer version"):
        open_store(path, now=clock)
    assert path.read_bytes() == before


def test_an_older_database_is_copied_before_it_is_migrated(path: Path, clock: Clock) -> None:
    older = {"001_people": f"{PEOPLE_SQL} INSERT INTO meta (key, value) VALUES ('project_id', 'cafe');"}
    connection = Connection(path)
    assert migrate(connection, older) == ["001_people"]
    connection.close()
    with open_store(path, now=clock) as store:
        assert store.project_id == "cafe"
        assert store.sends.all() == []
    copy = path.with_name("subscribers.db.before-002_sending")
    with closing(sqlite3.connect(copy)) as raw:
        assert raw.execute("SELECT value FROM meta WHERE key = 'project_id'").fetchone() == ("cafe",)
        assert not raw.execute("SELECT 1 FROM sqlite_master WHERE name = 'deliveries'").fetchone()


def test_what_was_counted_by_host_and_port_is_counted_by_host(path: Path, clock: Clock) -> None:
    connection = Connection(path)
    migrate(connection, {name: STEPS[name] for name in list(STEPS)[:8]})
    for relay in ("Mail.example.org:587", "mail.example.org.:465", "10.0.0.5:25", "::1:2525"):
        connection.run("INSERT INTO usage (relay, minute, sent) VALUES (?, 7, 2)", [relay])
    connection.close()
    with open_store(path, now=clock) as store:
        counts = {
            relay: store.usage.sent_since(relay, 0) for relay in ("mail.example.org", "10.0.0.5", "::1")
        }
        assert counts == {"mail.example.org": 4, "10.0.0.5": 2, "::1": 2}
        assert store._connection.value("SELECT count(*) FROM usage") == 3


def test_a_migration_that_fails_leaves_the_database_as_it_was(path: Path, clock: Clock) -> None:
    with open_store(path, now=clock) as store:
        take_in(store, profile("ana"))
    broken = {**STEPS, "006_broken": "DELETE FROM memberships; SELECT * FROM no_such_table;"}
    connection = Connection(path)
    with pytest.raises(StoreError):
        migrate(connection, broken)
    connection.close()
    with open_store(path, now=clock) as store:
        assert store.lists.all()[0].active == 1


def test_two_programs_that_open_it_first_at_once_agree(path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from newsletter.store import open_store\n"
        "with open_store(Path(sys.argv[1]), now=lambda: 1) as s:\n"
        "    print(s.project_id, s.keys.current('token').id)"
    )
    runs = [
        subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=ROOT, stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    answers = {run.communicate(timeout=60)[0] for run in runs}
    assert len(answers) == 1
    assert answers != {b""}


def test_a_locked_database_is_said_and_nothing_is_lost(path: Path, store: Store) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DatabaseBusyError, match=r"another program holds subscribers\.db"):
            take_in(store, profile("ana"))
        other.execute("ROLLBACK")
    assert take_in(store, profile("ana")).added == 1


def test_a_lock_that_ends_in_time_is_waited_for(path: Path, clock: Clock) -> None:
    with open_store(path, now=clock, busy_seconds=10) as store:
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.3, lambda: other.execute("COMMIT"))
        timer.start()
        assert take_in(store, profile("ana")).added == 1
        timer.join()
        other.close()


def test_a_full_disk_takes_back_what_was_being_written(store: Store) -> None:
    take_in(store, profile("ana"))
    raw = store._connection.raw
    pages = store._connection.value("PRAGMA page_count")
    raw.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match="the disk is full") as caught, store.transaction():
        store.people.put(profile("big", attributes={"note": "x" * 200_000}), 1)
    assert caught.value.hint
    raw.execute("PRAGMA max_page_count = 1000000")
    assert [one.profile.address.text for one in store.people.select()] == ["ana@example.org"]
    assert store._connection.value("PRAGMA integrity_check") == "ok"


@contextmanager
def without_power() -> Iterator[None]:
    """Permissions bind nobody who is root: be nobody for a while."""
    if hasattr(os, "seteuid") and os.geteuid() == 0:
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)
    else:
        yield


@pytest.mark.parametrize("folder_mode", [0o555, 0o755])
def test_a_read_only_file_is_said(clock: Clock, folder_mode: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "subscribers.db"
        with open_store(path, now=clock) as store:
            take_in(store, profile("ana"))
        before = path.read_bytes()
        path.chmod(0o444)
        folder.chmod(folder_mode)
        with (
            without_power(),
            pytest.raises(StoreError, match="read-only|cannot be opened"),
            open_store(path, now=clock) as store,
        ):
            store.lists.create("more")
        folder.chmod(0o755)
        assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("SQLITE_BUSY", "another program holds"),
        ("SQLITE_LOCKED", "another program holds"),
        ("SQLITE_READONLY", "read-only"),
        ("SQLITE_FULL", "disk is full"),
        ("SQLITE_CANTOPEN", "cannot be opened"),
        ("SQLITE_NOTADB", "no newsletter database"),
        ("SQLITE_CORRUPT", "damaged"),
        ("SQLITE_IOERR", "disk could not be read"),
        ("SQLITE_CONSTRAINT", "refused a change"),
        ("SQLITE_ERROR", "could not be used"),
    ],
)
def test_every_kind_of_failure_has_its_sentence(name: str, words: str, path: Path) -> None:
    error = sqlite3.OperationalError("raw words")
    error.sqlite_errorcode = getattr(sqlite3, name) | 0x500
    said = translate(error, path)
    assert words in str(said)
    assert isinstance(said, DatabaseBusyError) is (name in {"SQLITE_BUSY", "SQLITE_LOCKED"})


def test_what_fails_inside_a_transaction_is_taken_back(store: Store) -> None:
    with pytest.raises(KeyboardInterrupt), store.transaction():
        store.lists.create("dentists")
        with store.transaction():
            store.lists.create("radiologists")
        raise KeyboardInterrupt
    assert store.lists.names() == []


MOUNTS = """\
overlay / overlay rw 0 0
server:/export /srv/team nfs4 rw 0 0
//nas/share /mnt/my\\040share cifs rw 0 0
/dev/sda1 /srv/team/local ext4 rw 0 0
tmpfs /srv tmpfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/ana/news/subscribers.db", "overlay"),
        ("/srv/team/news/subscribers.db", "nfs4"),
        ("/srv/teamwork/subscribers.db", "tmpfs"),
        ("/srv/team/local/subscribers.db", "ext4"),
        ("/mnt/my share/subscribers.db", "cifs"),
    ],
)
def test_the_mount_that_holds_a_path(path: str, kind: str) -> None:
    assert filesystem_type(PurePosixPath(path), parse_proc_mounts(MOUNTS)) == kind


def test_what_macos_prints_of_mounts() -> None:
    text = "/dev/disk1 on / (apfs, local)\n//ana@nas/team on /Volumes/My (old) team (smbfs, nodev, nosuid)\n"
    mounts = parse_mount_output(text)
    assert filesystem_type(PurePosixPath("/Volumes/My (old) team/subscribers.db"), mounts) == "smbfs"
    assert filesystem_type(PurePosixPath("/Users/ana/subscribers.db"), mounts) == "apfs"


def test_a_network_share_is_refused(path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("newsletter.store.place._mounts", lambda: [("/", "nfs4")])
    with pytest.raises(StoreError, match="network share"):
        open_store(path, now=clock)
    assert not path.exists()


@pytest.mark.parametrize(
    ("path", "warned"),
    [
        (PureWindowsPath(r"C:\Users\Ana\OneDrive - Sample Society\news\subscribers.db"), True),
        (PurePosixPath("/Users/ana/Library/Mobile Documents/com~apple~CloudDocs/n/subscribers.db"), True),
        (PurePosixPath("/home/ana/Dropbox/news/subscribers.db"), True),
        (PurePosixPath("/home/ana/Google Drive/news/subscribers.db"), True),
        (PurePosixPath("/home/ana/news/subscribers.db"), False),
        (PurePosixPath("/home/ana/my-dropbox-notes/subscribers.db"), False),
    ],
)
def test_a_synced_folder_is_warned_about(path: PurePosixPath | PureWindowsPath, warned: bool) -> None:
    assert bool(sync_warning(path)) is warned


def test_a_synced_folder_still_works(tmp_path: Path, clock: Clock) -> None:
    folder = tmp_path / "Dropbox"
    folder.mkdir()
    with open_store(folder / "subscribers.db", now=clock) as store:
        assert "Dropbox" in store.warnings[0]
