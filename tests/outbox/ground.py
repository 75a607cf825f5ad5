"""A project with live pages, its database, and an outbox that is emptied into a real relay."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from newsletter.addresses import parse_address
from newsletter.audience.joining import request_join
from newsletter.config import Config, load
from newsletter.links import KEY_PURPOSE, Token, verify
from newsletter.mailroom import OutboxRunner
from newsletter.models import Shown
from newsletter.store import Store
from tests.audience.town import address
from tests.deliver.relay import ScriptedRelay
from tests.store.samples import Clock

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
[web]
base_url = "https://news.example.org"
"""
LINK = re.compile(r"https://news\.example\.org/(\w+)/([\w-]{54})")


def make_config(folder: Path, port: int, more: str = "") -> Config:
    folder.mkdir(exist_ok=True)
    (folder / "newsletter.toml").write_text(SETTINGS + more, encoding="utf-8")
    return load(folder, {"NEWSLETTER_OUTBOX_URL": f"smtp://127.0.0.1:{port}"})


def read(data: bytes) -> EmailMessage:
    found = message_from_bytes(data, policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def parts(mail: EmailMessage) -> tuple[str, str]:
    """The text and the HTML."""
    plain, rich = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None and rich is not None
    return plain.get_content(), rich.get_content()


@dataclass
class Ground:
    store: Store
    config: Config
    clock: Clock
    relay: ScriptedRelay
    told: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def runner(self) -> OutboxRunner:
        return OutboxRunner(
            self.store,
            self.config,
            self.config.outbox_relay,
            now=self.clock,
            tell=self.told.append,
            stop=self.stop,
        )

    def ask(self, *names: str, lists: Sequence[str] = ("dentists",), language: str = "en") -> None:
        for name in names:
            request_join(
                self.store,
                address=parse_address(name) if "@" in name else address(name),
                list_names=lists,
                language=language,
                shown=Shown(wording="Yes.", language=language, page="/join"),
                channel="link",
                issue="",
                now=self.clock(),
            )

    def mails(self) -> list[EmailMessage]:
        return [read(taken.data) for taken in self.relay.taken]

    def token(self, mail: EmailMessage) -> tuple[str, Token]:
        """The page and the token of a mail's one link, the same in both of its parts."""
        found = {match for part in parts(mail) for match in LINK.findall(part)}
        assert len(found) == 1, found
        ((page, text),) = found
        return page, verify(self.store.keys.all(KEY_PURPOSE), text)
