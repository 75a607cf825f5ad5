"""Every rule: what sets it off, what does not, and with which line."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from newsletter.check import RULES, CheckInput, check_edition
from newsletter.check.reach import link_fault
from newsletter.config import Web
from newsletter.models import Field, Level
from newsletter.relay import Relay
from tests.check.samples import BODY, HTML, LEAVE, NAME, RENDERED, TEXT, given, with_link, with_words

E, W = Level.ERROR, Level.WARNING
CITY = "PHq0003q"
WITH_CITY = (*RENDERED.fields, Field(token=CITY, name="city", default="", line=8))

CASES: list[tuple[str, Level, int, Callable[[], CheckInput]]] = [
    ("subject-empty", E, 2, lambda: given(subject=" \u200b")),
    ("subject-empty", E, 2, lambda: given(subject=CITY, fields=WITH_CITY)),
    ("subject-unsafe", E, 2, lambda: given(subject="Six\r\nBcc: x@example.org")),
    ("subject-unsafe", E, 2, lambda: given(subject="Six\0steps")),
    ("subject-long", W, 2, lambda: given(subject="a" * 71)),
    ("subject-untranslated", W, 2, lambda: beside_english("fr")),
    ("subject-untranslated", W, 2, lambda: beside_english("de-AT")),
    ("subject-capitals", W, 2, lambda: given(subject="IMAGE GENTLY NOW!")),
    ("preheader-missing", W, 0, lambda: given(preheader="")),
    ("preheader-length", W, 3, lambda: given(preheader="a" * 39)),
    ("preheader-length", W, 3, lambda: given(preheader="a" * 131)),
    ("preheader-repeats", W, 3, lambda: given(subject="a b" * 15, preheader="A B " * 15)),
    ("placeholder-unknown", E, 9, lambda: with_field("citty", 9)),
    ("only-unknown", E, 9, lambda: given(unclear={9: "no list is named 'board'"})),
    ("placeholder-left", E, 0, lambda: with_words("Dear {{ name }}")),
    ("placeholder-left", E, 0, lambda: with_words("{% if x %}")),
    ("placeholder-left", E, 0, lambda: with_words("Dear *|FNAME|*")),
    ("placeholder-left", E, 0, lambda: with_words("Dear [[name]]")),
    ("placeholder-left", E, 0, lambda: with_words('<i title="{{ name }}">x</i>')),
    ("placeholder-left", E, 0, lambda: given(text=f"{TEXT} {{{{ x }}}}")),
    ("placeholder-left", E, 0, lambda: with_words("PHq0009q")),
    ("placeholder-left", E, 0, lambda: with_words(f"<!-- {NAME.lower()} -->")),
    ("placeholder-left", E, 10, lambda: with_words("[[name]]", body=f"{BODY}[[name]]")),
    ("placeholder-place", E, 5, lambda: with_words(f'<p style="color:{NAME}">x</p>')),
    ("placeholder-place", E, 5, lambda: with_words(f'<a href="https://{NAME}/">x</a>')),
    ("field-empty", E, 4, lambda: given(fields=(required_name(),), empty_fields={"name": 3})),
    ("markup-visible", E, 0, lambda: with_words("[words] (x) [words](x)")),
    ("draft-untouched", E, 10, lambda: given(body=f"{BODY}## A heading\n")),
    ("draft-untouched", E, 12, lambda: given(body=f"{BODY}Words.\n\n 1. La première chose à faire.")),
    ("draft-untouched", E, 10, lambda: given(body=f"{BODY}[What readers should do next](https://x.org)")),
    ("table-wide", W, 12, lambda: wide_table(5)),
    ("markup-visible", E, 10, lambda: with_words("::: callout", body=f"{BODY}::: callout")),
    ("markup-visible", E, 0, lambda: given(text=f"{TEXT}:::")),
    ("way-out-missing", E, 0, lambda: given(html=HTML.replace("Unsubscribe", " "))),
    ("way-out-missing", E, 0, lambda: given(html=HTML.replace(f'href="{LEAVE}"', 'href="https://w3.org"'))),
    ("way-out-missing", E, 0, lambda: given(text=TEXT.replace(LEAVE, ""))),
    ("way-out-missing", E, 0, lambda: hidden_way_out(LEAVE)),
    ("one-click-missing", W, 0, lambda: given(web=Web())),
    ("sender-free-mail", W, 0, lambda: sent("x@gmail.com", "mail.example.net")),
    ("sender-free-mail", W, 0, lambda: sent("x@Hotmail.FR", "smtp.gmail.com")),
    ("sender-free-mail", W, 0, lambda: sent("x@gmail.com", "notgmail.com")),
    ("link-bad", E, 11, lambda: with_link("")),
    ("link-bad", E, 11, lambda: with_link("#")),
    ("link-bad", E, 11, lambda: with_link("http://localhost/x")),
    ("link-bad", E, 11, lambda: with_link("https://www.example.org/x")),
    ("link-bad", E, 11, lambda: with_link("javascript:alert(1)")),
    ("link-http", W, 11, lambda: with_link("http://www.imagegently.org/")),
    ("sample-address", W, 0, lambda: given(web=Web(base_url="https://news.imagegently.org"))),
    ("link-empty", E, 11, lambda: with_link("https://www.w3.org/", "&#8203;")),
    ("link-empty", E, 0, lambda: city_link(CITY)),
    ("link-vague", W, 11, lambda: with_link("https://www.w3.org/", "Click  here!")),
    ("link-vague", W, 11, lambda: with_link("https://www.w3.org/", "Cliquez ici")),
    ("link-vague", W, 11, lambda: with_link("https://www.w3.org/", "انقر هنا")),
    ("image-missing", E, 0, lambda: with_words('<img src="cid:other.png" alt="x">')),
    ("image-missing", E, 0, lambda: with_words('<img src="http://www.w3.org/a.png" alt="x">')),
    ("image-missing", E, 0, lambda: with_words('<img alt="x">')),
    ("alt-missing", E, 9, lambda: given(html=HTML.replace(' alt="A child beside an X-ray unit"', ""))),
    ("alt-missing", E, 9, lambda: with_words(linked('<img src="cid:unit.png" alt=" ">'))),
    ("alt-missing", E, 9, lambda: given(html=HTML.replace(' alt="A child beside an X-ray unit"', ' alt=""'))),
    (
        "alt-file-name",
        W,
        10,
        lambda: with_words(picture("u 1.PNG"), body=f"{BODY}![u 1.PNG](unit.png)"),
    ),
    ("picture-large", W, 9, lambda: given(picture=bytes(500 * 1024 + 1))),
    ("picture-large", W, 9, lambda: given(picture=png(1401, 900))),
    ("mail-large", W, 0, lambda: given(picture=bytes(780 * 1024))),
    ("mail-large", E, 0, lambda: given(picture=bytes(8 * 1024 * 1024))),
    ("language-unknown", W, 0, lambda: beside_english("dk", "One", "Two")),
    ("language-wrong", E, 0, lambda: given(html=HTML.replace('lang="en" ', "", 1))),
    ("language-wrong", E, 0, lambda: given(html=HTML.replace('lang="en" ', 'lang="fr" ', 1))),
    ("language-wrong", E, 0, lambda: given(html=HTML.replace('lang="en" ', 'lang="english!" ', 1))),
    ("language-wrong", E, 0, lambda: given(html=HTML.replace('dir="ltr"', 'dir="rtl"', 1))),
    ("language-wrong", E, 0, lambda: given(html=HTML.replace('dir="ltr"', "", 1))),
    ("html-large", W, 0, lambda: with_words("é" * 41 * 1024)),
    ("html-large", E, 0, lambda: with_words("é" * 51 * 1024)),
    ("style-large", E, 0, lambda: with_words(f"<style>{'a{b:c}' * 3000}</style>")),
    ("content-active", E, 0, lambda: with_words("<script>x</script>")),
    ("content-active", E, 0, lambda: with_words('<iframe src="https://www.w3.org"></iframe>')),
    ("content-active", E, 0, lambda: with_words("<form></form>")),
    ("content-active", E, 0, lambda: with_words("<object></object>")),
    ("content-active", E, 0, lambda: with_words('<p onclick="x">x</p>')),
    ("content-active", E, 0, lambda: with_words('<a href=" JavaScript:x">x</a>')),
    ("content-active", E, 0, lambda: with_words('<meta http-equiv="Refresh" content="0">')),
    ("style-external", E, 0, lambda: with_words('<link rel="stylesheet" href="https://www.w3.org/a.css">')),
    ("style-external", E, 0, lambda: with_words("<style>@import 'https://www.w3.org/a.css';</style>")),
    ("style-nested", E, 0, lambda: with_words("<style>@media print { @media screen { a {} } }</style>")),
    ("text-empty", E, 0, lambda: given(text=" \n")),
    ("text-link-missing", E, 7, lambda: given(text=TEXT.replace("https://www.imagegently.org", ""))),
    ("text-link-missing", E, 0, lambda: given(text=TEXT.replace("office@example.org", ""))),
    ("silence-unknown", W, 4, lambda: given(silence=("subject-lang",))),
    ("silence-unknown", W, 4, lambda: given(silence=("link-bad",))),
]


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + bytes(8) + struct.pack(">II", width, height)


def with_field(name: str, line: int) -> CheckInput:
    field = Field(token=CITY, name=name, default="x", line=line)
    found = given(html=HTML.replace("Dear", CITY), fields=(*RENDERED.fields, field))
    return CheckInput(
        edition=found.edition,
        rendered=found.rendered,
        issue=found.issue,
        config=found.config,
        attributes=frozenset({"city"}),
    )


def wide_table(columns: int) -> CheckInput:
    cells = "".join(f"<td>c{n}</td>" for n in range(columns))
    source = f"{BODY}\n\n| c0 | {' | '.join(f'c{n}' for n in range(1, columns))} |\n"
    return with_words(f'<table class="data"><tr>{cells}</tr></table>', body=source)


def sent(address: str, host: str) -> CheckInput:
    return given(sender=address, relay=Relay(scheme="smtps", host=host, port=465))


def required_name() -> Field:
    return Field(token=NAME, name="name", line=4)


def hidden_way_out(href: str) -> CheckInput:
    return given(html=HTML.replace(f'<a href="{href}"', f'<a style="display:none" href="{href}"'))


def city_link(words: str) -> CheckInput:
    page = HTML.replace("the six steps", words)
    return given(html=page, fields=WITH_CITY, body="x")


def linked(words: str) -> str:
    return f'<a href="https://www.imagegently.org/dentistry">{words}</a>'


def picture(alt: str) -> str:
    return f'<img src="cid:unit.png" alt="{alt}">'


def test_a_clean_edition_has_no_findings() -> None:
    assert check_edition(given()) == []


@pytest.mark.parametrize(
    ("rule", "level", "line", "make"), CASES, ids=[f"{n}-{c[0]}" for n, c in enumerate(CASES)]
)
def test_a_rule_is_set_off(rule: str, level: Level, line: int, make: Callable[[], CheckInput]) -> None:
    made = make()
    found = [finding for finding in check_edition(made) if finding.rule == rule]
    assert [(one.level, one.line, one.edition) for one in found[:1]] == [(level, line, made.edition.language)]
    assert found[0].help and found[0].message.endswith((".", "?"))


@pytest.mark.parametrize(
    "make",
    [
        lambda: given(subject="a" * 70),
        lambda: given(subject="FDI"),
        lambda: given(body=f"{BODY}\nThe first thing to do. A heading for all.\n"),
        lambda: wide_table(4),
        lambda: given(preheader="a" * 40),
        lambda: given(preheader="a" * 130),
        lambda: with_words("<code>[a](b)</code>", text=f"{TEXT}[a](b)"),
        lambda: with_words("<style>/* @import */ a[href='@import'] { content: '@media {' }</style>"),
        lambda: with_words(linked('<img src="cid:unit.png" alt=""> the six steps')),
        lambda: with_words('<img src="https://www.w3.org/a.png" alt="">'),
        lambda: with_words('<a href="#top">to the top</a>'),
        lambda: with_link("tel:+33123456789"),
        lambda: with_link("https://www.w3.org/?a=1;b=%C3%A9"),
        lambda: with_link("http://127.0.0.1:8080/i/six-steps/en"),
        lambda: with_link("mailto:News@example.org"),
        lambda: with_link("https://www.example-society.org/"),
        lambda: given(html=HTML.replace("<style>.a", f"<style>{'a{b:c}' * 2000}.a")),
        lambda: given(fields=(*RENDERED.fields,), empty_fields={"name": 3}),
        lambda: sent("x@gmail.com", "SMTP.gmail.com."),
        lambda: sent("x@hotmail.fr", "smtp-mail.outlook.com"),
        lambda: sent("x@gmail.com", "127.0.0.1"),
        lambda: sent("news@imagegently.org", "smtp.gmail.com"),
        lambda: given(sender="x@gmail.com"),
        lambda: given(picture=bytes(500 * 1024)),
        lambda: given(picture=png(1400, 9000)),
        lambda: given(picture=bytes(2 * 1024 * 1024), silence=("picture-large", "mail-large")),
    ],
)
def test_what_is_fine(make: Callable[[], CheckInput]) -> None:
    assert check_edition(make()) == []


@pytest.mark.parametrize(
    ("href", "base_url", "fault"),
    [
        ("https://www.imagegently.org", "", ""),
        ("HTTPS://WWW.imagegently.org", "", ""),
        ("https://", "", "names no host"),
        ("https:///x", "", "names no host"),
        ("https://[::1", "", "no address"),
        ("https://localhost:80/", "", "own network"),
        ("https://a.localhost./", "", "own network"),
        ("https://printer/", "", "own network"),
        ("https://nas.local/", "", "own network"),
        ("https://10.0.0.1/", "", "own network"),
        ("https://192.168.1.1/", "", "own network"),
        ("https://169.254.1.1/", "", "own network"),
        ("https://127.0.0.1/", "", "own network"),
        ("https://[::1]/", "", "own network"),
        ("https://[fd00::1]/", "", "own network"),
        ("https://8.8.8.8/", "", ""),
        ("https://example.com/", "", "made-up"),
        ("https://www.example.de/", "", "made-up"),
        ("https://host.example/", "", "made-up"),
        ("https://news.example.org/i/x", "https://news.example.org", ""),
        ("https://other.example.org/", "https://news.example.org", "made-up"),
        ("http://127.0.0.1:8080/i/x", "http://127.0.0.1:8080", ""),
        ("http://127.0.0.2:8080/i/x", "http://127.0.0.1:8080", "own network"),
        ("mailto:", "", "no mail address"),
        ("mailto:x", "", "no @"),
        ("mailto:x@example.org", "", "made-up"),
        ("mailto:x@localhost", "", "own network"),
        ("mailto:x@imagegently.org,y@example.org", "", "made-up"),
        ("mailto:x@imagegently.org?subject=y", "", ""),
        ("mailto:office%40example.org", "", ""),
        ("mailto:?subject=y", "", ""),
        ("tel:", "", "telephone"),
        ("ftp://ftp.w3.org/", "", "ftp"),
        ("page.html", "", "https://"),
        ("www.imagegently.org", "", "https://"),
        ("//www.imagegently.org", "", "https://"),
        ("#nowhere", "", "nothing in the mail"),
        (" ", "", "nowhere"),
    ],
)
def test_where_links_may_lead(href: str, base_url: str, fault: str) -> None:
    found = link_fault(href, given(web=Web(base_url=base_url)))
    assert (fault in found) if fault else (found == "")


def test_an_archive_on_this_machine_is_no_place_without_live_pages() -> None:
    archive = given(web=Web(archive_url="http://127.0.0.1:8080"))
    assert "own network" in link_fault("http://127.0.0.1:8080/i/x", archive)


def test_the_mail_way_out_counts_where_there_are_no_live_pages() -> None:
    way = "mailto:office@example.org?subject=unsubscribe"
    found = given(html=HTML.replace(LEAVE, way), text=TEXT.replace(LEAVE, way), web=Web())
    assert "way-out-missing" not in {finding.rule for finding in check_edition(found)}
    wrong = given(html=HTML.replace(LEAVE, "mailto:office@example.org"), text=TEXT, web=Web())
    assert "way-out-missing" in {finding.rule for finding in check_edition(wrong)}


def beside_english(language: str, *subjects: str) -> CheckInput:
    """The clean edition as if it were in another language, beside itself in English; with other subjects."""
    found = given()
    words = subjects or (found.edition.subject,)
    english, own = (
        replace(found.edition, language=tag, subject=word)
        for tag, word in (("en", words[0]), (language, words[-1]))
    )
    return replace(found, edition=own, issue=replace(found.issue, editions={"en": english, "x": own}))


@pytest.mark.parametrize(
    ("language", "subjects"),
    [
        ("en", ()),
        ("en-GB", ()),
        ("fr", ("Six steps for children", "Six étapes pour enfants")),
        ("fr", ("RSNA 2026",)),
        ("fr", ("{{ name | default('dear colleague') }}: 12",)),
    ],
)
def test_a_subject_of_its_own_or_in_the_same_language_is_translated(
    language: str, subjects: tuple[str, ...]
) -> None:
    found = {finding.rule for finding in check_edition(beside_english(language, *subjects))}
    assert "subject-untranslated" not in found


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ("dk", "did you mean da, Dansk?"),
        ("gr", "el, Ελληνικά?"),
        ("hk", "did you mean zh-Hant"),
        ("dk-DK", "did you mean da"),
        ("xx", "No language has the tag “xx”."),
    ],
)
def test_a_country_is_no_language(tag: str, said: str) -> None:
    found = [f for f in check_edition(beside_english(tag, "One", "Two")) if f.rule == "language-unknown"]
    assert said in found[0].message


@pytest.mark.parametrize("tag", ["en", "pt-BR", "zh-Hant", "kmb"])
def test_a_language_that_few_speak_is_one(tag: str) -> None:
    found = {finding.rule for finding in check_edition(beside_english(tag, "One", "Two"))}
    assert "language-unknown" not in found


def test_what_sets_a_measure_apart_is_no_length() -> None:
    assert not list(check_edition(given(subject=f"{'a' * 64} \u20665 cm\u2069")))


def test_a_phones_photo_is_named_with_its_size() -> None:
    photo = png(4032, 3024).ljust(6 * 1024 * 1024, b"x")
    said = {finding.rule: finding.message for finding in check_edition(given(picture=photo))}
    assert said == {
        "picture-large": "The picture unit.png has 6,144 KB and 4,032 × 3,024 pixels.",
        "mail-large": "Each mail has 8.2 MB, pictures and all.",
    }


def test_errors_come_first_then_lines() -> None:
    found = check_edition(given(html="", text="", subject="A" * 80, preheader="x"))
    order = [(finding.level is W, finding.line) for finding in found]
    assert order == sorted(order) and len({finding.level for finding in found}) == 2


def test_silence_silences_warnings_only() -> None:
    silenced = ("subject-long", "html-large", "subject-empty")
    rules = {f.rule: f.level for f in check_edition(given(subject="a" * 71, silence=silenced))}
    assert rules == {"silence-unknown": W}
    large = with_words("é" * 51 * 1024)
    silent = given(html=large.rendered.html, silence=("html-large",))
    assert [(f.rule, f.level) for f in check_edition(silent)] == [("html-large", E)]


def test_an_unknown_silence_names_the_nearest() -> None:
    (finding,) = check_edition(given(silence=("subject-lang",)))
    assert "did you mean subject-long?" in finding.message


def test_an_unknown_field_names_the_nearest() -> None:
    (finding,) = check_edition(with_field("citty", 9))
    assert "Did you mean {{ city }}?" in finding.message


def test_a_misplaced_field_does_not_hide_other_findings() -> None:
    rules = {finding.rule for finding in check_edition(with_words(f"<i class={NAME}>x</i><script></script>"))}
    assert rules == {"placeholder-place", "content-active"}


@pytest.mark.parametrize("page", ["", "   ", "<", "<!--", "<p", "\0", "<?xml encoding='x'?><p>"])
def test_broken_html_is_no_crash(page: str) -> None:
    assert {"language-wrong", "way-out-missing"} <= {f.rule for f in check_edition(given(html=page))}


def test_rules_are_well_named() -> None:
    ids = [one.id for one in RULES]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)+", one.id) for one in RULES)
    assert all(one.title and one.help and one.levels for one in RULES)
    assert {case[0] for case in CASES} == set(ids), "every rule has a test"
