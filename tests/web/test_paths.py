"""The paths of a subscriber and of a dentist who was sent a forward: a real browser, by keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from newsletter.pages import words_for
from tests.cli.conftest import Box
from tests.web.browser import CHROMIUM, faults, press, started, tab_to, wide
from tests.web.served import Served, serving

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here to look at pages with")
SLUG = "image-gently-in-dentistry"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as found:
        yield found


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("paths") / "project"
    with serving(folder) as found:
        yield found


@dataclass
class Reader:
    """Somebody with a keyboard, a mailbox, and good eyes: every page is looked at as it comes."""

    served: Served
    page: Page
    address: str
    language: str

    @property
    def words(self) -> Any:
        return words_for(self.language)

    def go(self, url: str) -> None:
        self.page.goto(url if url.startswith("http") else self.served.base + url)
        self.look()

    def press(self, word: str, role: Any = "button") -> None:
        press(self.page, self.page.get_by_role(role, name=self.words[word], exact=True).first)
        self.look()

    def look(self) -> None:
        assert faults(self.page) == [], self.page.url
        assert wide(self.page) == 0, self.page.url
        html = self.page.locator("html")
        assert html.get_attribute("lang") == self.language
        assert html.get_attribute("dir") == ("rtl" if self.language == "ar" else "ltr")
        assert "<script" not in self.page.content()

    def reads(self, title: str) -> None:
        expect(self.page.locator("h1")).to_have_text(
            self.words[title].replace("{campaign}", "\u2068Sample News\u2069")
        )

    def type(self, field: str, text: str) -> None:
        tab_to(self.page, self.page.locator(f"#{field}"))
        self.page.keyboard.type(text)

    def mails(self) -> list[EmailMessage]:
        return [mail for mail in self.served.received(0) if mail["To"] and self.address in mail["To"]]

    def mail(self, number: int) -> str:
        """The HTML of the mail that came as the reader's so many-th."""
        for _ in range(150):
            if len(self.mails()) >= number:
                break
            self.page.wait_for_timeout(100)
        body = self.mails()[number - 1].get_body(("html",))
        assert body is not None
        return unescape(body.get_content())

    def link(self, mail: str, path: str) -> str:
        found = re.search(rf'href="({re.escape(self.served.base)}/{path}[^"]*)"', mail)
        assert found is not None, (path, re.findall(r'href="([^"]*)"', mail))
        return found[1]

    def join(self) -> None:
        self.reads("joining_title")
        self.served.clock.forward(seconds=5)
        self.type("address", self.address)
        self.press("joining_button")
        self.reads("sent_title")

    def confirm(self, number: int) -> None:
        self.go(self.link(self.mail(number), "c/"))
        self.reads("confirm_title")
        self.type("name", "Dr Sample")
        self.press("confirm_button")
        self.reads("confirm_done_title")


def send(served: Served) -> None:
    """The whole program, from a terminal: it asks the pages whether they are its own."""
    relay = f"smtp://127.0.0.1:{served.relay}"
    environ = {"NEWSLETTER_BASE_URL": served.base, "NEWSLETTER_SMTP_URL": relay}
    Box(served.folder, environ).run("send", SLUG, "--to", "dentists", "--yes")


@pytest.mark.parametrize(("language", "width"), [("en", 390), ("ar", 1280)])
def test_a_subscriber_and_a_dentist_who_was_sent_a_forward(
    served: Served, browser: Browser, language: str, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, locale=language)
    page = context.new_page()
    ana = Reader(served, page, f"ana.{language}.{width}@example.org", language)
    ana.go(f"/join?list=dentists&lang={language}")
    ana.join()
    ana.confirm(1)
    send(served)
    issue = ana.mail(2)

    ana.go(ana.link(issue, "p/"))
    ana.reads("ways_title")
    ana.press("ways_change", "link")
    ana.reads("prefs_title")
    tab_to(page, page.get_by_role("checkbox").last)
    page.keyboard.press("Space")
    ana.press("prefs_save")
    expect(page.get_by_role("status")).to_have_text(ana.words["prefs_saved_mail"])
    ana.press("data_ask")
    ana.reads("data_asked_title")

    ana.go(ana.link(issue, "p/"))
    ana.press("ways_leave")
    ana.reads("left_title")
    assert served.state(ana.address.partition("@")[0]) == "unsubscribed"
    ana.press("left_undo")
    ana.reads("undone_title")
    assert served.state(ana.address.partition("@")[0]) == "active"

    dentist = Reader(served, page, f"dentist.{language}.{width}@example.org", language)
    before = served.store.consent.of(subject(served, ana.address))
    dentist.go(dentist.link(issue, "p/"))
    dentist.press("ways_nothing", "link")
    dentist.go(dentist.link(issue, "p/"))
    dentist.press("ways_join", "link")
    dentist.join()
    dentist.confirm(1)
    assert served.state(dentist.address.partition("@")[0]) == "active"
    assert served.store.consent.of(subject(served, ana.address)) == before
    assert served.state(ana.address.partition("@")[0]) == "active"
    context.close()


def subject(served: Served, address: str) -> bytes:
    person = served.store.people.get(address)
    assert person is not None
    return person.subject
