"""Segment expressions."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.countries import country_code
from newsletter.errors import SegmentError
from newsletter.segments import Segment, Term, consent_terms, parse, with_list_renamed

LISTS = ["dentists", "radiologists", "Board members"]
SAVED = {
    "francophones": "language:fr list:dentists",
    "broken": "list:gone",
    "nested": "francophones",
    "unclosed": 'tag:"x',
}


def terms(text: str) -> list[tuple[str, tuple[str, ...], bool]]:
    found = parse(text, lists=LISTS, segments=SAVED)
    return [(term.key, term.values, term.negated) for term in found.terms]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dentists", [("list", ("dentists",), False)]),
        ("  Dentists ", [("list", ("dentists",), False)]),
        ("Board members", [("list", ("Board members",), False)]),
        ("francophones", [("language", ("fr",), False), ("list", ("dentists",), False)]),
        (
            "list:dentists country:FR,BE -tag:board",
            [
                ("list", ("dentists",), False),
                ("country", ("FR", "BE"), False),
                ("tag", ("board",), True),
            ],
        ),
        ('list:"board members", dentists', [("list", ("Board members", "dentists"), False)]),
        ("country:fr , uk", [("country", ("FR", "GB"), False)]),
        ("country:France,Deutschland", [("country", ("FR", "DE"), False)]),
        ("-country:FR,BE", [("country", ("FR", "BE"), True)]),
        ("language:fr_FR,DE", [("language", ("fr-fr", "de"), False)]),
        ("language:German,français,zh_Hant", [("language", ("de", "fr", "zh-hant"), False)]),
        ('name:"Anna  MÜLLER"', [("name", ("anna müller",), False)]),
        ("tag:'Head Nurse',Board", [("tag", ("head nurse", "board"), False)]),
        ("tag:“head nurse”", [("tag", ("head nurse",), False)]),
        ('city:""', [("city", ("",), False)]),
        ("job_title:x,x", [("job_title", ("x",), False)]),
        ("Ville:Orléans", [("ville", ("orléans",), False)]),
        ("Ville:Orle\u0301ans", [("ville", ("orléans",), False)]),
        ("site:https://example.org", [("site", ("https://example.org",), False)]),
        (
            "email:a-b@example.org\t\nname:x",
            [("email", ("a-b@example.org",), False), ("name", ("x",), False)],
        ),
        ("tag:-x", [("tag", ("-x",), False)]),
        ("list:dentists list:dentists", [("list", ("dentists",), False)]),
    ],
)
def test_an_expression_becomes_terms(text: str, expected: list[tuple[str, tuple[str, ...], bool]]) -> None:
    assert terms(text) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no list or segment is named"),
        ("dentsits", "did you mean 'dentists'"),
        ("francophone", "did you mean 'francophones'"),
        ("xyz", "no list or segment is named 'xyz'"),
        ("list:dentsits", "did you mean 'dentists'"),
        ("list:francophones", "no list is named 'francophones'"),
        ("country:Atlantis", "'Atlantis' is no country"),
        ("country:", "a value is missing after 'country:'"),
        ("country:FR,", "a value is missing after 'country:'"),
        ("country:,FR", "a value is missing after 'country:'"),
        ("country:FR board", "'board' stands alone"),
        ("country:FR -", "stands alone"),
        ('tag:"x', "a quote after 'tag:' is not closed"),
        ('tag:"x"y', "a blank or a comma must follow"),
        (":x", "':' is no key"),
        ("--tag:x", "'-tag:' is no key"),
        ("tags:x", "the key for tags is 'tag:'"),
        ("broken", "segment broken: no list is named 'gone'"),
        ("nested", "a saved segment cannot name another one"),
        ("unclosed", "segment unclosed: a quote"),
    ],
)
def test_what_cannot_be_meant_is_said_plainly(text: str, says: str) -> None:
    with pytest.raises(SegmentError) as refused:
        parse(text, lists=LISTS, segments=SAVED)
    assert says in str(refused.value)


def test_keys_are_checked_where_the_attributes_are_known() -> None:
    known = {"city", "job_title"}
    assert parse("city:Lyon", lists=LISTS, segments={}, attributes=known).terms[0].key == "city"
    with pytest.raises(SegmentError, match="did you mean 'country'"):
        parse("counrty:FR", lists=LISTS, segments={}, attributes=known)
    with pytest.raises(SegmentError, match="did you mean 'job_title'"):
        parse("jobtitle:x", lists=LISTS, segments={}, attributes=known)


def test_consent_comes_from_the_positive_lists_only() -> None:
    segment = parse("list:dentists -list:radiologists country:FR", lists=LISTS, segments={})
    assert consent_terms(segment) == (Term(key="list", values=("dentists",)),)
    assert consent_terms(parse("country:FR", lists=LISTS, segments={})) == ()


VALUE = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="\"'“”„«»"), min_size=1
)


@given(
    st.lists(
        st.tuples(st.sampled_from(["city", "name", "job_title"]), st.lists(VALUE, min_size=1), st.booleans())
    )
)
def test_quoted_values_come_back_whatever_they_hold(raw: list[tuple[str, list[str], bool]]) -> None:
    text = " ".join(
        f"{'-' * negated}{key}:" + ",".join(f'"{value}"' for value in values) for key, values, negated in raw
    )
    if not text:
        return
    parsed = parse(text, lists=[], segments={})
    assert {(term.key, term.negated) for term in parsed.terms} == {(key, negated) for key, _, negated in raw}
    assert all(term.values for term in parsed.terms)


@pytest.mark.parametrize(
    ("text", "renamed"),
    [
        ("list:dentists", "list:teams"),
        ("-list:Dentists,board country:FR", "-list:teams,board country:FR"),
        ('List:"dentists" , "Board members" tag:dentists', 'List:teams,"Board members" tag:dentists'),
        ('name:“say "hi"” city:""', 'name:\'say "hi"\' city:""'),
    ],
)
def test_a_list_with_another_name(text: str, renamed: str) -> None:
    assert with_list_renamed(text, "dentists", "teams") == renamed


@settings(max_examples=300)
@given(st.text(alphabet="abc:,- \"'«»“”", max_size=20))
def test_another_name_for_a_list_changes_no_other_question(text: str) -> None:
    try:
        before = parse(f"city:x {text}", lists=[], segments={})
    except SegmentError:
        return
    assert parse(with_list_renamed(f"city:x {text}", "dentists", "teams"), lists=[], segments={}) == before


@settings(max_examples=300)
@given(st.text(alphabet="abc:,- \"'\u00a0\n“", max_size=20))
def test_any_text_is_a_segment_or_an_error_in_words(text: str) -> None:
    try:
        parsed = parse(text, lists=["a"], segments={"b": "c:a"})
    except SegmentError as error:
        assert str(error)
    else:
        assert isinstance(parsed, Segment)
        assert parsed.terms


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("fr", "FR"),
        ("FRA", "FR"),
        ("Frankreich", "FR"),
        ("Francia", "FR"),
        ("UK", "GB"),
        ("U.S.A.", "US"),
        ("cote d'ivoire", "CI"),
        ("Bosnia and Herzegovina", "BA"),
        ("مصر", "EG"),
        ("Atlantis", ""),
        ("EU", ""),
        ("", ""),
    ],
)
def test_countries_are_read_by_code_and_by_name(text: str, code: str) -> None:
    assert country_code(text) == code
