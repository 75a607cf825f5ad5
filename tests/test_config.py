"""newsletter.toml: what it may say, and the one line for what it may not."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest
from rich.pretty import pretty_repr

from newsletter import config
from newsletter.errors import ConfigError, ProjectError
from newsletter.relay import Rate
from newsletter.when import HOUR

GOOD = """\
[campaign]
name = "News"
organisation = "Org"
contact = "office@example.org"
list_id = "news.1.localhost"
[sender]
address = "news@example.org"
"""


def load(tmp_path: Path, text: str, **environ: str) -> config.Config:
    (tmp_path / "newsletter.toml").write_text(text, encoding="utf-8")
    return config.load(tmp_path, environ)


def test_the_defaults_are_sensible(tmp_path: Path) -> None:
    found = load(tmp_path, GOOD)
    assert found.campaign.language == "en"
    assert found.sender.unsubscribe_address == "news@example.org"
    assert found.relay is None
    assert found.web.base_url == ""
    assert found.database == tmp_path / "subscribers.db"


def test_what_init_writes_is_valid_and_names_every_key(tmp_path: Path) -> None:
    text = (resources.files("newsletter") / "data/project/newsletter.toml").read_text(encoding="utf-8")
    load(tmp_path, text.replace("LIST_ID", "a.b"))
    for table, keys in config.KEYS.items():
        assert f"[{table}]" in text
        for key in keys:
            assert f"{key} = " in text, f"[{table}] {key}"


def test_every_setting_is_documented() -> None:
    text = (Path(__file__).parent.parent / "docs" / "settings.md").read_text(encoding="utf-8")
    for table, keys in config.KEYS.items():
        assert f"## [{table}]" in text
        for key in keys:
            assert f"`{key}`" in text
    for name in (*config.ENVIRONMENT, *config.SHARE_KEYS):
        assert f"`{name}`" in text


def test_the_repository_is_a_project() -> None:
    root = Path(__file__).parent.parent
    assert config.find_root(root / "issues") == root
    assert config.load(root, {}).campaign.name


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (GOOD + "[smpt]\n", 8, ["unknown table [smpt]", "'smtp'"]),
        (GOOD + "adress = 'x'\n", 8, ["[sender] adress is unknown", "'address'"]),
        (GOOD.replace('"News"', "News"), 2, ["not valid TOML", "newsletter init"]),
        (GOOD.replace('"News"', "“News”"), 2, ["typographic quotation marks (“”)", 'name = "…"']),
        (GOOD.replace('"Org"', '"Org”'), 3, ["typographic quotation marks (”)"]),
        (GOOD + '[share.english]\nsentence = "x"\n', 8, ["[share.english]: 'english' is no", "mean en?"]),
        (GOOD.replace('"News"', '"News\\nBcc: all@example.org"'), 2, ["line break"]),
        (GOOD + 'name = "A\\rB"\n', 8, ["[sender] name", "line break"]),
        (GOOD.replace("news@example.org", "news.example.org"), 7, ["[sender] address is no e-mail address"]),
        (GOOD.replace('name = "News"\n', ""), 1, ["[campaign] name is missing"]),
        (GOOD.replace('"Org"', "3"), 3, ["must be text"]),
        (
            GOOD + '[smtp]\nurl = "mail.example.org"\n',
            9,
            ["no address of a mail server", "smtp+starttls://mail.example.org:587"],
        ),
        (GOOD + '[smtp]\nurl = "smtp://u:p@mail.example.org"\n', 9, ["unencrypted", "smtp+starttls://"]),
        (
            GOOD + '[smtp]\nurl = "smtp://mail.example.org:99999"\n',
            9,
            ["no address of a mail server", "smtp+starttls://mail.example.org:587"],
        ),
        (GOOD + "[smtp]\nconnections = 0\n", 9, ["from 1 to 50"]),
        (GOOD + "[smtp]\nconnections = true\n", 9, ["from 1 to 50"]),
        (GOOD + '[smtp]\ntoken_command = "oauth"\n', 9, ["list of texts", '["program", "argument"]']),
        (GOOD + "[smtp]\ntoken_command = []\n", 9, ["list of texts"]),
        (GOOD + '[smtp]\nurl = "smtps://a.example.org"\ntoken_command = ["x"]\n', 9, ["names no user"]),
        (GOOD + '[smtp]\nrate = "fast"\n', 9, ["is no rate", "25/minute"]),
        (GOOD + '[web]\nbase_url = "http://news.example.org"\n', 9, ["https://"]),
        (GOOD + '[web]\nbase_url = "news.example.org"\n', 9, ["no web address"]),
        (GOOD + '[share.en]\nsentense = "x"\n', 9, ["sentense is unknown", "'sentence'"]),
        (GOOD + '[share]\nsentence = "x"\n', 9, ["[share.en]"]),
        (GOOD.replace("[sender]", 'timezone = "Mars"\n[sender]'), 6, ["no time zone"]),
        (GOOD.replace("[sender]", 'language = "engelsk!"\n[sender]'), 6, ["no language tag"]),
        (
            GOOD.replace("[sender]", 'language = "english"\n[sender]'),
            6,
            ["[campaign] language 'english' is no language tag (did you mean en?)"],
        ),
        ("campaign = 3\n", 0, ["must be a table"]),
    ],
)
def test_a_mistake_is_one_line_that_names_file_and_line(
    tmp_path: Path, text: str, line: int, words: list[str]
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{tmp_path / 'newsletter.toml'}:{line}:" if line else str(tmp_path))
    assert "docs/" not in message
    for word in words:
        assert word in message


def test_bytes_that_are_no_text_are_said_so(tmp_path: Path) -> None:
    (tmp_path / "newsletter.toml").write_bytes(b"\xff\xfe[\x00")
    with pytest.raises(ConfigError, match="not UTF-8"):
        config.load(tmp_path, {})


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    (tmp_path / "newsletter.toml").write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert config.load(tmp_path, {}).campaign.name == "News"


def test_the_environment_names_the_relay_and_gets_no_login_of_another(tmp_path: Path) -> None:
    text = (
        GOOD + '[smtp]\nurl = "smtps://a.example.org"\nuser = "me"\npassword = "secret"\nrate = "5/second"\n'
    )
    from_file = load(tmp_path, text).relay
    assert from_file is not None
    assert (from_file.port, from_file.user, from_file.password) == (465, "me", "secret")
    whole = load(tmp_path, text)
    for shown in (repr(from_file), str(from_file), repr(whole), pretty_repr(from_file), pretty_repr(whole)):
        assert "a.example.org" in shown
        assert "secret" not in shown
    other = load(tmp_path, text, NEWSLETTER_SMTP_URL="smtp+starttls://b.example.org").relay
    assert other is not None
    assert (other.host, other.port, other.user, other.password) == ("b.example.org", 587, "", "")
    assert other.rates == (Rate(count=5, seconds=1),)
    login = load(
        tmp_path, text, NEWSLETTER_SMTP_URL="smtps://m%40x:p%2Fw@b.example.org", NEWSLETTER_SMTP_USER="n"
    ).relay
    assert login is not None
    assert (login.user, login.password) == ("m@x", "p/w")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "[::1]"])
def test_a_login_may_go_unencrypted_to_this_machine(tmp_path: Path, host: str) -> None:
    relay = load(tmp_path, GOOD, NEWSLETTER_SMTP_URL=f"smtp://u:p@{host}:2525").relay
    assert relay is not None
    assert relay.user == "u"
    assert relay.give_up_after == 48 * HOUR


def test_no_project_here_is_said_with_the_way_to_one(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="newsletter init"):
        config.find_root(tmp_path)


OUTBOX = """\
[smtp]
url = "smtp+starttls://a.example.org:587"
user = "office"
password = "secret"
[outbox]
url = "smtp://localhost:25"
user = "pages"
"""


def test_the_mails_of_serve_have_their_own_relay_or_that_of_all(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD).outbox_relay is None
    smtp_only = load(tmp_path, GOOD + OUTBOX.partition("[outbox]")[0])
    assert smtp_only.outbox_relay == smtp_only.relay
    both = load(tmp_path, GOOD + OUTBOX, NEWSLETTER_OUTBOX_PASSWORD="other")
    assert both.relay is not None and both.outbox_relay is not None
    assert (both.relay.host, both.relay.user, both.relay.password) == ("a.example.org", "office", "secret")
    assert (both.outbox_relay.host, both.outbox_relay.user, both.outbox_relay.password) == (
        "localhost",
        "pages",
        "other",
    )


def test_no_login_of_one_relay_goes_to_another(tmp_path: Path) -> None:
    named = load(tmp_path, GOOD + OUTBOX, NEWSLETTER_OUTBOX_URL="smtps://c.example.org").outbox_relay
    assert named is not None
    assert (named.host, named.user, named.password) == ("c.example.org", "", "")
    own = load(tmp_path, GOOD + OUTBOX, NEWSLETTER_SMTP_PASSWORD="x", NEWSLETTER_SMTP_USER="y").outbox_relay
    assert own is not None
    assert (own.user, own.password) == ("pages", "")


def test_a_wrong_outbox_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\[outbox\] url") as caught:
        load(tmp_path, GOOD + '[outbox]\nurl = "mail.example.org"\n')
    assert caught.value.where.endswith(":9")
