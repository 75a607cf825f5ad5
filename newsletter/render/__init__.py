"""An edition as HTML and plain text, ready to be cut; the only importer of jinja2 and premailer."""

from __future__ import annotations

from jinja2 import Environment

from newsletter.render.edition import conditions, render
from newsletter.render.templates import environment

__all__ = ["Environment", "conditions", "environment", "render"]
