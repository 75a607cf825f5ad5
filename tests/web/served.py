"""A project that is served: real pages on a free port, a real database, a clock that can be put forward."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import httpx
from msgspec.structs import replace

from newsletter import config as settings
from newsletter.addresses import parse_address
from newsletter.audience.arrivals import add_person
from newsletter.cli.catcher import catching
from newsletter.config import Config
from newsletter.links import KEY_PURPOSE, Purpose, sign
from newsletter.mailroom import emptying
from newsletter.models import Profile
from newsletter.sample import sample_files
from newsletter.store import Store, open_store
from newsletter.web import server
from newsletter.web.allowance import Allowance, Rate
from newsletter.web.app import build
from newsletter.web.desk import Desk

SETTINGS = """\
[campaign]
name = "Sample News"
organisation = "Sample Federation"
postal_address = "1 Sample Street, Sampletown"
contact = "office@example.org"
list_id = "sample.1234.localhost"
[sender]
name = "Sample News"
address = "news@example.org"
reply_to = "office@example.org"
"""
GENEROUS = {
    kind: Rate(burst=1_000_000, per_second=1_000_000) for kind in ("read", "one-click", "join", "form")
}
STAMP = re.compile(r'name="stamp" value="([^"]+)"')


class Clock:
    """The real time, put forward by hand."""

    def __init__(self) -> None:
        self.ahead = 0

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self.ahead

    def forward(self, *, seconds: int = 0, days: int = 0) -> None:
        self.ahead += seconds * 1_000 + days * 86_400_000


@dataclass
class Served:
    """A served project. `store` is a further connection to its database."""

    folder: Path
    config: Config
    port: int
    store: Store
    desk: Desk
    clock: Clock
    mails: Path
    relay: int = 0
    log: list[str] = field(default_factory=list)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, **more: Any) -> httpx.Client:
        return httpx.Client(base_url=self.base, timeout=20, **more)

    def person(self, local: str, *lists: str, language: str = "en") -> bytes:
        """Somebody active in these lists -> the subject."""
        address = parse_address(local if "@" in local else f"{local}@example.org")
        for name in lists or ("dentists",):
            profile = Profile(address=address, name=f"Dr {local.title()}", language=language)
            add_person(self.store, profile, list_name=name, source="test", now=self.clock())
        found = self.store.people.get(address.key)
        assert found is not None
        return found.subject

    def state(self, local: str) -> str:
        found = self.store.people.get(f"{local}@example.org")
        return found.state if found else ""

    def token(self, purpose: Purpose, subject: bytes, about: int = 1) -> str:
        key = self.store.keys.current(KEY_PURPOSE)
        return sign(key, purpose=purpose, subject=subject, about=about)

    def join(self, client: httpx.Client, address: str, **fields: str) -> httpx.Response:
        """Fill in the form like a person who takes a while."""
        stamp = STAMP.search(client.get("/join").text)
        assert stamp is not None
        self.clock.forward(seconds=5)
        form = {"address": address, "list": "dentists", "language": "en", "stamp": stamp[1], "website": ""}
        return client.post("/join", data=form | fields)

    def received(self, count: int, seconds: float = 15) -> list[Any]:
        """The mails that arrived, once there are as many; oldest first."""
        until = time.monotonic() + seconds
        while len(list(self.mails.glob("*.eml"))) < count and time.monotonic() < until:
            time.sleep(0.05)
        files = sorted(self.mails.glob("*.eml"))
        assert len(files) >= count, f"{len(files)} mails of {count}"
        return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in files]

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything in the database, as it stands."""
        names = self.store._connection.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {
            name: sorted(self.store._connection.rows(f'SELECT * FROM "{name}"'), key=repr)
            for (name,) in names
            if not name.startswith("sqlite_")
        }


def make_project(folder: Path, more: str = "", *, sample: bool = True) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "newsletter.toml").write_text(SETTINGS + more, encoding="utf-8")
    for name, data in sample_files().items() if sample else ():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = re.sub(rb"(?m)^date: .*$", b"date: 2026-01-15", data) if name.endswith(".md") else data
        path.write_bytes(text)
    return folder


@contextmanager
def serving(
    folder: Path,
    *,
    more: str = "",
    sample: bool = True,
    rates: Mapping[str, Rate] | None = None,
    outbox: bool = True,
    base_url: str = "",
) -> Iterator[Served]:
    """Serve a fresh project with the lists `dentists` and `radiologists` and a hidden one, `board`."""
    make_project(folder, more, sample=sample)
    clock, mails = Clock(), folder / "mails"
    log: list[str] = []
    mails.mkdir()
    with ExitStack() as held:
        listener = held.enter_context(server.listen("127.0.0.1", 0))
        port = listener.getsockname()[1]
        relay_port = held.enter_context(catching(mails))
        config = settings.load(folder, {"NEWSLETTER_OUTBOX_URL": f"smtp://127.0.0.1:{relay_port}"})
        config = replace(config, web=replace(config.web, base_url=base_url or f"http://127.0.0.1:{port}"))

        def make_store() -> Store:
            return open_store(config.database, now=clock)

        store = held.enter_context(make_store())
        for name in ("dentists", "radiologists", "board"):
            store.lists.ensure(name)
        store.lists.hide("board", hidden=True)
        if outbox:
            held.enter_context(emptying(config, config.outbox_relay, now=clock, tell=log.append))
        app, desk = build(
            config,
            open_store=make_store,
            now=clock,
            log=log.append,
            hosts=frozenset({f"127.0.0.1:{port}"}),
            allowance=Allowance(rates=rates or GENEROUS),
        )
        held.callback(desk.close)
        stop, ready = threading.Event(), threading.Event()
        thread = threading.Thread(
            target=server.run,
            args=(app, listener),
            kwargs={"stop": stop.is_set, "ready": ready.set, "log": log.append},
        )
        thread.start()
        held.callback(thread.join, 20)
        held.callback(stop.set)
        assert ready.wait(20)
        yield Served(
            folder=folder,
            config=config,
            port=port,
            store=store,
            desk=desk,
            clock=clock,
            mails=mails,
            relay=relay_port,
            log=log,
        )
