"""Endpoints about applications and their sessions.

Comes in: requests. Goes out: views of applications and sessions.
"""

from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Annotated

from litestar import Request, delete, get, post
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from twinline.control import applications
from twinline.control.api.errors import documented
from twinline.control.plane import Plane
from twinline.control.schema import (
    ApplicationView,
    NewAddress,
    NewApplication,
    SessionDetail,
    SessionView,
    TwinRequest,
)
from twinline.control.store import applications as records
from twinline.control.store import sessions
from twinline.model.applications import BUNDLE_LIMIT

SESSIONS_LIMIT = 1_000
"""Sessions of one answer."""

_ABSENT = documented(HTTPStatus.NOT_FOUND)
_ABSENT_OR_TAKEN = documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)


@dataclass
class _TakesBundle(Operation):
    """The framework cannot see that the body is an archive."""

    def __post_init__(self) -> None:
        """Say what it is."""
        content = {"application/gzip": OpenAPIMediaType(Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY))}
        self.request_body = RequestBody(content, "A gzipped tar archive", required=True)


@post(
    "/api/applications",
    tags=["applications"],
    summary="Make an application",
    status_code=HTTPStatus.CREATED,
    responses=documented(HTTPStatus.CONFLICT),
)
async def create_application(plane: NamedDependency[Plane], data: JSONBody[NewApplication]) -> ApplicationView:
    """Make an application, with nothing deployed."""
    return await applications.create(plane, data)


@get("/api/applications", tags=["applications"], summary="Every application", responses=documented())
async def application_list(plane: NamedDependency[Plane]) -> list[ApplicationView]:
    """Every application, by name."""
    return await plane.store.read(records.views)


@get("/api/applications/{name:str}", tags=["applications"], summary="One application", responses=_ABSENT)
async def application_detail(plane: NamedDependency[Plane], name: FromPath[str]) -> ApplicationView:
    """One application."""
    return await plane.store.read(partial(records.view, name=name))


@post(
    "/api/applications/{name:str}/versions",
    tags=["applications"],
    summary="Deploy a bundle",
    status_code=HTTPStatus.CREATED,
    request_max_body_size=BUNDLE_LIMIT,
    operation_class=_TakesBundle,
    responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
)
async def deploy(
    plane: NamedDependency[Plane],
    request: Request[str, None, State],
    name: FromPath[str],
    entry: Annotated[str, QueryParameter(description="The first script, such as main.py")],
) -> ApplicationView:
    """Check a packed bundle and make it the live version."""
    return await applications.deploy(plane, name, await request.body(), entry, request.user)


@post(
    "/api/applications/{name:str}/addresses",
    tags=["applications"],
    summary="Add an address",
    status_code=HTTPStatus.CREATED,
    responses=_ABSENT_OR_TAKEN,
)
async def add_address(
    plane: NamedDependency[Plane], name: FromPath[str], data: JSONBody[NewAddress]
) -> ApplicationView:
    """Let an address reach the application, or change the carrier of one that does."""
    return await applications.add_address(plane, name, data)


@delete(
    "/api/applications/{name:str}/addresses",
    tags=["applications"],
    summary="Remove an address",
    status_code=HTTPStatus.OK,
    responses=_ABSENT,
)
async def remove_address(
    plane: NamedDependency[Plane], name: FromPath[str], address: FromQuery[str]
) -> ApplicationView:
    """Take an address away."""
    return await applications.remove_address(plane, name, address)


@post(
    "/api/applications/{name:str}/twin",
    tags=["applications"],
    summary="Make or renew the twin",
    status_code=HTTPStatus.OK,
    responses=_ABSENT_OR_TAKEN,
)
async def make_twin(
    plane: NamedDependency[Plane], request: Request[str, None, State], name: FromPath[str], data: JSONBody[TwinRequest]
) -> ApplicationView:
    """Make the twin of a production application, or bring its code up to date."""
    return await applications.twin(plane, name, data, request.user)


@get("/api/sessions", tags=["sessions"], summary="Stored sessions", responses=documented())
async def session_list(
    plane: NamedDependency[Plane],
    application: FromQuery[str] = "",
    build: FromQuery[int | None] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=SESSIONS_LIMIT)] = 50,
) -> list[SessionView]:
    """Stored sessions, newest first."""
    return await plane.store.read(partial(sessions.views, application=application, build=build, limit=limit))


@get("/api/sessions/{session:str}", tags=["sessions"], summary="One session", responses=_ABSENT)
async def session_detail(plane: NamedDependency[Plane], session: FromPath[str]) -> SessionDetail:
    """One stored session with its transcript."""
    return await plane.store.read(partial(sessions.detail, session=session))


HANDLERS = (
    create_application,
    application_list,
    application_detail,
    deploy,
    add_address,
    remove_address,
    make_twin,
    session_list,
    session_detail,
)
