"""Events in words, for the sentences of a result and for its reports.

Comes in: an event of a lane. Goes out: one line about it, as plain text.
"""

from collections.abc import Sequence

from twinline.model.transcript import (
    AttemptEnded,
    ErrorRaised,
    Event,
    Hangup,
    HttpExchange,
    Logged,
    MessageReceived,
    MessageSent,
    SessionEnded,
    SessionStarted,
    VerbEnded,
    VerbResult,
    VerbStarted,
)

WIDTH = 160
"""Characters of somebody's words in a sentence: the length of one SMS."""

CALLER = "Caller"
APPLICATION = "Application"


def told(event: Event | None) -> str:  # noqa: PLR0911 - one return for each kind is the clearest table
    """What a lane did at this event, in the past tense and without a subject."""
    match event:
        case None:
            return "did nothing more"
        case SessionStarted():
            return f"started on build {event.build}"
        case VerbStarted():
            return f"called {event.verb}" + _quoted(event.arguments.get("text"))
        case AttemptEnded(result=result) | VerbEnded(result=result):
            return f"got back {_result(result)}"
        case MessageReceived():
            return f"received{_quoted(event.text)}"
        case MessageSent():
            return f"sent{_quoted(event.text)} to {event.recipient}"
        case HttpExchange(request=request):
            return f"requested {request.method} {_cut(request.url)}" + (
                f" ({_cut(event.error)})" if event.error else ""
            )
        case Logged():
            return f"logged{_quoted(event.text)}"
        case ErrorRaised(error=error):
            place = f" at {error.file}:{error.line}" if error.file else ""
            thrower = "failed in the platform with" if event.platform else "threw"
            return f"{thrower} {error.type}: {_cut(error.message)}{place}"
        case Hangup():
            return "hung up" if event.by == "script" else f"was left by the {event.by}"
        case SessionEnded():
            return f"ended as {event.outcome.value}" + (f" ({_cut(event.reason)})" if event.reason else "")


def conversation(events: Sequence[Event], caller: str) -> tuple[str, ...]:
    """Who said what, one line each: `Caller: …`, `Application: …`, `Application to +1…: …`."""
    lines: list[str] = []
    for event in events:
        match event:
            case MessageReceived():
                lines.append(f"{CALLER}: {event.text}")
            case MessageSent(recipient=recipient):
                speaker = APPLICATION if recipient == caller else f"{APPLICATION} to {recipient}"
                lines.append(f"{speaker}: {event.text}")
            case _:
                pass
    return tuple(lines)


def _result(result: VerbResult) -> str:
    detail = result.value if result.value is not None else result.message
    return result.name + _quoted(detail)


def _quoted(words: object) -> str:
    return "" if words in (None, "") else f" “{_cut(str(words))}”"


def _cut(words: str) -> str:
    words = " ".join(words.split())
    return words if len(words) <= WIDTH else words[: WIDTH - 1] + "…"
