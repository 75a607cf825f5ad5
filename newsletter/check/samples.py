"""Sample readers: an edition filled for a full, an empty, a hostile and a right-to-left one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from newsletter.check.page import Page
from newsletter.fields import LINKS
from newsletter.models import RenderedEdition
from newsletter.stencil import fill_html, fill_subject, fill_text, link_fields, misplaced

_LINK = "https://newsletter.example.org/sample"
_FULL = {"name": "Ana García", "email": "ana@example.org", "country": "FR"}
_HOSTILE = "\"><b onload=x>&'"
_RIGHT_TO_LEFT = "أحمد"


class Sample(Struct, frozen=True, kw_only=True, dict=True):
    """One reader's copy."""

    reader: str
    subject: str
    html: str
    text: str

    @cached_property
    def page(self) -> Page:
        """The parsed HTML."""
        return Page.read(self.html)


def make_samples(rendered: RenderedEdition) -> tuple[Sample, ...]:
    """The four copies; fields that stand where none may are left out of them."""
    rendered = _without_misplaced(rendered)
    full = {field.name: _FULL.get(field.name, "Sample") for field in rendered.fields}
    full |= {"language": rendered.language}
    full |= dict.fromkeys((*LINKS, *link_fields(rendered)), _LINK)
    required = {field.name for field in rendered.fields if field.default is None}
    fixed = {name: value for name, value in full.items() if value == _LINK}
    readers: Mapping[str, Mapping[str, str]] = {
        "full": full,
        "empty": {name: value if name in required | set(fixed) else "" for name, value in full.items()},
        "hostile": dict.fromkeys(full, _HOSTILE) | fixed,
        "right-to-left": dict.fromkeys(full, _RIGHT_TO_LEFT) | fixed,
    }
    return tuple(
        Sample(
            reader=reader,
            subject=fill_subject(rendered, values),
            html=fill_html(rendered, values),
            text=fill_text(rendered, values),
        )
        for reader, values in readers.items()
    )


def _without_misplaced(rendered: RenderedEdition) -> RenderedEdition:
    page = rendered.html
    for wrong in reversed(misplaced(rendered)):
        page = page[: wrong.start] + page[wrong.end :]
    return replace(rendered, html=page)
