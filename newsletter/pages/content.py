"""An issue's own words as they stand on pages, in feeds and on the handout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from newsletter.fields import Tokens, tokenise
from newsletter.languages import direction, script
from newsletter.markdown import Blocks, Composed, Shown, compose, message, web_html
from newsletter.models import Edition, Field, Issue, Picture, RenderedEdition
from newsletter.pages.neutral import neutral
from newsletter.pages.site import Site
from newsletter.render import picture_size

AddressOf = Callable[[str], str]


class Content(Struct, frozen=True, kw_only=True):
    """The words of an edition for everybody, as HTML.

    `headings` are those of the highest level, as plain text, without any that has a field.
    """

    html: str
    headings: tuple[str, ...]
    pictures: tuple[Picture, ...]


class Handout(Struct, frozen=True, kw_only=True):
    """What is handed out of an edition, as HTML; `size` is its room on paper, in letters.

    `pictures` are those of the whole edition.
    """

    steps: tuple[str, ...]
    note: str
    parts: tuple[str, ...]
    size: int
    pictures: tuple[Picture, ...]


def read_content(site: Site, slug: str, language: str, address_of: AddressOf) -> Content:
    """One public edition's content; `address_of` says where the page finds a picture by its name.

    No `::: only` block is in it. Raises NotFoundError, and IssueError for what is wrong in its file.
    """
    opened = _open(site, slug, language, address_of)
    headings = opened.composed.headings
    highest = min((heading.level for heading in headings), default=0)
    words = [heading.text for heading in headings if heading.level == highest]
    return Content(
        html=opened.html(opened.composed.blocks),
        headings=tuple(text for text in words if not any(f.token in text for f in opened.fields)),
        pictures=opened.pictures,
    )


def read_handout(site: Site, slug: str, language: str, address_of: AddressOf) -> Handout:
    """What is handed out of one public edition, else as read_content()."""
    opened = _open(site, slug, language, address_of)
    handed_out = message(opened.composed.blocks)
    steps, note = tuple(map(opened.html, handed_out.steps)), opened.html(handed_out.note)
    return Handout(
        steps=steps,
        note=note,
        parts=tuple(map(opened.html, handed_out.parts)),
        size=handed_out.size or sum(map(len, steps)) + len(note),
        pictures=opened.pictures,
    )


def public_pictures(site: Site, slug: str) -> Mapping[str, Picture]:
    """The pictures that a public issue shows to everybody, by name.

    What else lies in its folder is not public: pictures of drafts, of `::: only` blocks, and leftovers.
    Raises as read_content() does.
    """
    shown = (read_content(site, slug, tag, quote).pictures for tag in site.issue(slug).editions)
    return {picture.name: picture for pictures in shown for picture in pictures}


class _Opened(Struct, frozen=True, kw_only=True):
    """A public edition, composed without any `::: only` block, and what takes the reader out of its parts."""

    site: Site
    issue: Issue
    edition: Edition
    fields: tuple[Field, ...]
    composed: Composed
    address_of: AddressOf

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Those that it shows, in their order."""
        files = self.issue.pictures
        return tuple(files[name] for name in self.composed.pictures if name in files)

    def html(self, blocks: Blocks) -> str:
        """Some of its blocks as they stand on a page."""
        fragment = web_html(blocks, self._shown, "، " if script(self.edition.language) == "Arab" else ", ")
        rendered = RenderedEdition(
            slug=self.issue.slug,
            language=self.edition.language,
            direction=direction(self.edition.language),
            variant=0,
            subject="",
            preheader="",
            title="",
            html=fragment,
            text="",
            fields=[field for field in self.fields if field.token in fragment],
            pictures=(),
        )
        links = self.site.links(self.issue.slug, self.edition.language)
        here = self.site.absolute("/") or links.contact
        return neutral(rendered, replace(links, public=links.public or here)).html

    def _shown(self, name: str) -> Shown | None:
        picture = self.issue.pictures.get(name)
        if picture is None:
            return None
        width, height = picture_size(picture.data) or (0, 0)
        return Shown(src=self.address_of(name), width=width, height=height)


def _open(site: Site, slug: str, language: str, address_of: AddressOf) -> _Opened:
    issue, edition = site.issue(slug).issue, site.edition(slug, language)
    tokens = Tokens([edition.body])
    body = tokenise(edition.body, path=edition.path, first_line=edition.body_line, fields=tokens)
    composed = compose(
        body,
        path=edition.path,
        first_line=edition.body_line,
        variant=0,
        language=language,
    )
    return _Opened(
        site=site,
        issue=issue,
        edition=edition,
        fields=tokens.fields,
        composed=composed,
        address_of=address_of,
    )
