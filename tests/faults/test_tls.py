"""TLS that fails in the handshake: exit 1, one line, nothing claimed."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.faults.conftest import PEOPLE
from tests.faults.ground import Ground, ground
from tests.faults.relay import Mischief

CASES = {
    "wrong host name": "certificate cannot be trusted: Hostname mismatch",
    "expired": "certificate cannot be trusted: certificate has expired",
    "self-signed": "certificate cannot be trusted: self-signed certificate",
    "not TLS at all": "",
}


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def context(authority: trustme.CA, case: str) -> ssl.SSLContext:
    """What a relay shows whose TLS is wrong in this way."""
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    if case == "self-signed":
        own = trustme.CA()
        with own.cert_pem.tempfile() as certificate, own.private_key_pem.tempfile() as key:
            made.load_cert_chain(certificate, key)
        return made
    until = datetime.now(UTC) - timedelta(days=1) if case == "expired" else None
    name = "mail.example.org" if case == "wrong host name" else "localhost"
    authority.issue_cert(name, not_after=until).configure_cert(made)
    return made


@pytest.fixture(params=["smtps", "smtp+starttls"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def grounds(
    template: Path, tmp_path: Path, authority: trustme.CA, scheme: str
) -> Iterator[dict[str, Ground]]:
    """A project and a relay for each case, and one where all is well."""
    trusted = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(trusted))
    with ExitStack() as stack:
        made = {}
        for case in (*CASES, "good"):
            tls = None if case == "not TLS at all" else context(authority, case)
            how: dict[str, Any] = {"tls" if scheme == "smtps" else "starttls": tls}
            where = stack.enter_context(ground(template, tmp_path / case, PEOPLE, mischief=Mischief(), **how))
            where.environ["NEWSLETTER_SMTP_URL"] = f"{scheme}://localhost:{where.relay.port}"
            where.environ["SSL_CERT_FILE"] = str(trusted)
            made[case] = where
        yield made


def test_nothing_is_claimed_where_the_handshake_fails(grounds: dict[str, Ground]) -> None:
    running = {
        case: where.start("send", "short", "--to", "dentists", "--yes") for case, where in grounds.items()
    }
    for case, words in CASES.items():
        where, sender = grounds[case], running[case]
        last = where.end(sender).strip().splitlines()[-1]
        assert sender.returncode == 1, case
        assert last.startswith("newsletter: localhost:"), f"{case}: {last}"
        assert words in last
        assert where.check().planned == PEOPLE, case
        assert not where.relay.taken
    good = grounds["good"]
    good.end(running["good"])
    assert good.check().sent == PEOPLE
