"""Errors as carriers see them.

Comes in: what is wrong. Goes out: an exception with an HTTP status, and the JSON document that it becomes.
"""

from http import HTTPStatus

import msgspec

from twinline.model.errors import Mistake


class Rejection(Mistake):
    """A request that is not accepted: nothing was changed. `retry_after` is seconds, where trying again may help."""

    def __init__(
        self, status: int, what: str, *, where: str = "", mend: str = "", retry_after: int | None = None
    ) -> None:
        super().__init__(what, where=where, mend=mend)
        self.status = status
        self.retry_after = retry_after


class Problem(msgspec.Struct, frozen=True):
    """The document of an error, in the shape that the HTTP API uses too."""

    title: str
    status: int
    detail: str
    where: str = ""
    mend: str = ""


def problem(rejection: Rejection) -> Problem:
    """The document for a rejection."""
    title = HTTPStatus(rejection.status).phrase
    return Problem(title, rejection.status, rejection.what, rejection.where, rejection.mend)
