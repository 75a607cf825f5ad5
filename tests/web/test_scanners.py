"""Link scanners: GET and HEAD of every link of a received mail and of every page change not one row."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urljoin

from newsletter.links import Purpose
from tests.cli.conftest import Box
from tests.web.served import Served

HREF = re.compile(r'(?:href|src|action)="([^"]+)"')
PLAIN = re.compile(r"https?://[^\s<>\"]+")
ROUNDS = 2  # a second look must change as little as the first


def links_of_mails(served: Served, count: int) -> set[str]:
    found = set()
    for mail in served.received(count):
        for part in mail.walk():
            if part.get_content_maintype() == "text":
                text = part.get_content()
                found |= {unescape(link) for link in [*HREF.findall(text), *PLAIN.findall(text)]}
        found |= set(PLAIN.findall(str(mail["List-Unsubscribe"] or "").replace(">", " ")))
    return {link for link in found if link.startswith(served.base)}


def test_scanners_change_nothing(served: Served) -> None:
    ana, ben = served.person("ana", "dentists", "radiologists"), served.person("ben")
    relay = {"NEWSLETTER_BASE_URL": served.base, "NEWSLETTER_SMTP_URL": f"smtp://127.0.0.1:{served.relay}"}
    Box(served.folder, relay).run("send", "image-gently-in-dentistry", "--to", "dentists", "--yes")
    with served.client() as client:
        served.join(client, "carol@example.org")
        served.join(client, "ana@example.org")
        page = f"/p/{served.token(Purpose.PREFERENCES, ben)}"
        client.post(f"{page}/leave")
        client.post(f"/p/{served.token(Purpose.PREFERENCES, ana)}/data")
        waiting = links_of_mails(served, 6)
        paths = {urljoin(served.base, f"/{name}/") for name in ("c", "p", "u", "undo", "d", "join", "i")}
        assert all(any(link.startswith(path.rstrip("/")) for link in waiting) for path in paths)
        before, seen = served.rows(), set()
        while waiting:
            link = waiting.pop()
            seen.add(link)
            for _ in range(ROUNDS):
                assert client.head(link).status_code < 500
                answer = client.get(link)
                assert answer.status_code < 500
            if "text/html" in answer.headers.get("content-type", ""):
                inner = {urljoin(link, unescape(found)) for found in HREF.findall(answer.text)}
                waiting |= {found for found in inner if found.startswith(served.base)} - seen
    assert len(seen) > 60
    assert served.rows() == before
    assert len(list(served.mails.glob("*.eml"))) == 6
