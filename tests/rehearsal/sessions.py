"""Sessions of a small parcel application, as lanes produce them: the words that the specifications are written in."""

from collections.abc import Iterable
from functools import reduce

from twinline.model.builds import Cluster
from twinline.model.messages import LaneResult
from twinline.model.rehearsal import Lane, UnitClass, UnitResult
from twinline.model.transcript import (
    Choice,
    ErrorRaised,
    Event,
    HttpExchange,
    HttpRequest,
    HttpResponse,
    Logged,
    MessageReceived,
    MessageSent,
    Outcome,
    ScriptError,
    SessionEnded,
    SessionStarted,
    Transcript,
    VerbEnded,
    VerbResult,
    VerbStarted,
)
from twinline.rehearsal import combine, compare_unit

CALLER = "+15550100"
PARCEL = "http://parcels.example/parcels/123456"


def started(build: int = 1, at: float = 0.0) -> SessionStarted:
    return SessionStarted(
        at=at, session=f"session-{build}", application="courier", mode=Cluster.PRODUCTION, version="v1", build=build,
        components={}, address="+15550199", caller=CALLER, channel="TEXT", network="SMS", initial_text="hello",
        parameters={}, seed="00", started_at=1_700_000_000.0 + at, sandbox="bubblewrap",
    )  # fmt: skip


def received(text: str, verb: int = 0) -> MessageReceived:
    return MessageReceived(at=1.0, text=text, message="m", verb=verb)


def sent(text: str, to: str = CALLER, verb: int = 1) -> MessageSent:
    return MessageSent(1.0, verb, sender="+15550199", recipient=to, text=text, network="SMS", message=f"out-{verb}")


def verb(number: int, name: str, line: int = 1, **arguments: object) -> VerbStarted:
    return VerbStarted(at=1.0, id=number, verb=name, arguments=arguments, file="main.js", line=line)


def result(number: int, name: str, value: str | None = None) -> VerbEnded:
    choice = Choice(value, value, value) if value else None
    return VerbEnded(at=1.0, id=number, result=VerbResult(name=name, value=value, choice=choice))


def http(url: str = PARCEL, status: int = 200, body: str = "", **headers: str) -> HttpExchange:
    request = HttpRequest("POST" if body else "GET", url, headers=headers, body=body)
    return HttpExchange(at=1.0, request=request, response=HttpResponse(status))


def error(message: str = "util.isString is not a function", line: int = 41, platform: bool = False) -> ErrorRaised:
    return ErrorRaised(at=2.0, error=ScriptError("TypeError", message, "main.js", line), platform=platform)


def log(text: str, source: str = "script") -> Logged:
    return Logged(at=1.0, text=text, source=source)


def ended(outcome: Outcome = Outcome.COMPLETED) -> SessionEnded:
    return SessionEnded(at=3.0, outcome=outcome)


def say(number: int, text: str) -> list[Event]:
    return [verb(number, "say", text=text), sent(text, verb=number), result(number, "say")]


def ask(number: int, text: str, answer: str, choices: str = "yes, no") -> list[Event]:
    return [
        verb(number, "ask", text=text, choices=choices),
        sent(text, verb=number),
        received(answer, verb=number),
        result(number, "choice", answer),
    ]


def session(*parts: Event | Iterable[Event], outcome: Outcome = Outcome.COMPLETED, build: int = 1) -> Transcript:
    events: list[Event] = [started(build), received("hello")]
    for part in parts:
        events.extend(part if isinstance(part, list) else [part])  # type: ignore[list-item]
    return (*events, ended(outcome))


def lane(lane: Lane, transcript: Transcript, trouble: str = "") -> LaneResult:
    build = 2 if lane is Lane.CANDIDATE else 1
    return LaneResult("r1", "u1", lane.value, 1, build, transcript, trouble)


def unit(
    baseline: Transcript, control: Transcript, candidate: Transcript, attempt: int = 1, name: str = "u1"
) -> UnitResult:
    """One attempt at a unit."""
    lanes = [lane(which, events) for which, events in zip(Lane, (baseline, control, candidate), strict=True)]
    return compare_unit(name, *lanes, attempt=attempt)


def tried(attempts: int, before: Transcript, after: Transcript, name: str = "u1") -> UnitResult:
    """A unit that came to the same in every attempt."""
    return reduce(combine, (unit(before, before, after, attempt + 1, name) for attempt in range(attempts)))


def judged(verdict: UnitClass, name: str = "u", attempts: int = 2) -> UnitResult:
    return UnitResult(name, attempts, verdict, f"because {verdict.value}")


GOOD = session(ask(1, "Which day?", "monday", "monday, friday"), http(), say(2, "See you on monday."))
THROWS = session(ask(1, "Which day?", "monday", "monday, friday"), http(), error(), outcome=Outcome.FAILED, build=2)
