"""A transcript with everything removed that may differ between two runs of the same thing.

Comes in: the events of a lane. Goes out: steps to compare. Gone are times, identifiers, the build, lines of verbs, what
the platform itself logged, and the headers that an HTTP library sends of its own accord.
"""

import re
from collections.abc import Iterator

import msgspec

from twinline.model.transcript import (
    AttemptEnded,
    ErrorRaised,
    Event,
    Hangup,
    HttpExchange,
    HttpRequest,
    Logged,
    MessageReceived,
    MessageSent,
    SessionEnded,
    SessionStarted,
    Transcript,
    VerbEnded,
    VerbResult,
    VerbStarted,
)

Fields = dict[str, object]

HANDLER_ERROR = "---- Callback Error"
"""How a language host logs what a handler threw; Tropo swallowed it so, and its logs are searched for these words."""

LOGS = ("log script", "log output")
"""Kinds of steps that are only told. Output comes by a pipe of its own, in pieces of any size: it is compared by line,
and its order beside the log means nothing."""

_PROCESS = re.compile(r"^\(node:\d+\)")
"""How Node.js begins a warning: with the number of its process."""

_LIBRARY_HEADERS = frozenset(
    {
        *("accept", "accept-encoding", "accept-language", "cache-control", "connection", "content-length", "date"),
        *("expect", "host", "keep-alive", "pragma", "priority", "proxy-authorization", "proxy-connection"),
        *("sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site", "te", "trailer", "transfer-encoding", "upgrade"),
        *("user-agent", "via"),
    }
)


class Step(msgspec.Struct, frozen=True):
    """One thing a lane did. `fields` must agree; `wording` may differ between two acceptable runs.

    `key` is equal exactly when kind and fields are. `place` is the event's index in the transcript.
    """

    kind: str
    fields: Fields
    key: bytes
    wording: str
    place: int
    event: Event


def steps(transcript: Transcript) -> list[Step]:
    """What a lane did, in order."""
    verbs = {event.id: event.verb for event in transcript if isinstance(event, VerbStarted)}
    found: list[Step] = []
    printed = ""
    for place, event in enumerate(transcript):
        if isinstance(event, Logged) and event.source == "output":
            *lines, printed = (printed + event.text).split("\n")
            found += [_printed(line, place, event) for line in lines]
        else:
            found += [_step(kind, fields, wording, place, event) for kind, fields, wording in _told(event, verbs)]
    if printed:
        found.append(_printed(printed, len(transcript) - 1, transcript[-1]))
    return found


def _printed(line: str, place: int, event: Event) -> Step:
    return _step("log output", {}, _PROCESS.sub("(node)", line), place, event)


def _step(kind: str, fields: Fields, wording: str, place: int, event: Event) -> Step:
    return Step(kind, fields, msgspec.json.encode((kind, fields), order="deterministic"), wording, place, event)


def _told(event: Event, verbs: dict[int, str]) -> Iterator[tuple[str, Fields, str]]:  # noqa: PLR0912 - a branch for each kind
    """The event as (kind, fields, wording), or nothing when it is not compared."""
    match event:
        case SessionStarted():
            return
        case VerbStarted(verb=verb, arguments=arguments):
            yield "verb", {"verb": verb, **{f"arguments.{name}": value for name, value in arguments.items()}}, ""
        case AttemptEnded(result=result):
            yield "attempt", {"verb": verbs.get(event.id, ""), **_result(result)}, result.message or ""
        case VerbEnded(result=result):
            yield "result", {"verb": verbs.get(event.id, ""), **_result(result)}, result.message or ""
        case MessageReceived(text=text):
            yield "received", {"text": text}, ""
        case MessageSent():
            fields: Fields = {"recipient": event.recipient, "text": event.text}
            yield "sent", {**fields, "sender": event.sender, "network": event.network}, ""
        case HttpExchange(request=request, response=response):
            status = response.status if response else 0
            yield "http", {**_request(request), "status": status, "answered": not event.error}, event.error
        case Logged(source="platform"):
            return
        case Logged(text=text) if text.lstrip().startswith(HANDLER_ERROR):
            yield "handler error", {"line": event.line}, text
        case Logged():
            yield "log script", {"level": event.level}, event.text
        case ErrorRaised(error=error):
            where: Fields = {"file": error.file, "line": error.line, "platform": event.platform}
            yield "error", {"type": error.type, **where}, error.message
        case Hangup(by=by):
            yield "hangup", {"by": by}, ""
        case SessionEnded(outcome=outcome):
            yield "session.ended", {"outcome": outcome.value}, ""


def _result(result: VerbResult) -> Fields:
    choice = result.choice
    return {
        "name": result.name,
        "value": result.value,
        "attempt": result.attempt,
        "interpretation": choice.interpretation if choice else None,
    }


def _request(request: HttpRequest) -> Fields:
    headers = {name.lower(): value for name, value in request.headers.items()}
    return {
        "method": request.method,
        "url": request.url,
        "body": request.body if request.encoded else _body(request.body),
        "headers": {name: value for name, value in headers.items() if name not in _LIBRARY_HEADERS},
    }


def _body(body: str) -> object:
    """JSON by its meaning, so that the order of names does not matter; anything else as it is."""
    try:
        return msgspec.json.decode(body) if body[:1] in ("{", "[") else body
    except msgspec.DecodeError:
        return body
