"""Rules on what stands in the list of mails before one is opened: subject and preheader."""

from __future__ import annotations

import re
from collections.abc import Iterator

from newsletter.check.page import bare
from newsletter.check.rule import CheckInput, Note, rule
from newsletter.fields import without_fields
from newsletter.models import Level
from newsletter.typography import without_isolates

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LONGEST_SUBJECT = 70
_SHORTEST_PREHEADER, _LONGEST_PREHEADER = 40, 130
_FEWEST_CAPITALS = 6
_FEWEST_WORDS = 3  # fewer may be a name
_LETTERS = re.compile(r"[^\W\d_]+")


@rule(
    "subject-empty",
    Level.ERROR,
    title="The subject is empty",
    help_="write a subject in the front matter; a field in it needs words beside it, or a default",
)
def subject_empty(given: CheckInput) -> Iterator[Note]:
    """A subject that is empty, for everybody or for a person without values."""
    for sample in given.samples:
        if not bare(sample.subject):
            whom = "" if sample.reader == "full" else " for people whose fields are empty"
            yield Note(message=f"The subject is empty{whom}.", line=given.front_matter_line("subject"))
            return


@rule(
    "subject-unsafe",
    Level.ERROR,
    title="The subject holds a line break or a control character",
    help_="write the subject on one line, without invisible characters",
)
def subject_unsafe(given: CheckInput) -> Iterator[Note]:
    """CR, LF, NUL and their kin, which could forge headers."""
    if _CONTROLS.search(given.edition.subject) or _CONTROLS.search(given.rendered.subject):
        line = given.front_matter_line("subject")
        yield Note(message="The subject holds a line break or a control character.", line=line)


@rule(
    "subject-untranslated",
    Level.WARNING,
    title="The subject is the same in two languages",
    help_="translate it; where it is a name that all languages share, silence this",
)
def subject_untranslated(given: CheckInput) -> Iterator[Note]:
    """An edition whose subject is, letter for letter, that of an edition in another language."""
    own, first = given.edition, given.config.campaign.language
    base = own.language.partition("-")[0]
    words = _LETTERS.findall(without_fields(own.subject))
    if base == first.partition("-")[0] or len(words) < _FEWEST_WORDS:
        return
    for other in given.issue.editions.values():
        if other.language.partition("-")[0] != base and other.subject.casefold() == own.subject.casefold():
            message = f"The subject is that of the edition in {other.language}."
            yield Note(message=message, line=given.front_matter_line("subject"))
            return


@rule(
    "subject-long",
    Level.WARNING,
    title="The subject is longer than 70 characters",
    help_="phones show 35 to 70 characters: put what matters first, and shorten it",
)
def subject_long(given: CheckInput) -> Iterator[Note]:
    """Over 70 characters when filled for a sample reader."""
    length = len(without_isolates(given.samples[0].subject))
    if length > _LONGEST_SUBJECT:
        message = f"The subject has {length} characters; many mail programs cut it after 70."
        yield Note(message=message, line=given.front_matter_line("subject"))


@rule(
    "subject-capitals",
    Level.WARNING,
    title="The subject is all capitals",
    help_="write it as a sentence: capitals look like shouting, to people and to spam filters",
)
def subject_capitals(given: CheckInput) -> Iterator[Note]:
    """All capitals, short names of organisations excepted."""
    letters = "".join(filter(str.isalpha, given.edition.subject))
    if letters.isupper() and len(letters) >= _FEWEST_CAPITALS:
        yield Note(message="The subject is all capitals.", line=given.front_matter_line("subject"))


@rule(
    "preheader-missing",
    Level.WARNING,
    title="There is no preheader",
    help_="add `preheader:` to the front matter, 40 to 130 characters that make one want to open the mail",
)
def preheader_missing(given: CheckInput) -> Iterator[Note]:
    """Without one, mail programs show whatever text comes first."""
    if not bare(given.edition.preheader):
        yield Note(message="There is no preheader: mail programs show the first words of the mail instead.")


@rule(
    "preheader-length",
    Level.WARNING,
    title="The preheader is under 40 or over 130 characters",
    help_="write 40 to 130 characters",
)
def preheader_length(given: CheckInput) -> Iterator[Note]:
    """Too short leaves room for the mail's first words, too long is cut."""
    length = len(given.edition.preheader.strip())
    if length and not _SHORTEST_PREHEADER <= length <= _LONGEST_PREHEADER:
        message = f"The preheader has {length} characters; 40 to 130 fit."
        yield Note(message=message, line=given.front_matter_line("preheader"))


@rule(
    "preheader-repeats",
    Level.WARNING,
    title="The preheader repeats the subject",
    help_="say in the preheader what the subject does not say",
)
def preheader_repeats(given: CheckInput) -> Iterator[Note]:
    """The two stand side by side in the list of mails."""
    preheader, subject = bare(given.edition.preheader), bare(given.edition.subject)
    if preheader and preheader.casefold() == subject.casefold():
        message = "The preheader says the same as the subject, which stands beside it."
        yield Note(message=message, line=given.front_matter_line("preheader"))
