"""doctor as a process: a real mail server, a real DNS server, a real web server, all on this machine."""

from __future__ import annotations

import json
import os
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import trustme

from newsletter.dkim import Dkim, Signer, txt_strings
from tests.cli.conftest import SETTINGS, Box
from tests.deliver.relay import EXTENSIONS, ScriptedRelay
from tests.doctor.nameserver import Zone, serving, silent

HOME = "alliance.example.org"
OURS = SETTINGS.replace('address = "news@example.org"', f'address = "news@{HOME}"').replace(
    'reply_to = "office@example.org"', f'reply_to = "office@{HOME}"'
)
GOOD: Zone = {
    (HOME, "TXT"): ['"v=spf1 mx -all"'],
    (HOME, "MX"): ["10 mail.example.org."],
    ("_dmarc.example.org", "TXT"): ['"v=DMARC1; p=none"'],
}
Named = Callable[[int], Box]


@contextmanager
def pages(
    status: int = 200, *, off: timedelta = timedelta(), location: str = "", tls: ssl.SSLContext | None = None
) -> Iterator[int]:
    """A web server whose clock is `off`."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(status)
            self.send_header("Date", format_datetime(datetime.now(UTC) + off, usegmt=True))
            if location:
                self.send_header("Location", location)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Pages) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join(10)


def verdicts(found: dict[str, list[dict[str, str]]]) -> dict[str, list[str]]:
    told: dict[str, list[str]] = {}
    for check in found["checks"]:
        told.setdefault(check["topic"], []).append(check["verdict"])
    return told


def test_where_all_is_well_every_line_says_yes(relayed: Named) -> None:
    with (
        ScriptedRelay(extensions=(*EXTENSIONS, "SMTPUTF8", "DSN")).in_thread() as relay,
        serving(dict(GOOD)) as names,
        pages() as port,
    ):
        box = relayed(relay.port)
        box.write("newsletter.toml", OURS)
        box.run("dkim", "new")
        key = Signer.load(
            Dkim(domain=HOME, selector="newsletter", private_key=box.folder / "dkim-newsletter.pem")
        )
        names.zone = {**GOOD, (key.record_name, "TXT"): [" ".join(f'"{t}"' for t in txt_strings(key.record))]}
        signing = "[dkim]\nselector = 'newsletter'\nprivate_key = 'dkim-newsletter.pem'\n"
        box.write("newsletter.toml", f"{OURS}{signing}[web]\nbase_url = 'http://127.0.0.1:{port}'\n")
        found = box.run("doctor", "--dns", names.address, exit_code=1)
        wrong = [line for line in found.stdout.splitlines() if line.startswith("no ")]
        assert [line.split(":")[0] for line in wrong] == ["no   home"]
        told = verdicts(json.loads(box.run("doctor", "--dns", names.address, "--json", exit_code=1).stdout))
    assert set(told) == {"mail server", "SPF", "DKIM", "DMARC", "MX", "pages", "clock", "home"}
    assert told.pop("home") == ["no"], "some web server is not the project's own pages"
    assert "no" not in set().union(*told.values())
    assert told["DKIM"] == told["DMARC"] == told["SPF"] == told["clock"] == told["pages"] == ["yes"]
    assert not relay.taken


def test_what_is_missing_is_told_with_the_record_to_paste(relayed: Named) -> None:
    with ScriptedRelay().in_thread() as relay, serving({}) as names:
        box = relayed(relay.port)
        box.write("newsletter.toml", OURS)
        told = box.run("doctor", "--dns", names.address, exit_code=1).stdout
    assert f'       {HOME}. IN TXT "v=spf1 mx ip4:ADDRESS ~all"\n' in told
    assert f'       _dmarc.{HOME}. IN TXT "v=DMARC1; p=none; rua=mailto:office@example.org"\n' in told
    assert f"       {HOME}. IN MX 10 mail.{HOME}.\n" in told


def test_without_a_network_it_says_so_line_by_line_and_goes_on(box: Box) -> None:
    with silent() as names:
        box.environ["NEWSLETTER_SMTP_URL"] = "smtp://127.0.0.1:1"
        box.environ["NEWSLETTER_BASE_URL"] = "http://127.0.0.1:1"
        box.write("newsletter.toml", OURS)
        found = box.run("doctor", "--dns", names, exit_code=1)
    lines = {
        line[:3].strip() + " " + line[5:].partition(":")[0]
        for line in found.stdout.splitlines()
        if line[0] != " "
    }
    assert {"no mail server", "-- SPF", "-- DMARC", "-- MX", "no pages", "-- clock"} <= lines
    assert "is there a network?" in found.stdout


@pytest.mark.skipif(not hasattr(os, "chown"), reason="this system has no modes of files")
@pytest.mark.parametrize(("mode", "read"), [(0o644, True), (0o640, True), (0o600, False)])
def test_a_password_that_others_can_read_is_named(box: Box, mode: int, read: bool) -> None:
    box.write(
        "newsletter.toml", f'{OURS}[smtp]\nurl = "smtp://127.0.0.1:1"\nuser = "u"\npassword = "se-cret"\n'
    )
    (box.folder / "newsletter.toml").chmod(mode)
    with serving(GOOD) as names:
        told = box.run("doctor", "--dns", names.address, exit_code=1).stdout
    assert ("others on this computer can read newsletter.toml" in told) is read
    assert "se-cret" not in told


def test_without_a_mail_server_the_rest_is_looked_at(box: Box) -> None:
    with serving(GOOD) as names:
        box.write("newsletter.toml", OURS)
        told = box.run("doctor", "--dns", names.address, exit_code=1).stdout
    assert "no mail server is set" in told
    assert f"mail to {HOME} goes to mail.example.org" in told


def test_the_sample_sender_and_a_key_that_cannot_be_read(box: Box) -> None:
    assert "still the sample address" in box.run("doctor", exit_code=1).stdout
    with serving(GOOD) as names:
        box.write("newsletter.toml", f"{OURS}[dkim]\nselector = 'x'\nprivate_key = 'gone.pem'\n")
        told = box.run("doctor", "--dns", names.address, exit_code=1).stdout
    assert "gone.pem: the DKIM key cannot be read" in told


@pytest.mark.parametrize(
    ("status", "off", "location", "words"),
    [
        (404, 0, "", "answers with an error (404)"),
        (301, 0, "/elsewhere", "leads on to http://127.0.0.1"),
        (200, 50, "", "this computer's clock is 50 minutes behind"),
        (200, -50, "", "this computer's clock is 50 minutes ahead"),
    ],
)
def test_pages_and_clock(box: Box, status: int, off: int, location: str, words: str) -> None:
    with pages(status, off=timedelta(minutes=off, seconds=5), location=location) as port:
        box.environ["NEWSLETTER_BASE_URL"] = f"http://127.0.0.1:{port}"
        told = box.run("doctor", exit_code=1).stdout
    assert f"no   {'clock' if off else 'pages'}: " in told
    assert words in told


def test_the_certificate_of_the_pages(box: Box, tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    soon = authority.issue_cert("localhost", not_after=datetime.now(UTC) + timedelta(days=5, hours=1))
    soon.configure_cert(context)
    with pages(tls=context) as port:
        box.environ["NEWSLETTER_BASE_URL"] = f"https://localhost:{port}"
        assert "its certificate cannot be trusted" in box.run("doctor", exit_code=1).stdout
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        box.environ["SSL_CERT_FILE"] = str(tmp_path / "ca.pem")
        told = box.run("doctor", exit_code=1).stdout
    assert f"yes  pages: https://localhost:{port} answers" in told
    assert "ends in 5 days" in told
