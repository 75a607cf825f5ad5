"""The rule on markup that did not become what it was meant to be, and that readers would see."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from newsletter.check.rule import CheckInput, Note, rule
from newsletter.fields import LINKS, PERSONAL
from newsletter.models import Level
from newsletter.typography import NO_BREAK

_TAGS = (
    "a|b|i|u|s|p|br|hr|em|strong|small|big|img|div|span|font|center|sup|sub|table|tr|td|th|ul|ol|li|h[1-6]"
)
_TARGET = r"(?:https?://|www\.|mailto:|tel:|[^()\s]+@|[^()\s]+\.(?:png|jpe?g|gif)\b)[^()\n]*\)?"
_TEXT_PART = r"[^\n]{0,20}(?:\]\(|:::)[^\n]{0,20}"
_LONGEST = 60


class _Sign(Struct, frozen=True, kw_only=True):
    """A look of markup: how sure it is that it was meant as such, and what it asks for."""

    level: Level
    look: re.Pattern[str]
    mend: str


def _sign(level: Level, look: str, mend: str) -> _Sign:
    return _Sign(level=level, look=re.compile(look, re.MULTILINE | re.IGNORECASE), mend=mend)


_SIGNS = (
    _sign(
        Level.ERROR,
        r"!\[[^\[\]\n]*\]\((?!<)[^<>\n]*[ \t][^<>\n]*\.(?:png|jpe?g|gif)\b[^()\n]*\)",
        "a picture with a blank in its name stands in <…>: ![words](<a file.png>)",
    ),
    _sign(
        Level.ERROR,
        rf"!?\[(?!\d+\])[^\[\]\n]*\]\s+\({_TARGET}",
        "take the space between ] and ( out, and it becomes a link or a picture",
    ),
    _sign(
        Level.WARNING,
        rf"\[\d+\]\s+\({_TARGET}",
        "if this is to be a link, take the space between ] and ( out",
    ),
    _sign(
        Level.ERROR,
        _TEXT_PART,
        "a link is [words](https://…), ::: has a line of its own",
    ),
    _sign(
        Level.ERROR,
        r"(?<!\S)\*\*(?=[^\s*])[^*\n]*\*\*|(?<!\S)\*\*\s[^*\n]*[^\s*]\*\*(?!\w)",
        "bold begins and ends right at the words: **like this**, without spaces inside",
    ),
    _sign(
        Level.WARNING,
        r"\*\*(?=\S)[^*\n]+\*\*|\*\*[^*\n]+(?<=\S)\*\*",
        "bold begins and ends right at the words: **like this**",
    ),
    _sign(Level.WARNING, r"\*\*(?=\w)[^*\n]{0,40}", "bold that begins must end as well: **like this**"),
    _sign(Level.ERROR, r"^ {0,3}#{2,6}[^\s#][^\n]*", "write a space behind the #, and it becomes a heading"),
    _sign(Level.ERROR, r"~~[^\s~][^~\n]*~~", "words cannot be struck through: leave the old ones out"),
    _sign(
        Level.WARNING, r"\[\^[\w-]{1,20}\](?!\w)", "there are no footnotes: write the note where it belongs"
    ),
    _sign(Level.WARNING, r"^\[[xX]\] \S[^\n]{0,30}", "there are no lists of tasks: write a plain one"),
    _sign(Level.WARNING, r"(?<=[^\W\d_])~\w{1,3}~", "write the small letters as such: H₂O, m²"),
    _sign(
        Level.WARNING, r"\^(?:[-−+]?[^\W_]{1,4}[-−+]?|[-−+])\^", "write the small letters as such: H₂O, m²"
    ),
    _sign(Level.WARNING, r"(?<!\w)==[^\s=][^=\n]*==(?!\w)", "words cannot be marked: write them **bold**"),
    _sign(
        Level.ERROR,
        rf"</?(?:{_TAGS})(?:\s+[\w-]+\s*=[^<>]*)?\s*/?>|<!--",
        "HTML is shown as text: use markdown instead",
    ),
    _sign(
        Level.ERROR,
        r"^[ \t]*\|[^\n]*\|[ \t]*\n[ \t]*\|[^\n]*\|",
        "a table needs a line like |---|---| below its first line, and a blank line before it",
    ),
    _sign(
        Level.WARNING,
        r"^[^|\n]*\S \| \S[^\n]*\n[^|\n]*\S \| \S",
        "if this is to be a table, write a line like |---|---| below its first line",
    ),
)
_BRACES = re.compile(r"(?<!\{)\{ ?(?P<name>[^\W\d][\w-]*)(?: ?\| ?default\b[^{}\n]*)? ?\}(?!\})")


@rule(
    "markup-visible",
    Level.ERROR,
    Level.WARNING,
    title="Markdown would be seen by readers",
    help_="mend it as the message says; what is really to be seen so goes between `backquotes`",
)
def markup_visible(given: CheckInput) -> Iterator[Note]:
    """Marks of markdown, HTML or a field in the words of the mail, code excepted."""
    found = [note for passage in given.page.passages for note in _notes(passage, given)]
    yield from found
    if not found and not any(re.search(_TEXT_PART, words) for words in given.page.visible(code=True)):
        for part in re.finditer(_TEXT_PART, given.rendered.text):
            shown = part[0].strip()
            yield Note(
                message=f"“{shown}” would be seen by readers of the plain text.", line=given.line_of(shown)
            )


def _notes(passage: str, given: CheckInput) -> Iterator[Note]:
    passage = passage.replace(NO_BREAK, " ")
    for token, name in given.tokens.items():
        passage = passage.replace(token, f"{{{{ {name} }}}}")
    taken: list[tuple[int, int]] = []
    for sign in _SIGNS:
        for found in sign.look.finditer(passage):
            if any(found.start() < end and start < found.end() for start, end in taken):
                continue
            taken.append(found.span())
            yield _note(found[0], sign.level, sign.mend, given)
    for found in _BRACES.finditer(passage):
        known = found["name"] in (*PERSONAL, *LINKS, *given.attributes)
        level = Level.ERROR if known else Level.WARNING
        yield _note(found[0], level, f"a field has two braces: {{{{ {found['name']} }}}}", given)


def _note(found: str, level: Level, mend: str, given: CheckInput) -> Note:
    first = found.strip().split("\n")[0].strip()
    shown = first if len(first) <= _LONGEST else f"{first[:_LONGEST]}…"
    line = given.line_of(first) or given.line_of(first[:12]) or given.line_of(first[-12:])
    return Note(message=f"“{shown}” would be seen by readers: {mend}.", line=line, level=level)
