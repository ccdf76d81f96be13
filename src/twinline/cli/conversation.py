"""A session as a conversation: the caller on the left, the application on the right, the rest between them.

Comes in: a stored session with its transcript. Goes out: something Rich can print.
"""

from rich.align import Align
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from twinline.cli.events import line
from twinline.cli.output import moment, plain
from twinline.control.schema import SessionDetail, SessionView
from twinline.model.transcript import (
    ErrorRaised,
    Event,
    HttpExchange,
    Logged,
    MessageReceived,
    MessageSent,
    SessionEnded,
    SessionStarted,
)

SHOWN = (ErrorRaised, HttpExchange, Logged, MessageReceived, MessageSent, SessionEnded)
"""Kinds of events that people read. Verbs are seen by what they did."""


def conversation(detail: SessionDetail) -> RenderableType:
    """The whole session: what it was pinned to, then everything in order."""
    rows = Table.grid(padding=(0, 2), expand=True)
    rows.add_column(justify="right", style="dim", no_wrap=True)
    rows.add_column(ratio=1)
    for event in detail.transcript:
        if isinstance(event, SHOWN):
            rows.add_row(f"{event.at:.2f} s", _cell(event, detail.session.caller))
    return Group(*_heading(detail), Text(""), rows)


def _heading(detail: SessionDetail) -> list[Text]:
    session = detail.session
    outcome = session.outcome.value if session.outcome else "running"
    first = f"{session.id}  {session.application}, {session.mode.value}, build {session.build}, {outcome}"
    lines = [
        plain(first, style="bold"),
        plain(f"{session.caller} to {session.address}, {moment(session.started_at)} UTC"),
    ]
    for event in detail.transcript:
        if isinstance(event, SessionStarted):
            parts = ", ".join(f"{name} {version}" for name, version in sorted(event.components.items()))
            lines.append(plain(f"version {event.version[:12]}; {parts}; sandbox {event.sandbox}", style="dim"))
    return lines


def _cell(event: Event, caller: str) -> RenderableType:
    match event:
        case MessageReceived():
            return Padding(plain(event.text, style="cyan"), (0, 12, 0, 0))
        case MessageSent():
            # A message to somebody else is part of the session, not of this conversation.
            aside = "" if event.recipient == caller else f"to {event.recipient}: "
            said = plain(aside, style="dim").append_text(plain(event.text, style="green"))
            said.justify = "right"
            return Padding(said, (0, 0, 0, 12))
        case ErrorRaised():
            return _styled(line(event), "bold red")
        case _:
            return Align.center(_styled(line(event), "dim"))


def _styled(text: Text, style: str) -> Text:
    text.stylize(style)
    return text


def summary(session: SessionView) -> tuple[str, ...]:
    """A session as a row of a list."""
    outcome = session.outcome.value if session.outcome else "running"
    return (
        session.id, session.application, session.mode.value, str(session.build), session.caller,
        moment(session.started_at), str(session.turns), outcome,
    )  # fmt: skip
