"""What an author can get wrong: each an error with its line."""

from __future__ import annotations

import re

import pytest

from newsletter.errors import IssueError
from tests.markdown.samples import made


@pytest.mark.parametrize(
    ("body", "line", "says"),
    [
        ("a\n\n::: callout\nx", 3, "not closed"),
        ("::: callout\n::: quote\nx\n:::\n", 1, "not closed"),
        (":::: callout\n::: quote\nx\n::::\n", 2, "not closed"),
        ("- ::: callout\n  x\n\n:::", 1, "not closed"),
        ("::: callout\n```\n:::\n", 1, "not closed"),
        ("a\n\n:::", 3, "closes nothing"),
        ("::: quote\nx\n:::\n:::", 4, "closes nothing"),
        (":::: quote\nx\n:::\n::::", 3, "closes nothing"),
        ("a\n::: calout\nx\n:::", 2, "did you mean 'callout'"),
        ("::: {.note}\nx\n:::", 1, "unknown"),
        (":::)", 1, "unknown"),
        ("::: steps six\n1. x\n:::", 1, "no words after it"),
        ("::: callout Mind this :::", 1, "the closing ':::' needs a line of its own"),
        ("a\n\n::: steps :::\n\n::: quote\nx\n:::", 3, "the closing ':::' needs a line of its own"),
        ("::: only\nx\n:::", 1, "for whom"),
        ("a\n\n::: only country:PHq0001q\nx\n:::", 3, "cannot hold a placeholder"),
        ("::: callout\n:::", 1, "is empty"),
        ("::: callout Title\n:::", 1, "nothing else"),
        ("::: only country:FR\n\n:::", 1, "is empty"),
        ("a\n\n::: steps\nx\n:::", 3, "numbered list"),
        ("::: steps\n- x\n:::", 1, "numbered list"),
        ("::: steps\n1. x\n\ny\n:::", 1, "numbered list"),
        ("::: figure\nx\n:::", 1, "does not begin with an image"),
        ("::: figure\n![x](a.png) y\n:::", 1, "does not begin with an image"),
        ("::: figure\n![x](a.png)\n\n- y\n:::", 1, "nothing else"),
        ("::: columns\nx\n:::", 1, "two or three"),
        ("::: columns\n---\nx\n:::", 1, "two or three"),
        ("::: columns\na\n\n---\n\nb\n\n---\n\nc\n\n---\n\nd\n:::", 1, "two or three"),
        ("a\n\nb [x](https://example.org){.button}", 3, "among other words"),
        ("**[x](https://example.org){.button}**", 1, "among other words"),
        ("# [x](https://example.org){.button}", 1, "cannot stand here"),
        ("::: callout [x](https://example.org){.button}\ny\n:::", 1, "cannot stand here"),
        ("| a |\n|---|\n| [x](https://example.org){.button} |", 3, "cannot stand here"),
        ("a\nb\n[x](https://example.org) {.button}", 3, "stands alone"),
        ("![x](a.png) { width=5}", 1, "stands alone"),
        ("[x](https://example.org){.buton}", 1, "unknown"),
        ("[x](https://example.org){.button .big}", 1, "unknown"),
        ("[x](https://example.org){#id}", 1, "'id' cannot be set"),
        ("[x](https://example.org){onclick=x}", 1, "'onclick' cannot be set"),
        ("[x](https://example.org){style=x}", 1, "'style' cannot be set"),
        ("[x](https://example.org){width=5}", 1, "'width' cannot be set"),
        ("![x](a.png){.button}", 1, "'class' cannot be set"),
        ("![x](a.png){width=big}", 1, "no whole number"),
        ("![x](a.png){width=0}", 1, "no whole number"),
        ("> " * 60 + "x", 1, "too deep"),
        ("- " * 60 + "x", 1, "too deep"),
        ("a\n\n" + "*a " * 2000 + "b*" * 2000, 3, "too deep"),
        ("a\n\n![" + "*a " * 2000 + "b*" * 2000 + "](a.png)", 3, "too deep"),
    ],
)
def test_a_wrong_shape_is_an_error_with_its_line(body: str, line: int, says: str) -> None:
    with pytest.raises(IssueError, match=re.escape(says)) as caught:
        made(body, first_line=11)
    assert caught.value.where == f"issues/sample/en.md:{line + 10}"


@pytest.mark.parametrize(
    ("href", "says"),
    [
        ("<>", "leads nowhere"),
        ("mailto:", "leads nowhere"),
        ("#top", "in the mail itself"),
        ("page.html", "no web address"),
        ("/page", "no web address"),
        ("../en.md", "no web address"),
        ("//example.org", "no web address"),
        ("www.example.org", "no web address"),
        ("https:", "no web address"),
        ("https:///x", "no web address"),
        ("https:example.org", "no web address"),
        ("javascript:alert(1)", "cannot begin with 'javascript:'"),
        ("JaVaScRiPt:alert(1)", "cannot begin with 'javascript:'"),
        ("&#106;avascript:alert(1)", "cannot begin with 'javascript:'"),
        ("<java\tscript:alert(1)>", "no web address"),
        ("< javascript:alert(1)>", "no web address"),
        ("data:text/html,x", "cannot begin with 'data:'"),
        ("vbscript:x", "cannot begin with"),
        ("file:///etc/passwd", "cannot begin with"),
        ("ftp://example.org", "cannot begin with"),
        ("PHq0001q/page", "must be all of it"),
        ("PHq0001q:alert(1)", "must be all of it"),
        ("x/PHq0001q", "{{ … }}"),
    ],
)
@pytest.mark.parametrize("form", ["a\nb [x]({})", "a\n![x](a.png) [![x](a.png)]({})", "a\n[x][y]\n\n[y]: {}"])
def test_a_link_that_leads_nowhere_from_a_mail_is_an_error_with_its_line(
    href: str, says: str, form: str
) -> None:
    with pytest.raises(IssueError, match=re.escape(says)) as caught:
        made(form.format(href))
    assert caught.value.where == "issues/sample/en.md:2"


@pytest.mark.parametrize(
    ("src", "says"),
    [
        ("http://example.org/a.png", "cannot be shown"),
        ("data:image/png;base64,AAAA", "cannot be shown"),
        ("javascript:x", "cannot be shown"),
        ("https:///a.png", "cannot be shown"),
        ("a.webp", "cannot be used"),
        ("a.svg", "cannot be used"),
        ("a", "cannot be used"),
        ("", "cannot be used"),
        ("folder/a.png", "own folder"),
        ("folder%2Fa.png", "own folder"),
        ("/a.png", "own folder"),
        ("../x/a.png", "own folder (put the file there, and write its name alone: a.png)"),
        ("x%5Ca.png", "own folder"),
        (".a.png", "no name of a picture"),
        ("PHq0001q.png", "no name of a picture"),
    ],
)
def test_an_image_is_a_picture_of_the_issue_or_from_the_web(src: str, says: str) -> None:
    with pytest.raises(IssueError, match=re.escape(says)) as caught:
        made(f"a\n\nb\n![x]({src})")
    assert caught.value.where == "issues/sample/en.md:4"


MANY = """\
A [link](page.html).

::: calout
A [link](javascript:x) in it.
:::

- ![x](../a.png)

::: callout
::: steps
x
:::
:::

| a |
|---|
| [b](#b) |
:::
"""


def test_all_that_is_wrong_is_found_in_one_go_and_told_by_the_first_line() -> None:
    with pytest.raises(IssueError, match=r"'page\.html' is no web address") as caught:
        made(MANY, first_line=11)
    assert caught.value.where == "issues/sample/en.md:11"
    assert caught.value.hint.endswith("; lines 13, 14, 17, 20, 27, 28 have errors too")
    with pytest.raises(IssueError) as caught:
        made("[a](b) [c](d)\n\n[e](f)")
    assert caught.value.hint.endswith("; line 3 has errors too")
