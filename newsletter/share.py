"""The share-with-colleagues block: what stands in it, and the mail it opens in the reader's own program."""

from __future__ import annotations

from urllib.parse import quote

from msgspec import Struct

from newsletter.config import Config
from newsletter.errors import ConfigError, IssueError
from newsletter.languages import choose_edition
from newsletter.links import EditionLinks, by_channel
from newsletter.models import Edition, ShareText
from newsletter.phrases import Phrases, fill
from newsletter.typography import left_to_right, no_breaks

LONGEST_MAILTO = 2000
"""Windows hands a mail program no more than about 2,080 characters of a link."""

_EVERYBODY = "the share block's {} has a personal field in it, and everybody sees it"
_CAN_STAND = "{title} and {campaign} can stand there"


class Share(Struct, frozen=True, kw_only=True):
    """The block's words and links; none of them holds a token or anything personal.

    `public_url` is empty where the edition has no public page. `join_url` is https or mailto.
    """

    sentence: str
    button: str
    mailto: str
    mail_subject: str
    mail_text: str
    public_url: str
    forwarded: str
    join_label: str
    join_url: str


def share_block(edition: Edition, config: Config, links: EditionLinks, phrases: Phrases) -> Share:
    """The block of one edition: its front matter over `[share.LANG]` over the built-in phrases.

    Raises IssueError or ConfigError for a personal field in any of its words.
    """
    words = _words(edition, config, phrases)
    title = public_title(edition)
    subject = fill(words.mail_subject, title=title, campaign=config.campaign.name)
    body = _mail_text(edition, config, links, phrases, words)
    return Share(
        sentence=no_breaks(words.sentence, edition.language),
        button=words.button,
        mailto=mailto(subject, body),
        mail_subject=subject,
        mail_text=body,
        public_url=links.public,
        forwarded=no_breaks(words.forwarded, edition.language),
        join_label=phrases.join if _is_page(links.join) else phrases.join_by_mail,
        join_url=links.join,
    )


def public_title(edition: Edition) -> str:
    """The title that everybody may read: the edition's `title`, else its `subject`.

    Raises IssueError where that one greets the reader personally.
    """
    return _public(edition, "title" if edition.title else "subject")


def public_description(edition: Edition) -> str:
    """The description that everybody may read; raises IssueError where it has a personal field in it."""
    return _public(edition, "description")


def _public(edition: Edition, key: str) -> str:
    text: str = getattr(edition, key)
    if "{{" in text:
        raise IssueError(
            f"the {key} has a personal field in it, and everybody to whom the issue is passed on sees it",
            where=_where(edition, key),
            hint="add a title without a field" if key == "subject" else f"take the field out of the {key}",
        )
    return left_to_right(text, edition.language)


def mailto(subject: str, body: str) -> str:
    """A mailto link without a recipient (RFC 6068 sections 2 and 5: UTF-8, lines end in %0D%0A)."""
    lines = body.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    return f"mailto:?subject={quote(subject, safe='')}&body={quote(lines, safe='')}"


def _words(edition: Edition, config: Config, phrases: Phrases) -> ShareText:
    tag = choose_edition(config.share, edition.language, "") if config.share else ""
    of_project = config.share.get(tag, ShareText())
    if key := _personal(of_project):
        raise ConfigError(_EVERYBODY.format(key), where=f"newsletter.toml, [share.{tag}]", hint=_CAN_STAND)
    if key := _personal(edition.share):
        raise IssueError(_EVERYBODY.format(key), where=_where(edition, f"share.{key}"), hint=_CAN_STAND)
    chosen = {}
    for name in ShareText.__struct_fields__:
        built_in = "forwarded" if name == "forwarded" else f"share_{name}"
        chosen[name] = getattr(edition.share, name) or getattr(of_project, name) or getattr(phrases, built_in)
    return ShareText(**chosen)


def _personal(text: ShareText) -> str:
    """The first of the words that has a personal field in it; empty where none has."""
    return next((name for name in text.__struct_fields__ if "{{" in getattr(text, name)), "")


def _mail_text(
    edition: Edition, config: Config, links: EditionLinks, phrases: Phrases, words: ShareText
) -> str:
    """The mail's text; what is least needed is left out where the link would grow too long."""
    title = public_title(edition)
    subject = fill(words.mail_subject, title=title, campaign=config.campaign.name)
    opening = fill(words.mail_text, title=title, campaign=config.campaign.name)
    public = by_channel(config, links.public, "mail")
    page = f"{phrases.share_mail_page}\n{public}" if public else ""
    if _is_page(links.join):
        join = f"{phrases.share_mail_join}\n{links.join}"
    else:
        join = fill(phrases.share_mail_join_by_mail, contact=config.campaign.contact)
    choices = (
        _paragraphs(opening, f"{title}\n{public_description(edition)}".strip(), page, join),
        _paragraphs(opening, title, page, join),
        _paragraphs(title, page, join),
    )
    fitting = (text for text in choices if len(mailto(subject, text)) <= LONGEST_MAILTO)
    return next(fitting, choices[-1])


def _paragraphs(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"


def _is_page(url: str) -> bool:
    return not url.startswith("mailto:")


def _where(edition: Edition, key: str) -> str:
    return f"{edition.path.as_posix()}:{edition.lines.get(key, 1)}"
