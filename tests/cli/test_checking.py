"""What `check` finds, and what can be done with an issue before its lists are there."""

from __future__ import annotations

from tests.cli.conftest import ISSUE, Box

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
