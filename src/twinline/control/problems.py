"""Errors as the API's problem documents.

Comes in: any exception. Goes out: a `Problem` with the right status. An error of ours says what, where and mend; of any
other the client learns only that it happened, and the log has the rest.
"""

from http import HTTPStatus

from twinline.control.schema import Problem
from twinline.model.errors import Conflict, Mistake, NotFound, Refused, Trouble, TwinlineError


class TooLarge(Refused):
    """More bytes than a limit allows."""


class Unauthorized(Refused):
    """No key, or one that opens nothing."""


STATUS: tuple[tuple[type[TwinlineError], HTTPStatus], ...] = (
    (Unauthorized, HTTPStatus.UNAUTHORIZED),
    (TooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Conflict, HTTPStatus.CONFLICT),
    (Refused, HTTPStatus.UNPROCESSABLE_ENTITY),
    (Mistake, HTTPStatus.BAD_REQUEST),
    (Trouble, HTTPStatus.SERVICE_UNAVAILABLE),
)
"""The first that fits. 422: understood and well formed, but a gate or a rule says no."""


def problem_of(error: Exception) -> Problem:
    """The document for an error."""
    if not isinstance(error, TwinlineError):
        return Problem(
            "Fault", HTTPStatus.INTERNAL_SERVER_ERROR, "Something of ours failed; the platform's log has the details."
        )
    status = next((status for kind, status in STATUS if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)
    return Problem(status.phrase, status, error.what, error.where, error.mend)
