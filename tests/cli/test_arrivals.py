"""Imports and additions: what is said, and what is asked at a terminal before anything is written."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from newsletter.cli.app import App
from newsletter.cli.main import cli
from tests.cli.conftest import Box

Ask = Callable[..., Result]


@pytest.fixture
def ask(box: Box, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Runs the program as at a terminal, with what the person types."""
    monkeypatch.chdir(box.folder)
    monkeypatch.setattr(App, "interactive", property(lambda _: True))

    def run(*arguments: str, types: str) -> Result:
        return CliRunner().invoke(cli, arguments, input=types)

    return run


def test_what_a_file_is_taken_for_is_told_before_the_question(box: Box, ask: Ask) -> None:
    box.write("p.csv", "Alice,alice@example.net,FR\nBo,bo@example.net,FR\n")
    said = ask("subscribers", "import", "p.csv", "--list", "dentists", types="n\n")
    assert said.output.index("columns 1, 3 were left out") < said.output.index("Import 2 rows")
    assert said.output.count("left out") == 1
    assert said.exit_code != 0
    assert "example.net" not in box.run("subscribers", "list").stdout
    done = ask("subscribers", "import", "p.csv", "--list", "dentists", types="y\n")
    assert done.exit_code == 0, done.output
    assert done.output.count("left out") == 1
    at_once = ask("subscribers", "import", "p.csv", "--list", "dentists", "-y", types="")
    assert "Import 2 rows" not in at_once.output
    assert at_once.output.count("left out") == 1


def test_columns_that_are_kept_as_personal_fields_are_named(box: Box, ask: Ask) -> None:
    box.write("p.csv", "No,Email,Name,Practice,Signed on\n1,a@example.net,Ana,Clinic,2026-05-01\n")
    said = box.run("subscribers", "import", "p.csv", "--list", "dentists")
    assert "Also kept, as personal fields: no, practice, signed_on" in said.stderr
    shown = ask("subscribers", "import", "p.csv", "--list", "dentists", types="n\n").output
    assert shown.index("Also kept") < shown.index("Import 1 row ")
    box.write("q.csv", "email,name\na@example.net,Ana\n")
    assert "Also kept" not in box.run("subscribers", "import", "q.csv", "--list", "dentists").stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with a name")
def test_a_list_may_come_through_a_pipe(box: Box) -> None:
    pipe = box.folder / "people.csv"
    os.mkfifo(pipe)
    with box.start("subscribers", "import", "people.csv", "--list", "dentists", "--json") as running:
        pipe.write_text("email,name\na@example.net,Ana\na@example.net,A\nnobody,Bo\n", encoding="utf-8")
        told, _ = running.communicate(timeout=60)
    assert running.returncode == 0
    assert json.loads(told) == {
        "added": 1,
        "updated": 0,
        "unchanged": 0,
        "suppressed": 0,
        "duplicates": 1,
        "rejected": [{"line": 4, "reason": "no @ in 'nobody'"}],
    }


def test_who_is_active_is_not_called_pending_by_a_correction(box: Box) -> None:
    box.fill(["a@example.net"])
    said = box.run("subscribers", "add", "a@example.net", "--list", "dentists", "--name", "Ana Sample").stderr
    assert "a@example.net is in 'dentists'.\n" in said
    assert "pending" in box.run("subscribers", "add", "b@example.net", "--list", "dentists").stderr


@pytest.mark.parametrize(("typed", "stored"), [("Deutsch", "de"), ("pt_br", "pt-BR"), ("xx", "")])
def test_a_language_is_read_as_an_import_reads_it(box: Box, typed: str, stored: str) -> None:
    add = ("subscribers", "add", "a@example.net", "--list", "dentists", "--source", "x", "--language", typed)
    told = box.run(*add, exit_code=0 if stored else 2)
    if stored:
        assert f"{stored}," in box.run("subscribers", "export").stdout
    else:
        assert "'xx' is no language" in told.stderr


def test_a_list_that_an_import_made_gets_a_title(box: Box) -> None:
    box.fill(["a@example.net"])
    box.run("lists", "title", "Dentists", "Dentists and their teams ")
    assert box.json("lists", "show")[0]["title"] == "Dentists and their teams"
    assert "no title" in box.run("lists", "title", "dentists", "").stderr
    assert "no list" in box.run("lists", "title", "dentist", "x", exit_code=2).stderr


def test_the_counts_come_after_the_rejected_rows(box: Box) -> None:
    box.write("p.csv", "email\na@example.net\nnobody\n")
    told = box.run("subscribers", "import", "p.csv", "--list", "dentists").stdout
    assert told.index("line 3: no @ in 'nobody'") < told.index("1  added") < told.index("1  rejected")


@pytest.mark.parametrize(
    ("content", "says"),
    [("", "the file is empty"), ("\n \n", "the file is empty"), ("email,name\n", "nobody")],
)
def test_an_empty_file_is_said_to_be_so(box: Box, content: str, says: str) -> None:
    box.write("p.csv", content)
    told = box.run("subscribers", "import", "p.csv", "--list", "dentists", "--json")
    assert says in told.stderr
    assert '"added": 0' in told.stdout


def test_a_new_list_that_is_nearly_an_old_one_is_asked_about(box: Box, ask: Ask) -> None:
    box.fill(["a@example.net"])
    question = "There is no list 'dentist'; did you mean 'dentists'? Make a new one?"
    add = ("subscribers", "add", "b@example.net", "--list", "dentist", "--source", "mail of 3 May")
    said = ask(*add, types="n\n")
    assert question in said.output
    assert [row["name"] for row in box.json("lists", "show")] == ["dentists"]
    box.write("p.csv", "email\nc@example.net\n")
    said = ask("subscribers", "import", "p.csv", "--list", "dentist", types="n\n")
    assert question in said.output
    assert ask(*add, types="y\n").exit_code == 0
    assert {row["name"] for row in box.json("lists", "show")} == {"dentist", "dentists"}
    assert "did you mean" not in ask(*add, types="").output
    assert "did you mean" not in ask(*add[:-3], "radiologists", "--source", "x", types="").output


def test_without_a_terminal_a_near_list_is_made_and_named(box: Box) -> None:
    box.fill(["a@example.net"])
    told = box.run("subscribers", "add", "b@example.net", "--list", "dentist", "--source", "x")
    assert "'dentist' is new and was made; there is also 'dentists'" in told.stderr
    box.write("p.csv", "email\nc@example.net\n")
    told = box.run("subscribers", "import", "p.csv", "--list", "Dentists ", exit_code=2)
    assert "cannot be the name" in told.stderr


def test_the_question_shows_what_cannot_be_used(box: Box, ask: Ask) -> None:
    bad = "".join(f"nobody{n}\n" for n in range(7))
    box.write("p.csv", f"email\na@example.net\n{bad}")
    said = ask("subscribers", "import", "p.csv", "--list", "dentists", types="n\n").output
    before = said[: said.index("Import 1 row into")]
    assert "7 rows cannot be used and will be left out:\n  line 3: no @ in 'nobody0'\n" in before
    assert "line 7: no @ in 'nobody4'\n  and 2 more" in before
    assert "8 rows were read" in before


def test_whoever_makes_a_list_learns_that_it_is_public(box: Box) -> None:
    public = "Anybody may join it on the public pages, once you have them, where it is called"
    told = box.run("lists", "add", "board", "--title", "The Board").stderr
    assert f"{public} 'The Board'. If it is not for everybody: newsletter lists hide board" in told
    box.write("p.csv", "email\na@example.net\n")
    told = box.run("subscribers", "import", "p.csv", "--list", "staff", "--source", "x").stderr
    assert f"{public} 'staff'. If it is not for everybody: newsletter lists hide staff" in told
    assert "public" not in box.run("subscribers", "import", "p.csv", "--list", "staff").stderr
    told = box.run("lists", "add", "press", "--hidden").stderr
    assert "newsletter lists offer press" in told
    hidden = {row["name"]: row["hidden"] for row in box.json("lists", "show")}
    assert hidden == {"board": False, "press": True, "staff": False}
    box.run("lists", "remove", "press")
    assert "It is hidden" in box.run("subscribers", "add", "b@example.net", "--list", "press").stderr


def test_who_is_added_without_a_source_is_pending_and_the_next_step_is_said(box: Box) -> None:
    told = box.run("subscribers", "add", "a@example.net", "--list", "dentists").stderr
    assert "file" not in told
    again = 'newsletter subscribers add a@example.net --list dentists --source "how they agreed"'
    assert f"1 person is pending, and will not be mailed yet. If they agreed, say how: {again}" in told
    box.write("p.csv", "email\nb@example.net\nc@example.net\n")
    told = box.run("subscribers", "import", "p.csv", "--list", "dentists").stderr
    assert "2 people are pending, and will not be mailed yet. Import the file again with --source" in told
    exported = box.run("subscribers", "export", "--segment", "list:dentists").stderr
    assert "3 rows" in exported


def test_domains_that_are_nearly_a_great_providers_are_named(box: Box) -> None:
    box.write("p.csv", "email\na@gmial.com\nb@gmail.com\nc@hotmail.con\nd@gmail.example.org\n")
    told = box.run("subscribers", "import", "p.csv", "--list", "dentists", "--source", "x")
    slips = "line 2: a@gmial.com (meant gmail.com?); line 4: c@hotmail.con (meant hotmail.com?)\n"
    assert f"2 addresses look misspelt, and nothing was changed: {slips}" in told.stderr
    assert "4  added" in told.stdout
    told = box.run("subscribers", "add", "e@gamil.com", "--list", "dentists", "--source", "x")
    assert "e@gamil.com looks misspelt (meant gmail.com?)" in told.stderr


def test_a_damaged_name_replaces_no_good_one(box: Box) -> None:
    box.write(
        "good.csv", "email,name,town,note\na@example.net,René Dupont,Orléans,why\nb@example.net,?ukasz,,\n"
    )
    box.run("subscribers", "import", "good.csv", "--list", "dentists", "--source", "sheet")
    rows = "a@example.net,Ren? Dupont,Orl?ans,why?\nb@example.net,?uk,?,\nc@example.net,J?rg,,\n"
    box.write("lost.csv", f"email,name,town,note\n{rows}")
    told = box.run("subscribers", "import", "lost.csv", "--list", "dentists", "--source", "sheet").stderr
    assert "3 names have '?' where letters were lost" in told
    assert "1 person kept the name or field" in told
    ana = box.json("subscribers", "show", "a@example.net")
    assert ana["name"] == "René Dupont"
    assert ana["attributes"] == {"town": "Orléans", "note": "why?"}
    assert box.json("subscribers", "show", "b@example.net")["name"] == "?uk"
    assert box.json("subscribers", "show", "c@example.net")["name"] == "J?rg"
    box.write("garbled.csv", "email,name\na@example.net,RenÃ© Dupont\nc@example.net,Jörg\n")
    box.run("subscribers", "import", "garbled.csv", "--list", "dentists", "--source", "sheet")
    assert box.json("subscribers", "show", "a@example.net")["name"] == "René Dupont"
    assert box.json("subscribers", "show", "c@example.net")["name"] == "Jörg"


def test_a_list_is_removed_only_when_nobody_is_in_it(box: Box) -> None:
    box.fill(["a@example.net"])
    box.run("subscribers", "add", "b@example.net", "--list", "dentist", "--source", "x")
    assert "1 active" in box.run("lists", "remove", "dentist", exit_code=1).stderr
    box.run("subscribers", "unsubscribe", "b@example.net")
    box.run("segments", "add", "french", "list:dentist,dentists country:FR")
    assert "'french' asks for" in box.run("lists", "remove", "dentist", exit_code=1).stderr
    box.run("segments", "add", "french", "list:dentists country:FR")
    box.run("lists", "remove", "Dentist")
    assert [row["name"] for row in box.json("lists", "show")] == ["dentists"]
    assert box.json("subscribers", "show", "b@example.net")["consent"][0]["list"] == "dentist"
    assert "did you mean 'dentists'" in box.run("lists", "remove", "dentist", exit_code=2).stderr
    assert "dentist" in box.run("segments", "count", "list:dentist", exit_code=2).stderr
    assert "once" in box.run("segments", "add", "dentist", "country:FR", exit_code=2).stderr
    box.run("lists", "add", "dentist", "--title", "Again")
    assert [(row["left"], row["title"]) for row in box.json("lists", "show")] == [(1, "Again"), (0, "")]


def test_a_list_that_an_issue_asks_for_is_removed_after_a_yes_only(box: Box) -> None:
    box.run("lists", "add", "board")
    box.run("lists", "add", "boarders")
    box.write("issues/short/fr.md", "---\nsubject: a\n---\nA\n\n::: only -list:Board,x country:FR\nB\n:::\n")
    told = box.run("lists", "remove", "board", exit_code=2).stderr
    assert "'board' is asked for by ::: only in issues/short/fr.md:6" in told
    assert "nothing was done" in box.asked("n", "lists", "remove", "board")
    box.run("lists", "remove", "boarders")
    box.run("lists", "remove", "board", "--yes")
    assert box.json("lists", "show") == []


def test_a_list_gets_another_name_and_saved_segments_follow(box: Box) -> None:
    box.fill(["a@example.net", "b@example.net"])
    box.run("subscribers", "unsubscribe", "b@example.net")
    box.run("lists", "add", "board")
    box.run("segments", "add", "both", 'list:"dentists",board -country:US')
    box.run("segments", "add", "swiss", "country:CH")
    told = box.run("lists", "rename", "Dentists", "dental-teams").stderr
    assert "both" in told
    assert "swiss" not in told
    assert {row["name"]: (row["active"], row["left"]) for row in box.json("lists", "show")} == {
        "board": (0, 0),
        "dental-teams": (1, 1),
    }
    rows = {row["name"]: row["expression"] for row in box.json("segments", "show")}
    assert rows == {"both": "list:dental-teams,board -country:US", "swiss": "country:CH"}
    assert box.json("subscribers", "show", "a@example.net")["consent"][0]["list"] == "dentists"
    for old, new, words in [
        ("dentists", "x", "no list 'dentists'"),
        ("board", "dental-teams", "already"),
        ("board", "swiss", "saved segment"),
        ("board", "a b", "cannot be the name"),
    ]:
        assert words in box.run("lists", "rename", old, new, exit_code=2).stderr
    box.run("lists", "rename", "board", "Board")


def test_a_list_keeps_its_name_while_a_send_to_it_is_not_finished(box: Box) -> None:
    box.environ["NEWSLETTER_SMTP_URL"] = "smtp://127.0.0.1:1"
    box.fill(["a@example.net"])
    box.send(exit_code=1)
    assert "not finished" in box.run("lists", "rename", "dentists", "dental", exit_code=1).stderr
    box.run("cancel", "short", "--yes")
    box.run("lists", "rename", "dentists", "dental")


def test_segments_that_ask_for_what_is_gone_are_shown_with_the_reason_and_can_be_forgotten(box: Box) -> None:
    box.write("p.csv", "email,ward,country\na@example.net,north,FR\n")
    box.run("subscribers", "import", "p.csv", "--list", "dentists", "--source", "x", "--yes")
    box.run("segments", "add", "north", "ward:north")
    box.run("segments", "add", "french", "country:FR")
    box.run("subscribers", "erase", "a@example.net", "--yes")
    assert "no subscriber has 'ward:'" in box.run("segments", "show").stdout
    found = {row["name"]: (row["count"], row["error"][:21]) for row in box.json("segments", "show")}
    assert found == {"north": (None, "no subscriber has 'wa"), "french": (0, "")}
    box.run("segments", "remove", "north")
    assert [row["name"] for row in box.json("segments", "show")] == ["french"]
    assert "north" in box.run("segments", "remove", "north", exit_code=2).stderr
