"""Styles moved into the elements by premailer, used so that it fetches nothing."""

from __future__ import annotations

import importlib
import logging
import sys
from functools import lru_cache
from types import ModuleType
from typing import Any
from xml.dom import DOMException

import cssutils  # type: ignore[import-untyped]
from cssselect import SelectorError
from lxml.etree import LxmlError

from newsletter.errors import ConfigError

_FAULTS = (SelectorError, LxmlError, DOMException, AttributeError, AssertionError, ValueError)


def _offline_premailer() -> Any:
    """premailer without the `requests` that it would fetch with: reading that is a sixth of a start."""
    real = sys.modules.get("requests")
    sys.modules["requests"] = ModuleType("requests")
    try:
        return importlib.import_module("premailer").Premailer
    finally:
        del sys.modules["requests"]
        if real is not None:
            sys.modules["requests"] = real


class _Inliner(_offline_premailer()):  # type: ignore[misc]
    """premailer with a parser that fetches nothing: its own would follow @import even off the network."""

    def _parse_css_string(self, css_body: str, validate: bool = False) -> Any:
        return _sheet(css_body)


@lru_cache(maxsize=8)
def _sheet(css: str) -> Any:
    """A style sheet, read once for all editions and variants: that is half of inlining."""
    return cssutils.CSSParser(fetcher=lambda url: (None, b""), validate=False).parseString(css)


def inlined(html: str) -> str:
    """A page with its styles in the elements; blocks marked data-premailer="ignore" stay as they are.

    Raises ConfigError for styles that cannot be read.
    """
    cssutils.log.setLevel(logging.CRITICAL + 1)
    try:
        return str(
            _Inliner(
                html,
                allow_network=False,
                strip_important=False,
                disable_basic_attributes=["width", "height", "align", "valign"],
                cache_css_parsing=False,
                disable_validation=True,
                align_floating_images=False,
            ).transform(pretty_print=False)
        )
    except _FAULTS as error:
        nested = isinstance(error, AttributeError)
        reason = "an @ rule stands inside another one" if nested else str(error)
        raise ConfigError(
            f"the templates' styles cannot be read: {reason}",
            where="templates/mail.css",
            hint="mend the file, or delete it to use the built-in one; @media belongs into screen.css",
        ) from error
