"""Issues as folders of text files: reading them, and beginning a new one."""

from __future__ import annotations

from newsletter.issue.draft import edition_skeleton, slugify
from newsletter.issue.draftwords import sample_words
from newsletter.issue.edition import read_edition
from newsletter.issue.folder import find_issue, issue_title, list_issues, load_issue, read_slug

__all__ = [
    "edition_skeleton",
    "find_issue",
    "issue_title",
    "list_issues",
    "load_issue",
    "read_edition",
    "read_slug",
    "sample_words",
    "slugify",
]
