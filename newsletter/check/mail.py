"""Rules on the mail as a whole: the way out, sender, language, size, and what mail programs refuse."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml.html import HtmlElement

from newsletter.check.freemail import is_theirs, provider_of
from newsletter.check.page import bare
from newsletter.check.rule import CheckInput, Note, rule
from newsletter.errors import UsageError
from newsletter.languages import is_known, normalise_tag, of_country, own_name
from newsletter.links import edition_links, inert_links
from newsletter.models import Level
from newsletter.weburl import is_loopback

_WAYS_OUT = ("leave_url", "preferences_url")
_KB = 1024
_MB = 1024 * _KB
_LARGE, _TOO_LARGE, _STYLE_TOO_LARGE = 80 * _KB, 100 * _KB, 16 * _KB
_ACTIVE = frozenset(("script", "iframe", "frame", "form", "object", "embed", "applet", "base"))
_ACTIVE_URL = re.compile(r"[\x00-\x20]*(?:javascript|vbscript|data\s*:\s*text/html)", re.IGNORECASE)
_CSS_WORDS = re.compile(r"/\*.*?(?:\*/|\Z)|\"[^\"\n]*\"|'[^'\n]*'", re.DOTALL)
_IMPORT = re.compile(r"@import\b", re.IGNORECASE)


@rule(
    "way-out-missing",
    Level.ERROR,
    title="There is no visible way to unsubscribe",
    help_="the template must hold {{ leave_url }} as a link, in mail.html and in mail.txt",
)
def way_out_missing(given: CheckInput) -> Iterator[Note]:
    """A link with words in the HTML, and the same in the plain text."""
    ways = {token for token, name in given.tokens.items() if name in _WAYS_OUT}
    ways |= _ways_by_mail(given)
    links = [link for link in given.page.anchors if link.href.strip() in ways]
    if not any(bare(link.words) and not link.hidden for link in links):
        yield Note(message="The HTML has no visible link to unsubscribe.")
    if not any(way in given.rendered.text for way in ways):
        yield Note(message="The plain text has no way to unsubscribe.")


def _ways_by_mail(given: CheckInput) -> set[str]:
    """The mailto ways out where there are no live pages, those of a sample copy among them."""
    config, edition = given.config, given.edition
    leave = edition_links(config, given.issue.slug, edition.language).leave
    return {leave, inert_links(config).leave} if leave else set()


@rule(
    "one-click-missing",
    Level.WARNING,
    title="Mail programs cannot offer one-click unsubscribing",
    help_="set [web] base_url only once `newsletter serve` answers there: until then readers leave by mail, "
    "which works. Gmail and Yahoo ask for one-click of large senders",
)
def one_click_missing(given: CheckInput) -> Iterator[Note]:
    """Without live pages the unsubscribe header holds a mail address only (RFC 8058 needs https)."""
    if not given.config.web.base_url:
        message = "Without public pages, people can leave by mail only: there is no one-click unsubscribing."
        yield Note(message=message)


@rule(
    "sender-free-mail",
    Level.WARNING,
    title="The sender's address is a free mail provider's, and the mail server is not",
    help_="send from an address at your organisation's own domain, or through that provider's mail server",
)
def sender_free_mail(given: CheckInput) -> Iterator[Note]:
    """DMARC (RFC 7489): who receives it asks that provider, which does not know the mail server.

    Nobody knows by which way a mail server on this machine sends on.
    """
    address, relay = given.config.sender.address, given.config.relay
    provider = provider_of(address.rpartition("@")[2])
    if relay is None or provider is None or is_loopback(relay.host) or is_theirs(provider, relay.host):
        return
    yield Note(
        message=f"{address} is an address of {provider.name}, and {relay.host} is not {provider.name}'s mail "
        "server: many mailboxes refuse such mail, or put it into spam."
    )


@rule(
    "language-wrong",
    Level.ERROR,
    title="The mail does not say its language and direction",
    help_="the template must write lang and dir on <html>, as the built-in one does",
)
def language_wrong(given: CheckInput) -> Iterator[Note]:
    """`lang` and `dir` of the page against the edition: screen readers choose the voice by them."""
    root = given.page.root
    lang, direction = root.get("lang", ""), root.get("dir", "")
    try:
        valid = normalise_tag(lang)
    except UsageError:
        yield Note(message=f"“{lang}” is no language tag." if lang else "The mail does not say its language.")
    else:
        if valid != given.edition.language:
            message = f"The mail says that it is in {lang}, but the edition is {given.edition.language}."
            yield Note(message=message)
    if direction != given.rendered.direction:
        said = f"“{direction}”" if direction else "no direction"
        yield Note(message=f"The mail says {said}, but the edition runs {given.rendered.direction}.")


@rule(
    "language-unknown",
    Level.WARNING,
    title="No language has this tag",
    help_="name the file after the language, not the country: da.md is Danish, el.md Greek, ja.md Japanese",
)
def language_unknown(given: CheckInput) -> Iterator[Note]:
    """`dk.md`: no reader asks for it, and a screen reader has no voice for it."""
    tag = given.edition.language
    if not is_known(tag):
        near = of_country(tag.partition("-")[0])
        message = f"No language has the tag “{tag}”"
        yield Note(message=f"{message}; did you mean {near}, {own_name(near)}?" if near else f"{message}.")


@rule(
    "html-large",
    Level.ERROR,
    Level.WARNING,
    title="The HTML is so large that Gmail cuts it",
    help_="shorten the issue, or move a part of it to a page that you link to",
)
def html_large(given: CheckInput) -> Iterator[Note]:
    """Gmail clips at 102 KB, and the way out with it: an error over 100 KB, a warning over 80 KB."""
    size = max(len(sample.html.encode()) for sample in given.samples)
    if size > _LARGE:
        level = Level.ERROR if size > _TOO_LARGE else Level.WARNING
        message = f"The HTML has {size // _KB} KB; Gmail hides what comes after 102 KB, the footer first."
        yield Note(message=message, level=level)


@rule(
    "mail-large",
    Level.ERROR,
    Level.WARNING,
    title="The whole mail is large",
    help_="make its pictures smaller: many mailboxes refuse large mails, and phones load all of it",
)
def mail_large(given: CheckInput) -> Iterator[Note]:
    """As it is sent, where a picture grows by 37 %: an error over 10 MB, a warning over 1 MB."""
    pictures = sum(len(picture.data) for picture in given.rendered.pictures)
    size = pictures * 137 // 100 + len(given.rendered.html.encode()) + len(given.rendered.text.encode())
    if size > _MB:
        level = Level.ERROR if size > 10 * _MB else Level.WARNING
        yield Note(message=f"Each mail has {size / _MB:.1f} MB, pictures and all.", level=level)


@rule(
    "style-large",
    Level.ERROR,
    title="A style block is over 16 KB",
    help_="shorten the template's CSS, or split it into two style blocks",
)
def style_large(given: CheckInput) -> Iterator[Note]:
    """Gmail drops the whole block."""
    for style in given.page.styles:
        if len(style.encode()) > _STYLE_TOO_LARGE:
            yield Note(message=f"A style block has {len(style.encode()) // _KB} KB; Gmail drops it over 16.")


@rule(
    "content-active",
    Level.ERROR,
    title="Scripts, forms or embedded content",
    help_="remove it from the template: mail programs delete it, and spam filters count it",
)
def content_active(given: CheckInput) -> Iterator[Note]:
    """Elements, event attributes and addresses that act, for any of the sample readers."""
    found = dict.fromkeys(fault for sample in given.samples for fault in _active(sample.page.elements))
    for fault in found:
        yield Note(message=f"The mail holds {fault}, which mail programs refuse.")


def _active(elements: tuple[HtmlElement, ...]) -> Iterator[str]:
    for element in elements:
        if element.tag in _ACTIVE:
            yield f"<{element.tag}>"
        if element.tag == "meta" and (element.get("http-equiv") or "").lower() == "refresh":
            yield "a redirection"
        for name, value in element.items():
            if name.lower().startswith("on"):
                yield f"the attribute {name}"
            elif _ACTIVE_URL.match(value) and name.lower() in ("href", "src", "action", "background"):
                yield f"an address that acts ({value.strip()[:20]}…)"


@rule(
    "style-external",
    Level.ERROR,
    title="CSS from outside",
    help_="write the CSS into the template: mail programs load none, and it would tell who reads when",
)
def style_external(given: CheckInput) -> Iterator[Note]:
    """A linked stylesheet, or @import."""
    for element in given.page.elements:
        if element.tag == "link" and "stylesheet" in (element.get("rel") or "").lower().split():
            yield Note(message=f"The mail loads a stylesheet from outside: {element.get('href', '')}.")
    if any(_IMPORT.search(_CSS_WORDS.sub("", style)) for style in given.page.styles):
        yield Note(message="The mail's CSS loads more from outside with @import.")


@rule(
    "style-nested",
    Level.ERROR,
    title="A CSS at-rule inside another",
    help_="write the two at-rules one after the other, or combine their conditions with `and`",
)
def style_nested(given: CheckInput) -> Iterator[Note]:
    """Gmail drops the whole style block then."""
    for style in given.page.styles:
        depth = 0
        for mark in re.findall(r"[{}@]", _CSS_WORDS.sub("", style)):
            if mark == "@" and depth > 0:
                yield Note(
                    message="The mail's CSS has an at-rule inside another; Gmail drops the whole block."
                )
                break
            depth = max(0, depth + {"{": 1, "}": -1}.get(mark, 0))
