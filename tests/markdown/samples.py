"""Bodies composed for the tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import lxml.html

from newsletter.markdown import Composed, compose

PATH = Path("issues/sample/en.md")


def made(
    body: str, holds: Callable[[str], bool] = lambda _: True, first_line: int = 1, language: str = ""
) -> Composed:
    return compose(body, path=PATH, first_line=first_line, holds=holds, language=language)


def tree(body: str) -> lxml.html.HtmlElement:
    return lxml.html.fragment_fromstring(made(body).html, create_parent="main")
