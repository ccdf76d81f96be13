"""The result as one HTML file: no script, no font, no picture, nothing fetched.

Comes in: a result. Goes out: the page. Everything an application or a caller said is escaped by the template engine.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from jinja2 import Environment, PackageLoader, StrictUndefined

from twinline.model.rehearsal import RehearsalResult
from twinline.model.transcript import ErrorRaised, Event, MessageSent, SessionEnded, VerbEnded, VerbStarted
from twinline.rehearsal.report.findings import extent, headline, sections, unjudged_share
from twinline.rehearsal.words import APPLICATION, CALLER, told

LISTED = 200
"""Sessions named under one finding; the JSON result names all."""

SPOKEN = 12
"""Lines of a conversation shown before the place where the lanes part."""

_PLAIN_RESULTS = frozenset({"say", "message", "wait", "answer"})
"""Results that say no more than that the verb was performed."""


def html_page(result: RehearsalResult) -> str:
    """The page of a rehearsal."""
    return _PAGE.render(
        result=result,
        headline=headline(result),
        sections=sections(result),
        seconds=result.finished_at - result.started_at,
        compared=sum(application.compared for application in result.applications),
        unjudged=unjudged_share(result),
        listed=LISTED,
        spoken=SPOKEN,
    )


def _speech(line: str) -> tuple[str, str, str]:
    """A line of a trail as (side, speaker, words)."""
    speaker, _, words = line.partition(": ")
    side = {CALLER: "caller", APPLICATION: "application"}.get(speaker, "aside")
    return side, speaker, words


def _telling(events: Sequence[Event]) -> list[Event]:
    """Without what repeats the event before: a message that its verb already quoted, a verb that came back as such."""
    kept: list[Event] = list(events[:1])
    said = {event.arguments.get("text") for event in events if isinstance(event, VerbStarted)}
    for event in events[1:]:
        match event:
            case MessageSent(text=text) if text in said:
                continue
            case VerbEnded(result=result) if result.name in _PLAIN_RESULTS:
                continue
            case _:
                kept.append(event)
    return kept


def _tone(event: Event) -> str:
    match event:
        case ErrorRaised():
            return "bad"
        case SessionEnded():
            return "faint"
        case _:
            return ""


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%-d %B %Y, %H:%M UTC")


_ENVIRONMENT = Environment(
    loader=PackageLoader("twinline.rehearsal.report", "."),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters.update(extent=extent, speech=_speech, telling=_telling, told=told, tone=_tone, when=_when)
_PAGE = _ENVIRONMENT.get_template("page.html.j2")
