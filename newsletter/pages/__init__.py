"""What stands on each public page: pure, for the server and for the static archive alike."""

from __future__ import annotations

from newsletter.pages.feeds import atom_feed, json_feed, robots, sitemap
from newsletter.pages.files import static_files
from newsletter.pages.frame import Look, Tongue, icon, in_order, people_page, stylesheet, tongue, trouble_page
from newsletter.pages.kit import kit_files, zipped
from newsletter.pages.page import Page, make_page
from newsletter.pages.place import Place, live, static
from newsletter.pages.site import PublicIssue, Site, latest
from newsletter.pages.views import handout_page, index_page, issue_page, picture, qr_image, share_page
from newsletter.pages.words import words_for

__all__ = [
    "Look",
    "Page",
    "Place",
    "PublicIssue",
    "Site",
    "Tongue",
    "atom_feed",
    "handout_page",
    "icon",
    "in_order",
    "index_page",
    "issue_page",
    "json_feed",
    "kit_files",
    "latest",
    "live",
    "make_page",
    "people_page",
    "picture",
    "qr_image",
    "robots",
    "share_page",
    "sitemap",
    "static",
    "static_files",
    "stylesheet",
    "tongue",
    "trouble_page",
    "words_for",
    "zipped",
]
