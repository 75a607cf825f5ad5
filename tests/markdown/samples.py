"""Bodies composed for the tests."""

from __future__ import annotations

from pathlib import Path

import lxml.html

from newsletter.markdown import EVERY, Composed, compose

PATH = Path("issues/sample/en.md")


def made(body: str, variant: int = EVERY, first_line: int = 1, language: str = "") -> Composed:
    return compose(body, path=PATH, first_line=first_line, variant=variant, language=language)


def tree(body: str) -> lxml.html.HtmlElement:
    return lxml.html.fragment_fromstring(made(body).html, create_parent="main")
