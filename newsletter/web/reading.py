"""Reading: the pages that are the same for everybody, from memory, with tags and cache headers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from newsletter import home
from newsletter.languages import choose_edition
from newsletter.links import CHANNELS
from newsletter.pages import (
    Page,
    PublicIssue,
    Site,
    atom_feed,
    handout_page,
    icon,
    index_page,
    issue_page,
    json_feed,
    picture,
    place,
    qr_image,
    robots,
    share_page,
    sitemap,
    stylesheet,
)
from newsletter.web.desk import desk_of
from newsletter.web.voice import choose, path_to

BY_LANGUAGE = {"Vary": "Accept-Language"}


async def _answer(request: Request, name: tuple[str, ...], make: Callable[[Site], Page]) -> Response:
    """A page from memory; 304 where the browser has it already (RFC 9110 section 13.1.2)."""
    page = await desk_of(request).library.page(name, make)
    headers = {**page.headers, "ETag": page.etag}
    if page.etag in _tags(request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    return Response(page.body, page.status, headers, page.content_type)


def _tags(header: str) -> set[str]:
    return {part.strip().removeprefix("W/") for part in header.split(",")}


def _language(request: Request) -> str:
    """The language of what is public that the browser's reader likes best."""
    desk = desk_of(request)
    own = desk.config.campaign.language
    offered = desk.library.site.languages()
    return choose(offered, request.headers.get("accept-language", ""), choose_edition(offered, own, own))


def _via(request: Request) -> str:
    """The channel word that a shared link carries, where it is one of ours."""
    word = request.query_params.get("via", "")
    return word if word in CHANNELS else "page"


async def index(request: Request) -> Response:
    """GET /: all issues, in the reader's language."""
    await desk_of(request).library.fresh()
    language = _language(request) if desk_of(request).library.site.public() else _own(request)
    response = await _answer(request, ("index", language), lambda site: index_page(site, language))
    response.headers.update(BY_LANGUAGE)
    return response


def _own(request: Request) -> str:
    return desk_of(request).config.campaign.language


async def index_in(request: Request) -> Response:
    """GET /all/LANG: all issues in one language."""
    language = request.path_params["language"]
    site = await desk_of(request).library.fresh()
    if language not in site.languages():
        raise HTTPException(404)
    return await _answer(request, ("index", language), lambda site: index_page(site, language))


async def newest(request: Request) -> Response:
    """GET /latest and /latest/LANG: go to the newest issue, whichever it is today."""
    site = await desk_of(request).library.fresh()
    if not site.public():
        raise HTTPException(404)
    return _to_edition(request, site, site.public()[0])


async def any_edition(request: Request) -> Response:
    """GET /i/SLUG: go to the edition in the reader's language."""
    site = await desk_of(request).library.fresh()
    return _to_edition(request, site, site.issue(request.path_params["slug"]))


def _to_edition(request: Request, site: Site, found: PublicIssue) -> Response:
    wanted = request.path_params.get("language", "")
    accepted = choose(list(found.editions), request.headers.get("accept-language", ""), _own(request))
    language = site.edition_for(found.slug, wanted or accepted)
    via = _via(request)
    address = place.issue_address(found.slug, language)
    target = path_to(desk_of(request), address, via="" if via == "page" else via)
    headers = {"Location": target, "Cache-Control": "no-cache", **BY_LANGUAGE}
    return Response(status_code=302, headers=headers)


async def issue(request: Request) -> Response:
    """GET /i/SLUG/LANG, or one of the issue's pictures."""
    slug, name = request.path_params["slug"], request.path_params["name"]
    if "." in name:
        return await _answer(request, ("picture", slug, name), lambda site: picture(site, slug, name))
    via = _via(request)
    return await _answer(
        request, ("issue", slug, name, via), lambda site: issue_page(site, slug, name, via=via)
    )


async def part(request: Request) -> Response:
    """GET /i/SLUG/LANG/share, /handout and /qr.svg."""
    slug, language, name = (request.path_params[key] for key in ("slug", "name", "part"))
    make = {"share": share_page, "handout": handout_page, "qr.svg": qr_image}.get(name)
    if make is None:
        raise HTTPException(404)
    return await _answer(request, (name, slug, language), lambda site: make(site, slug, language))


async def style(request: Request) -> Response:
    """GET /site.css."""
    return await _answer(request, ("style",), stylesheet)


async def icon_image(request: Request) -> Response:
    """GET /icon.svg."""
    return await _answer(request, ("icon",), icon)


async def feed(request: Request) -> Response:
    """GET /feed.xml and /feed.json, the same below /all/LANG, /sitemap.xml and /robots.txt."""
    name, own = request.url.path.rpartition("/")[2], _own(request)
    language = request.path_params.get("language", own)
    site = await desk_of(request).library.fresh()
    if language not in {own, *site.languages()}:
        raise HTTPException(404)
    make: Mapping[str, Callable[[Site], Page]] = {
        "feed.xml": lambda site: atom_feed(site, language),
        "feed.json": lambda site: json_feed(site, language),
        "sitemap.xml": sitemap,
        "robots.txt": robots,
    }
    return await _answer(request, (name, language), make[name])


async def health(request: Request) -> Response:
    """GET /healthz: whether pages and database answer."""
    await desk_of(request).reader.do(lambda store: store.project_id)
    return PlainTextResponse("ok\n")


async def proof(request: Request) -> Response:
    """GET /.well-known/newsletter: which project's pages these are, and that they use its one database."""
    return JSONResponse(await desk_of(request).reader.do(home.prove))
