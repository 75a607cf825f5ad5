"""What a partner society needs to pass an issue on to its own members, as one zip file."""

from __future__ import annotations

import io
import textwrap
import zipfile
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from msgspec.structs import replace

from newsletter.languages import own_name
from newsletter.models import RenderedEdition
from newsletter.pages import place, qr
from newsletter.pages.frame import stylesheet
from newsletter.pages.neutral import neutral
from newsletter.pages.posts import posts_file
from newsletter.pages.sharing import shared_url
from newsletter.pages.site import Site
from newsletter.pages.views import handout_page
from newsletter.pages.words import spoken_language, words_for
from newsletter.phrases import fill
from newsletter.render import render
from newsletter.share import public_title
from newsletter.stencil import unsent

_FIRST_DAY = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o100644 << 16


def kit_files(site: Site, slug: str) -> dict[str, bytes]:
    """The kit's files by path, sorted; nothing of any reader is in them. Raises NotFoundError.

    Where the pages have no public address there are no QR codes, and posts without a link.
    """
    found: dict[str, bytes] = {"README.txt": _readme(site, slug).encode()}
    for language in site.issue(slug).editions:
        found |= {f"{language}/{name}": data for name, data in _edition(site, slug, language)}
    return dict(sorted(found.items()))


def zipped(files: Mapping[str, bytes], folder: str) -> bytes:
    """The files in a zip below one folder: the same files give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(f"{folder}/{name}", _FIRST_DAY)
            entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, _READABLE, 3
            archive.writestr(entry, files[name])
    return out.getvalue()


def passed_on(site: Site, slug: str, language: str) -> RenderedEdition:
    """The mail of an edition for members of somebody else's list."""
    links = site.links(slug, language)
    rendered = render(
        site.issue(slug).issue,
        language,
        config=site.config,
        links=replace(links, leave=links.contact),
        environment=site.environment,
        passed_on=True,
    )
    return neutral(rendered, links)


def _edition(site: Site, slug: str, language: str) -> Iterator[tuple[str, bytes]]:
    mail = passed_on(site, slug, language)
    yield "mail.html", mail.html.replace('src="cid:', 'src="').encode()
    yield "mail.txt", mail.text.encode()
    yield "mail.eml", unsent(mail, site.config.sender.domain)
    yield "posts.txt", posts_file(site, slug, language, mail.subject).encode()
    for picture in mail.pictures:
        yield picture.name, picture.data
    url = shared_url(site, slug, language, "qr")
    if url:
        yield "qr/qr.png", qr.png(url)
        yield "qr/qr.svg", qr.svg(url)
    for name, data in _handout(site, slug, language, url):
        yield f"handout/{name}", data


def _handout(site: Site, slug: str, language: str, url: str) -> Iterator[tuple[str, bytes]]:
    """The sheet with all that it shows, in a folder of its own."""
    kept = {"stylesheet": place.STYLESHEET.strip("/"), "qr": "qr.svg" if url else "", "issue": "", "icon": ""}
    sheet = handout_page(site, slug, language, kept=kept).body
    yield "handout.html", sheet
    yield "site.css", stylesheet(site).body
    if url:
        yield "qr.svg", qr.svg(url)
    for name, picture in site.issue(slug).issue.pictures.items():
        if f'src="{quote(name)}"'.encode() in sheet:
            yield name, picture.data


def _readme(site: Site, slug: str) -> str:
    """One page for the editor of the partner's newsletter: in the campaign's language, then in English."""
    spoken = dict.fromkeys((spoken_language(site.config.campaign.language), "en"))
    return f"\n{'=' * 72}\n\n".join(_read_me_in(site, slug, language) for language in spoken)


def _wrapped(text: str, hang: str = "") -> str:
    """A paragraph in lines of at most 72 letters; an address stays whole."""
    return textwrap.fill(text, 72, subsequent_indent=hang, break_long_words=False, break_on_hyphens=False)


def _read_me_in(site: Site, slug: str, language: str) -> str:
    words, campaign = words_for(language), site.config.campaign
    editions = site.issue(slug).editions
    title = public_title(editions[site.edition_for(slug, language)])
    public = [f"    {own_name(tag)}: {url}" for tag in editions if (url := site.links(slug, tag).public)]
    told = ("html", "eml", "text", "posts", "handout", *(["qr"] if public else []))
    promised = ("promise", *(["ways"] if site.config.web.base_url else []), "please")
    folders = ", ".join(f"{tag} ({own_name(tag)})" for tag in editions)
    return "\n".join(
        [
            _wrapped(fill(words["kit_title"], title=title)),
            "",
            _wrapped(fill(words["kit_intro"], organisation=campaign.organisation)),
            "",
            _wrapped(fill(words["kit_folders"], folders=folders)),
            "",
            *(_wrapped(f"  - {words[f'kit_{name}']}", "    ") for name in told),
            "",
            _wrapped(" ".join(words[f"kit_{name}"] for name in promised)),
            "",
            *([_wrapped(words["kit_public"]), "", *public, ""] if public else []),
            _wrapped(fill(words["kit_contact"], contact=campaign.contact)),
            "",
        ]
    )
