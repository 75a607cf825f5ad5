"""The public site in memory: read once, looked at again when a file of it has changed."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from newsletter.config import Config
from newsletter.errors import NewsletterError
from newsletter.issue import list_issues, load_issue
from newsletter.issue.folder import ISSUES
from newsletter.models import Issue
from newsletter.pages import Page, Site, live
from newsletter.render import environment

LOOK_EVERY = 1_000  # milliseconds between looks at the files
MOST_PAGES = 5_000

Stamp = frozenset[tuple[str, int, int]]


@dataclass
class Library:
    """The site as its files are now, and the pages that were made of it.

    An issue that cannot be read stays as it was before, and `log` hears of it. Reading and rendering happen
    on a thread of the library's own: only who asks first for something new waits for it.
    """

    config: Config
    now: Callable[[], int]
    log: Callable[[str], None]
    _site: Site = field(init=False)
    _stamp: Stamp = field(init=False)
    _looked: int = field(init=False)
    _pages: dict[tuple[str, ...], Page] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="library")
        self._stamp, self._looked = frozenset(_stamps(self.config)), self.now()
        self._site = self._read({})

    @property
    def site(self) -> Site:
        """The site as it was when somebody last looked."""
        return self._site

    async def fresh(self) -> Site:
        """The site, at most a second old."""
        if abs(self.now() - self._looked) >= LOOK_EVERY:
            self._looked = self.now()
            await asyncio.get_running_loop().run_in_executor(self._pool, self._look)
        return self._site

    async def page(self, name: tuple[str, ...], make: Callable[[Site], Page]) -> Page:
        """A page by its name, made once for each state of the files."""
        site = await self.fresh()
        pages = self._pages
        found = pages.get(name)
        if found is None:
            found = await asyncio.get_running_loop().run_in_executor(self._pool, make, site)
            if len(pages) < MOST_PAGES:
                pages[name] = found
        return found

    def close(self) -> None:
        """End the library's thread."""
        self._pool.shutdown()

    def _look(self) -> None:
        stamp = frozenset(_stamps(self.config))
        if stamp != self._stamp or self._today() != self._site.today:
            self._site, self._pages, self._stamp = self._read(self._site.issues), {}, stamp

    def _read(self, before: Mapping[str, Issue]) -> Site:
        return Site(
            config=self.config,
            environment=environment(self.config.templates),
            issues=dict(self._issues(before)),
            today=self._today(),
            place=live(self.config),
        )

    def _today(self) -> datetime.date:
        return datetime.datetime.fromtimestamp(self.now() / 1000, self.config.campaign.zone).date()

    def _issues(self, before: Mapping[str, Issue]) -> Iterator[tuple[str, Issue]]:
        for slug in list_issues(self.config.root):
            try:
                yield slug, load_issue(self.config.root, slug)
            except NewsletterError as error:
                self.log(f"issue {slug} stays as it was: {error}")
                if slug in before:
                    yield slug, before[slug]


def _stamps(config: Config) -> Iterator[tuple[str, int, int]]:
    """Each file that the pages are made from, with its size and time."""
    for folder in (config.root / ISSUES, config.templates):
        for path in folder.rglob("*"):
            found = _stat(path)
            if found is not None:
                yield found


def _stat(path: Path) -> tuple[str, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return str(path), found.st_size, found.st_mtime_ns
