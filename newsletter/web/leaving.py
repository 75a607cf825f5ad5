"""The two ways out: one click of a mail program (RFC 8058), and the page that asks who is reading; undo."""

from __future__ import annotations

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from newsletter.audience import departures
from newsletter.audience.preferences import Preferences, preferences
from newsletter.errors import NotFoundError
from newsletter.links import KEY_PURPOSE, Purpose, sign
from newsletter.pages import words_for
from newsletter.store import Store
from newsletter.web import forms
from newsletter.web.desk import desk_of, opened
from newsletter.web.joining import JOIN
from newsletter.web.voice import DONE, language_of, names_of, note, path_to, see, show

ONE_CLICK = ("List-Unsubscribe", "One-Click")
UNDOING = (Purpose.UNDO, Purpose.UNDO_ON_PAGE)


async def one_click(request: Request) -> Response:
    """POST /u/TOKEN: a mail program's request is done at once, and answered without a cookie or redirect."""
    desk, text = desk_of(request), request.path_params["token"]
    name, value = ONE_CLICK
    if (await forms.fields(request)).get(name) != [value]:
        return note(request, language_of(request), "one_click_bad", here=f"/u/{text}", status=400)
    now = desk.now()
    await desk.writer.do(
        lambda store: departures.leave(
            store,
            opened(store, text, Purpose.LEAVE_AT_ONCE).subject,
            source="one click in a mail program",
            page="/u",
            now=now,
        )
    )
    return PlainTextResponse("Unsubscribed.\n")


async def ways(request: Request) -> Response:
    """GET /p/TOKEN and /u/TOKEN: whose subscription this is, and what a reader may want."""
    desk = desk_of(request)
    found = await desk.reader.do(lambda store: _whose(store, request.path_params["token"]))
    language = language_of(request, found.language)
    page, words = f"/p/{found.token}", words_for(language)
    change = path_to(desk, f"{page}/preferences", lang=language)
    join = path_to(desk, JOIN, list=found.list_name, via="forward", issue=found.issue, lang=language)
    if not found.masked:
        actions = [(words["subscribe_again"], join), (words["data_title"], change)]
        return note(request, language, "ended", here=page, actions=actions)
    return show(
        request,
        "ways.html",
        language,
        title=words["ways_title"],
        here=page,
        names=names_of(desk, address=found.masked),
        leave=path_to(desk, f"{page}/leave", lang=language),
        change=change,
        join=join,
    )


class _Whose(Struct, frozen=True, kw_only=True):
    """A token for the page, the masked address (empty where it has ended), and what list and issue it got."""

    token: str
    masked: str = ""
    language: str = ""
    list_name: str = ""
    issue: str = ""


def _whose(store: Store, text: str) -> _Whose:
    token = opened(store, text, Purpose.PREFERENCES, Purpose.LEAVE_AT_ONCE)
    if token.purpose is Purpose.LEAVE_AT_ONCE:
        key = store.keys.current(KEY_PURPOSE)
        text = sign(key, purpose=Purpose.PREFERENCES, subject=token.subject, about=token.about)
    found = preferences(store, token.subject)
    list_name, issue = _mailed(store, token.about)
    return _Whose(
        token=text,
        masked=found.masked if found and found.lists else "",
        language=found.language if found else "",
        list_name=list_name,
        issue=issue,
    )


def _mailed(store: Store, send: int) -> tuple[str, str]:
    """The list that a send went to, where everybody may join it, and its issue."""
    try:
        found = store.sends.get(send)
    except NotFoundError:
        return "", ""
    offered = {each.name for each in store.lists.offered()}
    return found.audience if found.audience in offered else "", found.slug


async def leave(request: Request) -> Response:
    """POST /p/TOKEN/leave: the same kind answer for whoever has left already, was erased or never was."""
    desk, text = desk_of(request), request.path_params["token"]
    forms.refuse_foreign(request, forms.origin_of(desk.config.web.base_url))
    now = desk.now()

    def work(store: Store) -> str:
        subject = opened(store, text, Purpose.PREFERENCES).subject
        event = departures.leave(store, subject, source="page of a mail's link", page="/p", now=now)
        if event is None:
            return ""
        key = store.keys.current(KEY_PURPOSE)
        return sign(key, purpose=Purpose.UNDO_ON_PAGE, subject=subject, about=event)

    undo = await desk.writer.do(work)
    language = language_of(request)
    return see(desk, f"/undo/{undo}" if undo else f"/p/{text}/left", lang=language)


async def left(request: Request) -> Response:
    """GET /p/TOKEN/left: nothing had to be changed."""
    desk, text = desk_of(request), request.path_params["token"]
    await desk.reader.do(lambda store: opened(store, text, Purpose.PREFERENCES))
    return _left(request, language_of(request), f"/p/{text}/left")


async def undo_form(request: Request) -> Response:
    """GET /undo/TOKEN: you have left, and can take it back for an hour, or 30 days with the mailed link."""
    desk, text = desk_of(request), request.path_params["token"]
    now = desk.now()

    def look(store: Store) -> tuple[Purpose | None, Preferences | None]:
        token = opened(store, text, *UNDOING)
        able = departures.can_undo(store, token, now)
        return token.purpose if able else None, preferences(store, token.subject)

    able, found = await desk.reader.do(look)
    language, here = language_of(request, found.language if found else ""), f"/undo/{text}"
    if able:
        undo, some = path_to(desk, here, lang=language), bool(found and found.lists)
        hint = "left_undo_text" if able is Purpose.UNDO else "left_undo_here"
        return _left(request, language, here, undo=undo, hint=hint, some=some)
    again = (words_for(language)["subscribe_again"], path_to(desk, JOIN, lang=language))
    return note(request, language, "undo_over", here=here, status=410, actions=[again])


async def undo(request: Request) -> Response:
    """POST /undo/TOKEN: everything is as it was before that leaving."""
    desk, text = desk_of(request), request.path_params["token"]
    forms.refuse_foreign(request, forms.origin_of(desk.config.web.base_url))
    now = desk.now()
    done = await desk.writer.do(
        lambda store: departures.undo(store, opened(store, text, *UNDOING), page="/undo", now=now)
    )
    return see(desk, f"/undo/{text}/done" if done else f"/undo/{text}", lang=language_of(request))


async def undone(request: Request) -> Response:
    """GET /undo/TOKEN/done: welcome back."""
    desk, text = desk_of(request), request.path_params["token"]
    await desk.reader.do(lambda store: opened(store, text, *UNDOING))
    return note(request, language_of(request), "undone", here=f"/undo/{text}/done", mark=DONE)


def _left(
    request: Request, language: str, here: str, *, undo: str = "", hint: str = "", some: bool = False
) -> Response:
    """The page of somebody who left: `undo` is where to take it back, `some` that other lists stay."""
    words = words_for(language)
    told = words[hint] if hint else ""
    return show(
        request, "left.html", language, title=words["left_title"], here=here, undo=undo, hint=told, some=some
    )
