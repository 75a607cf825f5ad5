"""Joining: the form, the note to look into the inbox, and the button that confirms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, field
from starlette.requests import Request
from starlette.responses import Response

from newsletter.addresses import clean_text, parse_address
from newsletter.audience import joining
from newsletter.errors import AddressError
from newsletter.links import KEY_PURPOSE, Purpose
from newsletter.models import Address, ListInfo, Shown
from newsletter.pages import Site, in_order, tongue, words_for
from newsletter.phrases import fill
from newsletter.web import forms
from newsletter.web.desk import Desk, desk_of, opened
from newsletter.web.voice import DONE, language_of, names_of, note, path_to, see, show, without_isolates

JOIN, SENT = "/join", "/join/sent"
MOST_NAME = 100


class Asked(Struct, frozen=True, kw_only=True):
    """What somebody filled in; `errors` says by field what is wrong with it."""

    typed: str = ""
    address: Address | None = None
    lists: Sequence[str] = ()
    language: str = ""
    via: str = ""
    issue: str = ""
    errors: Mapping[str, str] = field(default_factory=dict)


def mail_languages(site: Site) -> list[str]:
    """The languages in which there are issues; before the first, the campaign's own."""
    return list(site.languages()) or [site.config.campaign.language]


def examine(
    found: Mapping[str, list[str]],
    *,
    lists: Sequence[str],
    languages: Sequence[str],
    age: int | None,
    words: Mapping[str, str],
) -> Asked:
    """Decide on a filled form; `age` is how long ago it was shown, None where that is not known."""
    errors: dict[str, str] = {}
    typed, address = forms.first(found, "address")[:320], None
    try:
        address = parse_address(typed)
    except AddressError:
        errors["address"] = words["joining_error_address"]
    chosen = [name for name in lists if name in found.get("list", [])]
    if not chosen:
        errors["lists"] = words["joining_error_lists"]
    if not errors and (age is None or age > forms.OLDEST):
        errors["form"] = words["joining_error_old"]
    elif not errors and age is not None and age < forms.QUICKEST:
        errors["form"] = words["joining_error_quick"]
    language = forms.first(found, "language")
    return Asked(
        typed=typed,
        address=address,
        lists=chosen,
        language=language if language in languages else languages[0],
        via=forms.first(found, "via")[:40],
        issue=forms.first(found, "issue")[:200],
        errors=errors,
    )


async def join_form(request: Request) -> Response:
    """GET /join: the form, a list preselected by its link."""
    desk, language = desk_of(request), language_of(request)
    lists = await desk.reader.do(lambda store: store.lists.offered())
    asked = request.query_params.getlist("list")
    languages = mail_languages(desk.library.site)
    filled = Asked(
        lists=[each.name for each in lists if each.name in asked],
        language=next((tag for tag in languages if tag.partition("-")[0] == language), languages[0]),
        via=request.query_params.get("via", "")[:40],
        issue=request.query_params.get("issue", "")[:200],
    )
    return await _form(request, desk, lists, filled, language)


async def join(request: Request) -> Response:
    """POST /join: the same answer whether or not the address is known."""
    desk, language = desk_of(request), language_of(request)
    forms.refuse_foreign(request, forms.origin_of(desk.config.web.base_url))
    found = await forms.fields(request)
    now = desk.now()
    lists, keys = await desk.reader.do(lambda store: (store.lists.offered(), store.keys.all(KEY_PURPOSE)))
    words = words_for(language)
    asked = examine(
        found,
        lists=[each.name for each in lists],
        languages=mail_languages(desk.library.site),
        age=forms.stamp_age(keys, forms.first(found, "stamp"), now),
        words=words,
    )
    if forms.first(found, "website"):
        return see(desk, SENT, lang=language)
    address = asked.address
    if asked.errors or address is None:
        return await _form(request, desk, lists, asked, language)
    wording = without_isolates(fill(words["joining_consent"], **names_of(desk)))
    public = {each.slug for each in desk.library.site.public()}
    await desk.writer.do(
        lambda store: joining.request_join(
            store,
            address=address,
            list_names=asked.lists,
            language=asked.language,
            shown=Shown(wording=wording, language=language, page=JOIN),
            channel=asked.via,
            issue=asked.issue if asked.issue in public else "",
            now=now,
        )
    )
    return see(desk, SENT, lang=language)


async def _form(
    request: Request, desk: Desk, lists: Sequence[ListInfo], asked: Asked, language: str
) -> Response:
    words = words_for(language)
    if not lists:
        return note(
            request,
            language,
            "joining_closed",
            here=JOIN,
            actions=[(words["link_bad_write"], f"mailto:{desk.config.campaign.contact}")],
        )
    key = await desk.reader.do(lambda store: store.keys.current(KEY_PURPOSE))
    languages = mail_languages(desk.library.site)
    return show(
        request,
        "join.html",
        language,
        title=words["joining_title"],
        here=JOIN,
        status=422 if asked.errors else 200,
        lists=lists,
        choices=in_order(tongue(tag, "") for tag in languages),
        values={
            "address": asked.typed,
            "lists": asked.lists,
            "language": asked.language,
            "via": asked.via,
            "issue": asked.issue,
        },
        wrong=bool(asked.errors),
        errors={"form": "", "address": "", "lists": ""} | dict(asked.errors),
        stamp=forms.stamp(key, desk.now()),
        action=path_to(desk, JOIN, lang=language),
    )


async def join_sent(request: Request) -> Response:
    """GET /join/sent: look into your inbox."""
    desk, language = desk_of(request), language_of(request)
    words = words_for(language)
    again = path_to(desk, JOIN, lang=language)
    return show(request, "sent.html", language, title=words["sent_title"], here=SENT, again=again)


async def confirm_form(request: Request) -> Response:
    """GET /c/TOKEN: the button; nothing changes yet."""
    desk, text = desk_of(request), request.path_params["token"]
    now = desk.now()
    found, titles = await desk.reader.do(
        lambda store: (
            joining.confirmation(store, opened(store, text, Purpose.CONFIRM), now),
            {each.name: each.title or each.name for each in store.lists.titled()},
        )
    )
    language, here = language_of(request, found.language), f"/c/{text}"
    words = words_for(language)
    if found.state == "open":
        return show(
            request,
            "confirm.html",
            language,
            title=words["confirm_title"],
            here=here,
            lists=[titles.get(name, name) for name in found.list_names],
            action=path_to(desk, here, lang=language),
        )
    if found.state == "done":
        read = (words["confirm_done_read"], path_to(desk, "/latest"))
        actions = [read] if desk.library.site.public() else []
        return note(request, language, "confirm_done", here=here, mark=DONE, actions=actions)
    again = (words["subscribe_again"], path_to(desk, JOIN, lang=language))
    return note(request, language, f"confirm_{found.state}", here=here, status=410, actions=[again])


async def confirm(request: Request) -> Response:
    """POST /c/TOKEN: from now on the issues come."""
    desk, text = desk_of(request), request.path_params["token"]
    forms.refuse_foreign(request, forms.origin_of(desk.config.web.base_url))
    name = clean_text(forms.first(await forms.fields(request), "name"))[:MOST_NAME].strip()
    language, now = language_of(request), desk.now()
    wording = without_isolates(fill(words_for(language)["confirm_consent"], **names_of(desk)))
    await desk.writer.do(
        lambda store: joining.confirm(
            store,
            opened(store, text, Purpose.CONFIRM),
            name=name,
            shown=Shown(wording=wording, language=language, page="/c"),
            now=now,
        )
    )
    return see(desk, f"/c/{text}", lang=language)
