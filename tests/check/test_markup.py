"""Markup that did not become what it was meant to be, and ordinary text that is none, as really rendered."""

from __future__ import annotations

import pytest

from newsletter.check import CheckInput, check_edition
from newsletter.config import Config
from newsletter.models import Finding, Level
from tests.editions import PAGES, make_config, make_edition, make_issue, rendered

E, W = Level.ERROR, Level.WARNING


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return make_config(tmp_path_factory.mktemp("project"), PAGES)


def findings(config: Config, body: str, language: str = "en") -> list[Finding]:
    issue = make_issue(make_edition(body, language))
    given = CheckInput(
        edition=issue.editions[language],
        rendered=rendered(config, issue, language),
        issue=issue,
        config=config,
        attributes=frozenset({"practice"}),
    )
    return [one for one in check_edition(given) if one.rule == "markup-visible"]


@pytest.mark.parametrize(
    ("line", "level", "says"),
    [
        ("See [the page] (https://www.acr.org) now", E, "space between ] and ("),
        ("See [the page] (www.acr.org/x) now", E, "space between ] and ("),
        ("See [us] (office@imagegently.org) now", E, "space between ] and ("),
        ("See [the **fine** page]  (https://www.acr.org) now", E, "space between ] and ("),
        ("![A tooth] (tooth.png)", E, "space between ] and ("),
        ("![A poster](Poster für Wartezimmer.PNG)", E, "a blank in its name stands in <…>"),
        ('![A poster](IMG (1).jpg "Now")', E, "![words](<a file.png>)"),
        ("As said [1] (https://www.acr.org)", W, "if this is to be a link"),
        ("**bold text ** here", E, "without spaces inside"),
        ("Some ** bold text** here", E, "without spaces inside"),
        ("**Mind:**the dose", E, "without spaces inside"),
        ("A** and B**", W, "right at the words"),
        ("Hello **unclosed bold", W, "must end as well"),
        ("##No space heading", E, "a space behind the #"),
        ("Words.\n\n###No space heading", E, "a space behind the #"),
        ("Dear {name},", E, "{{ name }}"),
        ("Dear { practice },", E, "{{ practice }}"),
        ("Dear {firstname},", W, "{{ firstname }}"),
        ('Dear {name | default("you")},', E, "{{ name }}"),
        ("The ~~old~~ rules", E, "struck through"),
        ("As was shown.[^1]", W, "no footnotes"),
        ("- [x] dose written down", W, "lists of tasks"),
        ("H~2~O and CO~2~", W, "H₂O"),
        ("A square of 2 m^2^", W, "m²"),
        ("With ^99m^Tc, 10^-6^ Gy", W, "m²"),
        ("Sodium, Na^+^", W, "m²"),
        ("A ==marked== word", W, "**bold**"),
        ("A <b>bold</b> word", E, "HTML"),
        ("Two<br/>lines", E, "HTML"),
        ('A <font color="red">red</font> word', E, "HTML"),
        ("<!-- a note -->", E, "HTML"),
        ("| A | B |\n| 1 | 2 |", E, "|---|---|"),
        ("Words:\n| A | B |\n| 1 | 2 |", E, "|---|---|"),
        ("A | B | C\n1 | 2 | 3", W, "|---|---|"),
    ],
)
@pytest.mark.parametrize("shape", ["{}", "- {}", "::: callout Mind\n{}\n:::"])
def test_markup_that_readers_would_see(
    config: Config, line: str, level: Level, says: str, shape: str
) -> None:
    body = "Some words.\n\n" + shape.format(line.replace("\n", "\n  ") if shape[0] == "-" else line)
    found = findings(config, body + "\n")
    assert found and found[0].level is level
    assert says in found[0].message and "would be seen by readers" in found[0].message
    rows = body.split("\n")
    assert found[0].line >= 12 and rows[found[0].line - 10].strip(" -")[:6] in line


def test_a_finding_in_french_has_its_line(config: Config) -> None:
    (found,) = findings(config, "Un.\n\nVoir [la page : ici] (https://www.acr.org) !\n", "fr")
    assert found.line == 12


def test_a_finding_shows_a_field_as_it_is_written(config: Config) -> None:
    (found,) = findings(config, "Hello **dear {{ name }} ** there\n")
    assert "“**dear {{ name }} **”" in found.message and found.line == 10


@pytest.mark.parametrize(
    "body",
    [
        "`[a] (https://www.acr.org)`, `**b **`, `{name}`, `~~x~~`, `<b>`, `![x] (y.png)`",
        "```\n##No heading\n| a | b |\n| 1 | 2 |\n{name}\n<b>bold</b>\n```",
        "[the page](https://www.acr.org) and [another](https://www.acr.org/b_(c))",
        "A note [1] (see the last page), and [sic] (his words).",
        "The figure [left] (panel a) shows it (https://www.acr.org).",
        "2 ** 3 and p < 0.05 **, n = 5*3*2, A*B",
        "**Bold.** words **and** more: **“quoted”**",
        "#radiology and #1, C# and F#; item # 4",
        "a < b and c > d; 3 <b and 4> c; x<y>z",
        "A set {1, 2, 3}, {a; b}, f(x) = {x | x > 0}",
        "Mon | Tue | Wed",
        "~5 mSv, ~~ 6 mSv, ~7, ages 1~2~3, https://www.acr.org/1~ef~g",
        "if A==1 and B==2, nice^_^ day, [ ] Yes, send me the poster",
        "| A | B |\n|---|---|\n| a | b |",
        "| A | B |\n|---|---|\n| a \\| b | c \\| d |\n| a \\| b | c \\| d |",
        "Dear {{ name | default('you') }}, write to a@imagegently.org.",
        "::: quote\nWords\n— Somebody\n:::",
        "## A *fine* heading #2\n\n1. one\n2. two\n\n---\n\nEnd [1].",
    ],
)
def test_ordinary_text_is_no_markup(config: Config, body: str) -> None:
    assert findings(config, body) == []
