"""Rules on links: where they lead, what they are called, and that the plain text has them too."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

from newsletter.check.page import bare
from newsletter.check.reach import (
    is_made_up,
    is_on_this_machine,
    link_fault,
    own_addresses,
    own_hosts,
)
from newsletter.check.rule import CheckInput, Note, rule
from newsletter.models import Level

SAMPLE_PLACE = "Exampleland"
"""What only the postal address that `init` writes names."""
_VAGUE = frozenset(
    """click here|here|read more|more|link|this link|click|learn more
    cliquez ici|ici|en savoir plus|lire la suite|lien
    haga clic aquí|clic aquí|aquí|leer más|más|enlace
    hier klicken|klicken sie hier|hier|mehr|weiterlesen|mehr lesen
    clique aqui|aqui|saiba mais|leia mais
    clicca qui|qui|leggi di più|continua
    انقر هنا|اضغط هنا|هنا|المزيد|اقرأ المزيد""".replace("\n    ", "|").split("|")
)


def _fixed_links(given: CheckInput) -> Iterator[str]:
    """The addresses of links that are not a personal field as a whole, each once."""
    yield from dict.fromkeys(
        link.href for link in given.page.anchors if link.href.strip() not in given.tokens
    )


@rule(
    "link-bad",
    Level.ERROR,
    title="A link that leads nowhere, or where readers cannot go",
    help_="write what every reader can open: https:// and a public address, or mailto: and a whole one",
)
def link_bad(given: CheckInput) -> Iterator[Note]:
    """Empty, `#`, localhost, private, made up, relative, or of another scheme than https, mailto, tel."""
    for href in _fixed_links(given):
        if fault := link_fault(href, given):
            shown = f"The link to “{href}”" if href.strip() else "A link"
            yield Note(message=f"{shown} cannot be sent: {fault}.", line=given.line_of_link(href or "]()"))


@rule(
    "link-http",
    Level.WARNING,
    title="A link without encryption",
    help_="write https:// if the site offers it, as nearly all do",
)
def link_http(given: CheckInput) -> Iterator[Note]:
    """http instead of https."""
    for href in _fixed_links(given):
        if not href.strip().lower().startswith("http://") or link_fault(href, given):
            continue
        if urlsplit(href.strip()).hostname not in own_hosts(given):
            yield Note(message=f"The link to {href.strip()} is not encrypted.", line=given.line_of_link(href))


@rule(
    "sample-address",
    Level.WARNING,
    title="The project's own addresses are made up",
    help_="put your real addresses into newsletter.toml before you send to people",
)
def sample_address(given: CheckInput) -> Iterator[Note]:
    """Hosts like example.org in newsletter.toml, and the postal address that `init` writes.

    Not asked where the pages are on this machine.
    """
    if is_on_this_machine(given):
        return
    hosts = {*own_hosts(given), *(address.rpartition("@")[2] for address in own_addresses(given))}
    made_up = sorted(filter(is_made_up, hosts))
    if made_up:
        yield Note(message=f"newsletter.toml still has made-up addresses: {', '.join(made_up)}.")
    if SAMPLE_PLACE in given.config.campaign.postal_address:
        yield Note(message="newsletter.toml still has the postal address of the sample project.")


@rule(
    "link-empty",
    Level.ERROR,
    title="A link without words",
    help_="write words between the brackets, or an alternative text for a picture that is a link",
)
def link_empty(given: CheckInput) -> Iterator[Note]:
    """A link that has nothing to see or hear, for at least one of the sample readers."""
    for raw, *filled in zip(given.page.anchors, *(s.page.anchors for s in given.samples), strict=False):
        if not all(bare(link.words) for link in filled):
            message = f"The link to {given.tokens.get(raw.href.strip(), raw.href)} has no words."
            yield Note(message=message, line=given.line_of_link(raw.href))


@rule(
    "link-vague",
    Level.WARNING,
    title="A link called “click here”",
    help_="say in the link's words where it leads: many people hear the links of a mail as a list",
)
def link_vague(given: CheckInput) -> Iterator[Note]:
    """“Click here”, “more” and the like, in the languages of the editions."""
    for link in given.page.anchors:
        words = " ".join(link.words.split()).strip(" .…!»›→>").casefold()
        if words in _VAGUE:
            message = f"“{link.words.strip()}” does not say where the link leads."
            yield Note(message=message, line=given.line_of_link(link.href, link.words))


@rule(
    "text-empty",
    Level.ERROR,
    title="The plain text is empty",
    help_="write some words into the issue",
)
def text_empty(given: CheckInput) -> Iterator[Note]:
    """Many people and all spam filters read the plain text."""
    if not bare(given.rendered.text):
        yield Note(message="The plain text of the mail is empty.")


@rule(
    "text-link-missing",
    Level.ERROR,
    title="The plain text lacks a link of the HTML",
    help_="if you have changed the templates, put the link into mail.txt as well",
)
def text_link_missing(given: CheckInput) -> Iterator[Note]:
    """Every https and mailto link must be in the plain text; a mailto by its address."""
    text = unquote(given.rendered.text)
    for href in dict.fromkeys(link.href.strip() for link in given.page.anchors if not link.hidden):
        wanted = unquote(href)
        if wanted.lower().startswith("mailto:"):
            wanted = wanted[len("mailto:") :].partition("?")[0]
        elif href not in given.tokens and not wanted.lower().startswith(("https://", "http://")):
            continue
        if wanted.rstrip("/") not in text:
            shown = given.tokens.get(href, href)
            yield Note(message=f"The plain text lacks the link to {shown}.", line=given.line_of_link(href))
