"""What stands on each public page: pure, for the server and for the static archive alike."""

from __future__ import annotations

from newsletter.pages.frame import Tongue, people_page, stylesheet, tongue, trouble_page
from newsletter.pages.page import Page, make_page
from newsletter.pages.place import Place, live, static
from newsletter.pages.site import PublicIssue, Site, latest
from newsletter.pages.words import words_for

__all__ = [
    "Page",
    "Place",
    "PublicIssue",
    "Site",
    "Tongue",
    "latest",
    "live",
    "make_page",
    "people_page",
    "static",
    "stylesheet",
    "tongue",
    "trouble_page",
    "words_for",
]
