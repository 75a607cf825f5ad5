"""Lists and people through the command line, as a coordinator would use it."""

from __future__ import annotations

import csv
import io
import os

import openpyxl
import pytest

from tests.cli.conftest import Box


def import_json(box: Box, name: str, *more: str) -> dict[str, object]:
    found: dict[str, object] = box.json(
        "subscribers", "import", name, "--list", "dentists", "--source", "congress", *more
    )
    return found


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_only_the_owner_can_read_an_export(box: Box) -> None:
    box.fill(["a@example.net"])
    box.run("subscribers", "export", "--output", "all.csv", umask=0)
    assert (box.folder / "all.csv").stat().st_mode & 0o777 == 0o600


def test_an_excel_list_with_a_title_row_and_dirt(box: Box) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    rows: list[list[str | None]] = [
        ["Participants of the sample congress"],
        [],
        ["E-Mail", "Full name", "Land", "Practice name"],
        ["ana@example.net\u00a0", "Ana\u200f Sample", "Germany", "Clinic"],
        ["\u202abo@example.net\u202c", "Bo Sample", "fr", None],
        ["Ana Sample <ANA@example.net>", None, None, None],
        ["nobody at example", "No", None, None],
    ]
    for row in rows:
        sheet.append(row)
    book.save(box.folder / "list.xlsx")
    told = import_json(box, "list.xlsx")
    assert (told["added"], told["duplicates"]) == (2, 1)
    rejected = told["rejected"]
    assert isinstance(rejected, list)
    assert [one["line"] for one in rejected] == [7]
    person = box.json("subscribers", "show", "ana@example.net")
    assert (person["name"], person["country"]) == ("Ana Sample", "DE")
    assert person["attributes"] == {"practice_name": "Clinic"}
    assert person["consent"][0]["source"] == "congress"


def test_without_a_source_nobody_is_mailed_until_there_is_one(box: Box) -> None:
    box.write("p.csv", "email\na@example.net\nb@example.net\n")
    told = box.run("subscribers", "import", "p.csv", "--list", "dentists")
    assert "will not be mailed yet" in told.stderr
    assert "was made" in told.stderr
    assert box.run("segments", "count", "dentists").stdout == "0\n"
    assert import_json(box, "p.csv")["updated"] == 2
    assert box.run("segments", "count", "dentists").stdout == "2\n"
    assert import_json(box, "p.csv")["unchanged"] == 2


def test_nobody_who_left_comes_back_by_an_import(box: Box) -> None:
    box.fill(["a@example.net", "b@example.net", "c@example.net"])
    box.run("subscribers", "unsubscribe", "a@example.net", "stranger@example.net")
    box.run("subscribers", "erase", "b@example.net", "--yes")
    box.write("p.csv", "email\nA@EXAMPLE.NET\nb@example.net\nc@example.net\nstranger@example.net\n")
    told = import_json(box, "p.csv")
    assert (told["added"], told["suppressed"]) == (0, 3)
    assert box.run("segments", "count", "list:dentists").stdout == "1\n"
    assert "nobody" in box.run("subscribers", "show", "b@example.net", exit_code=2).stderr
    assert b"b@example.net" not in (box.folder / "subscribers.db").read_bytes()


def test_the_export_is_safe_in_a_spreadsheet_and_comes_back_as_it_was(box: Box) -> None:
    box.write(
        "p.csv", 'email,name,country,note\na@example.net,"=HYPERLINK(""x"")",FR,+1\nb@example.net,Zoë,,\n'
    )
    import_json(box, "p.csv")
    out = box.run("subscribers", "export").stdout
    rows = list(csv.DictReader(io.StringIO(out)))
    assert list(rows[0])[:7] == ["email", "name", "language", "country", "state", "lists", "attributes"]
    assert rows[0]["name"] == '\'=HYPERLINK("x")'
    assert rows[0]["note"] == "'+1"
    assert (rows[1]["name"], rows[1]["state"], rows[1]["lists"]) == ("Zoë", "active", "dentists")
    box.run("subscribers", "export", "--output", "out.csv")
    assert import_json(box, "out.csv")["unchanged"] == 2
    events = list(csv.DictReader(io.StringIO(box.run("subscribers", "export", "--consent").stdout)))
    assert {event["what"] for event in events} == {"imported"}


def test_segments_ask_and_share_the_names_of_lists(box: Box) -> None:
    box.write(
        "p.csv",
        "email,country,language,tags\na@example.net,FR,fr,board\nb@example.net,BE,fr-BE,\nc@example.net,US,en,x\n",
    )
    import_json(box, "p.csv")
    for expression, count in [
        ("dentists", 3),
        ("list:dentists", 3),
        ("country:FR,BE", 2),
        ("list:dentists country:FR,BE -tag:board", 1),
        ("language:fr", 2),
        ("-country:US", 2),
    ]:
        assert box.run("segments", "count", expression).stdout == f"{count}\n", expression
    box.run("segments", "add", "francophone", "language:fr")
    assert box.run("segments", "count", "francophone").stdout == "2\n"
    assert "already" in box.run("lists", "add", "francophone", exit_code=2).stderr
    assert "already" in box.run("segments", "add", "dentists", "country:FR", exit_code=2).stderr
    assert "dentists" in box.run("segments", "count", "dentist", exit_code=2).stderr
    assert "country" in box.run("segments", "count", "contry:FR", exit_code=2).stderr


def test_people_are_added_and_listed_one_by_one(box: Box) -> None:
    box.run(
        "subscribers",
        "add",
        "Ana Sample <ana@example.net>",
        "--list",
        "dentists",
        "--country",
        "France",
        "--set",
        "practice=Sample Clinic",
        "--source",
        "phone call",
    )
    assert box.json("subscribers", "show", "ana@example.net")["state"] == "active"
    shown = box.run("subscribers", "list", "--segment", "country:FR").stdout
    assert "ana@example.net" in shown
    assert not shown.startswith("\n")
    for text in ("SAMPLE", "âna", "example.net"):
        assert "ana@example.net" in box.run("subscribers", "find", text).stdout
    assert "Nobody here has “bert”" in box.run("subscribers", "find", "bert").stderr
    assert "subscribers find" in box.run("subscribers", "show", "anna@example.net", exit_code=2).stderr
    for command in ("list", "export"):
        told = box.run("subscribers", command, "--segment", "", exit_code=2)
        assert "segment" in told.stderr and "ana@" not in told.stdout
    for text in (" ", "\u0301"):
        assert "say a part" in box.run("subscribers", "find", text, exit_code=2).stderr
    assert box.run("subscribers", "show", "ana@example.net").stdout.startswith("email ")
    assert "no @" in box.run("subscribers", "add", "nobody", "--list", "dentists", exit_code=2).stderr
    lists = box.json("lists", "show")
    assert [(row["name"], row["active"]) for row in lists] == [("dentists", 1)]


def test_who_leaves_one_list_stays_in_the_others(box: Box) -> None:
    box.fill(["ana@example.net", "ben@example.net"])
    box.fill(["ana@example.net"], "radiologists")
    told = box.run("subscribers", "unsubscribe", "ana@example.net", "--list", "Dentists").stderr
    assert "ana@example.net left 'dentists'" in told
    person = box.json("subscribers", "show", "ana@example.net")
    assert person["lists"] == {"dentists": "left", "radiologists": "active"}
    box.fill(["ana@example.net"])
    again = box.run("subscribers", "unsubscribe", "ana@example.net", "--list", "dentists").stderr
    assert "is not in 'dentists'" in again, "no import brings her back"
    nobody = ("subscribers", "unsubscribe", "ben@example.net", "--list")
    assert "dentists" in box.run(*nobody, "dentist", exit_code=2).stderr
    assert "nobody here" in box.run(*nobody, "dentists", "carl@example.net", exit_code=2).stderr
    assert box.json("subscribers", "show", "ben@example.net")["state"] == "active"


def test_pasted_leave_requests_are_taken_and_what_is_none_is_listed(box: Box) -> None:
    box.fill(["a@example.net", "b@example.net", "c@example.net"])
    box.write("left.txt", "a@example.net; Bo Sample <b@example.net>\nplease remove me\n")
    told = box.run("subscribers", "unsubscribe", "--from", "left.txt")
    assert "2 unsubscribed" in told.stderr
    assert box.run("segments", "count", "dentists").stdout == "1\n"
    assert "not made by this project" in box.run("subscribers", "unsubscribe", "AQEAAQ", exit_code=1).stderr


def test_who_is_taken_out_of_a_mailbox_is_named_with_the_mail_s_subject(box: Box) -> None:
    box.fill(["a@example.net", "b@example.net", "c@example.net"])
    mails = (("a", "Please unsubscribe"), ("b", "What is a low dose?"), ("c", ""), ("x", "Unsubscribe"))
    box.write(
        "left.mbox",
        "".join(
            f"From - Mon\nFrom: {who}@example.net\nSubject: {subject}\n\n{'' if subject else 'Leave'}\n\n"
            for who, subject in mails
        ),
    )
    told = box.run("subscribers", "unsubscribe", "--from", "left.mbox")
    rows = [line.strip().split(maxsplit=1) for line in told.stdout.splitlines()[1:]]
    assert rows == [["a@example.net", "Please unsubscribe"], ["c@example.net", "(no subject)"]]
    assert "2 unsubscribed" in told.stderr
    assert "'What is a low dose?') does not ask to leave" in told.stderr


def test_an_address_that_nobody_has_is_named_and_blocked(box: Box) -> None:
    box.fill(["emile@example.fr", "bo@example.net"])
    told = box.run("subscribers", "unsubscribe", "emile@example.frr").stderr
    assert "emile@example.frr is on no list here; it is blocked for the future." in told
    assert "close: emile@example.fr" in told
    assert "Nobody was unsubscribed" in told
    assert "they get nothing more" not in told
    assert box.run("segments", "count", "dentists").stdout == "2\n"
    box.write("left.txt", "bo@example.net\nstranger@example.com\n")
    told = box.run("subscribers", "unsubscribe", "--from", "left.txt").stderr
    assert "1 unsubscribed" in told
    assert "1 on no list here" in told
    assert "stranger@example.com is on no list here" in told
    assert "close:" not in told
    box.write("p.csv", "email\nemile@example.frr\nstranger@example.com\n")
    assert import_json(box, "p.csv")["suppressed"] == 2


def test_where_nothing_could_be_acted_on_the_answer_is_no(box: Box) -> None:
    box.fill(["bo@example.net"])
    box.write("left.txt", "please remove me\n")
    assert "Nobody" in box.run("subscribers", "unsubscribe", "--from", "left.txt", exit_code=1).stderr
    assert "after the @" in box.run("subscribers", "unsubscribe", "bo@", exit_code=1).stderr
    told = box.run("subscribers", "unsubscribe", "bo@", "bo@example.net")
    assert "1 unsubscribed" in told.stderr


def test_a_pasted_reply_to_a_forwarded_copy_takes_out_only_who_wrote(box: Box) -> None:
    box.fill(["forwarder@example.net", "dentist@example.net"])
    token = "AQ" + "x" * 52
    box.write(
        "reply.txt",
        "dentist@example.net\n> From: forwarder@example.net\n> office@example.org\n"
        f"Unsubscribe: https://news.example.org/p/{token}\noffice@example.org\n",
    )
    told = box.run("subscribers", "unsubscribe", "--from", "reply.txt").stderr
    assert "Left out, since it is your own: office@example.org" in told
    assert "quoted" in told
    assert box.json("subscribers", "show", "dentist@example.net")["state"] == "unsubscribed"
    assert box.json("subscribers", "show", "forwarder@example.net")["state"] == "active"
