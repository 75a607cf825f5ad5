"""Every block as HTML and as plain text."""

from __future__ import annotations

import re

import pytest

from tests.markdown.samples import made, tree

FIGURE = '<div class="figure" role="figure">\n<p class="picture">{}</p>\n</div>'


@pytest.mark.parametrize(
    ("body", "html", "text"),
    [
        ("Some *fine* **words**.", "<p>Some <em>fine</em> <strong>words</strong>.</p>", "Some fine words.\n"),
        ("One\nline", "<p>One\nline</p>", "One line\n"),
        ("Two  \nlines", "<p>Two<br>\nlines</p>", "Two\nlines\n"),
        ("# One", "<h1>One</h1>", "One\n===\n"),
        ("## Two", "<h2>Two</h2>", "Two\n---\n"),
        ("### Three", "<h3>Three</h3>", "Three\n~~~~~\n"),
        ("## 二つ", "<h2>二つ</h2>", "二つ\n----\n"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>", "- a\n- b\n"),
        ("- a\n\n- b", "<ul>\n<li><p>a</p></li>\n<li><p>b</p></li>\n</ul>", "- a\n\n- b\n"),
        ("3. a\n4. b", '<ol start="3">\n<li>a</li>\n<li>b</li>\n</ol>', "3. a\n4. b\n"),
        ("- a\n  - b", "<ul>\n<li>a\n<ul>\n<li>b</li>\n</ul></li>\n</ul>", "- a\n  - b\n"),
        ("`a < b`", "<p><code>a &lt; b</code></p>", "a < b\n"),
        (
            "```\na <b>\n\nc\n```",
            '<pre class="code"><code>a &lt;b&gt;\n\nc</code></pre>',
            "    a <b>\n\n    c\n",
        ),
        ("a\n\n***\n\nb", '<p>a</p>\n<hr class="rule">\n<p>b</p>', "a\n\n* * *\n\nb\n"),
        ("> a\n> b", '<blockquote class="quote">\n<p>a\nb</p>\n</blockquote>', "> a b\n"),
        (
            "[the society](https://example.org/a?b=1&c=2)",
            '<p><a href="https://example.org/a?b=1&amp;c=2">the society</a></p>',
            "the society <https://example.org/a?b=1&c=2>\n",
        ),
        (
            '[x](https://example.org "a \\"title\\"")',
            '<p><a href="https://example.org" title="a &quot;title&quot;">x</a></p>',
            "x <https://example.org>\n",
        ),
        (
            "<https://example.org>",
            '<p><a href="https://example.org">https://example.org</a></p>',
            "<https://example.org>\n",
        ),
        (
            "[example.org](https://example.org/)",
            '<p><a href="https://example.org/">example.org</a></p>',
            "<https://example.org/>\n",
        ),
        (
            "<a@example.org>",
            '<p><a href="mailto:a@example.org">a@example.org</a></p>',
            "a@example.org\n",
        ),
        ("[call](tel:+33100000)", '<p><a href="tel:+33100000">call</a></p>', "call <tel:+33100000>\n"),
        (
            "![A *child*](unit.png)",
            FIGURE.format('<img src="cid:unit.png" alt="A child">'),
            "[Picture: A child]\n",
        ),
        (
            "![](<my unit.png>){width=560}",
            FIGURE.format('<img src="cid:my%20unit.png" alt="" width="560">'),
            "",
        ),
        (
            '![x](https://example.org/a.png "t")',
            FIGURE.format('<img src="https://example.org/a.png" alt="x" title="t">'),
            "[Picture: x]\n",
        ),
        (
            "[![x](a.png)](https://example.org)",
            FIGURE.format('<a href="https://example.org"><img src="cid:a.png" alt="x"></a>'),
            "[Picture: x] <https://example.org>\n",
        ),
        (
            "<b>x</b> <script>alert(1)</script> &lt;i&gt; <!-- n -->",
            "<p>&lt;b&gt;x&lt;/b&gt; &lt;script&gt;alert(1)&lt;/script&gt; &lt;i&gt; &lt;!-- n --&gt;</p>",
            "<b>x</b> <script>alert(1)</script> <i> <!-- n -->\n",
        ),
        (
            '![A "unit" <b> & more](a.png)',
            FIGURE.format('<img src="cid:a.png" alt="A &quot;unit&quot; &lt;b&gt; &amp; more">'),
            '[Picture: A "unit" <b> & more]\n',
        ),
        ("", "", ""),
        ("[unused]: https://example.org", "", ""),
    ],
)
def test_a_body_becomes_html_and_text(body: str, html: str, text: str) -> None:
    composed = made(body)
    assert composed.html == html
    assert composed.text == text


def test_a_button_is_a_padded_link_in_a_layout_table() -> None:
    body = (
        "Before\n\n[Read it](https://example.org){.button}\n[Or this](https://example.net){.button}\n\nAfter"
    )
    page = tree(body)
    tables = page.xpath("//table")
    assert [table.get("role") for table in tables] == ["presentation", "presentation"]
    assert {
        (t.get("class"), t.get("border"), t.get("cellpadding"), t.get("cellspacing")) for t in tables
    } == {("button", "0", "0", "0")}
    links = page.xpath("//td[@class='button-cell']/a[@class='button-link']")
    assert [(a.get("href"), a.text) for a in links] == [
        ("https://example.org", "Read it"),
        ("https://example.net", "Or this"),
    ]
    assert "Read it\n<https://example.org>\nOr this\n<https://example.net>\n" in made(body).text


def test_steps_are_rows_with_a_badge_and_still_a_list() -> None:
    body = "::: steps\n3. **One** thing\n4. Another\n\n   with [a link](https://example.org)\n:::"
    page = tree(body)
    items = page.xpath("./div[@role='list'][@class='steps']/div[@role='listitem'][@class='step']")
    assert [item.xpath("string(.//td[@class='step-badge'])") for item in items] == ["3", "4"]
    assert [item.xpath("./table/@role") for item in items] == [["presentation"], ["presentation"]]
    assert items[1].xpath(".//td[@class='step-text']//a/@href") == ["https://example.org"]
    assert not page.xpath("//ol")
    assert made(body).text == "3. One thing\n\n4. Another\n\n   with a link <https://example.org>\n"


def test_numbers_of_steps_hang_in_the_text() -> None:
    body = "::: steps\n9. a\n1. b\n:::"
    assert made(body).text == "9.  a\n\n10. b\n"


def test_a_callout_may_have_a_title() -> None:
    body = "::: callout A *note*\nWords.\n:::\n\n::: callout\nOthers.\n:::"
    page = tree(body)
    boxes = page.xpath(
        "./div[@role='note']/table[@role='presentation'][@class='callout']//td[@class='callout-cell']"
    )
    assert [box.xpath("string(./p[@class='callout-title'])") for box in boxes] == ["A note", ""]
    assert made(body).text == "| A note\n|\n| Words.\n\n| Others.\n"


@pytest.mark.parametrize("gap", ["\n", "\n\n"])
@pytest.mark.parametrize(
    ("image", "text"),
    [
        ("![Two beams](a.png)", "[Picture: Two beams]"),
        ("[![Two beams](a.png)](https://example.org)", "[Picture: Two beams] <https://example.org>"),
    ],
)
def test_a_figure_is_an_image_with_its_caption(gap: str, image: str, text: str) -> None:
    body = f"::: figure\n{image}{gap}Drawn *to scale*.\n:::"
    (figure,) = tree(body).xpath("./div[@class='figure'][@role='figure']")
    assert figure.xpath("./p[@class='picture']//img/@src") == ["cid:a.png"]
    assert figure.xpath("string(./p[@class='caption'])") == "Drawn to scale."
    composed = made(body)
    assert composed.text == f"{text}\n\nDrawn to scale.\n"
    assert composed.pictures == ("a.png",)
    assert composed.images[0].linked == ("example" in image)


@pytest.mark.parametrize("dash", ["—", "–"])
@pytest.mark.parametrize("gap", ["\n", "\n\n"])
@pytest.mark.parametrize("form", ["::: quote\n{}\n:::", "> {}"])
def test_a_quotation_may_name_its_source(dash: str, gap: str, form: str) -> None:
    words = f"Children are not small adults.{gap}{dash} Dr Sample, *Lyon*"
    body = form.format(words.replace("\n", "\n> ") if form.startswith(">") else words)
    (quote,) = tree(body).xpath("./blockquote[@class='quote']")
    assert [p.text_content() for p in quote.xpath("./p[not(@class)]")] == ["Children are not small adults."]
    assert [p.text_content() for p in quote.xpath("./p[@class='attribution']")] == [f"{dash} Dr Sample, Lyon"]
    assert made(body).text == f"> Children are not small adults.\n> {dash} Dr Sample, Lyon\n"


@pytest.mark.parametrize("gap", ["\n", "\n\n"])
def test_columns_are_parted_by_dashes_even_right_below_a_paragraph(gap: str) -> None:
    body = f"::: columns\nLeft{gap}---\nMiddle{gap}---\n- Right\n:::"
    columns = tree(body).xpath("./div[@class='columns']/div")
    assert [(c.get("class"), c.text_content().strip()) for c in columns] == [
        ("column of-3", "Left"),
        ("column of-3", "Middle"),
        ("column of-3", "Right"),
    ]
    assert made(body).text == "Left\n\n- - -\n\nMiddle\n\n- - -\n\n- Right\n"
    assert not made(body).headings


def test_nothing_that_has_a_width_stands_between_columns() -> None:
    html = made("::: columns\na\n\n---\n\nb\n:::").html
    seen = re.sub(r"<!--.*?-->", "", html)
    assert "</div><div" in seen
    assert html.count("<!--[if mso]>") == html.count("<![endif]-->") == 3
    ghost = "".join(re.findall(r"<!--\[if mso\]>(.*?)<!\[endif\]-->", html))
    assert ghost.count("<td") == ghost.count("</td>") == 2
    assert 'width="50%"' in ghost
    assert 'role="presentation"' in ghost


TABLE = "| Film | Dose |\n|:-----|-----:|\n| E | [12](https://example.org) |\n| Rectangular | 3 |"


def test_a_data_table_has_headers_and_its_links_stand_below_it_in_the_text() -> None:
    (table,) = tree(TABLE).xpath("./div[@class='table']/table[@class='data']")
    assert table.get("role") is None
    assert [(th.text, th.get("scope"), th.get("class")) for th in table.xpath(".//thead//th")] == [
        ("Film", "col", None),
        ("Dose", "col", "align-right"),
    ]
    assert [td.text_content() for td in table.xpath(".//tbody//td")] == ["E", "12", "Rectangular", "3"]
    assert made(TABLE).text.split("\n") == [
        "Film           Dose",
        "-----------  ------",
        "E            12 [1]",
        "Rectangular       3",
        "",
        "[1] <https://example.org>",
        "",
    ]


def test_an_empty_header_is_no_header() -> None:
    page = tree("| | Dose |\n|---|---|\n| a | b |")
    assert [cell.tag for cell in page.xpath("//thead/tr/*")] == ["td", "th"]
    assert not tree("| | |\n|---|---|\n| a | b |").xpath("//thead")
    assert made("| | |\n|---|---|\n| a | b |").text == "a  b\n"


def test_a_cell_with_a_long_word_says_so() -> None:
    long = "Röntgenverordnungen"
    cells = tree(f"| a | **{long}** |\n|---|--:|\n| {long[:16]} | b |").xpath("//th|//td")
    assert [cell.get("class") for cell in cells] == [None, "align-right long", None, "align-right"]


def test_a_rows_short_name_stays_on_its_line() -> None:
    cells = tree("| In brief | For all |\n|---|---|\n| Who | b c |\n| All the members | d |").xpath(
        "//th|//td"
    )
    assert [cell.get("class") for cell in cells] == ["whole", *[None] * 5]


def test_headings_are_told_apart_in_the_text() -> None:
    assert made("## Two\n\n### Three\n\n#### Four\n").text == "Two\n---\n\nThree\n~~~~~\n\nFour\n....\n"


def test_pictures_are_named_in_the_editions_language_in_the_text() -> None:
    assert made("Un ![plan](a.png) ici", language="fr").text == "Un [Image\u00a0: plan] ici\n"
    assert made("![](a.png)", language="fr").text == ""


@pytest.mark.parametrize(
    ("body", "html"),
    [
        ("جرعة **14** µSv.", "جرعة <strong>⟦14</strong> µSv⟧."),
        (
            "*3.5* × **4.5** cm ثم `5 cm` و5 mm",
            "<em>⟦3.5</em> × <strong>4.5</strong> cm⟧ ثم <code>5 cm</code> و⟦5~mm⟧",
        ),
        ("من [14](https://example.org/a) µSv", 'من <a href="https://example.org/a">⟦14</a> µSv⟧'),
        ("`14` µSv", "<code>14</code> µSv"),
        ("الجرعة **5** mGy و ⟦**CBCT**⟧.", "الجرعة <strong>⟦5</strong> mGy⟧ و ⟦<strong>CBCT</strong>⟧."),
        ("<https://a.org/24h> و5 mm", '<a href="https://a.org/24h">https://a.org/24h</a> و⟦5~mm⟧'),
        ("https://a.org/5g-x", '<a href="https://a.org/5g-x">https://a.org/5g-x</a>'),
    ],
)
def test_measures_in_two_looks_run_from_left_to_right(body: str, html: str) -> None:
    wanted = html.translate({ord("⟦"): "\u2066", ord("⟧"): "\u2069", ord("~"): "\u00a0"})
    written = body.translate({ord("⟦"): "\u2066", ord("⟧"): "\u2069"})
    assert made(written, language="ar").html == f"<p>{wanted}</p>"
    assert made(body, language="en").html.count("\u2066") == 0


def test_ranges_of_running_text_stay_whole_and_code_is_as_it_is() -> None:
    html = made("20–100 and `20–100`", language="en").html
    assert html == '<p><span class="whole">20–100</span> and <code>20–100</code></p>'


def test_a_field_takes_the_room_of_its_value_in_a_line() -> None:
    words = "xxxx " * 11 + "x "
    assert made(f"{words}PHq0001q, and").text == f"{words}PHq0001q,\nand\n"
    assert made(f"{words}abcdefgh, and").text == f"{words}abcdefgh, and\n"
    assert made(f"{words}xxxxx PHq0001q").text == f"{words}xxxxx\nPHq0001q\n"


def test_spaces_that_hold_together_are_set_by_the_editions_language() -> None:
    body = "Le cas **un** : 6 cm ? `a : b` « *x* » [y : z](https://example.org/?a=: )\n"
    fixed = "Le cas <strong>un</strong>~: 6~cm~? <code>a : b</code> «~<em>x</em>~»"
    assert fixed.replace("~", "\u00a0") in made(body, language="fr").html
    assert "</strong> : 6\u00a0cm ?" in made(body, language="en").html
    assert made("| a : b |\n|---|\n| PHq0001q ! |", language="fr").text.count("\u00a0") == 2


def test_a_wide_table_wraps_its_cells_and_a_hopeless_one_becomes_a_list() -> None:
    wide = f"| Key | Value |\n|---|---|\n| one | {'many words ' * 20}|"
    lines = made(wide).text.rstrip("\n").split("\n")
    assert max(map(len, lines)) <= 72
    assert all(line[:5] in ("one  ", "     ") for line in lines[2:])
    hopeless = f"| Key | Value |\n|---|---|\n| {'a' * 50} | {'b' * 50} |\n| c | d |"
    assert made(hopeless).text == f"Key: {'a' * 50}\nValue: {'b' * 50}\n\nKey: c\nValue: d\n"


def test_lines_of_text_are_at_most_72_columns_wide() -> None:
    words = "Some words of an ordinary length, and \u6587\u5b57 too. " * 12
    body = f"{words}\n\n- {words}\n  - {words}\n\n> {words}\n\n::: callout T\n{words}\n:::\n"
    for line in made(body).text.split("\n"):
        assert len(line) + sum(char in "\u6587\u5b57" for char in line) <= 72
        assert line == line.rstrip()
