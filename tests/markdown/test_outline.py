"""Conditions, nesting, placeholders, and what the checks learn."""

from __future__ import annotations

import re

import pytest

from newsletter.errors import IssueError
from newsletter.fields import TOKEN, Tokens, tokenise
from newsletter.markdown import conditions
from tests.markdown.samples import PATH, made, tree

ONLY = """\
All.

::: only country:FR,BE
For [some](https://example.org/fr).

![x](fr.png)
:::

::: only  list:dentists   -tag:board
For others.
:::

::: callout Title
::: only country:FR,BE
Inside.
:::
:::
"""


def test_only_blocks_stand_where_their_condition_holds() -> None:
    every, none = made(ONLY), made(ONLY, variant=0)
    lines = {"country:FR,BE": 3, "list:dentists -tag:board": 9}
    assert every.condition_lines == none.condition_lines == lines
    assert conditions(ONLY, path=PATH, first_line=1) == lines
    assert list(every.condition_lines) == list(lines)
    assert [link.href for link in every.links] == ["https://example.org/fr"]
    assert (every.pictures, none.links, none.pictures) == (("fr.png",), (), ())
    assert none.html == "<p>All.</p>"
    assert none.text == "All.\n"
    french = made(ONLY, variant=1)
    assert "Inside." in french.html
    assert "For others." not in french.html + french.text
    assert made(ONLY, variant=3) == every


def test_what_only_some_readers_see_is_checked_for_all() -> None:
    with pytest.raises(IssueError, match="javascript"):
        made("::: only country:FR\n[x](javascript:x)\n:::", variant=0)


def test_a_list_shrinks_with_its_only_blocks() -> None:
    body = "1. a\n2. ::: only country:FR\n   b\n   :::\n3. c"
    assert made(body, variant=0).text == "1. a\n2. c\n"


def test_an_edition_has_at_most_five_conditions() -> None:
    blocks = [f"::: only country:{country}\nx\n:::" for country in ("FR", "BE", "CH", "DE", "AT", "FR", "BE")]
    assert len(made("\n".join(blocks)).condition_lines) == 5
    with pytest.raises(IssueError, match="one condition too many") as caught:
        made("\n".join([*blocks, "::: only country:IT\nx\n:::"]))
    assert caught.value.where == "issues/sample/en.md:22"


@pytest.mark.parametrize(
    "body",
    [
        "::: callout\n::: quote\nx\n:::\n:::",
        ":::: callout\n::: quote\nx\n:::\n::::",
        "::::: callout\n:::: quote\nx\n:::::::\n:::::",
        "::: callout\n\n```\n:::\n::: nonsense\n```\n::: quote\nx\n:::\n\n:::",
        "- ::: callout\n  > x\n  :::",
        "> ::: callout\n> > x\n> :::",
        "para\n::: callout\n> x\n:::\npara",
    ],
)
def test_containers_stand_in_one_another(body: str) -> None:
    page = tree(body)
    assert len(page.xpath("//*[@class='callout']//blockquote")) == 1
    assert ":::" not in re.sub(r"<pre.*?</pre>", "", made(body).html, flags=re.DOTALL)


def test_names_of_pictures_are_nfc_and_told_once() -> None:
    composed = made("![x](e\u0301te%CC%81.png) ![y](a.PNG) ![z](\u00e9t\u00e9.png)")
    assert composed.pictures == ("\u00e9t\u00e9.png", "a.PNG")
    assert composed.html.count('src="cid:%C3%A9t%C3%A9.png"') == 2


def test_checks_learn_what_stands_where() -> None:
    body = (
        "# Title *one*\n\na [b](https://example.org/1)\nc  \n[*d* ![e](e.png)](https://example.org/2)\n\n"
        "| x |\n|---|\n| [t](https://example.org/3) |\n\n::: callout [u](https://example.org/4)\n"
        "## Inside\n:::\n\n::: steps\n1. x\n   [s](https://example.org/5)\n:::\n\n"
        "[B](https://example.org/6){.button}\n\n::: figure\n![f](f.png){width=80}\n"
        "[c](https://example.org/7)\n:::\n\n> q\n> — [w](https://example.org/8)\n"
    )
    composed = made(body, first_line=21)
    rows = body.split("\n")
    assert [(h.line - 20, h.level, h.text) for h in composed.headings] == [
        (1, 1, "Title one"),
        (12, 2, "Inside"),
    ]
    assert [link.href[-1] for link in composed.links] == list("12345678")
    assert [link.text for link in composed.links] == ["b", "d e", "t", "u", "s", "B", "c", "w"]
    for link in composed.links:
        assert link.href in rows[link.line - 21]
    assert [(i.line - 20, i.picture, i.alt, i.linked, i.width) for i in composed.images] == [
        (5, "e.png", "e", True, None),
        (23, "f.png", "f", False, 80),
    ]


def test_placeholders_work_as_links_and_everywhere_else() -> None:
    source = (
        "# {{ name }}\n\n[x]({{ leave_url }}) <https://example.org/?c={{ country }}> `{{ name }}`\n\n"
        '![{{ name }}](a.png "{{ email }}")\n\n| {{ name }} |\n|---|\n| {{ email }} |\n\n'
        "```\n{{ name }}\n```\n\n[{{ name }}]({{ preferences_url }}){.button}\n"
    )
    fields = Tokens([source])
    composed = made(tokenise(source, path=PATH, first_line=1, fields=fields))
    token = {field.name: field.token for field in fields.fields}
    for output in (composed.html, composed.text):
        assert set(TOKEN.findall(output)) >= {
            token[n] for n in ("name", "leave_url", "country", "preferences_url")
        }
    assert f'<a href="{token["leave_url"]}">x</a>' in composed.html
    assert f"x <{token['leave_url']}>" in composed.text
    assert f'href="https://example.org/?c={token["country"]}"' in composed.html
    assert composed.links[0].href == token["leave_url"]


def test_addresses_in_other_scripts_become_ascii() -> None:
    composed = made(
        "[x](https://münchen.example/ä?ö={{) [y](<mailto:ü@example.org>)".replace("{{", "PHq0001q")
    )
    assert 'href="https://xn--mnchen-3ya.example/%C3%A4?%C3%B6=PHq0001q"' in composed.html
    assert 'href="mailto:%C3%BC@example.org"' in composed.html


def test_control_characters_become_spaces() -> None:
    composed = made("a&#13;b&#10;c&#12;d &#0; `x` ![al&#10;t](a.png 't&#13;i')")
    assert "a b c d \ufffd" in composed.text
    assert 'alt="al t"' in composed.html
    assert "\r" not in composed.html + composed.text
