"""Issues for the tests."""

from __future__ import annotations

from pathlib import Path

from newsletter.issue import read_edition
from newsletter.models import Edition

PATH = Path("issues/sample/en.md")
PNG = b"\x89PNG\r\n\x1a\n rest"
FULL = """\
---
# a note
subject: "Six habits: a start"
preheader: What inboxes show
title: Six habits
date: 2014-10-01
description: >
  One long
  sentence.
share:
  sentence: "Know a dentist?"
  mail_text: |
    First line

    Second line
silence: [subject-long, shortener]
reviewed_by: Dr Sample Reviewer
reviewed_on: "2026-11-20"
---

Dear all,

---

the end.
"""


def edition(text: str | bytes) -> Edition:
    data = text if isinstance(text, bytes) else text.encode()
    return read_edition(data, path=PATH, language="en")


def front(lines: str) -> str:
    return f"---\n{lines}\n---\nText.\n"


def write(root: Path, name: str, data: str | bytes = front("subject: Hello")) -> Path:
    path = root / "issues" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path
