"""Two sends that ask the pages at the same time: each writes its word."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from newsletter import home
from newsletter.store import open_store
from tests.editions import make_config
from tests.store.samples import Clock


def test_another_sends_word_is_no_other_copy(tmp_path: Path) -> None:
    clock = Clock()
    database = tmp_path / "subscribers.db"

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with open_store(database, now=clock) as store:
                store.set_home_word("of the other send")
                answer = json.dumps(home.prove(store)).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with open_store(database, now=clock) as store, HTTPServer(("127.0.0.1", 0), Pages) as pages:
        threading.Thread(target=pages.handle_request).start()
        base = f"http://127.0.0.1:{pages.server_port}"
        config = make_config(tmp_path / "project", {"NEWSLETTER_BASE_URL": base})
        assert home.ask(config, store) == home.Answer(here=True)
