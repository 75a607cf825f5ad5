"""Sites for tests: the repository's own issue, or one made from a few words."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from newsletter.issue import load_issue
from newsletter.models import Issue
from newsletter.pages import Place, Site, live, static
from newsletter.render import environment
from newsletter.sample import SLUG
from tests.editions import PAGES, REPOSITORY, make_config

SAMPLE = load_issue(REPOSITORY, SLUG)
TODAY = date(2026, 12, 1)
LANGUAGES = ("ar", "de", "en", "es", "fr", "it", "pt")


def make_site(
    folder: Path,
    *issues: Issue,
    pages: dict[str, str] | None = None,
    files: bool = False,
    today: date = TODAY,
) -> Site:
    """A site with these issues, else with the repository's own one; on a server, or as `files`."""
    config = make_config(folder, PAGES if pages is None else pages)
    place: Place = static(config) if files else live(config)
    return Site(
        config=config,
        environment=environment(config.templates),
        issues={issue.slug: issue for issue in issues or (SAMPLE,)},
        today=today,
        place=place,
    )
