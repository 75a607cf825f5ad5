"""An issue's own words as they stand on pages, in feeds and on the handout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from newsletter.fields import Tokens, tokenise
from newsletter.languages import direction
from newsletter.markdown import Shown, compose, message, web_html
from newsletter.models import Edition, Field, Issue, Picture, RenderedEdition
from newsletter.pages.neutral import neutral
from newsletter.pages.site import Site
from newsletter.render import picture_size


class Content(Struct, frozen=True, kw_only=True):
    """The words of an edition for everybody, as HTML: all of them, and what is handed out of them.

    `size` is the room on paper of what is handed out, in letters. `headings` are those of the highest level,
    as plain text, without any that has a field.
    """

    html: str
    steps: tuple[str, ...]
    note: str
    parts: tuple[str, ...]
    size: int
    headings: tuple[str, ...]
    pictures: tuple[Picture, ...]


def read_content(site: Site, slug: str, language: str, address_of: Callable[[str], str]) -> Content:
    """One public edition's content; `address_of` says where the page finds a picture by its name.

    No `::: only` block is in it. Raises NotFoundError, and IssueError for what is wrong in its file.
    """
    issue, edition = site.issue(slug).issue, site.edition(slug, language)
    tokens = Tokens([edition.body])
    body = tokenise(edition.body, path=edition.path, first_line=edition.body_line, fields=tokens)
    composed = compose(
        body,
        path=edition.path,
        first_line=edition.body_line,
        holds=lambda expression: False,
        language=language,
    )
    shown = _shown(issue, address_of)
    handed_out = message(composed.blocks)
    written = _Writer(site, slug, edition, tokens.fields)
    highest = min((heading.level for heading in composed.headings), default=0)
    headings = [heading.text for heading in composed.headings if heading.level == highest]
    steps = tuple(written.html(web_html(step, shown)) for step in handed_out.steps)
    note = written.html(web_html(handed_out.note, shown))
    return Content(
        html=written.html(web_html(composed.blocks, shown)),
        steps=steps,
        note=note,
        headings=tuple(words for words in headings if not any(f.token in words for f in tokens.fields)),
        parts=tuple(written.html(web_html(part, shown)) for part in handed_out.parts),
        size=handed_out.size or sum(map(len, steps)) + len(note),
        pictures=tuple(issue.pictures[name] for name in composed.pictures if name in issue.pictures),
    )


def public_pictures(site: Site, slug: str) -> Mapping[str, Picture]:
    """The pictures that a public issue shows to everybody, by name.

    What else lies in its folder is not public: pictures of drafts, of `::: only` blocks, and leftovers.
    Raises as read_content() does.
    """
    shown = (read_content(site, slug, tag, quote).pictures for tag in site.issue(slug).editions)
    return {picture.name: picture for pictures in shown for picture in pictures}


class _Writer(Struct, frozen=True):
    """Takes the reader out of fragments of one edition."""

    site: Site
    slug: str
    edition: Edition
    fields: tuple[Field, ...]

    def html(self, fragment: str) -> str:
        rendered = RenderedEdition(
            slug=self.slug,
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
        links = self.site.links(self.slug, self.edition.language)
        here = self.site.absolute("/") or links.contact
        return neutral(rendered, replace(links, public=links.public or here)).html


def _shown(issue: Issue, address_of: Callable[[str], str]) -> Callable[[str], Shown | None]:
    def shown(name: str) -> Shown | None:
        picture = issue.pictures.get(name)
        if picture is None:
            return None
        width, height = picture_size(picture.data) or (0, 0)
        return Shown(src=address_of(name), width=width, height=height)

    return shown
