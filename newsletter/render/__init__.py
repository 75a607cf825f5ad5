"""Editions as HTML and text, ready to be cut, and public pages; the only importer of jinja2 and premailer."""

from __future__ import annotations

from jinja2 import Environment

from newsletter.render.edition import conditions, render
from newsletter.render.picturesize import picture_size
from newsletter.render.templates import environment, page

__all__ = ["Environment", "conditions", "environment", "page", "picture_size", "render"]
