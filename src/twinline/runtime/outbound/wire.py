"""An exchange as bytes: what passes the proxy, before it is turned into words of the transcript.

Comes in: nothing. Goes out: two frozen structs.
"""

import msgspec

Headers = tuple[tuple[str, str], ...]
"""Header fields in order, names as they were written. Values are ISO 8859-1, so that any byte can be told."""


class Request(msgspec.Struct, frozen=True):
    """A whole request: absolute URL, body without transfer coding but with its content coding."""

    method: str
    url: str
    headers: Headers
    body: bytes


class Response(msgspec.Struct, frozen=True):
    """A whole answer, likewise."""

    status: int
    headers: Headers
    body: bytes
    reason: str = ""


def header(headers: Headers, name: str) -> str:
    """The first value of a field, whatever the case of its name; empty when there is none."""
    return next((value for key, value in headers if key.lower() == name), "")
