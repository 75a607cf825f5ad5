"""A project's one home: the pages at base_url prove that they use the very database that a send reads.

`send` writes a random word into its database; the pages answer with a proof of the word that stands in
theirs. A copy of the project, even an exact one of an hour ago, has another word.
"""

from __future__ import annotations

import hmac
import http.client
import json
import secrets
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from newsletter.config import Config
from newsletter.errors import RefusedError
from newsletter.links import KEY_PURPOSE
from newsletter.store import Store
from newsletter.weburl import is_on_this_machine

PATH = "/.well-known/newsletter"
SECONDS = 10.0
MOST_BYTES = 4_096
_PURPOSE = b"newsletter home:"
_SAMPLES = ("example.org", "example.com", "example.net")


class Answer(Struct, frozen=True, kw_only=True):
    """What stands at the pages' address: `here` where they use this database, else `fault` says what not."""

    here: bool
    fault: str = ""


def prove(store: Store) -> dict[str, str]:
    """What the pages answer: the project, and the proof of the word in their database."""
    key = store.keys.current(KEY_PURPOSE)
    word = _PURPOSE + store.home_word().encode()
    return {"project": store.project_id, "proof": hmac.new(key.secret, word, "sha256").hexdigest()}


def is_sample(url: str) -> bool:
    """Whether an address is one of the kind that is only for examples (RFC 2606), where no pages can be."""
    host = (urlsplit(url).hostname or "").rstrip(".").lower()
    return any(host == name or host.endswith(f".{name}") for name in _SAMPLES) or host.endswith(".example")


def ask(config: Config, store: Store) -> Answer:
    """Write a fresh word, and ask the pages at base_url for its proof."""
    store.set_home_word(secrets.token_hex(16))
    expected = prove(store)
    try:
        found = _fetch(f"{config.web.base_url}{PATH}")
    except urllib.error.HTTPError as error:
        error.close()
        return Answer(here=False, fault=f"what answers there is not this program (status {error.code})")
    except (OSError, http.client.HTTPException) as error:
        return Answer(here=False, fault=f"no pages answer there ({_reason(error)})")
    except ValueError:
        return Answer(here=False, fault="what answers there is not this program")
    if found.get("project") != expected["project"]:
        return Answer(here=False, fault="the pages there belong to another project")
    proofs = {expected["proof"], prove(store)["proof"]}  # another send may have written its word meanwhile
    if not any(hmac.compare_digest(str(found.get("proof")).encode(), proof.encode()) for proof in proofs):
        return Answer(here=False, fault="the pages there use another copy of this project")
    return Answer(here=True)


def refuse_elsewhere(config: Config, store: Store) -> bool:
    """Raise RefusedError where the pages do not use this database -> False where that cannot be asked.

    Whoever leaves on pages of another copy would go on being mailed from this one.
    """
    if is_sample(config.web.base_url):
        return False
    answer = ask(config, store)
    if not answer.here:
        raise RefusedError(
            f"{answer.fault}, so people who leave there would go on being mailed from here",
            where=config.web.base_url,
            hint="start them here: newsletter serve, or log in where the project lives, and send there",
        )
    return True


class _SameHost(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only on the host that was asked, and never from https to http."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        if (old.scheme, old.netloc) != (new.scheme, new.netloc):
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _fetch(url: str) -> dict[str, Any]:
    handlers: list[urllib.request.BaseHandler] = [_SameHost()]
    if is_on_this_machine(url):
        handlers.append(urllib.request.ProxyHandler({}))
    opener = urllib.request.build_opener(*handlers)
    request = urllib.request.Request(url, headers={"Accept": "application/json"})
    with opener.open(request, timeout=SECONDS) as answer:
        found = json.loads(answer.read(MOST_BYTES))
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found


def _reason(error: OSError | http.client.HTTPException) -> str:
    inner = getattr(error, "reason", None)
    if isinstance(inner, TimeoutError) or isinstance(error, TimeoutError):
        return "nothing came in time"
    return str(getattr(inner, "strerror", None) or inner or getattr(error, "strerror", None) or error)
