"""The public pages, and the mails that they ask for: serve."""

from __future__ import annotations

import sys
from contextlib import ExitStack, suppress
from datetime import UTC, datetime

import click
from msgspec.structs import replace

from newsletter import locks
from newsletter.cli.app import App, now_ms, pass_app, plain
from newsletter.cli.passing import tell_sample
from newsletter.cli.stopping import stopping
from newsletter.config import FILE_NAME, Config
from newsletter.errors import UsageError
from newsletter.mailroom import emptying
from newsletter.store import open_store
from newsletter.web import app as pages
from newsletter.web import server
from newsletter.weburl import is_loopback


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="0: any free one."
)
@click.option(
    "--trust",
    multiple=True,
    metavar="ADDRESS",
    help="A proxy (or network) whose X-Forwarded-For is believed, besides this machine; may be repeated.",
)
@pass_app
def serve(app: App, host: str, port: int, trust: tuple[str, ...]) -> None:
    """Serve the public pages: reading, joining, leaving, choosing. And send the mails that go with them.

    It runs until Ctrl+C. On a server, put it behind a proxy that speaks https, like Caddy:
    `caddy reverse-proxy --from news.example.org --to localhost:8000`.

    \b
    Examples:
      newsletter serve
      newsletter serve --port 8080 --trust 10.0.0.5
    """
    with locks.outbox(app.config.root, app.local(now_ms())):
        pass  # told before a taken port is, for which another one would be advised
    with stopping(app) as stop, ExitStack() as held:
        listener = held.enter_context(server.listen(host, port))
        place = _place(listener.getsockname())
        config = _with_address(app, host, place)
        held.enter_context(emptying(config, app.outbox_relay, now=now_ms, tell=_log))
        built, desk = pages.build(
            config,
            open_store=lambda: open_store(config.database, now=now_ms),
            now=now_ms,
            log=_log,
            hosts=_hosts(host, place),
        )
        held.callback(desk.close)
        tell_sample(app, desk.library.site)
        here = "" if config.web.base_url.endswith(place) else f" (here at http://{place})"
        server.run(
            built,
            listener,
            trust=trust,
            stop=stop.is_set,
            log=_log,
            ready=lambda: app.say(f"The pages are at {config.web.base_url}{here}. Stop with Ctrl+C."),
        )
    app.say("Stopped.")


def _place(name: tuple[str, int] | tuple[str, int, int, int]) -> str:
    """Host and port of a socket, as they stand in a URL."""
    return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"


def _with_address(app: App, host: str, place: str) -> Config:
    """The settings; where no base_url is set, the pages are this machine's own for this run."""
    config = app.config
    if config.web.base_url:
        return config
    if not is_loopback(host):
        raise UsageError(
            "the address at which people find these pages is missing",
            where=str(config.root / FILE_NAME),
            hint='write it into [web], like base_url = "https://news.example.org"',
        )
    app.warn("[web] base_url is not set: these pages are only for this machine, and for this run.")
    return replace(config, web=replace(config.web, base_url=f"http://{place}"))


def _hosts(host: str, place: str) -> frozenset[str]:
    """The Host headers of a visitor on this very machine."""
    port = place.rpartition(":")[2]
    if not is_loopback(host):
        return frozenset()
    return frozenset({place, f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}"})


def _log(line: str) -> None:
    """One line for each request: never an address, a path or a token."""
    with suppress(OSError):  # a full disk that holds the log ends neither pages nor mails
        sys.stderr.write(plain(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}Z {line}\n"))
        sys.stderr.flush()
