"""A person's choices: lists and language, and asking for one's own data."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from newsletter.audience.preferences import Preferences, change, preferences, request_data
from newsletter.languages import choose_edition
from newsletter.links import Purpose
from newsletter.models import Shown
from newsletter.pages import in_order, tongue, words_for
from newsletter.phrases import fill
from newsletter.store import Store
from newsletter.web import forms
from newsletter.web.desk import Desk, desk_of, opened
from newsletter.web.joining import JOIN, mail_languages
from newsletter.web.voice import LETTER, language_of, names_of, note, path_to, see, show, without_isolates


async def preferences_form(request: Request) -> Response:
    """GET /p/TOKEN/preferences: what one receives, and in which language."""
    desk, text = desk_of(request), request.path_params["token"]
    found = await desk.reader.do(lambda store: _look(store, text))
    language = language_of(request, found.language if found else "")
    words, page = words_for(language), f"/p/{text}"
    here, join = f"{page}/preferences", path_to(desk, JOIN, lang=language)
    if found is None:
        actions = [(words["subscribe_again"], join)]
        return note(request, language, "ended", here=here, actions=actions)
    choices = offered_languages(desk, found)
    saved = {"yes": words["prefs_saved"], "mail": words["prefs_saved_mail"]}
    return show(
        request,
        "preferences.html",
        language,
        title=words["prefs_title" if found.lists or found.waiting else "ended_title"],
        here=here,
        names=names_of(desk, address=found.masked),
        lists=found.offered,
        active=found.lists,
        waiting=found.waiting,
        choices=in_order(tongue(tag, "") for tag in choices),
        chosen=found.language or choose_edition(choices, "", desk.config.campaign.language),
        saved=saved.get(request.query_params.get("saved", ""), ""),
        action=path_to(desk, here, lang=language),
        data=path_to(desk, f"{page}/data", lang=language),
        leave=path_to(desk, f"{page}/leave", lang=language),
        join=join,
    )


def _look(store: Store, text: str) -> Preferences | None:
    return preferences(store, opened(store, text, Purpose.PREFERENCES).subject)


def offered_languages(desk: Desk, found: Preferences) -> list[str]:
    """The languages of issues, and the person's own."""
    known = mail_languages(desk.library.site)
    return known if not found.language or found.language in known else [found.language, *known]


async def choose(request: Request) -> Response:
    """POST /p/TOKEN/preferences: what is left and the language at once; what is added is confirmed first."""
    desk, text = desk_of(request), request.path_params["token"]
    forms.refuse_foreign(request, forms.origin_of(desk.config.web.base_url))
    sent = await forms.fields(request)
    ticked, wanted = set(sent.get("list", [])), forms.first(sent, "language")
    language, now = language_of(request), desk.now()
    wording = without_isolates(fill(words_for(language)["prefs_consent"], **names_of(desk)))

    def work(store: Store) -> str:
        subject = opened(store, text, Purpose.PREFERENCES).subject
        found = preferences(store, subject)
        if found is None:
            return ""
        unticked = set(sent.get("shown", found.lists)) - ticked  # a list joined meanwhile was not shown
        join = ticked.intersection(each.name for each in found.offered) - set(found.lists)
        change(
            store,
            subject,
            language=wanted if wanted in offered_languages(desk, found) else found.language,
            keep=set(found.lists) - unticked,
            join=sorted(join),
            shown=Shown(wording=wording, language=language, page="/p"),
            now=now,
        )
        return "mail" if join else "yes"

    saved = await desk.writer.do(work)
    return see(desk, f"/p/{text}/preferences", saved=saved, lang=language)


async def ask_data(request: Request) -> Response:
    """POST /p/TOKEN/data: the link goes to the person's own address, since this page may be forwarded."""
    desk, text = desk_of(request), request.path_params["token"]
    forms.refuse_foreign(request, forms.origin_of(desk.config.web.base_url))
    now = desk.now()
    await desk.writer.do(
        lambda store: request_data(store, opened(store, text, Purpose.PREFERENCES).subject, now)
    )
    return see(desk, f"/p/{text}/data", lang=language_of(request))


async def data_asked(request: Request) -> Response:
    """GET /p/TOKEN/data: the link is on its way."""
    desk, text = desk_of(request), request.path_params["token"]
    found = await desk.reader.do(lambda store: _look(store, text))
    language, here = language_of(request, found.language if found else ""), f"/p/{text}/data"
    if found is None:
        return note(request, language, "ended", here=here)
    return note(
        request,
        language,
        "data_asked",
        here=here,
        texts=[words_for(language)["data_asked_wait"]],
        mark=LETTER,
        names=names_of(desk, address=found.masked),
    )
