"""One file to one edition, or an error with its line."""

from __future__ import annotations

from datetime import date

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.errors import IssueError, NewsletterError
from tests.issue.samples import FULL, edition, front


def test_every_key_of_a_full_front_matter_is_read() -> None:
    found = edition(FULL)
    assert (found.subject, found.preheader, found.title) == (
        "Six habits: a start",
        "What inboxes show",
        "Six habits",
    )
    assert (found.date, found.reviewed_on) == (date(2014, 10, 1), date(2026, 11, 20))
    assert found.description == "One long sentence."
    assert found.share.sentence == "Know a dentist?"
    assert found.share.mail_text == "First line\n\nSecond line"
    assert found.share.button == ""
    assert tuple(found.silence) == ("subject-long", "shortener")
    assert found.reviewed_by == "Dr Sample Reviewer"
    assert found.body == "\nDear all,\n\n---\n\nthe end.\n"


def test_lines_are_the_files_own() -> None:
    found = edition(FULL)
    rows = FULL.split("\n")
    for key, line in found.lines.items():
        assert rows[line - 1].strip().startswith(f"{key.rpartition('.')[2]}:")
    assert set(found.lines) >= {"subject", "share", "share.mail_text", "reviewed_on"}
    assert rows[found.body_line - 1 :] == found.body.split("\n")


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_bom_and_line_endings_change_nothing(bom: bytes, ending: str) -> None:
    assert edition(bom + FULL.replace("\n", ending).encode()) == edition(FULL)


@pytest.mark.parametrize(
    ("data", "line", "says"),
    [
        (b"", 1, "is empty"),
        (b"\xef\xbb\xbf\r\n \n", 1, "is empty"),
        ("---\nsubject: é\n".encode("utf-16"), 1, "UTF-16"),
        (b"---\nsubject: a\n---\r\ncaf\xe9\n", 4, "no UTF-8"),
        (b"---\nsubject: a\n---\nx\n\x00\n", 5, "NUL"),
        (b"---\nsubject: a\n---\nx\n\x0b\n", 5, "U+000B"),
        ("---\nsubject: a\n---\nx \x85\n".encode(), 4, "U+0085"),
        ("Dear all,\n", 1, "does not begin with a front matter"),
        ("\n---\nsubject: a\n---\nx\n", 1, "does not begin with a front matter"),
        ("---\nsubject: a\n\nDear all,\n", 1, "not closed"),
        ("---\nsubject: a\n---\n", 3, "no text below"),
        ("---\nsubject: a\n---\n \n\t\n", 3, "no text below"),
        (front("preheader: a"), 1, "no subject"),
        (front(""), 1, "no subject"),
        (front("# note"), 1, "no subject"),
        (front("title: a\nsubject:"), 3, "subject is empty"),
        (front('subject: "  "'), 2, "subject is empty"),
        (front("subject: a\nsubjet: b"), 3, "did you mean 'subject'"),
        (front("subject: a\n\nSubject: b"), 4, "'Subject' is unknown"),
        (front("subject: a\n1: b"), 3, "'1' is unknown"),
        (front("!!python/name:os.system subject: a"), 2, "unknown"),
        (front("subject: a\n? [a]\n: b"), 3, "unknown"),
        (front("subject: a\n<<: {title: b}"), 3, "unknown"),
        (front("subject: a\ntitle: b\nsubject: c"), 4, "twice"),
        (front("subject: a\nshare:\n  button: x\n  button: y"), 5, "share.button' stands here twice"),
        (front("subject: a\nshare:\n  buton: x"), 4, "did you mean 'button'"),
        (front("subject: a\nshare: text"), 3, "share does not hold"),
        (front("subject: 2014"), 2, "put it in quotes"),
        (front("subject: 3.5"), 2, "a number"),
        (front("subject: yes"), 2, "yes or no"),
        (front("subject: 2014-10-01"), 2, "a date"),
        (front("subject: [a]"), 2, "must be one text"),
        (front("subject: !!python/object/apply:os.system [ls]"), 2, "must be one text"),
        (front("subject: !!binary aGk="), 2, "must be text"),
        (front("subject: !custom a"), 2, "must be text"),
        (front('subject: "a\\nb"'), 2, "line break"),
        (front('subject: "a\\rb"'), 2, "line break"),
        (front('subject: "a\\0b"'), 2, "line break"),
        (front('subject: "a\\u2028b"'), 2, "line break"),
        (front('subject: "a\\uD800b"'), 2, "control"),
        (front("subject: |\n  a\n  b"), 2, "line break"),
        (front("subject: a\nreviewed_by: |\n  a\n  b"), 3, "line break"),
        (front("subject: a\nshare:\n  button: |\n    a\n    b"), 4, "line break"),
        (front("subject: a\ndate: tomorrow"), 3, "no date"),
        (front("subject: a\ndate: 2014-02-30"), 3, "no date"),
        (front("subject: a\ndate: 20141001"), 3, "no date"),
        (front("subject: a\ndate: 2014-10-01 10:00:00"), 3, "no date"),
        (front("subject: a\ndate: [2014]"), 3, "no date"),
        (front("subject: a\nsilence: {a: b}"), 3, "must be a list"),
        (front("subject: a\nsilence:\n- [a]"), 4, "must be a list"),
        (front("subject: a: b"), 2, "no valid YAML"),
        (front("subject: a\n\ttitle: b"), 3, "a tab stands where only spaces may"),
        (front("subject: a\ntitle:\tb"), 3, "a tab stands where only spaces may"),
        (front('subject: a\ntitle: "b'), 4, "no valid YAML"),
        (front("- subject"), 2, "key: value"),
        (front("only words"), 2, "key: value"),
        (front("subject: a\n...\ntitle: b"), 4, "no valid YAML"),
        (front("subject: *a"), 2, "no valid YAML"),
        (front("subject: a\nsilence: " + "[" * 5000), 2, "nested"),
        (front("subject: a\ntitle: \ufffe"), 2, "does not allow"),
    ],
)
def test_what_cannot_be_used_is_told_with_its_line(data: str | bytes, line: int, says: str) -> None:
    with pytest.raises(IssueError) as caught:
        edition(data)
    assert says in str(caught.value)
    assert caught.value.where == f"issues/sample/en.md:{line}"


def test_empty_optional_values_are_absent_ones() -> None:
    found = edition(front("subject: a\npreheader:\ntitle: ~\ndate:\nreviewed_on: null\nshare:\nsilence:"))
    assert (found.preheader, found.title, found.date, found.reviewed_on) == ("", "", None, None)
    assert tuple(found.silence) == ()


def test_one_silenced_rule_needs_no_list() -> None:
    assert tuple(edition(front("subject: a\nsilence: shortener")).silence) == ("shortener",)


YAML_BITS = st.sampled_from(
    ["subject: ", "share:", "\n", "  ", "- ", *"[]{}'|>\"", "&a", "*a", "!!", "---", ": ", "2014"]
)


@settings(max_examples=300)
@given(st.lists(YAML_BITS | st.text(max_size=4), max_size=20).map("".join))
def test_any_front_matter_is_read_or_refused_in_words(text: str) -> None:
    try:
        found = edition(front(text).encode("utf-8", "replace"))
    except NewsletterError as error:
        assert error.where.startswith("issues/sample/en.md:")
        return
    assert found.subject == yaml.safe_load(text.partition("\n---")[0])["subject"].strip()


@settings(max_examples=200)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_in_words(data: bytes) -> None:
    for whole in (data, b"---\nsubject: a\n---\n" + data):
        try:
            edition(whole)
        except IssueError as error:
            assert error.where


def test_all_that_is_wrong_in_a_front_matter_is_told_at_once_in_the_order_of_lines() -> None:
    text = front(
        "tittle: a\npreheader: [b]\ndate: soon\nshare:\n  sentence: 7\n  buton: c\n"
        "date: 2026-01-01\nsilence: {d: e}"
    )
    with pytest.raises(IssueError) as caught:
        edition(text)
    found = [
        (error.where.rpartition(":")[2], error.message) for error in (caught.value, *caught.value.further)
    ]
    assert found == [
        ("2", "the key 'tittle' is unknown"),
        ("3", "preheader must be one text"),
        ("4", "date is no date of the calendar"),
        ("6", "share.sentence must be text, but YAML reads a number here"),
        ("7", "the key 'buton' is unknown"),
        ("8", "the key 'date' stands here twice"),
        ("9", "silence must be a list of names"),
        ("1", "the front matter has no subject"),
    ]
