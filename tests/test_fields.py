"""Placeholders and the tokens that stand for them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.errors import IssueError
from newsletter.fields import TOKEN, Tokens, tokenise, unknown_fields
from newsletter.models import Field

PATH = Path("issues/sample/en.md")


def read(text: str, first_line: int = 1) -> tuple[str, tuple[Field, ...]]:
    tokens = Tokens([text])
    return tokenise(text, path=PATH, first_line=first_line, fields=tokens), tokens.fields


@pytest.mark.parametrize(
    ("text", "name", "default"),
    [
        ("{{ name }}", "name", None),
        ("{{name}}", "name", None),
        ("{{\tname\u00a0}}", "name", None),
        ("{{ \u200fname\u200e }}", "name", None),
        ('{{ name | default("colleague") }}', "name", "colleague"),
        ("{{ name | default('colleague') }}", "name", "colleague"),
        ("{{name|default('it is \"so\"')}}", "name", 'it is "so"'),
        ('{{ name | default("it\'s") }}', "name", "it's"),
        ('{{ name | default ( "زميل" ) }}', "name", "زميل"),
        ('{{ name | default("") }}', "name", ""),
        ('{{ name | default("}}") }}', "name", "}}"),
        ("{{ practice_name }}", "practice_name", None),
        ("{{ cabinet-2 }}", "cabinet-2", None),
        ("{{ ville_où }}", "ville_où", None),
        ("{{ leave_url }}", "leave_url", None),
    ],
)
def test_a_placeholder_becomes_a_token(text: str, name: str, default: str | None) -> None:
    result, (field,) = read(f"Dear {text},")
    assert result == f"Dear {field.token},"
    assert TOKEN.fullmatch(field.token)
    assert (field.name, field.default, field.line) == (name, default, 1)


@pytest.mark.parametrize(
    "text",
    [
        "{{",
        "{{ }}",
        "{{ name",
        "{{ name }",
        "{{{ name }}}",
        "{{ 2name }}",
        "{{ first name }}",
        "{{ name\n}}",
        "{{ name.__class__ }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ name() }}",
        "{{ name | upper }}",
        "{{ name | default(colleague) }}",
        '{{ name | default("a", true) }}',
        '{{ name | default("a) }}',
        '{{ name | default("a\nb") }}',
        '{{ name | default("{{ email }}") }}',
        '{{ name | default("{% if %}") }}',
        "{{ name | default(“colleague”) }}",
        "{{ 7 * 7 }}",
        "{% for x in y %}",
        "{%",
        "{# note #}",
        "{#id}",
    ],
)
def test_any_other_template_code_is_an_error_with_its_line(text: str) -> None:
    with pytest.raises(IssueError, match="is no placeholder") as caught:
        read(f"One\n\n{text} two", first_line=7)
    assert caught.value.where == "issues/sample/en.md:9"
    assert caught.value.hint


def test_curly_quotation_marks_are_named() -> None:
    with pytest.raises(IssueError, match="straight quotation marks"):
        read("{{ name | default(“colleague”) }}")


def test_a_distinct_default_is_a_distinct_field_and_the_first_line_counts() -> None:
    text = "{{ name }}\n{{ email }} {{name}}\n{{ name | default(\"x\") }} {{ name | default('x') }}"
    result, fields = read(text, first_line=10)
    assert [(f.name, f.default, f.line) for f in fields] == [
        ("name", None, 10),
        ("email", None, 11),
        ("name", "x", 12),
    ]
    first, second, third = (f.token for f in fields)
    assert result == f"{first}\n{second} {first}\n{third} {third}"


def test_a_placeholder_in_code_or_in_a_link_is_one_too() -> None:
    result, fields = read("`{{ name }}` and [x]({{ leave_url }})")
    assert result == f"`{fields[0].token}` and [x]({fields[1].token})"


def test_tokens_are_the_same_for_the_same_texts() -> None:
    assert read("{{ name }} {{ email }}") == read("{{ name }} {{ email }}")


@pytest.mark.parametrize(
    "hidden",
    [
        "PHq0001q",
        "phq0001Q",
        "P&#72;q0001q",
        "&#80;&#x48;q0001q",
        "PH**q**0001q",
        "PHq_0001_q",
        "https://example.org/%50Hq0001q",
        "https://example.org/&#37;50Hq0001q",
        "PHq\u200b0001q",
        "https://PHqü0001q.example",
    ],
)
def test_a_text_that_looks_like_a_token_makes_the_tokens_look_different(hidden: str) -> None:
    result, (field,) = read(f"{hidden} {{{{ name }}}}")
    assert result == f"{hidden} {field.token}"
    assert not field.token.startswith("PHq0")


def test_a_text_that_the_tokens_were_not_made_for_is_refused() -> None:
    tokens = Tokens(["{{ name }}"])
    with pytest.raises(ValueError, match="not given this text"):
        tokenise("PHq0001q", path=PATH, first_line=1, fields=tokens)


def test_no_token_is_a_part_of_another() -> None:
    tokens = Tokens()
    made = [tokens.token(f"field{number}") for number in range(11_000)]
    assert len(set(made)) == len(made)
    pattern = re.compile("|".join(made[:20] + made[-20:]))
    assert pattern.findall(" ".join(made)) == made[:20] + made[-20:]


def test_unknown_fields_come_with_the_nearest_known_name() -> None:
    _, fields = read("{{ name }} {{ Name }} {{ pratice }} {{ leave_ulr }} {{ practice }} {{ zzzz }}")
    found = [(field.name, near) for field, near in unknown_fields(fields, {"practice"})]
    assert found == [("Name", "name"), ("pratice", "practice"), ("leave_ulr", "leave_url"), ("zzzz", "")]


FRAGMENTS = st.sampled_from(
    ["{{", "}}", "{%", "{#", " name ", "|default(", '"x"', ")", "PHq0001q", "\n", "a", "&#80;"]
)


@settings(max_examples=300)
@given(st.lists(FRAGMENTS | st.text(max_size=5), max_size=14).map("".join))
def test_any_text_is_read_whole_or_refused_with_a_line_of_it(text: str) -> None:
    tokens = Tokens([text])
    try:
        result = tokenise(text, path=PATH, first_line=1, fields=tokens)
    except IssueError as error:
        assert 1 <= int(error.where.rpartition(":")[2]) <= text.count("\n") + 1
        return
    assert not re.search(r"\{\{|\{%|\{#", result)
    assert result.count("\n") == text.count("\n")
    back = result
    for field in tokens.fields:
        default = "" if field.default is None else f"|default('{field.default}')"
        back = back.replace(field.token, f"{{{{{field.name}{default}}}}}")
    again = Tokens([back])
    assert tokenise(back, path=PATH, first_line=1, fields=again) == result or "'" in back
