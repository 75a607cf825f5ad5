"""One edition: its fields tokenised, its markdown composed, put into the templates, its styles inlined."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment
from markupsafe import Markup, escape

from newsletter import markdown
from newsletter.config import Config
from newsletter.errors import IssueError, NotFoundError
from newsletter.fields import LINKS, Tokens, tokenise
from newsletter.languages import direction, own_name
from newsletter.links import EditionLinks, edition_links
from newsletter.markdown import Composed, line_of
from newsletter.models import Edition, Issue, RenderedEdition
from newsletter.phrases import fill, for_language, long_date
from newsletter.render.fragment import attach_pictures, isolate_values
from newsletter.render.inline import inlined
from newsletter.render.templates import PREVIEW_PADDING, filled, sources
from newsletter.share import Share, public_title, share_block
from newsletter.typography import left_to_right, no_breaks


def conditions(issue: Issue, language: str) -> Mapping[str, int]:
    """The distinct `::: only` expressions of an edition, in order, with their lines.

    Condition n is bit n of a variant.
    """
    edition = _edition(issue, language)
    body, faults = _read_body(edition, Tokens([edition.body]))
    return markdown.conditions(body, path=edition.path, first_line=edition.body_line, faults=faults)


def render(
    issue: Issue,
    language: str,
    *,
    config: Config,
    links: EditionLinks,
    environment: Environment,
    variant: int = 0,
    passed_on: bool = False,
) -> RenderedEdition:
    """One edition of an issue, for the readers for whom exactly the conditions of `variant` hold.

    A mail to be `passed_on` by others has no way out of the campaign's own lists. The same input gives the
    same output. Raises NotFoundError for a language that the issue does not have, IssueError for what is
    wrong in its file, ConfigError for what is wrong in a template.
    """
    edition = _edition(issue, language)
    share = share_block(edition, config, links, for_language(language))
    texts = [edition.subject, edition.preheader, edition.body, repr((config.campaign, links, share))]
    tokens = Tokens([*texts, *sources(environment)])
    subject, preheader = (_head_line(edition, key, tokens) for key in ("subject", "preheader"))
    composed = _composed(edition, links, share, tokens, variant)
    content = attach_pictures(isolate_values(composed.html, tokens.fields), issue.pictures)
    page = _page(edition, config, links, share, tokens) | {"tongues": _tongues(issue, language, config)}
    if passed_on:
        page |= _passed_on(edition, config)
    seen = str(escape(no_breaks(preheader, language)))
    preview = isolate_values(seen, tokens.fields) + PREVIEW_PADDING
    html = filled(
        environment, "mail.html", page | {"content": Markup(content.html), "preheader": Markup(preview)}
    )
    text = filled(
        environment, "mail.txt", page | {"content": composed.text.strip("\n"), "preheader": preheader}
    )
    html, text = inlined(html), re.sub(r"\n{3,}", "\n\n", text).strip("\n") + "\n"
    return RenderedEdition(
        slug=issue.slug,
        language=language,
        direction=direction(language),
        variant=variant,
        subject=subject,
        preheader=preheader,
        title=public_title(edition),
        html=html,
        text=text,
        fields=[
            f for f in tokens.fields if any(f.token in part for part in (subject, preheader, html, text))
        ],
        pictures=content.pictures,
        date=edition.date,
        link_lines={(link.href, link.text): link.line for link in reversed(composed.links)},
    )


def _edition(issue: Issue, language: str) -> Edition:
    if language in issue.editions:
        return issue.editions[language]
    known = ", ".join(sorted(issue.editions))
    raise NotFoundError(
        f"issue '{issue.slug}' has no edition in '{language}'", hint=f"it has: {known}" if known else ""
    )


def _head_line(edition: Edition, key: str, tokens: Tokens) -> str:
    """The subject or preheader with its fields as tokens; a link in it is refused: nobody can follow it."""
    line, text = edition.lines.get(key, 1), str(getattr(edition, key))
    own = Tokens([text])
    tokenise(text, path=edition.path, first_line=line, fields=own)
    for field in own.fields:
        if field.name in LINKS:
            raise IssueError(
                f"the {key} cannot hold the link {{{{ {field.name} }}}}",
                where=f"{edition.path.as_posix()}:{line}",
                hint="nobody can follow a link there: put it into the text",
            )
    written = tokenise(text, path=edition.path, first_line=line, fields=tokens)
    return left_to_right(written, edition.language)


def _read_body(edition: Edition, tokens: Tokens) -> tuple[str, list[IssueError]]:
    """The body with its fields as tokens, and the placeholders that cannot be read, a fault each line."""
    text, faults = edition.body, list[IssueError]()
    while True:
        try:
            body = tokenise(text, path=edition.path, first_line=edition.body_line, fields=tokens)
        except IssueError as fault:
            faults.append(fault)
            lines = text.split("\n")
            at = line_of(fault) - edition.body_line
            lines[at] = re.sub(r"\{(?=[{%#])", "(", lines[at])
            text = "\n".join(lines)
        else:
            return body, faults


def _composed(edition: Edition, links: EditionLinks, share: Share, tokens: Tokens, variant: int) -> Composed:
    """The body with the links that all readers share; raises the first fault of its file."""
    body, faults = _read_body(edition, tokens)
    constant, dead = _constant_links(edition, links, share, tokens)
    for token, link in constant.items():
        body = body.replace(token, link)
    composed = markdown.compose(
        body,
        path=edition.path,
        first_line=edition.body_line,
        variant=variant,
        language=edition.language,
        faults=faults + dead,
    )
    if variant >> len(composed.condition_lines):
        raise ValueError(f"variant {variant} has a condition that the edition does not")
    return composed


def _constant_links(
    edition: Edition, links: EditionLinks, share: Share, tokens: Tokens
) -> tuple[dict[str, str], list[IssueError]]:
    """The links that are the same for every reader, by the token that stands for each in the body.

    And a fault for each that leads nowhere.
    """
    known = {"public_url": links.public, "join_url": links.join, "share_url": share.mailto}
    if links.leave:
        known |= {"leave_url": links.leave, "preferences_url": links.leave}
    own = [field for field in tokens.fields if field.name in known]
    found = {field.token: known[field.name] or field.default or "" for field in own}
    dead = [
        IssueError(
            f"{{{{ {field.name} }}}} leads nowhere: there are no public pages",
            where=f"{edition.path.as_posix()}:{field.line}",
            hint="set [web] archive_url or base_url in newsletter.toml, or take the link out",
        )
        for field in own
        if not found[field.token]
    ]
    return {token: link for token, link in found.items() if link}, dead


def _page(
    edition: Edition, config: Config, links: EditionLinks, share: Share, tokens: Tokens
) -> dict[str, Any]:
    """What the templates are given, beside the content."""
    language, way = edition.language, direction(edition.language)
    phrases = for_language(language)
    return {
        "language": language,
        "direction": way,
        "start": "right" if way == "rtl" else "left",
        "end": "left" if way == "rtl" else "right",
        "title": no_breaks(public_title(edition), language),
        "date": long_date(edition.date, language) if edition.date else "",
        "campaign": config.campaign,
        "links": links,
        "phrases": phrases,
        "phrases_tongue": _tongue(phrases.language, language),
        "share": share,
        "reviewed": no_breaks(phrases.reviewed_line(edition.reviewed_by, edition.reviewed_on), language),
        "why": fill(phrases.why, campaign=config.campaign.name),
        "leave_url": links.leave or tokens.token("leave_url"),
        "preferences_url": "" if links.leave else tokens.token("preferences_url"),
    }


def _tongues(issue: Issue, language: str, config: Config) -> list[dict[str, str]]:
    """The other languages of an issue, in their own names; none where there are no public pages."""
    return [
        {"tag": tag, "name": own_name(tag), "direction": direction(tag), "url": url}
        for tag, edition in issue.editions.items()
        if tag != language and not edition.draft and (url := edition_links(config, issue.slug, tag).public)
    ]


def _passed_on(edition: Edition, config: Config) -> dict[str, str]:
    """What the footer says to readers of another organisation's mail."""
    sentence = for_language(edition.language).passed_on
    return {
        "why": fill(sentence, organisation=config.campaign.organisation),
        "leave_url": "",
        "preferences_url": "",
    }


def _tongue(spoken: str, language: str) -> Markup:
    """The attributes for sentences in another language than the edition's; none where it is the same."""
    if language.partition("-")[0] == spoken:
        return Markup("")
    return Markup(' lang="{}" dir="{}"').format(spoken, direction(spoken))
