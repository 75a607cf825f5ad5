"""Projects, issues and rendered editions for tests, made from a few words."""

from __future__ import annotations

import re
from datetime import date
from html import unescape
from pathlib import Path
from typing import Any

from newsletter.config import Config, load
from newsletter.links import edition_links
from newsletter.models import Edition, Issue, Picture, RenderedEdition
from newsletter.render import environment, render

REPOSITORY = Path(__file__).parent.parent
PAGES = {"NEWSLETTER_BASE_URL": "https://news.example.org"}
ARCHIVE = {"NEWSLETTER_ARCHIVE_URL": "https://archive.example.org"}

TOML = """\
[campaign]
name = "Sample News"
organisation = "Sample Federation"
postal_address = "1 Sample Street, Sampletown"
contact = "office@example.org"
list_id = "sample.1234.localhost"
[sender]
address = "news@example.org"
"""


def make_config(folder: Path, pages: dict[str, str] | None = None, toml: str = TOML) -> Config:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "newsletter.toml").write_text(toml, encoding="utf-8")
    return load(folder, pages or {})


def make_edition(body: str = "Good day.\n", language: str = "en", **front_matter: Any) -> Edition:
    words: dict[str, Any] = {"subject": "A subject", "title": "A title", "preheader": "A preview."}
    words |= {"date": date(2026, 3, 1)} | front_matter
    return Edition(
        path=Path(f"issues/sample/{language}.md"),
        language=language,
        body=body,
        body_line=10,
        **words,
    )


def make_issue(*editions: Edition, pictures: dict[str, bytes] | None = None) -> Issue:
    return Issue(
        slug="sample",
        folder=Path("issues/sample"),
        editions={edition.language: edition for edition in editions},
        pictures={
            name: Picture(name=name, media_type="image/png", data=data)
            for name, data in (pictures or {}).items()
        },
    )


def rendered(config: Config, issue: Issue, language: str = "en", variant: int = 0) -> RenderedEdition:
    return render(
        issue,
        language,
        config=config,
        links=edition_links(config, issue.slug, language),
        environment=environment(config.templates),
        variant=variant,
    )


def token(edition: RenderedEdition, name: str) -> str:
    (found,) = [field.token for field in edition.fields if field.name == name]
    return found


def hrefs(html: str) -> list[str]:
    return [unescape(href) for href in re.findall(r'<a\b[^>]*\bhref="([^"]*)"', html)]
