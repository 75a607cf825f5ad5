"""The app: every route, and the one place where an error becomes a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import quote, urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from newsletter.config import Config
from newsletter.errors import (
    DatabaseBusyError,
    IssueError,
    NewsletterError,
    NotFoundError,
    ProjectError,
    StoreError,
    TokenError,
)
from newsletter.links import KEY_PURPOSE
from newsletter.pages import words_for
from newsletter.store import Store
from newsletter.web import choosing, joining, leaving, owning, reading
from newsletter.web.allowance import Allowance
from newsletter.web.desk import Desk, Reader, Writer, desk_of
from newsletter.web.guard import Door, Guard
from newsletter.web.library import Library
from newsletter.web.voice import bare, language_of, note, trouble

ROUTES = (
    ("GET", "/", reading.index),
    ("GET", "/all/{language}", reading.index_in),
    ("GET", "/all/{language}/feed.xml", reading.feed),
    ("GET", "/all/{language}/feed.json", reading.feed),
    ("GET", "/latest", reading.newest),
    ("GET", "/latest/{language}", reading.newest),
    ("GET", "/i/{slug}", reading.any_edition),
    ("GET", "/i/{slug}/{name}", reading.issue),
    ("GET", "/i/{slug}/{name}/{part}", reading.part),
    ("GET", "/site.css", reading.style),
    ("GET", "/icon.svg", reading.icon_image),
    ("GET", "/feed.xml", reading.feed),
    ("GET", "/feed.json", reading.feed),
    ("GET", "/sitemap.xml", reading.feed),
    ("GET", "/robots.txt", reading.feed),
    ("GET", "/healthz", reading.health),
    ("GET", "/.well-known/newsletter", reading.proof),
    ("GET", "/join", joining.join_form),
    ("POST", "/join", joining.join),
    ("GET", "/join/sent", joining.join_sent),
    ("GET", "/c/{token}", joining.confirm_form),
    ("POST", "/c/{token}", joining.confirm),
    ("GET", "/u/{token}", leaving.ways),
    ("POST", "/u/{token}", leaving.one_click),
    ("GET", "/p/{token}", leaving.ways),
    ("POST", "/p/{token}/leave", leaving.leave),
    ("GET", "/p/{token}/left", leaving.left),
    ("GET", "/p/{token}/preferences", choosing.preferences_form),
    ("POST", "/p/{token}/preferences", choosing.choose),
    ("GET", "/p/{token}/data", choosing.data_asked),
    ("POST", "/p/{token}/data", choosing.ask_data),
    ("GET", "/undo/{token}", leaving.undo_form),
    ("POST", "/undo/{token}", leaving.undo),
    ("GET", "/undo/{token}/done", leaving.undone),
    ("GET", "/d/{token}", owning.data_page),
    ("POST", "/d/{token}/download", owning.download),
    ("POST", "/d/{token}/erase", owning.erase),
    ("GET", "/erased", owning.erased),
)


def build(
    config: Config,
    *,
    open_store: Callable[[], Store],
    now: Callable[[], int],
    log: Callable[[str], None],
    hosts: frozenset[str] = frozenset(),
    allowance: Allowance | None = None,
) -> tuple[ASGIApp, Desk]:
    """The app of a project's pages, and its desk, which the caller closes.

    `config` must have a base_url; `hosts` are further Host headers that may ask, in lower case.
    """
    reader, writer = open_store(), open_store()
    writer.keys.current(KEY_PURPOSE)
    desk = Desk(
        config=config,
        library=Library(config, now, log),
        reader=Reader(reader),
        writer=Writer(writer),
        now=now,
    )
    app = Starlette(
        routes=[Route(path, endpoint, methods=[method]) for method, path, endpoint in ROUTES],
        exception_handlers={
            HTTPException: _on_status,
            NewsletterError: _on_known(log),
            Exception: _on_unforeseen,
        },
    )
    app.router.redirect_slashes = False
    app.state.desk = desk

    def refuse(request: Request, status: int, headers: Mapping[str, str]) -> Response:
        request.scope["app"] = app
        if status in {414, 421, 431}:
            return bare(status, headers)
        return trouble(request, desk.library.site, status, headers)

    parts = urlsplit(config.web.base_url)
    door = Door(
        hosts=hosts | _spellings(parts.netloc.lower(), parts.scheme),
        secure=parts.scheme == "https",
        prefix=parts.path,
    )
    guard = Guard(app=app, door=door, refuse=refuse, log=log, allowance=allowance or Allowance())
    return guard, desk


def _spellings(netloc: str, scheme: str) -> frozenset[str]:
    """How browsers and proxies may write a host: with or without the scheme's own port."""
    usual = ":443" if scheme == "https" else ":80"
    name = netloc.removesuffix(usual)
    if name.rpartition("]")[2].count(":"):
        return frozenset({name})
    return frozenset({name, name + usual})


def _on_status(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return trouble(request, desk_of(request).library.site, error.status_code, error.headers)


def _on_known(log: Callable[[str], None]) -> Callable[[Request, Exception], Response]:
    def answer(request: Request, error: Exception) -> Response:
        site = desk_of(request).library.site
        if isinstance(error, TokenError):
            return _cut_link(request)
        if isinstance(error, NotFoundError):
            return trouble(request, site, 404)
        if isinstance(error, DatabaseBusyError):
            log("error the database is busy")
            return trouble(request, site, 503, {"Retry-After": "10"})
        known = isinstance(error, (ProjectError, StoreError, IssueError))
        log(f"error {error if known else type(error).__name__}")
        return trouble(request, site, 500)

    return answer


def _on_unforeseen(request: Request, error: Exception) -> Response:
    return trouble(request, desk_of(request).library.site, 500)


def _cut_link(request: Request) -> Response:
    """A link that is not ours any more, or was cut: how to go on, and how to leave all the same."""
    config, language = desk_of(request).config, language_of(request)
    words = words_for(language)
    write = f"mailto:{quote(config.sender.unsubscribe_address, safe='@')}?subject=unsubscribe"
    return note(
        request,
        language,
        "link_bad",
        here="/",
        status=404,
        texts=[words["link_bad_leave"]],
        actions=[(words["link_bad_write"], write)],
    )
