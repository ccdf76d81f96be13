"""Endpoints about builds: making, publishing, judging.

Comes in: requests. Goes out: builds, jobs, excuses.
"""

from functools import partial
from http import HTTPStatus

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlalchemy.orm import Session

from twinline.control import clusters, making
from twinline.control.api.errors import documented
from twinline.control.plane import Plane
from twinline.control.schema import BuildRequest, Job, SignificanceRequest
from twinline.control.store import builds, releases
from twinline.model.builds import Build
from twinline.model.release import Excuse
from twinline.release import raised

_ABSENT = documented(HTTPStatus.NOT_FOUND)


@post(
    "/api/builds",
    tags=["builds"],
    summary="Make a build from a manifest",
    status_code=HTTPStatus.ACCEPTED,
    responses=documented(),
)
async def create_build(plane: NamedDependency[Plane], data: JSONBody[BuildRequest]) -> Job:
    """Begin to make a build; the job's result is its number."""
    return await making.start(plane, data)


@get("/api/builds", tags=["builds"], summary="Every build", responses=documented())
async def build_list(plane: NamedDependency[Plane]) -> list[Build]:
    """Every build, oldest first."""
    return await plane.store.read(builds.every)


@get("/api/builds/{number:int}", tags=["builds"], summary="One build", responses=_ABSENT)
async def build_detail(plane: NamedDependency[Plane], number: FromPath[int]) -> Build:
    """One build."""
    return await plane.store.read(partial(builds.get, number=number))


@post(
    "/api/builds/{number:int}/publish",
    tags=["builds"],
    summary="Announce a build",
    status_code=HTTPStatus.OK,
    responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def publish_build(plane: NamedDependency[Plane], number: FromPath[int]) -> Build:
    """Announce a build in the changelog, so that it may be put on the development cluster."""

    def publish(transaction: Session) -> Build:
        build = builds.publish(transaction, number)
        releases.announce(transaction, "published", build, f"Build {number} is published", "")
        return build

    return await plane.store.write(publish)


@post(
    "/api/builds/{number:int}/significance",
    tags=["builds"],
    summary="Raise a build's significance",
    status_code=HTTPStatus.OK,
    responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY),
)
async def raise_significance(
    plane: NamedDependency[Plane], number: FromPath[int], data: JSONBody[SignificanceRequest]
) -> Build:
    """Say that a build changes more than its components show. Lowering is refused."""

    def change(transaction: Session) -> Build:
        wanted = raised(builds.get(transaction, number).significance, data.significance)
        return builds.set_significance(transaction, number, wanted)

    return await plane.store.write(change)


@get("/api/builds/{number:int}/excuse", tags=["releases"], summary="Why a build waits", responses=_ABSENT)
async def build_excuse(plane: NamedDependency[Plane], number: FromPath[int]) -> Excuse:
    """Why a build is not in production yet, gate by gate, decided now."""
    return await clusters.excuse(plane, number)


HANDLERS = (create_build, build_list, build_detail, publish_build, raise_significance, build_excuse)
