"""A cassette: the outside answers that a recorded session got, to be given again.

Comes in: recorded exchanges, then requests. Goes out: for the n-th request of a kind the n-th recorded answer to that
kind, or a `Failure` of kind `cassette miss` that says what came nearest. No I/O.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from difflib import SequenceMatcher
from hashlib import sha256
from urllib.parse import SplitResult, urlsplit

import msgspec

from twinline.model.transcript import Event, HttpExchange, HttpRequest
from twinline.runtime.outbound.failures import Failure, Kind
from twinline.runtime.outbound.normal import normal_body, normal_query
from twinline.runtime.outbound.recording import BODY_DIGEST, NOT_KEPT, body_of

Normal = Callable[[bytes, str], bytes]
"""Gives a body's normal form, from the body and its content type."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


class Key(msgspec.Struct, frozen=True):
    """What makes two requests the same: everything but headers. `body` is the SHA-256 of its normal form."""

    method: str
    scheme: str
    host: str
    port: int | None
    path: str
    query: tuple[tuple[str, str], ...]
    body: str


def key_of(request: HttpRequest, normal: Normal = normal_body) -> Key:
    """The request's key. Raises ValueError when its URL or its base64 is broken."""
    parts: SplitResult = urlsplit(request.url)
    digest = request.headers.get(BODY_DIGEST)
    if digest is None:
        digest = sha256(normal(body_of(request), request.headers.get("content-type", ""))).hexdigest()
    return Key(
        method=request.method.upper(),
        scheme=parts.scheme,
        host=(parts.hostname or "").rstrip("."),
        port=parts.port or _DEFAULT_PORTS.get(parts.scheme),
        path=parts.path or "/",
        query=normal_query(parts.query),
        body=digest,
    )


class Cassette:
    """The recorded exchanges of one session, and how far each kind of request has been played. For one lane-run."""

    def __init__(self, recorded: Iterable[Event], *, normal: Normal = normal_body) -> None:
        """From a session's transcript or from exchanges alone; events of other kinds are passed over.

        `normal` says when two bodies are the same.
        Raises ValueError when a recorded request's URL or base64 is broken.
        """
        self._normal = normal
        self._recorded: dict[Key, list[HttpExchange]] = defaultdict(list)
        self._asked: dict[Key, int] = defaultdict(int)
        for event in recorded:
            if isinstance(event, HttpExchange):
                self._recorded[key_of(event.request, normal)].append(event)

    def play(self, request: HttpRequest) -> HttpExchange:
        """The recorded exchange that answers `request`, each one once.

        Raises Failure (`cassette miss`) when there is none or when its answer was too large to be kept.
        """
        try:
            key = key_of(request, self._normal)
        except ValueError as broken:
            raise Failure(Kind.CASSETTE_MISS, f"{request.method} {request.url} ({broken})") from broken
        answers = self._recorded.get(key, [])
        place = self._asked[key]
        self._asked[key] += 1
        if place >= len(answers):
            raise Failure(Kind.CASSETTE_MISS, f"{request.method} {request.url} ({self._nearest(key, len(answers))})")
        exchange = answers[place]
        if exchange.error.startswith(NOT_KEPT):
            raise Failure(Kind.CASSETTE_MISS, f"{request.method} {request.url} ({exchange.error})")
        return exchange

    def _nearest(self, missed: Key, times: int) -> str:
        if times:
            return f"asked {_times(self._asked[missed])}, recorded {_times(times)}"
        if not self._recorded:
            return "nothing was recorded"
        nearest = max(self._recorded, key=lambda key: _likeness(key, missed))
        request = self._recorded[nearest][0].request
        same_but_body = msgspec.structs.replace(nearest, body="") == msgspec.structs.replace(missed, body="")
        return f"nearest recorded: {request.method} {request.url}" + (" with another body" if same_but_body else "")


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _likeness(left: Key, right: Key) -> tuple[bool, bool, float, bool]:
    same_host = (left.scheme, left.host, left.port) == (right.scheme, right.host, right.port)
    paths = SequenceMatcher(None, f"{left.path} {left.query}", f"{right.path} {right.query}").ratio()
    return same_host, left.path == right.path, paths, left.method == right.method
