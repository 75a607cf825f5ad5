"""All that may be seen in public: which editions, in which languages, at which addresses."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from functools import cached_property

from msgspec import Struct

from newsletter.config import Config
from newsletter.errors import NotFoundError
from newsletter.languages import choose_edition
from newsletter.links import EditionLinks, edition_links
from newsletter.models import Edition, Issue
from newsletter.pages.place import Place
from newsletter.render import Environment


class PublicIssue(Struct, frozen=True, kw_only=True):
    """An issue with those of its editions that are public; `date` is the newest of theirs."""

    slug: str
    issue: Issue
    editions: Mapping[str, Edition]

    @property
    def date(self) -> datetime.date:
        """The newest date of its editions; the calendar's first where none has one."""
        return max(edition.date or datetime.date.min for edition in self.editions.values())


class Site(Struct, frozen=True, kw_only=True, dict=True):
    """What the pages are made from; `today` is the day in the campaign's time zone.

    A draft, and an edition whose date has not come, is not public.
    """

    config: Config
    environment: Environment
    issues: Mapping[str, Issue]
    today: datetime.date
    place: Place

    def public(self) -> tuple[PublicIssue, ...]:
        """The public issues, newest first."""
        return self._public

    @cached_property
    def _public(self) -> tuple[PublicIssue, ...]:
        found = []
        for slug, issue in sorted(self.issues.items()):
            editions = {tag: e for tag, e in issue.editions.items() if is_public(e, self.today)}
            if editions:
                found.append(PublicIssue(slug=slug, issue=issue, editions=editions))
        return tuple(sorted(found, key=lambda each: each.date, reverse=True))

    def issue(self, slug: str) -> PublicIssue:
        """One public issue; raises NotFoundError."""
        for each in self._public:
            if each.slug == slug:
                return each
        raise NotFoundError(f"there is no public issue '{slug}'")

    def edition(self, slug: str, language: str) -> Edition:
        """One public edition; raises NotFoundError."""
        editions = self.issue(slug).editions
        if language not in editions:
            raise NotFoundError(f"the public issue '{slug}' has no edition in '{language}'")
        return editions[language]

    def languages(self) -> tuple[str, ...]:
        """Every language that something public is written in, the campaign's first."""
        own = self.config.campaign.language
        known = {tag for each in self._public for tag in each.editions}
        return tuple(sorted(known, key=lambda tag: (tag != own, tag)))

    def shelf(self, language: str) -> str:
        """Which list of issues and feeds are for a page's readers: empty for those at the root."""
        own = self.config.campaign.language
        return language if language != own and language in self.languages() else ""

    def edition_for(self, slug: str, wanted: str) -> str:
        """The language of the edition for a reader of another one; raises NotFoundError for no such issue."""
        return choose_edition(self.issue(slug).editions, wanted, self.config.campaign.language)

    def links(self, slug: str, language: str) -> EditionLinks:
        """The links that a mail of this edition carries: absolute ones, of the archive where there is one."""
        return edition_links(self.config, slug, language)

    def absolute(self, address: str) -> str:
        """The one absolute URL of a page, in the archive where there is one; empty where there is neither."""
        web = self.config.web
        if web.archive_url:
            folder = address if "." in address.rpartition("/")[2] else f"{address.rstrip('/')}/"
            return f"{web.archive_url}{folder}"
        return f"{web.base_url}{address}" if web.base_url else ""


def is_public(edition: Edition, today: datetime.date) -> bool:
    """Whether everybody may see an edition on that day."""
    return not edition.draft and (edition.date is None or edition.date <= today)


def latest(site: Site, language: str) -> tuple[str, str]:
    """The newest public issue, and the language of its edition for a reader; NotFoundError where none is."""
    if not site.public():
        raise NotFoundError("no issue is public yet")
    slug = site.public()[0].slug
    return slug, site.edition_for(slug, language)
