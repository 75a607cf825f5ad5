"""One's own data, by a link that went to one's own address and is good for an hour: see, take, erase."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from newsletter.audience.departures import erase_person
from newsletter.audience.preferences import person_data
from newsletter.countries import country_name
from newsletter.errors import IssueError
from newsletter.languages import own_name
from newsletter.links import Purpose
from newsletter.pages import Site, words_for
from newsletter.phrases import long_date
from newsletter.share import public_title
from newsletter.store import Store
from newsletter.typography import NO_BREAK
from newsletter.web import forms
from newsletter.web.desk import desk_of, opened
from newsletter.web.voice import DONE, language_of, names_of, note, path_to, see, show
from newsletter.when import HOUR, MINUTE

GOOD_FOR = HOUR
ERASED = "/erased"


def _data(store: Store, text: str, now: int) -> Mapping[str, Any] | None:
    """What is kept of the person of a link; None for a link that is too old, empty for nobody."""
    token = opened(store, text, Purpose.DATA)
    return person_data(store, token.subject, now) if is_good(token.about, now) else None


def is_good(made: int, now: int) -> bool:
    """Whether a link made at `made` (UTC seconds) is still good at `now` (UTC milliseconds)."""
    return -MINUTE <= now - made * 1_000 < GOOD_FOR


async def data_page(request: Request) -> Response:
    """GET /d/TOKEN: everything that is kept about a person."""
    return await _page(request)


async def _page(request: Request, *, error: str = "") -> Response:
    desk, text = desk_of(request), request.path_params["token"]
    now, here = desk.now(), f"/d/{text}"
    data = await desk.reader.do(lambda store: _data(store, text, now))
    language = language_of(request, str(data["language"]) if data else "")
    if not data:
        gone = "data_expired" if data is None else "ended"
        return note(request, language, gone, here=here, status=410)
    words = words_for(language)
    return show(
        request,
        "data.html",
        language,
        title=words["data_title"],
        here=here,
        status=422 if error else 200,
        names=names_of(desk, address=str(data["email"])),
        error=words[error] if error else "",
        download=path_to(desk, f"{here}/download", lang=language),
        erase=path_to(desk, f"{here}/erase", lang=language),
        **tables(data, words, desk.library.site),
    )


def tables(data: Mapping[str, Any], words: Mapping[str, str], site: Site) -> dict[str, list[tuple[str, ...]]]:
    """A person's data as the page shows them, in words."""
    language = words["language"]
    public = {each.slug: each for each in site.public()}

    def title(slug: str) -> str:
        try:
            return public_title(public[slug].editions[site.edition_for(slug, language)])
        except (KeyError, IssueError):
            return slug

    def day(moment: object) -> str:
        written = long_date(datetime.fromisoformat(str(moment)).date(), language)
        return written.replace(" ", NO_BREAK)

    profile = [
        (words["data_email"], data["email"]),
        (words["data_name"], data["name"]),
        (words["data_language"], own_name(str(data["language"])) if data["language"] else ""),
        (words["data_country"], country_name(str(data["country"]), language)),
        *data["attributes"].items(),
        (words["data_since"], day(data["first_known"])),
        *((words["data_blocked"], words[f"blocked_{one['why']}"]) for one in data["not_mailed_because"]),
    ]
    return {
        "profile": [(str(name), str(value)) for name, value in profile if value],
        "lists": [
            (str(one["list"]), words[f"state_{one['state']}"], day(one["since"]))
            for one in data["memberships"]
        ],
        "consent": [
            (
                day(one["when"]),
                words[f"event_{one['what']}"],
                str(one["list"]),
                str(one["wording"] or one["source"]),
            )
            for one in data["consent"]
        ],
        "mails": [
            (
                day(one["when"]),
                title(str(one["issue"])),
                words[f"delivery_{one['state']}"],
            )
            for one in data["deliveries"]
        ],
    }


async def download(request: Request) -> Response:
    """POST /d/TOKEN/download: the same as a file."""
    desk, text = desk_of(request), request.path_params["token"]
    forms.refuse_foreign(request, forms.origin_of(desk.config.web.base_url))
    now = desk.now()
    data = await desk.reader.do(lambda store: _data(store, text, now))
    if not data:
        return await _page(request)
    body = json.dumps(data, ensure_ascii=False, indent=2)
    headers = {"Content-Disposition": 'attachment; filename="my-data.json"'}
    return Response(body, 200, headers, "application/json")


async def erase(request: Request) -> Response:
    """POST /d/TOKEN/erase: forget the person for ever, where the box was ticked."""
    desk, text = desk_of(request), request.path_params["token"]
    forms.refuse_foreign(request, forms.origin_of(desk.config.web.base_url))
    now, sure = desk.now(), forms.first(await forms.fields(request), "sure")
    if sure != "yes":
        return await _page(request, error="data_erase_unsure")

    def work(store: Store) -> bool:
        token = opened(store, text, Purpose.DATA)
        if not is_good(token.about, now):
            return False
        person = store.people.by_subject(token.subject)
        if person is not None:
            erase_person(store, person, now=now, reason="by the person, on the page of their data")
        return True

    if not await desk.writer.do(work):
        return await _page(request)
    return see(desk, ERASED, lang=language_of(request))


async def erased(request: Request) -> Response:
    """GET /erased: nothing is kept any more."""
    return note(request, language_of(request), "erased", here=ERASED, mark=DONE)
