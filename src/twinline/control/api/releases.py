"""Endpoints about rehearsals, promotions and the changelog.

Comes in: requests. Goes out: jobs, results, promotions, announcements; the changelog also as a page and a feed for
everybody.
"""

import asyncio
from functools import partial
from http import HTTPStatus

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from twinline.control import clusters
from twinline.control.api.access import PUBLIC
from twinline.control.api.errors import documented
from twinline.control.plane import Plane
from twinline.control.schema import Job, PromotionRequest, RehearsalRequest, RehearsalView, RollbackRequest
from twinline.control.store import releases
from twinline.model.errors import Mistake
from twinline.model.rehearsal import RehearsalResult
from twinline.model.release import ChangelogEntry, Promotion
from twinline.rehearsal.report import html_page
from twinline.release import changelog as documents

_ABSENT_OR_RUNNING = documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)


@post(
    "/api/rehearsals",
    tags=["rehearsals"],
    summary="Rehearse a build",
    status_code=HTTPStatus.ACCEPTED,
    responses=_ABSENT_OR_RUNNING,
)
async def start_rehearsal(
    plane: NamedDependency[Plane], request: Request[str, None, State], data: JSONBody[RehearsalRequest]
) -> Job:
    """Begin a rehearsal; the job's result is its identifier."""
    return await plane.rehearsals.start(data, request.user)


@get("/api/rehearsals", tags=["rehearsals"], summary="Every rehearsal", responses=documented())
async def rehearsal_list(plane: NamedDependency[Plane]) -> list[RehearsalView]:
    """Every rehearsal, newest first."""
    return await plane.store.read(releases.rehearsals)


@get("/api/rehearsals/{rehearsal:str}", tags=["rehearsals"], summary="A result", responses=_ABSENT_OR_RUNNING)
async def rehearsal_detail(plane: NamedDependency[Plane], rehearsal: FromPath[str]) -> RehearsalResult:
    """The result of a rehearsal that is done."""
    return await plane.store.read(partial(releases.rehearsal, name=rehearsal))


@get(
    "/api/rehearsals/{rehearsal:str}/report.html",
    tags=["rehearsals"],
    summary="A result as a page",
    media_type="text/html",
    responses=_ABSENT_OR_RUNNING,
)
async def rehearsal_report(plane: NamedDependency[Plane], rehearsal: FromPath[str]) -> str:
    """The result of a rehearsal as one self-contained page."""
    result = await plane.store.read(partial(releases.rehearsal, name=rehearsal))
    return await asyncio.to_thread(html_page, result)


@post(
    "/api/promotions",
    tags=["releases"],
    summary="Promote a build",
    status_code=HTTPStatus.CREATED,
    responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY),
)
async def promote(
    plane: NamedDependency[Plane], request: Request[str, None, State], data: JSONBody[PromotionRequest]
) -> Promotion:
    """Move production to a build. Refused while a gate holds, unless it is overridden by name and with a reason."""
    return await clusters.move_production(plane, data.build, data.overrides, request.user)


@get("/api/promotions", tags=["releases"], summary="Every promotion", responses=documented())
async def promotion_list(plane: NamedDependency[Plane]) -> list[Promotion]:
    """Every promotion and rollback, newest first."""
    return await plane.store.read(releases.promotions)


@post(
    "/api/rollbacks",
    tags=["releases"],
    summary="Roll production back",
    status_code=HTTPStatus.CREATED,
    responses=documented(HTTPStatus.CONFLICT),
)
async def roll_back(
    plane: NamedDependency[Plane], request: Request[str, None, State], data: JSONBody[RollbackRequest]
) -> Promotion:
    """Move production back to the build before."""
    reason = " ".join(data.reason.split())
    if not reason:
        raise Mistake("a rollback has a reason", where="body reason", mend="say why: the record shows it")
    return await clusters.move_back(plane, reason, request.user)


@get("/api/changelog", tags=["changelog"], summary="Every announcement", responses=documented())
async def changelog(plane: NamedDependency[Plane]) -> list[ChangelogEntry]:
    """Every announcement, newest first."""
    return await plane.store.read(releases.changelog)


@get("/changelog", opt={PUBLIC: True}, media_type="text/html", tags=["changelog"], summary="The changelog as a page")
async def changelog_page(plane: NamedDependency[Plane]) -> str:
    """Every announcement as a page for everybody."""
    return documents.page(await plane.store.read(releases.changelog))


@get(
    "/changelog.atom",
    opt={PUBLIC: True},
    media_type="application/atom+xml",
    tags=["changelog"],
    summary="The changelog as an Atom feed",
)
async def changelog_feed(plane: NamedDependency[Plane], request: Request[None, None, State]) -> Response[bytes]:
    """Every announcement as an Atom feed for everybody."""
    entries = await plane.store.read(releases.changelog)
    return Response(documents.feed(entries, site=str(request.base_url)), media_type="application/atom+xml")


HANDLERS = (
    start_rehearsal,
    rehearsal_list,
    rehearsal_detail,
    rehearsal_report,
    promote,
    promotion_list,
    roll_back,
    changelog,
    changelog_page,
    changelog_feed,
)
