"""What holds for any text."""

from __future__ import annotations

import re

import lxml.html
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.errors import IssueError
from newsletter.fields import TOKEN
from tests.markdown.samples import made

LINES = """\
::: callout
::: steps
::: only country:FR
::: columns
::: figure
::: quote
:::
::::
---
```
[x]: https://example.org
| a | b |
|---|---|
"""
WORDS = r"""
1. - > # | ` * ** [ ]( ) ](https://example.org) {.button} {width=5} ![x](a.png) <script> </script> <!-- -->
<a onclick='x'> javascript: &#106; &lt; \ " ' PHq0001q <https://example.org> — { } <![CDATA[ ]]>
"""
BITS = st.sampled_from(
    [*LINES.splitlines(keepends=True), *WORDS.split(), " ", "    ", "\n\n", "\x00", "\ufeff", "\u202e"]
)
ALLOWED = {
    *("p", "h1", "h2", "h3", "h4", "h5", "h6", "em", "strong", "a", "img", "br", "ul", "ol", "li", "div"),
    *("span", "table", "thead", "tbody", "tr", "th", "td", "blockquote", "pre", "code", "hr"),
}


@settings(max_examples=500, deadline=None)
@given(st.lists(BITS | st.text(max_size=6), max_size=25).map("".join))
def test_any_text_is_composed_safely_or_refused_with_a_line_of_it(body: str) -> None:
    try:
        composed = made(body)
    except IssueError as error:
        assert 1 <= int(error.where.rpartition(":")[2]) <= len(re.split("\r\n|\r|\n", body))
        assert str(error)
        return
    assert "<script" not in composed.html.lower()
    assert not re.search(r"[\x00-\x09\x0b-\x1f]", composed.html + composed.text)
    page = lxml.html.fragment_fromstring(composed.html, create_parent="main")
    for element in page.iter():
        if not isinstance(element.tag, str) or element is page:
            continue
        assert element.tag in ALLOWED
        for name, value in element.attrib.items():
            assert not name.startswith("on")
            assert name != "style"
            if name in ("href", "src"):
                assert re.match(r"https?://|mailto:|tel:|cid:|PH[a-z]+\d+q\Z", value)
    assert len(page.xpath("//a")) == len(composed.links)
    assert composed.text == "" or composed.text.endswith("\n")


TOKENS = st.sampled_from(
    ["children", "dose", "PHq0001q", "PHq0002q", "**PHq0003q**", "*a*", "`PHq0004q`", "é", "文字"]
)
SENTENCES = st.lists(TOKENS, min_size=1, max_size=12).map(" ".join)
SHAPES = st.sampled_from(
    (
        *("{}", "# {}", "- {}", "1. {}", "> {}", "```\n{}\n```", "[{}](https://example.org/?x=PHq0005q)"),
        *("::: callout {}\n{}\n:::", "::: steps\n1. {}\n2. {}\n:::", "::: quote\n{}\n— {}\n:::"),
        *("::: columns\n{}\n---\n{}\n:::", "::: figure\n![x](a.png)\n{}\n:::"),
        "| {} | {} |\n|---|---|\n| {} | {} |",
    )
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(SHAPES, st.lists(SENTENCES, min_size=4, max_size=4)), max_size=5))
def test_every_token_of_the_body_survives_in_both(blocks: list[tuple[str, list[str]]]) -> None:
    body = "\n\n".join(shape.format(*sentences) for shape, sentences in blocks)
    composed = made(body)
    wanted = sorted(TOKEN.findall(body))
    assert sorted(TOKEN.findall(composed.html)) == wanted
    assert sorted(TOKEN.findall(composed.text)) == wanted
    assert not re.search(r"PH[qQ](?![0-9]{4}q)", composed.html + composed.text)
