"""Rules on the issue's own words: samples that are left, tables too wide for a phone."""

from __future__ import annotations

from collections.abc import Iterator

from newsletter.check.rule import CheckInput, Note, rule
from newsletter.issue import sample_words
from newsletter.models import Level

_MOST_COLUMNS = 4


@rule(
    "draft-untouched",
    Level.ERROR,
    title="Sample words of a new edition are still there",
    help_="`newsletter new` wrote them to show where yours go: replace them, or take them out",
)
def draft_untouched(given: CheckInput) -> Iterator[Note]:
    """Lines that are as `newsletter new` has made them, in any language."""
    for number, line in enumerate(given.edition.body.split("\n"), given.edition.body_line):
        if found := sample_words(line):
            yield Note(message=f"“{found}” is a sample of `newsletter new`.", line=number)


@rule(
    "table-wide",
    Level.WARNING,
    title="A table has more than four columns",
    help_="turn rows into columns, split the table, or leave columns out: most people read on a phone",
)
def table_wide(given: CheckInput) -> Iterator[Note]:
    """Data tables, by the cells of their widest row."""
    for table in given.page.elements:
        if table.tag != "table" or table.get("role") in ("presentation", "none"):
            continue
        columns = max((len(row.xpath("./td|./th")) for row in table.iter("tr")), default=0)
        if columns > _MOST_COLUMNS:
            first = " ".join(str(table.xpath("string((.//tr)[1]/*[1])")).split())
            message = (
                f"The table that begins “{first[:40]}” has {columns} columns; a phone shows four short ones."
            )
            yield Note(message=message, line=given.line_of(f"| {first} |", f"|{first}|", first))
