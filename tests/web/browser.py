"""A real browser that can be used with the keyboard alone, and axe-core's eyes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from typing import Any

from playwright.sync_api import Browser, Locator, Page, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
AXE = resources.files("axe_playwright_python").joinpath("axe.min.js")
MOST_TABS = 60


@contextmanager
def started() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


def faults(page: Page, *rules: str) -> list[str]:
    """What axe-core finds wrong with a page: WCAG 2.2 AA and its best practices, or only these rules."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    options: dict[str, Any] = {"resultTypes": ["violations"]} | ({"runOnly": rules} if rules else {})
    found: dict[str, Any] = page.evaluate("options => axe.run(options)", options)
    return [
        f"{one['id']}: {one['help']}: {node['html'][:120]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def wide(page: Page) -> int:
    """How far a page is wider than its window."""
    width: int = page.evaluate("() => document.documentElement.scrollWidth - window.innerWidth")
    return max(0, width)


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until the wanted element has the focus, which must be seen."""
    for _ in range(MOST_TABS):
        if wanted.evaluate("element => element === document.activeElement"):
            ring = wanted.evaluate("element => getComputedStyle(element).outlineStyle")
            assert ring != "none", "the focus cannot be seen"
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not reach {wanted}")


def press(page: Page, wanted: Locator) -> None:
    """Go to a link or button with the keyboard, press Enter, and wait for the page that comes."""
    tab_to(page, wanted)
    with page.expect_navigation():
        page.keyboard.press("Enter")
