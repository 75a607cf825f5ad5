"""What `check` finds, and what can be done with an issue before its lists are there."""

from __future__ import annotations

import re

from tests.cli.conftest import ISSUE, Box
from tests.cli.test_control import Named
from tests.deliver.relay import ScriptedRelay

EARLY = f"""\
{ISSUE}
::: only list:board
For the board alone.
:::

::: only country:FR list:nobody
For nobody.
:::
"""


def test_an_unknown_list_is_a_finding_among_the_others(box: Box) -> None:
    box.fill(["a@example.net"], "boards")
    box.write("issues/short/en.md", EARLY.replace("https://www.imagegently.org", "http://localhost/"))
    found = box.run("check", "short", exit_code=1).stdout
    assert "error: ::: only list:board: no list is named 'board'; did you mean 'boards'?" in found
    assert "issues/short/en.md:10" in found and "issues/short/en.md:14" in found
    assert "[link-bad]" in found and "[one-click-missing]" in found
    told = box.run("send", "short", "--to", "boards", "--dry-run", exit_code=2).stderr
    assert "issues/short/en.md:10: ::: only list:board: no list is named 'board'" in told


def test_an_issue_is_looked_at_before_its_lists_are_there_and_not_sent(relayed: Named) -> None:
    field = '{{ practice | default("your practice") }}'
    with ScriptedRelay().in_thread() as relay:
        box = relayed(relay.port)
        box.write("issues/short/en.md", EARLY.replace("says hello", f"greets {field}, {{{{ towm }}}}"))
        told = box.run("build", "short").stderr
        assert "issues/short/en.md:8: Nobody has a field {{ practice }}." in told
        assert "::: only list:board" in told and "4 things would stop a send" in told
        assert "every block that only some readers get: list:board; country:FR list:nobody." in told
        page = (box.folder / "build/short/en.html").read_text(encoding="utf-8")
        assert "your practice</bdi>" in page and "(towm)</bdi>" in page
        tried = box.run("send", "short", "--test", "me@example.net").stderr
        assert "Nobody has a field {{ towm }}." in tried
        assert "every block that only some readers get: list:board; country:FR list:nobody." in tried
        assert len(relay.taken) == 1
        assert "[placeholder-unknown]" in box.run("check", "short", exit_code=1).stdout
        box.write("people.csv", "email,town\na@example.net,Rome\n")
        for name in ("board", "nobody"):
            box.run("subscribers", "import", "people.csv", "--list", name, "--source", "test", "--yes")
        refused = box.run("send", "short", "--to", "board", "--yes", exit_code=1)
        assert "issues/short/en.md:8" in refused.stderr and "{{ practice }}" in refused.stderr
        assert "Nobody has a field {{ towm }}. Did you mean {{ town }}?" in refused.stdout
        assert len(relay.taken) == 1


def test_build_and_check_count_the_same_errors(box: Box) -> None:
    wrong = ISSUE.replace("https://www.imagegently.org", "http://localhost/")
    box.write("issues/short/en.md", wrong)
    box.write("issues/short/de.md", wrong.replace("subject: A short", "subject: Eine kurze"))
    for editions in ([], ["--lang", "de"]):
        told = box.run("build", "short", *editions).stderr
        found = box.run("check", "short", exit_code=1).stdout
        shown = re.findall(r"^error: .*\n(.*)", found, re.MULTILINE)
        wanted = [line for line in shown if "de.md" in line or not editions]
        things = "1 thing" if len(wanted) == 1 else f"{len(wanted)} things"
        assert f"{things} would stop a send" in told


def test_a_dry_run_says_how_many_get_each_block(box: Box) -> None:
    box.fill(["a@example.net", "b@example.net"], "board")
    box.fill(["a@example.net", "c@example.net", "d@example.net"])
    box.run("lists", "add", "nobody")
    box.write("issues/short/en.md", EARLY)
    told = box.run("send", "short", "--to", "dentists", "--dry-run").stdout
    assert "::: only list:board: 1 person\n::: only country:FR list:nobody: 0 people" in told


def test_a_dry_run_says_in_which_edition_a_block_stands(box: Box) -> None:
    box.fill(["a@example.net"])
    block = "\n::: only country:{}\nHello.\n:::\n"
    box.write("issues/short/en.md", ISSUE + block.format("DE"))
    box.write(
        "issues/short/fr.md", ISSUE.replace("A short", "Un court") + block.format("FR") + block.format("DE")
    )
    told = box.run("send", "short", "--to", "dentists", "--dry-run").stdout
    assert "::: only country:DE: 0 people\n::: only country:FR (in fr): 0 people\n" in told


def test_each_finding_names_its_own_line(box: Box) -> None:
    lines = ["[here](http://www.acr.org/all)", "", "![Two", "lines](https://www.acr.org/a.png)"]
    lines += ["[here](http://www.acr.org/)", "", "## A title", "", "A few words", ""]
    wide = ["|---|---|---|---|---|---|", "| 1 | 2 | 3 | 4 | 5 | 6 |", ""]
    lines += ["| A | B | C | D | E | F |", *wide, "| A  word | B | C | D | E | F |", *wide]
    box.write("issues/short/en.md", "\n".join([ISSUE, *lines]))
    start = ISSUE.count("\n") + 2
    found = box.run("check", "short").stdout
    told = re.findall(r"\[([a-z-]+)\]\n +issues/short/en.md:(\d+)", found)
    for rule, offsets in (("link-http", [0, 4]), ("link-vague", [0, 4]), ("table-wide", [10, 14])):
        assert [int(line) - start for name, line in told if name == rule] == offsets, rule
