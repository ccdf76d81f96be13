"""One session: a script on one side, a line on the other, and the transcript of all that crosses between.

Comes in: what the session is pinned to, its script's process, its line, its clock. Goes out: the finished transcript.
The engine knows neither what language the script is in nor what kind of line it talks to.

A session can be rebuilt after its process was lost: the script runs again and every verb it performed before is
answered from the recorded transcript, so that nothing that was sent is sent again, until it stands where it was.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from twinline.model.transcript import (
    AttemptEnded,
    ErrorRaised,
    Event,
    Hangup,
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
from twinline.runtime.languages import protocol
from twinline.runtime.session.clock import Clock
from twinline.runtime.session.line import Diverged, Line
from twinline.runtime.session.rebuild import Rebuild, RebuildFailed
from twinline.runtime.session.script import Script
from twinline.runtime.session.verbs import VerbError, perform

TRANSCRIPT_LIMIT = 100_000
"""Events of one session; a prompt every second for a day. Beyond it a script is in a loop."""

Step = Callable[["Session"], Awaitable[None]]
"""Something the owner of a session does at a point of its life."""


@dataclass
class _Performing:
    """A verb in progress: the host's number of it, and the handlers that run between its attempts."""

    host_id: int
    handlers: bool
    handled: asyncio.Event = field(default_factory=asyncio.Event)


class Session:
    """A session from its start to its end. Constructed complete, run once.

    `checkpoint` makes the events so far durable before the session waits; `line_over` is told when the caller's next
    message is no longer for this session. `recorded` is the transcript of a lost process to be taken up again.
    """

    def __init__(
        self,
        started: SessionStarted,
        line: Line,
        clock: Clock,
        *,
        checkpoint: Step,
        line_over: Step,
        time_limit: float,
        recorded: Transcript = (),
        rehearsal: bool = False,
    ) -> None:
        self.started = started
        self.line = line
        self.clock = clock
        self.events: list[Event] = list(recorded) or [started]
        self.consumed = max((e.sequence for e in recorded if isinstance(e, MessageReceived)), default=0)
        self.line_state = "ANSWERED"
        self._initial_text = started.initial_text
        self._rebuild = Rebuild(recorded)
        self._checkpoint = checkpoint
        self._line_over = line_over
        self._time_limit = time_limit
        self._rehearsal = rehearsal
        self._script: Script | None = None
        self._performing: dict[int, _Performing] = {}
        self._next_verb = self._rebuild.last_verb + 1
        self._stopped: tuple[Outcome, str] | None = None

    @property
    def network(self) -> str:
        """The network that the session's line belongs to, such as SMS."""
        return self.started.network

    @property
    def line_ended(self) -> bool:
        """Whether the session has left its line."""
        return self.line_state != "ANSWERED"

    async def run(self, script: Script, credentials: str) -> Transcript:
        """Run the script to its end and return the whole transcript; nothing that a script does makes this raise.

        `credentials` open the outbound proxy for this session.
        """
        self._script = script
        if self.started.sandbox == "none":
            self.warn("scripts are not kept apart here: the platform runs with --sandbox=none")
        verbs: set[asyncio.Task[None]] = set()
        try:
            async with asyncio.timeout(self._time_limit):
                await script.start(self._start_message(credentials))
                outcome, reason = await self._converse(script, verbs)
        except TimeoutError:
            outcome, reason = Outcome.TIMED_OUT, f"the script ran longer than {self._time_limit:g} s"
            await script.kill(reason)
        finally:
            for task in verbs:
                task.cancel()
            await asyncio.gather(*verbs, return_exceptions=True)
        if self._stopped is not None:
            outcome, reason = self._stopped
        await self._leave_line("DISCONNECTED")
        self.record(SessionEnded(at=self.clock.now(), outcome=outcome, reason=reason))
        return tuple(self.events)

    async def _converse(self, script: Script, verbs: set[asyncio.Task[None]]) -> tuple[Outcome, str]:
        """Serve the script until its process ends; gives how it ended and why."""
        ended: tuple[Outcome, str] | None = None
        async for message in script:
            match message:
                case protocol.VerbMessage():
                    task = asyncio.create_task(self._serve(script, message))
                    verbs.add(task)
                    task.add_done_callback(verbs.discard)
                case protocol.ContinueMessage():
                    self._handled(message.id)
                case protocol.LogMessage():
                    self._log(message.text, source="script", level=message.level, line=message.line)
                case protocol.Output():
                    self._log(message.text, source="output")
                case protocol.DoneMessage():
                    ended = Outcome.COMPLETED, ""
                case protocol.FailedMessage():
                    self.record(ErrorRaised(at=self.clock.now(), error=message.error))
                    ended = Outcome.FAILED, f"{message.error.type}: {message.error.message}"
        exit_ = await script.wait()
        if self._rebuild.active and self._stopped is None:
            return Outcome.LOST, "the session could not be rebuilt: the script ended before the place where it was"
        if ended is not None:
            return ended
        return Outcome.KILLED, exit_.cause

    async def _serve(self, script: Script, message: protocol.VerbMessage) -> None:
        """Perform one verb of the script and answer it."""
        try:
            recorded = self._rebuild.take(message.verb, message.arguments)
        except RebuildFailed as failure:
            await self._stop(Outcome.LOST, f"the session could not be rebuilt: {failure}")
            return
        if recorded is None:
            verb = VerbStarted(
                at=self.clock.now(),
                id=self._next_verb,
                verb=message.verb,
                arguments=message.arguments,
                file=message.file,
                line=message.line,
            )
            self._next_verb += 1
            self.record(verb)
        else:
            verb = recorded.started
            if verb.verb in ("ask", "prompt", "record"):
                self._initial_text = None
        self._performing[verb.id] = _Performing(message.id, bool(message.handlers))
        for result in recorded.attempts if recorded else ():
            await self._run_handlers(verb.id, result)
        if recorded and recorded.result is not None:
            self._replay_line(recorded.result)
            self._answer(script, message.id, recorded.result)
        else:
            await self._perform(script, verb, message.id)
        del self._performing[verb.id]

    async def _perform(self, script: Script, verb: VerbStarted, host_id: int) -> None:
        try:
            result = await perform(self, verb)
        except VerbError as error:
            result = VerbResult(name="error", message=str(error))
        except Diverged as diverged:
            await self._stop(Outcome.DIVERGED, str(diverged))
            return
        self.record(VerbEnded(at=self.clock.now(), id=verb.id, result=result))
        self._answer(script, host_id, result)

    def _answer(self, script: Script, host_id: int, result: VerbResult) -> None:
        script.send(protocol.ResultMessage(id=host_id, result=result))

    def _replay_line(self, result: VerbResult) -> None:
        if result.name in ("hangup", "reject"):
            self.line_state = "DISCONNECTED" if result.name == "hangup" else "REJECTED"

    async def attempt_ended(self, verb_id: int, result: VerbResult) -> None:
        """An attempt that is not the last: the script's handlers run before the next one."""
        self.record(AttemptEnded(at=self.clock.now(), id=verb_id, result=result))
        await self._run_handlers(verb_id, result)

    async def _run_handlers(self, verb_id: int, result: VerbResult) -> None:
        performing = self._performing[verb_id]
        if performing.handlers and self._script is not None:
            performing.handled.clear()
            self._script.send(protocol.AttemptMessage(id=performing.host_id, result=result))
            await performing.handled.wait()

    def _handled(self, host_id: int) -> None:
        for performing in self._performing.values():
            if performing.host_id == host_id:
                performing.handled.set()

    def attempts_made(self, verb_id: int) -> int:
        """How many attempts of a verb have ended: more than none when a rebuilt session goes on in the middle of it."""
        return sum(1 for event in self.events if isinstance(event, AttemptEnded) and event.id == verb_id)

    def record(self, event: Event) -> None:
        """Append to the transcript; one that is full takes only how the session ended."""
        if len(self.events) < TRANSCRIPT_LIMIT or isinstance(event, SessionEnded | ErrorRaised):
            self.events.append(event)

    def exchange(self, request: HttpRequest, response: HttpResponse | None, error: str) -> None:
        """The outbound proxy saw the script talk to the outside."""
        if not self._rebuild.active:
            self.record(HttpExchange(at=self.clock.now(), request=request, response=response, error=error))

    @property
    def rebuilding(self) -> bool:
        """Whether the script still repeats what is recorded, so that the outside must answer from the record."""
        return self._rebuild.active

    def warn(self, text: str) -> None:
        """A line in the session's log about something tolerated."""
        self._log(text, source="platform", level="warning")

    def _log(self, text: str, *, source: str, level: str = "info", line: int = 0) -> None:
        if not self._rebuild.active:
            self.record(Logged(at=self.clock.now(), text=text, source=source, level=level, line=line))

    def take_initial_text(self) -> str | None:
        """The text that started the session, once: the first ask takes it as its answer."""
        text, self._initial_text = self._initial_text, None
        return text

    def require_line(self, verb: str) -> None:
        """Raises VerbError when the session has left its line."""
        if self.line_ended:
            facts = self.started
            raise VerbError(f"Call[{facts.caller}->{facts.address}] cannot {verb} when state is {self.line_state}")

    async def send(
        self,
        verb_id: int,
        text: str,
        *,
        recipient: str | None = None,
        sender: str | None = None,
        network: str | None = None,
        index: int = 0,
    ) -> None:
        """Send a message once (to the caller unless `recipient` is given); `index` tells a verb's sends apart."""
        message = f"{self.started.session}-{verb_id}-{index}"
        if self._rebuild.was_sent(message):
            return
        sent = MessageSent(
            at=self.clock.now(),
            verb=verb_id,
            sender=sender or self.started.address,
            recipient=recipient or self.started.caller,
            text=text,
            network=network or self.network,
            message=message,
        )
        await self.line.send(sent)
        self.record(sent)

    async def checkpoint(self) -> None:
        """Make the transcript durable before the session waits."""
        await self._checkpoint(self)

    async def end_line(self, state: str) -> None:
        """The script leaves its line; the script itself goes on."""
        if not self.line_ended:
            self.record(Hangup(at=self.clock.now(), by="script"))
            await self._leave_line(state)

    async def _leave_line(self, state: str) -> None:
        if self.line_ended:
            return
        self.line_state = state
        await self.line.end()
        if self._script is not None:
            self._script.send(protocol.StateMessage(call={"state": state}))
        await self._line_over(self)

    async def _stop(self, outcome: Outcome, reason: str) -> None:
        """End the session from our side."""
        if self._stopped is None:
            self._stopped = outcome, reason
            if outcome is Outcome.LOST:
                self.record(ErrorRaised(at=self.clock.now(), error=ScriptError("Rebuild", reason), platform=True))
            if self._script is not None:
                await self._script.kill(reason)

    def _start_message(self, credentials: str) -> dict[str, object]:
        facts = self.started
        caller, called = facts.caller.removeprefix("+"), facts.address.removeprefix("+")
        return {
            "type": "start",
            "session": facts.session,
            "call": {
                "id": facts.session,
                "sessionId": facts.session,
                "callerID": caller,
                "calledID": called,
                "e164CallerID": caller,
                "e164CalledID": called,
                "callerName": "unknown",
                "calledName": "unknown",
                "channel": facts.channel,
                "network": facts.network,
                "initialText": facts.initial_text,
                "isIncoming": True,
                "userType": "HUMAN",
                "transferInfo": None,
                "state": "ANSWERED",
                "headers": {},
            },
            "parameters": facts.parameters,
            "seed": facts.seed,
            "rehearsal": self._rehearsal,
            "epoch": facts.started_at,
            "proxy": credentials,
        }
