"""The share-with-colleagues block: whose words win, and a mail that any mail program opens."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.errors import ConfigError, IssueError
from newsletter.links import edition_links, find_tokens
from newsletter.models import Edition, ShareText
from newsletter.phrases import for_language, languages
from newsletter.share import LONGEST_MAILTO, Share, mailto, public_title, share_block
from tests.editions import ARCHIVE, PAGES, TOML, make_config, make_edition


def block(folder: Path, edition: Edition, pages: dict[str, str] | None = None, toml: str = TOML) -> Share:
    config = make_config(folder, pages, toml)
    links = edition_links(config, "sample", edition.language)
    return share_block(edition, config, links, for_language(edition.language))


def opened(link: str) -> tuple[str, str]:
    """The subject and the text that a mail program reads from a mailto link."""
    parts = urlsplit(link)
    assert (parts.scheme, parts.netloc, parts.path, parts.fragment) == ("mailto", "", "", "")
    query = parse_qs(parts.query, strict_parsing=True, keep_blank_values=True)
    return query["subject"][0], query["body"][0]


@pytest.mark.parametrize(
    ("in_issue", "in_project", "language", "sentence"),
    [
        ("The issue’s?", "The project’s?", "en", "The issue’s?"),
        ("", "The project’s?", "en", "The project’s?"),
        ("", "The project’s?", "en-GB", "The project’s?"),
        ("", "", "en", for_language("en").share_sentence),
        ("", "The project’s?", "fr", for_language("fr").share_sentence),
    ],
)
def test_the_issue_wins_over_the_project_over_the_built_in_words(
    tmp_path: Path, in_issue: str, in_project: str, language: str, sentence: str
) -> None:
    toml = TOML + (f'[share.en]\nsentence = "{in_project}"\n' if in_project else "")
    edition = make_edition(language=language, share=ShareText(sentence=in_issue, button="Pass it on"))
    share = block(tmp_path, edition, toml=toml)
    assert (share.sentence, share.button) == (sentence, "Pass it on")
    assert share.forwarded == for_language(language).forwarded


def test_the_mail_says_what_it_is_where_to_read_it_and_how_to_subscribe(tmp_path: Path) -> None:
    share = block(tmp_path, make_edition(description="What it is about."), PAGES)
    subject, text = opened(share.mailto)
    assert subject == "Worth reading: A title"
    assert text.split("\r\n") == [
        "This message may be of use to you and your colleagues:",
        "",
        "A title",
        "What it is about.",
        "",
        "Read it here:",
        "https://news.example.org/i/sample/en?via=mail",
        "",
        "To receive the newsletter yourself:",
        "https://news.example.org/join?via=forward&issue=sample",
        "",
    ]
    assert (share.public_url, share.join_url) == (
        "https://news.example.org/i/sample/en",
        "https://news.example.org/join?via=forward&issue=sample",
    )


def test_without_public_pages_no_address_of_one_is_given(tmp_path: Path) -> None:
    share = block(tmp_path, make_edition())
    _, text = opened(share.mailto)
    assert "http" not in share.mailto and share.public_url == ""
    assert text.endswith("To receive the newsletter yourself, write to office@example.org\r\n")
    assert share.join_url == "mailto:office@example.org?subject=subscribe"


def test_an_archive_is_a_public_page_but_no_place_to_subscribe(tmp_path: Path) -> None:
    share = block(tmp_path, make_edition(), ARCHIVE)
    _, text = opened(share.mailto)
    assert share.public_url in text and share.public_url.startswith("https://archive.example.org/")
    assert "write to office@example.org" in text


def test_the_mails_words_know_the_title_and_the_campaign(tmp_path: Path) -> None:
    words = ShareText(mail_subject="{campaign}: {title}", mail_text="{title} {name} & {campaign}")
    subject, text = opened(block(tmp_path, make_edition(title="50 % & {more}", share=words)).mailto)
    assert subject == "Sample News: 50 % & {more}"
    assert text.startswith("50 % & {more} {name} & Sample News\r\n\r\n")


@given(subject=st.text(), body=st.text())
def test_a_mailto_link_is_plain_ascii_and_says_the_same(subject: str, body: str) -> None:
    try:
        (subject + body).encode()
    except UnicodeEncodeError:
        return
    link = mailto(subject, body)
    assert re.fullmatch(r"mailto:\?subject=[\w.~%-]*&body=[\w.~%-]*", link, re.ASCII)
    assert "%0A" not in link.replace("%0D%0A", "") or "\n" in subject
    lines = body.replace("\r\n", "\n").replace("\r", "\n")
    assert opened(link) == (subject, lines.replace("\n", "\r\n"))


@pytest.mark.parametrize("language", languages())
def test_a_long_mail_loses_its_description_before_a_mail_program_would_cut_it(
    tmp_path: Path, language: str
) -> None:
    letter = "ش" if language == "ar" else "x"
    long = make_edition(language=language, title=letter * 40, description=letter * 1900)
    share = block(tmp_path, long, PAGES)
    assert len(share.mailto) <= LONGEST_MAILTO
    assert letter * 41 not in share.mail_text
    assert (
        letter * 40 in share.mail_text
        and "https://news.example.org/join?via=forward&issue=sample" in share.mail_text
    )


@pytest.mark.parametrize("pages", [{}, PAGES, ARCHIVE])
def test_the_block_holds_no_token(tmp_path: Path, pages: dict[str, str]) -> None:
    body = "Dear {{ name }}, [leave]({{ leave_url }})."
    share = block(tmp_path, make_edition(body, subject="Hello {{ name }}"), pages)
    assert "name" not in share.mail_text and "{{" not in str(share) and not find_tokens(str(share))
    assert not re.search(r"PH[a-z]\d", str(share))


@pytest.mark.parametrize("key", ["sentence", "button", "mail_subject", "mail_text", "forwarded"])
def test_a_personal_field_in_the_blocks_words_is_refused(tmp_path: Path, key: str) -> None:
    words = {key: "Dear {{ name }}"}
    with pytest.raises(IssueError, match=rf"issues/sample/en.md:4: .*{key} has a personal field"):
        block(tmp_path, make_edition(share=ShareText(**words), lines={"share": 3, f"share.{key}": 4}))
    with pytest.raises(ConfigError, match=rf"newsletter.toml.*{key} has a personal field"):
        block(tmp_path, make_edition(), toml=f'{TOML}[share.en]\n{key} = "Dear {{{{ name }}}}"\n')


def test_the_title_that_everybody_sees_is_no_personal_subject(tmp_path: Path) -> None:
    assert public_title(make_edition(title="", subject="Six habits")) == "Six habits"
    with pytest.raises(IssueError, match=r"en\.md:2: the subject has a personal field.*add a title"):
        public_title(make_edition(title="", subject="{{ name }}, six habits", lines={"subject": 2}))
    with pytest.raises(IssueError, match="the description has a personal field"):
        block(tmp_path, make_edition(description="For {{ name }}"))
