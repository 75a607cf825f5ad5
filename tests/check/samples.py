"""A clean edition for the rules' tests, and ways to spoil it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from newsletter.check import CheckInput
from newsletter.config import Campaign, Config, Sender, Web
from newsletter.models import Edition, Field, Issue, Picture, RenderedEdition
from newsletter.relay import Relay

NAME, LEAVE = "PHq0001q", "PHq0002q"

HTML = f"""<!doctype html>
<html lang="en" dir="ltr"><head><meta charset="utf-8"><title>Six steps</title>
<style>.a {{ color: red }}</style>
<style>@media (max-width: 600px) {{ .a {{ color: blue }} }}
@media print {{ .a {{ color: black }} }}</style></head>
<body><!--[if mso]><table role="presentation"><tr><td><![endif]-->
<h1 id="top">Dear <bdi>{NAME}</bdi></h1>
<p>Read <a href="https://www.imagegently.org/dentistry">the six steps</a>, or write
<a href="mailto:office@example.org">to the office</a>.</p>
<p><img src="cid:unit.png" alt="A child beside an X-ray unit" width="600"></p>
<p><a href="mailto:?subject=Six%20steps">Tell a colleague</a> <a href="{LEAVE}">Unsubscribe</a></p>
</body></html>
"""

TEXT = f"""Dear {NAME},

the six steps <https://www.imagegently.org/dentistry>
Write to office@example.org

Unsubscribe <{LEAVE}>
"""

BODY = """Dear {{ name | default("colleague") }},

Read [the six steps](https://www.imagegently.org/dentistry).

![A child beside an X-ray unit](unit.png)
"""

EDITION = Edition(
    path=Path("issues/six-steps/en.md"),
    language="en",
    subject="Six steps for imaging a child's teeth",
    preheader="What to do before, during and after an exam of a child",
    body=BODY,
    body_line=5,
    lines={"subject": 2, "preheader": 3, "silence": 4},
)

RENDERED = RenderedEdition(
    slug="six-steps",
    language="en",
    direction="ltr",
    variant=0,
    subject=EDITION.subject,
    preheader=EDITION.preheader,
    title="Six steps",
    html=HTML,
    text=TEXT,
    fields=(
        Field(token=NAME, name="name", default="colleague", line=5),
        Field(token=LEAVE, name="leave_url"),
    ),
    pictures=(Picture(name="unit.png", media_type="image/png", data=b"x"),),
)

CONFIG = Config(
    root=Path(),
    campaign=Campaign(
        name="Six Steps News",
        organisation="Sample Federation",
        postal_address="1 Sample Street",
        contact="office@example.org",
        language="en",
        timezone="UTC",
        list_id="six-steps.example.org",
    ),
    sender=Sender(
        name="Six Steps News",
        address="news@example.org",
        reply_to="office@example.org",
        unsubscribe_address="office@example.org",
    ),
    relay=None,
    web=Web(base_url="http://127.0.0.1:8080"),
)


def given(
    *,
    html: str = HTML,
    text: str = TEXT,
    subject: str = EDITION.subject,
    fields: Sequence[Field] = RENDERED.fields,
    body: str = BODY,
    web: Web = CONFIG.web,
    sender: str = CONFIG.sender.address,
    relay: Relay | None = None,
    preheader: str = EDITION.preheader,
    picture: bytes = b"x",
    silence: tuple[str, ...] = (),
    empty_fields: dict[str, int] | None = None,
    unclear: dict[int, str] | None = None,
) -> CheckInput:
    """The clean edition with changes."""
    edition = replace(EDITION, subject=subject, preheader=preheader, silence=silence, body=body)
    rendered = replace(
        RENDERED,
        subject=subject,
        preheader=preheader,
        html=html,
        text=text,
        fields=fields,
        pictures=(replace(RENDERED.pictures[0], data=picture),),
    )
    return CheckInput(
        edition=edition,
        rendered=rendered,
        issue=Issue(slug="six-steps", folder=Path(), editions={"en": edition}, pictures={}),
        config=replace(CONFIG, web=web, relay=relay, sender=replace(CONFIG.sender, address=sender)),
        empty_fields=empty_fields or {},
        unclear=unclear or {},
    )


def with_words(words: str, **changes: str) -> CheckInput:
    """The clean edition with more HTML before its end."""
    return given(html=HTML.replace("</body>", f"{words}</body>"), **changes)  # type: ignore[arg-type]


def with_link(href: str, words: str = "words") -> CheckInput:
    """The clean edition with one more link, which the plain text and the markdown have as well."""
    page = HTML.replace("</body>", f'<a href="{href}">{words}</a></body>')
    return given(html=page, text=f"{TEXT}{href}", body=f"{BODY}\n[{words}]({href})\n")
