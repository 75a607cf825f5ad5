"""List files as people have them."""

from __future__ import annotations

import contextlib
import datetime
import io
import re
import zipfile
from collections.abc import Sequence

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newsletter.errors import ListFileError
from newsletter.listfile import read_list
from newsletter.models import ListFile, ListRow, RejectedRow


def read(text: str, encoding: str = "utf-8") -> ListFile:
    return read_list(text.encode(encoding), name="people.csv")


def people(found: ListFile) -> list[tuple[int, str, str]]:
    return [(row.line, row.profile.address.text, row.profile.name) for row in found.rows]


def reasons(found: ListFile) -> list[tuple[int, str]]:
    return [(row.line, row.reason) for row in found.rejected]


def only(found: ListFile) -> ListRow:
    assert len(found.rows) == 1
    return found.rows[0]


def workbook(*sheets: tuple[str, Sequence[Sequence[object]]]) -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.remove(book[book.active.title])
    for title, rows in sheets:
        sheet = book.create_sheet(title)
        for number, row in enumerate(rows, 1):
            for column, value in enumerate(row, 1):
                sheet.cell(number, column, value)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


GARBLED = workbook(
    ("People", [["E-Mail", "Name", "Since"], ["a@example.org", "Zoë", datetime.date(2026, 3, 1)]])
)


# --- columns ------------------------------------------------------------------


def test_columns_are_found_by_heading_and_others_become_attributes() -> None:
    found = read(
        "email,name,language,country,Job title,Tags\n"
        "jane@example.org,Jane Doe,fr_FR,France,Dentist,\n"
        'bob@example.org,,,,,"board, paediatric"\n'
    )
    first, second = found.rows
    assert first.profile.language == "fr-FR"
    assert first.profile.country == "FR"
    assert first.profile.attributes == {"job_title": "Dentist"}
    assert second.profile.attributes == {"tags": "board, paediatric"}
    assert found.columns == ("email", "name", "language", "country", "job_title", "tags")
    assert (found.kind, found.encoding, list(found.warnings), found.rejected) == ("csv", "utf-8", [], [])


@pytest.mark.parametrize(
    "heading",
    [
        "email",
        "E-Mail",
        "EMAIL ADDRESS",
        "e_mail",
        "Email address *",
        "E-mail (work)",
        "mail",
        "Courriel",
        "Adresse électronique",
        "correo",
        "Correo electrónico",
        "E-Mail-Adresse",
        "البريد الإلكتروني",
        "posta",
        "e-post",
        "メールアドレス",
        "Work e-mail",
        '"E-Mail"',
    ],
)
def test_the_address_column_has_many_names(heading: str) -> None:
    found = read(f"when;{heading};note\n2026-01-01;jane@example.org;x\n2026-01-02;nobody;y\n")
    assert people(found) == [(2, "jane@example.org", "")]
    assert reasons(found) == [(3, "no @ in 'nobody'")]
    assert found.columns == ("when", "email", "note")


@pytest.mark.parametrize(
    ("heading", "cells", "name"),
    [
        ("Name", "Jane Doe", "Jane Doe"),
        ("Full name", "Jane Doe", "Jane Doe"),
        ("First name,Last name", "Jane,Doe", "Jane Doe"),
        ("Last name,First name", "Doe,Jane", "Jane Doe"),
        ("Nom,Prénom", "Dupont,Renée", "Renée Dupont"),
        ("prenom,nom", "Renée,Dupont", "Renée Dupont"),
        ("Vorname,Nachname", "Jürgen,Groß", "Jürgen Groß"),
        ("Name,Vorname", "Groß,Jürgen", "Jürgen Groß"),
        ("Name,First name", "Jane Doe,Jane", "Jane Doe"),
        ("Nombre,Apellidos", "María,Peña Ruiz", "María Peña Ruiz"),
        ("Nombre", "María Peña", "María Peña"),
        ("Imię,Nazwisko", "Łukasz,Wójcik", "Łukasz Wójcik"),
        ("First name", "Jane", "Jane"),
        ("الاسم", "محمد الأحمد", "محمد الأحمد"),
        ("Name,Full name", "Doe,Jane Doe", "Jane Doe"),
        ("First name,Last name", ",Doe", "Doe"),
        ("Name,Given Name,Family Name", "Dr Jane Doe,Jane,Doe", "Dr Jane Doe"),
        ("Full name,First name,Last name", ",Jane,Doe", "Jane Doe"),
        ("Name", "jane@example.org", ""),
    ],
)
def test_names_are_put_together(heading: str, cells: str, name: str) -> None:
    found = read(f"email,{heading}\njane@example.org,{cells}\n")
    assert only(found).profile.name == name


def test_what_address_books_export() -> None:
    found = read(
        "Name,Given Name,Family Name,E-mail 1 - Type,E-mail 1 - Value,E-mail Display Name\n"
        "Jane Doe,Jane,Doe,Work,jane@example.org,Jane (jane@example.org)\n"
    )
    assert people(found) == [(2, "jane@example.org", "Jane Doe")]
    assert only(found).profile.attributes["given_name"] == "Jane"
    assert found.columns[:3] == ("name", "given_name", "family_name")


def test_a_name_beside_the_address_is_taken_where_there_is_no_other() -> None:
    found = read("email,name\nJane Doe <jane@example.org>,\nBob <bob@example.org>,Robert\n")
    assert people(found) == [(2, "jane@example.org", "Jane Doe"), (3, "bob@example.org", "Robert")]


def test_repeated_headings_and_headings_of_our_own_are_told_apart() -> None:
    found = read("email,Town,town,Email,list,2nd line,\na@example.org,Lyon,Paris,b@example.org,x,y,z\n")
    assert only(found).profile.address.text == "a@example.org"
    assert only(found).profile.attributes == {
        "town": "Lyon",
        "town_2": "Paris",
        "email_2": "b@example.org",
        "list_2": "x",
        "_2nd_line": "y",
    }
    assert any("town_2" in warning for warning in found.warnings)
    assert any("email_2" in warning for warning in found.warnings)


def test_unknown_languages_and_countries_are_left_empty_and_counted() -> None:
    found = read(
        "email,langue,pays\na@example.org,Français,Suisse\nb@example.org,klingonesque,Atlantis\n"
        "c@example.org,klingonesque,uk\nd@example.org,,\ne@example.org,English (UK),DEU\n"
    )
    assert [(r.profile.language, r.profile.country) for r in found.rows] == [
        ("fr", "CH"),
        ("", ""),
        ("", "GB"),
        ("", ""),
        ("en", "DE"),
    ]
    assert [w for w in found.warnings if "klingonesque" in w and "2 people" in w and "line 3" in w]
    assert [w for w in found.warnings if "Atlantis" in w and "1 person" in w]


def test_the_row_that_names_the_address_is_the_heading_even_below_titles() -> None:
    found = read("Members 2026,,\n,,\nName,E-Mail,Land\nJane,jane@example.org,Schweiz\n,,\nTotal: 1,,\n")
    assert people(found) == [(4, "jane@example.org", "Jane")]
    assert only(found).profile.country == "CH"
    assert reasons(found) == [(6, "no address")]


def test_an_unknown_heading_above_addresses_is_a_heading() -> None:
    found = read("Kontaktadresse;Praxis\njane@example.org;Sample\n")
    assert people(found) == [(2, "jane@example.org", "")]
    assert only(found).profile.attributes == {"praxis": "Sample"}


def test_a_heading_that_lies_is_seen_through() -> None:
    found = read("E-Mail,Kontakt 2\n,jane@example.org\n,bob@example.org\n")
    assert [address for _, address, _ in people(found)] == ["jane@example.org", "bob@example.org"]
    assert any("holds no addresses" in warning for warning in found.warnings)


def test_a_heading_that_is_repeated_further_down_is_passed_over() -> None:
    found = read("email,name\na@example.org,A\nEmail,NAME\nb@example.org,B\n")
    assert people(found) == [(2, "a@example.org", "A"), (4, "b@example.org", "B")]
    assert reasons(found) == []


# --- without a heading ----------------------------------------------------------


def test_a_bare_column() -> None:
    found = read("a@example.org\n\nb@example.org,\n<c@example.org>\nmailto:d@example.org\nfoo\n")
    assert [line for line, _, _ in people(found)] == [1, 3, 4, 5]
    assert reasons(found) == [(6, "no @ in 'foo'")]


def test_a_bare_column_that_begins_with_a_bad_row_has_no_heading() -> None:
    found = read("dr.smith.example.org\na@example.org\n")
    assert people(found) == [(2, "a@example.org", "")]
    assert reasons(found) == [(1, "no @ in 'dr.smith.example.org'")]


def test_mailboxes_one_a_line() -> None:
    found = read('Jane Doe <jane@example.org>\n"Roe, Bob" <bob@example.org>\nRoe, Al <al@example.org>\n')
    assert people(found) == [
        (1, "jane@example.org", "Jane Doe"),
        (2, "bob@example.org", "Bob Roe"),
        (3, "al@example.org", "Al Roe"),
    ]
    assert found.kind == "column"


def test_without_a_heading_names_are_taken_and_the_rest_left_out_aloud() -> None:
    found = read("Jane Doe;jane@example.org;FR\nBob Roe;bob@example.org;GB\n")
    assert people(found) == [(1, "jane@example.org", "Jane Doe"), (2, "bob@example.org", "Bob Roe")]
    assert any("column 1 was taken for the name" in warning for warning in found.warnings)
    assert any("column 3 was left out" in warning for warning in found.warnings)


# --- rows -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("dr.smith.example.org", "no @ in 'dr.smith.example.org'"),
        ('"a@x.org; b@y.org"', "two addresses where one belongs: 'a@x.org', 'b@y.org'"),
        ("a b@example.org", "a space inside 'a b@example.org'"),
        ("", "no address"),
        ("jane@example", "the part after the @ has no dot in 'jane@example'"),
    ],
)
def test_bad_rows_are_left_out_with_line_and_reason(cell: str, reason: str) -> None:
    found = read(f"email,name\n{cell},X\ngood@example.org,Good\n")
    assert reasons(found) == [(2, reason)]
    assert people(found) == [(3, "good@example.org", "Good")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a@x.org, b@x.org\n", [(1, "a@x.org", ""), (1, "b@x.org", "")]),
        ("a@x.org\nb@x.org; c@x.org;\n", [(1, "a@x.org", ""), (2, "b@x.org", ""), (2, "c@x.org", "")]),
        ("Ana <a@x.org>; Bo <b@x.org>", [(1, "a@x.org", "Ana"), (1, "b@x.org", "Bo")]),
        (
            'Sample, Ana <a@x.org>, "Sample, Bo" <b@x.org>, c@x.org',
            [(1, "a@x.org", "Ana Sample"), (1, "b@x.org", "Bo Sample"), (1, "c@x.org", "")],
        ),
        ('"Sample; Ana" <a@x.org>; b@x.org', [(1, "a@x.org", "Sample; Ana"), (1, "b@x.org", "")]),
        (
            'email\n"a@x.org, b@x.org"\nc@x.org\n',
            [(2, "a@x.org", ""), (2, "b@x.org", ""), (3, "c@x.org", "")],
        ),
        ("email;name\na@x.org; Ana\nb@x.org;\n", [(2, "a@x.org", "Ana"), (3, "b@x.org", "")]),
        ("Adresse;Bemerkung\na@x.org;\nb@x.org;\n", [(2, "a@x.org", ""), (3, "b@x.org", "")]),
    ],
)
def test_a_plain_list_may_have_several_addresses_in_a_line(
    text: str, expected: list[tuple[int, str, str]]
) -> None:
    found = read(text)
    assert people(found) == expected
    assert found.rejected == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("An: Anna Q <a@x.org>; Bo <b@x.org>\nCc: c@x.org", {"a": "Anna Q", "b": "Bo", "c": ""}),
        ("• Ana - Bo <a@x.org>\n2) b@x.org\n- c@x.org", {"a": "Ana - Bo", "b": "", "c": ""}),
        ("À : Ana Q <a@x.org> ; Bo <b@x.org>\nCci : c@x.org", {"a": "Ana Q", "b": "Bo", "c": ""}),
        ("إلى: علي <a@x.org>؛ b@x.org", {"a": "علي", "b": ""}),
        (
            "Ana <a@x.org>; Bo <b@x.org>,\nCy <c@x.org>; d@x.org,\n",
            {"a": "Ana", "b": "Bo", "c": "Cy", "d": ""},
        ),
        ("Ana a@x.org, Bo de Ba b@x.org", {"a": "Ana", "b": "Bo de Ba"}),
        ("Please add a@x.org, b@x.org and c@x.org", {"a": "", "b": "", "c": ""}),
        ("These are new: Ana <a@x.org>, Bo <b@x.org>", {"a": "Ana", "b": "Bo"}),
        ("mailto:a@x.org; mailto:b@x.org", {"a": "", "b": ""}),
        ("An:\tAnna Q <a@x.org>; Bo <b@x.org>\nCc:\tc@x.org\n", {"a": "Anna Q", "b": "Bo", "c": ""}),
        ("Ana, Bo\na@x.org, b@x.org\n", {"a": "", "b": ""}),
        ("Ana (a@x.org); Bo Ba (b@x.org)", {"a": "Ana", "b": "Bo Ba"}),
        ("'Weber, Anna' <a@x.org>", {"a": "Anna Weber"}),
        ("Pan, Li <a@x.org>", {"a": "Li Pan"}),
        ("Praxis Dr. Weber, Bern <a@x.org>", {"a": "Praxis Dr. Weber, Bern"}),
        ("Weber, Dr. Anna <a@x.org>", {"a": "Dr. Anna Weber"}),
        ('"de la Cruz, Ana María" <a@x.org>', {"a": "Ana María de la Cruz"}),
        ("Sample, Ana, Lyon <a@x.org>", {"a": "Sample, Ana, Lyon"}),
        (
            "Ana Sample, M.D. <a@x.org>\nBo Sample, Jr. <b@x.org>",
            {"a": "Ana Sample, M.D.", "b": "Bo Sample, Jr."},
        ),
        ("Sample, Ana PhD <a@x.org>\nSample, Inc. <b@x.org>", {"a": "Sample, Ana PhD", "b": "Sample, Inc."}),
    ],
)
def test_what_is_pasted_from_a_mail_program_has_clean_names(text: str, expected: dict[str, str]) -> None:
    found = read(text)
    assert {row.profile.address.text[0]: row.profile.name for row in found.rows} == expected
    assert found.rejected == []
    assert found.columns == ("email",)


@pytest.mark.parametrize(
    ("prose", "rows"),
    [
        ("Hallo Bea, bitte diese aufnehmen:", "Ana <a@x.org>, Bo <b@x.org>"),
        ("Hi, here are the new ones", "Ana <a@x.org>; Bo <b@x.org>"),
        ("Dear all,", "Ana <a@x.org>, Bo <b@x.org>"),
        ("Please add these people to our list, thank you.", "Ana <a@x.org>, Bo <b@x.org>"),
        ("Liebe Anna, hier die Mail-Adressen der Neuen:", "Ana,a@x.org\nBo,b@x.org"),
        ("Hallo, hier die Liste:", "Ana Ba;a@x.org\nBo Ba;b@x.org"),
    ],
)
def test_prose_above_the_addresses_is_no_heading(prose: str, rows: str) -> None:
    found = read(f"{prose}\n{rows}\n")
    assert [row.profile.address.text for row in found.rows] == ["a@x.org", "b@x.org"]
    assert [row.profile.name[:2] for row in found.rows] == ["An", "Bo"]
    assert not any(row.profile.attributes for row in found.rows)
    assert [line for line, _ in reasons(found)] == [1]


@pytest.mark.parametrize("heading", ["Adresse des Mitglieds;Name der Praxis", "Kontakt Adresse:;Praxis Ort:"])
def test_a_heading_of_many_words_is_a_heading(heading: str) -> None:
    found = read(f"{heading}\na@x.org;Sample\n")
    assert len(only(found).profile.attributes) == 1


def test_a_bare_column_of_a_workbook_may_have_several_addresses_in_a_cell() -> None:
    cells = [[None, "email"], [None, "a@x.org; Bo <b@x.org>"], [None, "c@x.org"]]
    found = read_list(workbook(("Sheet1", cells)), name="people.xlsx")
    assert people(found) == [(2, "a@x.org", ""), (2, "b@x.org", "Bo"), (3, "c@x.org", "")]


@pytest.mark.parametrize("text", ["a@x.org;1;x;b@x.org\n", "email;name\na@x.org; b@x.org\n"])
def test_two_addresses_in_a_row_of_a_table_are_one_too_many(text: str) -> None:
    found = read(text)
    assert people(found) == []
    assert reasons(found)[0][1] == "two addresses where one belongs: 'a@x.org', 'b@x.org'"


@given(
    st.lists(st.sampled_from(["a@x.org", "Bo Ba <b@x.org>", '"C, D; E" <c@x.org>', "<d@x.org>"]), min_size=1)
)
def test_what_a_mail_program_copies_comes_back_as_it_was(mailboxes: list[str]) -> None:
    for joined in (
        "; ".join(mailboxes),
        ", ".join(mailboxes),
        "\n".join(mailboxes),
        ";".join(mailboxes) + ";",
    ):
        assert [row.profile.address.text[0] for row in read(joined).rows] == [
            re.sub(r".*<", "", one)[0] for one in mailboxes
        ]


@pytest.mark.parametrize(
    ("heading", "cells", "name"),
    [
        ("Titre;Prénom;Nom", "Dr;Ana;Sample", "Dr Ana Sample"),
        ("Anrede;Vorname;Nachname", "Prof. Dr.;Ana;Sample", "Prof. Dr. Ana Sample"),
        ("Title;Name", "Dr;Ana Sample", "Dr Ana Sample"),
        ("Title;Name", "Dr.;dr Ana Sample", "dr Ana Sample"),
        ("Title;Name", ";Ana Sample", "Ana Sample"),
        ("Title;Name", "Dr;", ""),
        ("Title;Name", "Head of radiology;Ana Sample", "Ana Sample"),
        ("Title;Name", "Dentist;Ana Sample", "Ana Sample"),
    ],
)
def test_a_title_stands_before_the_name(heading: str, cells: str, name: str) -> None:
    found = read(f"{heading};E-mail\n{cells};a@example.org\n")
    title = cells.split(";", maxsplit=1)[0]
    assert only(found).profile.name == name
    assert set(only(found).profile.attributes.values()) == ({title} if title else set())
    assert any("before the names" in warning for warning in found.warnings) is name.startswith(
        ("Dr", "dr", "P")
    ) or (cells == "Dr;")


@pytest.mark.parametrize(
    ("heading", "cells", "name"),
    [
        ("Anrede;Titel;Name", "Frau;Dr.;Ana Sample", "Dr. Ana Sample"),
        ("Titel;Anrede;Name", "Prof. Dr.;Herr;Bo Sample", "Prof. Dr. Bo Sample"),
        ("Anrede;Name", "Frau;Ana Sample", "Ana Sample"),
        ("Anrede;Name", "Herr Dr.;Bo Sample", "Dr. Bo Sample"),
        ("Civilité;Titre;Nom", "Mme;Dre;Ana Sample", "Dre Ana Sample"),
        ("Civilité;Nom", "Monsieur;Bo Sample", "Bo Sample"),
        ("Salutation;Title;Name", "Ms;Head of radiology;Ana Sample", "Ana Sample"),
        ("Title;Name", "Mr.;Bo Sample", "Bo Sample"),
    ],
)
def test_a_salutation_is_no_part_of_the_name(heading: str, cells: str, name: str) -> None:
    person = only(read(f"{heading};E-mail\n{cells};a@example.org\n")).profile
    assert person.name == name
    assert list(person.attributes.values()) == cells.split(";")[:-1]


def test_cells_are_cleaned_of_what_cannot_be_seen() -> None:
    found = read(
        "email,name,town\n\u00a0a@example.org\u200b,\u202bعلي\u202c,\u00a0Ly\u00adon\n"
        'b@example.org,"Eve\r\nBcc: x\x00@y",z\n'.replace("\x00", "\x0b")
    )
    assert people(found) == [(2, "a@example.org", "علي"), (3, "b@example.org", "Eve Bcc: x @y")]
    assert found.rows[0].profile.attributes == {"town": "Lyon"}


def test_names_that_lost_letters_are_warned_about() -> None:
    found = read("email,name\na@example.org,Ann\nb@example.org,Ren? Dupont\nc@example.org,?????\n")
    assert [name for _, _, name in people(found)] == ["Ann", "Ren? Dupont", ""]
    (warning,) = found.warnings
    assert "2 names" in warning
    assert "line 3" in warning


def test_names_that_were_garbled_before_are_warned_about() -> None:
    found = read("email,name\na@example.org," + "Hélène".encode().decode("cp1252") + "\n")
    assert any("garbled" in warning and "line 2" in warning for warning in found.warnings)


def test_international_addresses_are_kept() -> None:
    found = read("email\njosé@bücher.example\n用户@例え.example\n")
    assert [row.profile.address.needs_smtputf8 for row in found.rows] == [True, True]


def test_repeats_stay_for_the_importer_and_order_is_kept() -> None:
    found = read("email\nb@example.org\na@example.org\nB@example.org\n")
    assert [row.profile.address.key for row in found.rows] == [
        "b@example.org",
        "a@example.org",
        "b@example.org",
    ]


def test_our_own_export_brings_nobody_back_who_left() -> None:
    found = read(
        "email,name,language,country,state,lists,attributes,town\n"
        "a@example.org,'=Ann,fr,FR,active,dentists,,Lyon\nb@example.org,B,,,unsubscribed,,,\n"
    )
    assert people(found) == [(2, "a@example.org", "=Ann")]
    assert found.rows[0].profile.attributes == {"town": "Lyon"}
    assert reasons(found) == [(3, "marked 'unsubscribed' in the column 'state'")]


# --- text ---------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_separators_and_line_ends(separator: str, newline: str) -> None:
    rows = [["E-Mail", "Name", "Ort"], ["a@example.org", "Ann", "Ulm"], ["b@example.org", "Bob", ""]]
    found = read(newline.join(separator.join(row) for row in rows) + newline)
    assert people(found) == [(2, "a@example.org", "Ann"), (3, "b@example.org", "Bob")]
    assert found.kind == ("tsv" if separator == "\t" else "csv")


def test_other_separators_inside_values_do_not_mislead() -> None:
    found = read("email;name;note\na@example.org;Doe, Jane, Dr;a,b,c,d\nb@example.org;Roe, Bob;e,f\n")
    assert people(found)[0] == (2, "a@example.org", "Doe, Jane, Dr")


def test_excel_may_declare_the_separator() -> None:
    found = read("sep=;\r\nemail;name\r\na@example.org;Doe, Jane\r\n")
    assert people(found) == [(3, "a@example.org", "Doe, Jane")]


def test_quotes_hold_separators_quotes_and_line_breaks() -> None:
    found = read('email,name,note\r\n"a@example.org","Doe, ""J""","x\r\n\r\ny"\r\nb@example.org,B,\r\n')
    assert people(found) == [(2, "a@example.org", 'Doe, "J"'), (5, "b@example.org", "B")]
    assert found.rows[0].profile.attributes == {"note": "x y"}


def test_an_open_quote_costs_its_own_row_only() -> None:
    found = read('email,name\na@example.org,"Ann\nb@example.org,Bob\nc@example.org,"Cee"\n')
    assert [address for _, address, _ in people(found)] == ["b@example.org", "c@example.org"]
    assert reasons(found) == [(2, "a quotation mark opens a cell and is never closed")]


def test_quotes_written_by_hand() -> None:
    found = read(
        'email,name\n"Doe, Jane" <a@example.org>,\nb@example.org,"Al "Bo" Cee"\nc@example.org,5" Joe\n'
    )
    assert [name for _, _, name in people(found)] == ["Doe, Jane", 'Al "Bo" Cee', '5" Joe']


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8-sig", b""),
        ("utf-16", b""),
        ("utf-16-le", b""),
        ("utf-16-be", b""),
        ("utf-16-be", b"\xfe\xff"),
        ("utf-32", b""),
    ],
)
def test_unicode_with_and_without_a_mark(encoding: str, mark: bytes) -> None:
    data = mark + "E-Mail;Name\r\na@example.org;Zoë\r\nb@example.org;علي\r\nc@example.org;Łukasz\r\n".encode(
        encoding
    )
    found = read_list(data, name="people.csv")
    assert [name for _, _, name in people(found)] == ["Zoë", "علي", "Łukasz"]


NAMES = {
    "cp1252": "Hélène Dupont|François Lefèvre|Jérôme Bérenger|Renée Côté|Zoé Müller|Benoît Gagné"
    "|Maëlle Traoré|Aïcha Koné|Noël Château|Thérèse Goût|Loïc Hervé|Anaïs Forêt",
    "cp1252 es": "José Muñoz|María Peña|Íñigo Núñez|Begoña Ibáñez|Andrés Martín",
    "cp1252 pt": "João da Conceição|Simão Magalhães|Inês Araújo|Estêvão Simões",
    "cp1252 de": "Jürgen Groß|Björn Schäfer|Käthe Müller|Sören Weiß",
    "cp1252 da": "Søren Kjær|Jørgen Nørgård|Åse Bjørnson",
    "cp1250 pl": "Łukasz Wójcik|Małgorzata Kowalska|Stanisław Dąbrowski|Józef Święcicki|Paweł Zieliński",
    "cp1250 cs": "Jiří Dvořák|Kateřina Nováková|Tomáš Růžička|Božena Němcová|Zdeněk Černý|Ondřej Šťastný",
    "cp1250 hu": "Győző Erdős|Ágnes Szűcs|László Kőszegi|Erzsébet Vörös|Gergő Tóth|István Hegedűs",
    "cp1250 hr": "Ivan Marković|Ana Kovačević|Željko Šarić|Đuro Babić",
    "cp1256": "محمد الأحمد|فاطمة الزهراء|عبد الله حسن|مريم خالد|يوسف إبراهيم|نور الهدى|سارة علي",
}


@pytest.mark.parametrize("sample", NAMES)
@pytest.mark.parametrize("count", [3, 12, 50])
def test_old_code_pages_are_told_apart_by_what_they_spell(sample: str, count: int) -> None:
    names = NAMES[sample].split("|")
    names = (names * (count // len(names) + 1))[:count]
    encoding = sample.split(maxsplit=1)[0]
    found = read(
        "email;name\n" + "".join(f"p{n}@example.org;{name}\n" for n, name in enumerate(names)), encoding
    )
    assert found.encoding == encoding
    assert [name for _, _, name in people(found)] == names
    assert encoding in found.warnings[0]


@pytest.mark.parametrize(
    ("encoding", "heading", "names"),
    [
        ("cp932", "氏名;メールアドレス;国", "山田太郎|佐藤花子|鈴木一郎|高橋めぐみ|ﾀﾅｶ 健"),
        ("cp949", "이름;이메일;국가", "김민수|이영희|박지훈|최수진|정다은"),
        ("gb18030", "姓名;邮箱;国家", "王伟|李娜|张敏|刘洋|陈静"),
        ("big5", "姓名;電子郵件;國家", "王偉|李娜|張敏|劉洋|陳靜"),
    ],
)
@pytest.mark.parametrize("count", [1, 3, 50])
@pytest.mark.parametrize("headed", [True, False])
def test_the_code_pages_of_east_asia(
    encoding: str, heading: str, names: str, count: int, headed: bool
) -> None:
    every = (names.split("|") * count)[:count]
    rows = "".join(f"{name};p{n}@example.org;\r\n" for n, name in enumerate(every))
    found = read(f"{heading if headed else 'Name;E-Mail;Land'}\r\n{rows}", encoding)
    assert found.encoding == encoding
    assert [name for _, _, name in people(found)] == every
    assert encoding in found.warnings[0]


def test_a_short_arabic_list_is_not_taken_for_chinese() -> None:
    assert read("Name;E-Mail\r\nحسين الصباغ;h@example.org\r\n", "cp1256").encoding == "cp1256"


@pytest.mark.parametrize("names", ["ИВАНОВ ПЁТР|АННА ОРЛОВА", "Иванова Анна|Пётр Орлов"])
def test_cyrillic_is_not_taken_for_chinese(names: str) -> None:
    rows = [f"{name};p@example.org" for name in names.split("|")]
    assert read("\n".join(["Name;E-Mail", *rows * 3]), "cp1251").encoding == "cp1251"


def test_letters_of_no_known_code_page_are_refused_in_a_sentence() -> None:
    rows = "".join(f"Иван Петров;p{n}@example.org\n" for n in range(9))
    with pytest.raises(ListFileError, match="save it as UTF-8 or as .xlsx"):
        read_list(f"Имя;почта\n{rows}".encode("cp866"), name="people.csv")


def test_one_accent_in_a_file_is_western() -> None:
    assert people(read("email,name\na@example.org,René\n", "cp1252"))[0][2] == "René"


def test_old_macintosh_lists_are_read() -> None:
    found = read("email,name\ra@example.org,Renée Côté\rb@example.org,Jürgen\r", "mac_roman")
    assert [name for _, _, name in people(found)] == ["Renée Côté", "Jürgen"]


def test_a_few_foreign_lines_in_utf8_are_mended_and_told() -> None:
    data = "email,name\na@example.org,Zoé\nb@example.org,Éva\n".encode() + "c@example.org,Noël\n".encode(
        "cp1252"
    )
    found = read_list(data, name="people.csv")
    assert [name for _, _, name in people(found)] == ["Zoé", "Éva", "Noël"]
    assert "line 4" in found.warnings[0]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_quoted_cells_may_hold_line_breaks_and_separators(separator: str) -> None:
    lines = [
        '"email"|"name"|"town"',
        '"a@example.org"|"Ana\nSample"|"Lyon',
        ' (Rhône)"',
        '"b@example.org"|""|"x|y"',
    ]
    found = read("\n".join(lines).replace("|", separator))
    assert people(found) == [(2, "a@example.org", "Ana Sample"), (5, "b@example.org", "")]
    towns = [row.profile.attributes["town"] for row in found.rows]
    assert towns == ["Lyon (Rhône)", f"x{separator}y".replace("\t", " ")]


def test_a_huge_cell_costs_its_own_row_only() -> None:
    found = read("email,name\na@example.org," + "x" * 300_000 + "\nb@example.org,Bob\n")
    assert reasons(found) == [(2, "a cell holds 300,000 characters")]
    assert people(found) == [(3, "b@example.org", "Bob")]


@pytest.mark.parametrize(
    "text", ["", "\ufeff", "\n\r\n  \n", "email,name\n", "E-Mail", "name;country\n\n", ",,,\n,,\n"]
)
def test_an_empty_list_has_no_rows_and_is_no_error(text: str) -> None:
    found = read(text)
    assert len(found.rows) == 0
    assert found.rejected == [] or list(found.rejected) == []


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"email\na\x00b@example.org\n", "people.csv:2: there are NUL bytes"),
        (b"%PDF-1.7 ...", "a PDF"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
        (b"\xff\xd8\xff\xe0", "a picture"),
        (b"<html><table><tr><td>a@example.org", "a web page"),
        (b"BEGIN:VCARD\r\n", "vCard"),
        (bytes(range(1, 32)) * 20, "no text file"),
        (b"PK\x03\x04 broken", "no spreadsheet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "no spreadsheet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "password"),
        (b"\xff\xfea\x00\x00\xd8b\x00", "goes wrong"),
        (b"name,country\nJane,FR\n", "found 'name', 'country'"),
    ],
)
def test_what_is_no_list_is_said_in_a_sentence(data: bytes, says: str) -> None:
    with pytest.raises(ListFileError) as refused:
        read_list(data, name="people.csv")
    assert says in str(refused.value)
    assert "people.csv" in refused.value.where


@settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.binary(max_size=400)
    | st.text(alphabet='a@.,;|\t\r\n" é<>x', max_size=120).map(lambda text: text.encode())
    | st.binary(max_size=200).map(lambda tail: b"email,name\na@example.org," + tail)
)
def test_any_bytes_are_a_list_or_an_error_in_words(data: bytes) -> None:
    try:
        found = read_list(data, name="people.csv")
    except ListFileError as error:
        assert str(error)
        return
    for row in found.rows:
        assert row.line >= 1
        assert row.profile.name.splitlines() in ([], [row.profile.name])
    assert all(isinstance(row, RejectedRow) and row.reason for row in found.rejected)


CELL = st.text(
    st.characters(codec="utf-8", exclude_categories=["C"], exclude_characters="@＠﹫"), max_size=12
)


@settings(max_examples=120, deadline=None)
@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=8), st.sampled_from([",", ";", "\t"]))
def test_every_record_is_a_row_or_rejected_at_its_line(cells: list[tuple[str, str]], separator: str) -> None:
    def quote(cell: str) -> str:
        return '"' + cell.replace('"', '""') + '"'

    lines = [
        separator.join([f"p{n}@example.org", quote(name), quote(town)])
        for n, (name, town) in enumerate(cells)
    ]
    found = read(separator.join(["email", "name", "town"]) + "\n" + "\n".join(lines))
    assert [row.line for row in found.rows] == list(range(2, len(cells) + 2))
    assert [row.profile.address.text for row in found.rows] == [
        f"p{n}@example.org" for n in range(len(cells))
    ]
    assert list(found.rejected) == []


# --- workbooks -----------------------------------------------------------------------


def test_a_workbook_with_titles_and_values_of_all_kinds() -> None:
    data = workbook(
        ("Notes", [["Ask info@example.org"]]),
        (
            "Members",
            [
                [None, "Members of the Sample Society"],
                [],
                [None, "E-Mail", "Name", "Since", "Number", "Paid", "Land"],
                [None, "a@example.org", "Zoë Łęcka", datetime.date(2026, 3, 1), 12.0, True, "Österreich"],
                [None, None, None, None, None, None, None],
                [None, "nobody", "Bob", datetime.time(10, 30), 1.5, False, None],
                [None, "c@example.org", 42, None, None, None, None],
            ],
        ),
    )
    found = read_list(data, name="people.xlsx")
    assert found.kind == "xlsx"
    assert people(found) == [(4, "a@example.org", "Zoë Łęcka"), (7, "c@example.org", "42")]
    assert found.rows[0].profile.attributes == {"since": "2026-03-01", "number": "12", "paid": "TRUE"}
    assert found.rows[0].profile.country == "AT"
    assert reasons(found) == [(6, "no @ in 'nobody'")]
    assert any("'Notes' (1)" in warning for warning in found.warnings)


def test_an_empty_workbook_is_an_empty_list() -> None:
    assert len(read_list(workbook(("Sheet1", [])), name="people.xlsx").rows) == 0


def test_a_workbook_that_was_cut_off_is_an_error_in_words() -> None:
    data = workbook(("Sheet1", [["email"], ["a@example.org"]]))
    for end in (20, len(data) // 2, len(data) - 30):
        with pytest.raises(ListFileError, match="broken"):
            read_list(data[:end], name="people.xlsx")


@pytest.mark.parametrize(
    ("stream", "says"),
    [
        ("Workbook", "old kind .*save it as .xlsx"),
        ("WordDocument", "no spreadsheet but a Word document"),
        ("EncryptedPackage", "password"),
        ("Other", "no spreadsheet"),
    ],
)
def test_documents_of_the_old_kind_are_refused_by_name(stream: str, says: str) -> None:
    data = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504 + stream.encode("utf-16-le")
    with pytest.raises(ListFileError, match=says):
        read_list(data, name="people.xls")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_workbook_whose_parts_are_garbled_is_a_list_or_an_error_in_words(data: st.DataObject) -> None:
    with zipfile.ZipFile(io.BytesIO(GARBLED)) as archive:
        parts = {name: bytearray(archive.read(name)) for name in archive.namelist()}
    for _ in range(data.draw(st.integers(1, 3))):
        part = parts[data.draw(st.sampled_from(sorted(parts)))]
        at = data.draw(st.integers(0, max(len(part) - 1, 0)))
        end = at + data.draw(st.sampled_from([0, 1, 3, 30, 10_000]))
        part[at:end] = data.draw(
            st.sampled_from([b"", b"0", b"-1", b"99999999999", b"XFD1048576", b"<", b"\xff"])
        )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, bytes(content))
    with contextlib.suppress(ListFileError):
        read_list(out.getvalue(), name="people.xlsx")


def test_a_panic_of_the_reader_is_an_error_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its class is no Exception and cannot be imported."""
    panic = type("PanicException", (BaseException,), {})

    def read_workbook(_: io.BytesIO) -> None:
        raise panic("slice index starts at 120 but ends at 117")

    monkeypatch.setattr(
        "newsletter.listfile.workbook.CalamineWorkbook.from_filelike", read_workbook, raising=True
    )
    with pytest.raises(ListFileError, match="broken"):
        read_list(GARBLED, name="people.xlsx")


def test_a_zip_bomb_is_refused_unopened() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "x")
        with archive.open(zipfile.ZipInfo("xl/worksheets/sheet1.xml"), "w") as member:
            member.write(b"x")
    data = bytearray(out.getvalue())
    entry = data.rindex(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = (3 << 30).to_bytes(4, "little")
    with pytest.raises(ListFileError, match="1 GiB"):
        read_list(bytes(data), name="people.xlsx")


@pytest.mark.parametrize(
    ("member", "says"),
    [
        ("word/document.xml", "a Word document"),
        ("content.xml", "OpenDocument.*save it as .xlsx"),
        ("xl/workbook.bin", "binary workbook"),
        ("a.txt", "no spreadsheet .save it as .xlsx"),
    ],
)
def test_other_archives_are_named(member: str, says: str) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(member, "x")
    with pytest.raises(ListFileError, match=says):
        read_list(out.getvalue(), name="people.docx")
