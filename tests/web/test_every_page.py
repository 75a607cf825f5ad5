"""Every page as it looks: no fault for axe-core, nothing wider than its screen, in light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from newsletter.links import Purpose
from newsletter.pages import words_for
from tests.web.browser import CHROMIUM, faults, started, wide
from tests.web.served import Served, serving
from tests.web.test_joining_pages import link_of

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here to look at pages with")
SLUG = "image-gently-in-dentistry"
VIEWS: list[tuple[str, int, Any]] = [
    ("en", 390, "light"),
    ("ar", 390, "dark"),
    ("de", 1280, "dark"),
    ("ar", 1280, "light"),
]
LOOKS = ("color-contrast", "target-size")  # what may differ in another view of the same page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as found:
        yield found


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("pages") / "project") as found:
        yield found


def every_page(served: Served) -> dict[str, int]:
    """The path of every page that there is, and its status."""
    ana = served.person("ana", "dentists", "radiologists")
    gone = served.person("ben")
    with served.client() as client:
        left = client.post(f"/p/{served.token(Purpose.PREFERENCES, gone)}/leave").headers["location"]
        served.join(client, "carol@example.org")
        undo, confirm = "", ""
        for mail in served.received(2):
            path = link_of(mail)
            undo, confirm = (path, confirm) if path.startswith("/undo") else (undo, path)
    page = f"/p/{served.token(Purpose.PREFERENCES, ana)}"
    data = f"/d/{served.token(Purpose.DATA, ana, served.clock() // 1000)}"
    old = f"/d/{served.token(Purpose.DATA, ana, served.clock() // 1000 - 9_999)}"
    return {
        "/": 200,
        "/all/fr": 200,
        f"/i/{SLUG}/en": 200,
        f"/i/{SLUG}/ar": 200,
        f"/i/{SLUG}/fr/share": 200,
        f"/i/{SLUG}/ar/handout": 200,
        "/join": 200,
        "/join/sent": 200,
        confirm: 200,
        page: 200,
        f"{page}/preferences": 200,
        f"{page}/preferences?saved=mail": 200,
        f"{page}/data": 200,
        f"{page}/left": 200,
        f"/p/{served.token(Purpose.PREFERENCES, b'n' * 12)}": 200,
        f"/p/{served.token(Purpose.PREFERENCES, b'n' * 12)}/preferences": 200,
        left.partition("?")[0]: 200,
        undo: 200,
        f"{undo}/done": 200,
        f"/undo/{served.token(Purpose.UNDO, ana)}": 410,
        f"/c/{served.token(Purpose.CONFIRM, b'n' * 12)}": 410,
        data: 200,
        old: 410,
        "/erased": 200,
        "/p/cut": 404,
        "/nothing": 404,
        f"{data}/erase": 405,
    }


def test_no_page_has_a_fault(served: Served, browser: Browser) -> None:
    looking = {
        view: browser.new_page(
            viewport={"width": view[1], "height": 900}, color_scheme=view[2], locale=view[0]
        )
        for view in VIEWS
    }
    found = {}
    for number, (path, status) in enumerate(every_page(served).items()):
        for view, rules in ((VIEWS[number % 4], ()), (VIEWS[(number + 1) % 4], LOOKS)):
            page = looking[view]
            answer = page.goto(f"{served.base}{path}")
            assert answer is not None and answer.status == status, path
            found[path, *view] = faults(page, *rules) + ([f"{wide(page)} too wide"] if wide(page) else [])
    assert {where: one for where, one in found.items() if one} == {}


def test_errors_of_forms_are_read_out(served: Served, browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 900}, locale="fr")
    page = context.new_page()
    page.goto(f"{served.base}/join")
    page.fill("#address", "nobody at nowhere")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=alert]")
    field = page.locator("#address")
    assert field.get_attribute("aria-invalid") == "true"
    assert field.evaluate("element => element === document.activeElement")
    described = (field.get_attribute("aria-describedby") or "").split()
    assert words_for("fr")["joining_error_address"] in [
        page.locator(f"#{name}").inner_text() for name in described
    ]
    assert faults(page) == []
    context.close()


def test_a_fault_would_be_noticed(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content("<html><body><img src='x.png'><input><div style='width:9000px'>wide</div></body></html>")
    assert any(one.startswith("image-alt") for one in faults(page)) and wide(page) > 0
    page.close()
