"""A live session in a worker: the engine with a text line, and its transcript made durable as it grows.

Comes in: a start, further messages, or the transcript of a lost process. Goes out: chunks of transcript on the bus, the
closing of the conversation, and acknowledgements.

A work item is acknowledged only when what it caused is on the bus: a killed worker finds it again, runs the session
anew (or from its transcript), and repeats only what has the same names as before, which bus and carriers take once.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import structlog

from twinline.bus import names
from twinline.model.applications import Language
from twinline.model.errors import TwinlineError
from twinline.model.messages import ConversationClosed, DeliverMessage, OpenSession, StartSession, TranscriptChunk
from twinline.model.transcript import (
    ErrorRaised,
    MessageReceived,
    Outcome,
    ScriptError,
    SessionEnded,
    SessionStarted,
    Transcript,
)
from twinline.runtime.outbound import Live
from twinline.runtime.parts import WorkerParts, cassette_of
from twinline.runtime.session import Input, RealClock, Session
from twinline.runtime.text import TextLine

log = structlog.get_logger()

Acknowledge = Callable[[], Awaitable[None]]
"""Tells the bus that a work item is done with."""


class LiveSession:
    """One session of this worker. `recorded` is its transcript so far when it is taken up again after a loss."""

    def __init__(self, parts: WorkerParts, worker: str, start: StartSession, recorded: Transcript = ()) -> None:
        self.start = start
        self._parts = parts
        self._worker = worker
        started = recorded[0] if recorded and isinstance(recorded[0], SessionStarted) else parts.facts(start)
        self._line = TextLine(parts.bus, session=start.session, application=start.application, address=start.address)
        self._session = Session(
            started,
            self._line,
            RealClock(started.started_at),
            checkpoint=self._make_durable,
            line_over=self._close_conversation,
            time_limit=parts.time_limit,
            recorded=recorded,
        )
        if not recorded:
            self._session.record(
                MessageReceived(at=0.0, text=start.text, message=start.message, sequence=start.sequence)
            )
            self._session.consumed = start.sequence
        self._recorded = recorded
        self._durable = len(recorded)
        self._open = bool(recorded)
        self._publishing = asyncio.Lock()
        self._held: deque[tuple[int, Acknowledge]] = deque()
        self._seen = {start.sequence, *(e.sequence for e in recorded if isinstance(e, MessageReceived))}

    def hold(self, sequence: int, acknowledge: Acknowledge) -> None:
        """Acknowledge this item when what it caused is durable."""
        self._held.append((sequence, acknowledge))

    @property
    def at_rest(self) -> bool:
        """Whether all that happened is on the bus, so that the session can go on elsewhere as well as here."""
        return self._durable == len(self._session.events)

    async def deliver(self, item: DeliverMessage, acknowledge: Acknowledge) -> None:
        """A further message of the caller. After the line has ended the dispatcher gives it to the next session."""
        if self._session.line_ended:
            await acknowledge()
            return
        self.hold(item.sequence, acknowledge)
        if item.sequence not in self._seen:
            self._seen.add(item.sequence)
            self._line.put(Input(text=item.text, message=item.message, sequence=item.sequence))

    async def run(self) -> None:
        """Run the session to its end."""
        identifier = self.start.session
        try:
            version = self.start.version
            script = await self._parts.script(version, self._session)
            credentials = self._parts.proxy.register(
                identifier,
                Live(
                    self._session.exchange,
                    cassette_of(version, self._recorded),
                    lambda: self._session.rebuilding,
                    keep_cookies=version.language is Language.WEB,
                ),
            )
            await self._session.run(script, credentials)
        except TwinlineError as error:
            await self._fail(error)
        except Exception as error:
            # A session that breaks us must end as well, or its messages would come back for ever.
            log.exception("session.crashed", session=identifier, application=self.start.application)
            await self._fail(error)
        finally:
            self._parts.proxy.unregister(identifier)
        await self._publish(final=True)
        if self._open:
            await self._parts.bus.delete(names.OPEN_SESSIONS, identifier)
        await self._acknowledge(all_items=True)

    async def _fail(self, error: Exception) -> None:
        """The platform could not run the script: the session ends, and says why."""
        session = self._session
        now = session.clock.now()
        session.record(ErrorRaised(at=now, error=ScriptError(type(error).__name__, str(error)), platform=True))
        session.record(SessionEnded(at=now, outcome=Outcome.KILLED, reason=str(error)))
        await self._close_conversation(session)

    async def _make_durable(self, _session: Session) -> None:
        if not self._open:
            self._open = True
            await self._parts.bus.put(
                names.OPEN_SESSIONS, self.start.session, OpenSession(self.start.session, self._worker)
            )
        await self._publish(final=False)
        await self._acknowledge(all_items=False)

    async def _publish(self, *, final: bool) -> None:
        """Publish what is new. One at a time: threads of a script may wait at once, and a transcript has no gaps."""
        async with self._publishing:
            first, events = self._durable, tuple(self._session.events[self._durable :])
            if not events:
                return
            await self._parts.bus.publish_surely(
                names.transcript_subject(self.start.session),
                TranscriptChunk(session=self.start.session, first=first, events=events, final=final, start=self.start),
                once=f"{self.start.session}:{first}:{len(events)}",
            )
            self._durable += len(events)

    async def _acknowledge(self, *, all_items: bool) -> None:
        while self._held and (all_items or self._held[0][0] <= self._session.consumed):
            _, acknowledge = self._held.popleft()
            await acknowledge()

    async def _close_conversation(self, session: Session) -> None:
        await self._parts.bus.publish_surely(
            names.INBOUND_SUBJECT,
            ConversationClosed(
                conversation=self.start.conversation, session=self.start.session, consumed=session.consumed
            ),
            once=f"closed:{self.start.session}",
        )
