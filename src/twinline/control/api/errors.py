"""Whatever goes wrong in a request, as a Problem document.

Comes in: exceptions of ours, of the framework, of anything. Goes out: responses in `application/problem+json`.
"""

from http import HTTPStatus

import structlog
from litestar import Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException, SerializationException, ValidationException
from litestar.openapi.datastructures import ResponseSpec

from twinline.control.problems import problem_of
from twinline.control.schema import Problem
from twinline.model.errors import TwinlineError

MEDIA_TYPE = "application/problem+json"

log = structlog.get_logger()


COMMON = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.SERVICE_UNAVAILABLE)
"""What every endpoint that needs a key may answer."""


def documented(*statuses: HTTPStatus) -> dict[int, ResponseSpec]:
    """For the OpenAPI document: the errors that an endpoint may answer with, the common ones included."""
    return {
        status: ResponseSpec(Problem, description=status.phrase, media_type=MEDIA_TYPE, generate_examples=False)
        for status in (*COMMON, *statuses)
    }


def answer(request: Request[object, object, State], error: Exception) -> Response[Problem]:
    """The answer to a request that failed."""
    if isinstance(error, HTTPException):
        problem = _of_framework(request, error)
    else:
        problem = problem_of(error)
        if not isinstance(error, TwinlineError):
            log.error("request.broken", path=request.url.path, exc_info=error)
    headers = {"WWW-Authenticate": "Bearer"} if problem.status == HTTPStatus.UNAUTHORIZED else {}
    return Response(problem, status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)


def _of_framework(request: Request[object, object, State], error: HTTPException) -> Problem:
    """The framework's own refusals: a body that is no JSON, a field that is missing, a path that leads nowhere."""
    status = HTTPStatus(error.status_code)
    where, detail, mend = request.url.path, error.detail, ""
    if status is HTTPStatus.NOT_FOUND:
        detail, mend = "nothing is at this address", "see /api/openapi.json"
    elif status is HTTPStatus.METHOD_NOT_ALLOWED:
        detail, mend = f"{request.method} is not done at this address", "see /api/openapi.json"
    elif status is HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        detail, mend = "the body is larger than this address takes", "send less"
    elif isinstance(error, ValidationException) and isinstance(error.extra, list) and error.extra:
        first = error.extra[0]
        where = " ".join(str(part) for part in (first.get("source"), first.get("key")) if part) or where
        detail, mend = str(first.get("message", detail)), "see /api/openapi.json"
    elif isinstance(error.__cause__, SerializationException):
        where, detail = "body", f"the body is no JSON: {error.__cause__}"
    return Problem(status.phrase, status, detail, where, mend)
