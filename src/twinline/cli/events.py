"""Events of a transcript as one line each, as the conversation and the rehearsal's differences show them.

Comes in: an event. Goes out: Rich text; everything a caller or a script said is shown as it is.
"""

from rich.text import Text

from twinline.cli.output import plain
from twinline.model.transcript import (
    AttemptEnded,
    ErrorRaised,
    Event,
    Hangup,
    HttpExchange,
    Logged,
    MessageReceived,
    MessageSent,
    ScriptError,
    SessionEnded,
    SessionStarted,
    VerbEnded,
    VerbResult,
    VerbStarted,
)


def line(event: Event | None) -> Text:  # noqa: PLR0911 - one return for each kind is the clearest table
    """What happened, in one line."""
    match event:
        case None:
            return Text("nothing", style="dim")
        case SessionStarted():
            return plain(f"started on build {event.build}, version {event.version[:12]}")
        case VerbStarted():
            return plain(f"{event.verb} {_arguments(event.arguments)}".rstrip() + _place(event.file, event.line))
        case AttemptEnded() | VerbEnded():
            return plain(_result(event.result))
        case MessageReceived():
            return plain(f"received “{event.text}”")
        case MessageSent():
            return plain(f"sent “{event.text}” to {event.recipient}")
        case HttpExchange():
            answer = event.error or (f"{event.response.status}" if event.response else "no answer")
            return plain(f"{event.request.method} {event.request.url} → {answer}")
        case Logged():
            return plain(event.text.rstrip("\n") + (f" (line {event.line})" if event.line else ""))
        case ErrorRaised():
            return plain(error(event.error))
        case Hangup():
            return plain(f"the {event.by} hung up")
        case SessionEnded():
            return plain(f"ended: {event.outcome.value}" + (f" ({event.reason})" if event.reason else ""))


def error(failure: ScriptError) -> str:
    """What a script threw, and at which file and line."""
    return f"{failure.type}: {failure.message}{_place(failure.file, failure.line)}"


def _place(file: str, line_number: int) -> str:
    return f" ({file}:{line_number})" if file else ""


def _arguments(arguments: dict[str, object]) -> str:
    return " ".join(f"{name}={value!r}" for name, value in arguments.items())


def _result(result: VerbResult) -> str:
    understood = f" {result.choice.concept!r}" if result.choice else ""
    said = f" “{result.value}”" if result.value is not None else ""
    return f"{result.name}{understood}{said}" + (f": {result.message}" if result.message else "")
