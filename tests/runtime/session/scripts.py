"""A script's process played by a coroutine, so that a test can hold its every step.

It says and hears the same messages as a language host; real processes have tests of their own.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import msgspec

from twinline.model.builds import Cluster
from twinline.model.transcript import MessageSent, ScriptError, SessionStarted, Transcript, VerbResult, VerbStarted
from twinline.runtime.languages import protocol
from twinline.runtime.session import Input, RealClock, Session


class Raised(Exception):
    """What a verb that fails does in a script."""


@dataclass
class Exit:
    cause: str


class CoroutineScript:
    """`program` is the script; it calls `verb` on what it is given."""

    def __init__(self, program: Callable[["CoroutineScript"], Awaitable[None]]) -> None:
        self._program = program
        self._out: asyncio.Queue[protocol.HostMessage | None] = asyncio.Queue()
        self._results: dict[int, asyncio.Future[VerbResult]] = {}
        self._next = 1
        self._task: asyncio.Task[None] | None = None
        self._cause = "ended"
        self.attempts: list[VerbResult] = []

    async def start(self, message: dict[str, object]) -> None:
        self.started_with = message
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        try:
            await self._program(self)
            self._out.put_nowait(protocol.DoneMessage())
        except Raised as error:
            self._out.put_nowait(protocol.FailedMessage(ScriptError("CallError", str(error), "main.py", 1)))
        finally:
            self._out.put_nowait(None)

    async def verb(self, name: str, *, handlers: tuple[str, ...] = (), **arguments: object) -> VerbResult:
        number, self._next = self._next, self._next + 1
        self._results[number] = asyncio.get_running_loop().create_future()
        self._out.put_nowait(
            protocol.VerbMessage(number, name, arguments, file="main.py", line=number, handlers=handlers)
        )
        result = await self._results[number]
        if result.name == "error":
            raise Raised(result.message)
        return result

    def log(self, text: str) -> None:
        self._out.put_nowait(protocol.LogMessage(text))

    async def __aiter__(self) -> AsyncIterator[protocol.HostMessage]:
        while (message := await self._out.get()) is not None:
            yield message

    def send(self, message: msgspec.Struct) -> None:
        match message:
            case protocol.ResultMessage(id=number, result=VerbResult() as result):
                self._results[number].set_result(result)
            case protocol.AttemptMessage(id=number, result=result):
                self.attempts.append(result)
                self._out.put_nowait(protocol.ContinueMessage(number))
            case _:
                pass

    async def kill(self, cause: str) -> None:
        self._cause = cause
        if self._task is not None:
            self._task.cancel()

    async def wait(self) -> Exit:
        return Exit(self._cause)


class TestLine:
    """A line whose caller writes what a test puts in; sends are kept, once each by identifier, as a carrier would."""

    __test__ = False
    channel = "TEXT"

    def __init__(self, *texts: str) -> None:
        self.inbox: asyncio.Queue[Input | None] = asyncio.Queue()
        self.sent: dict[str, MessageSent] = {}
        for index, text in enumerate(texts):
            self.inbox.put_nowait(Input(text, f"m{index}", index + 2))

    @property
    def texts(self) -> list[str]:
        return [message.text for message in self.sent.values()]

    async def send(self, message: MessageSent) -> None:
        self.sent.setdefault(message.message, message)

    async def receive(self, asked: VerbStarted, timeout: float) -> Input | None:
        try:
            return await asyncio.wait_for(self.inbox.get(), timeout)
        except TimeoutError:
            return None

    async def end(self) -> None:
        self.inbox.put_nowait(None)


@dataclass
class Run:
    """One session of a test: what it was given, and what came of it."""

    line: TestLine
    script: CoroutineScript
    transcript: Transcript
    checkpoints: list[Transcript] = field(default_factory=list)
    line_over_at: list[int] = field(default_factory=list)


def facts(initial_text: str | None = "hello", sandbox: str = "bubblewrap") -> SessionStarted:
    return SessionStarted(
        at=0.0,
        session="s",
        application="test",
        mode=Cluster.PRODUCTION,
        version="v",
        build=1,
        components={},
        address="+14155550100",
        caller="+14155550111",
        channel="TEXT",
        network="SMS",
        initial_text=initial_text,
        parameters={},
        seed="00",
        started_at=0.0,
        sandbox=sandbox,
    )


async def run(
    program: Callable[[CoroutineScript], Awaitable[None]],
    line: TestLine | None = None,
    *,
    initial_text: str | None = "hello",
    recorded: Transcript = (),
    time_limit: float = 10.0,
    sandbox: str = "bubblewrap",
) -> Run:
    line = line or TestLine()
    checkpoints: list[Transcript] = []
    line_over_at: list[int] = []

    async def checkpoint(session: Session) -> None:
        checkpoints.append(tuple(session.events))

    async def line_over(session: Session) -> None:
        line_over_at.append(len(session.events))

    session = Session(
        facts(initial_text, sandbox),
        line,
        RealClock(0.0),
        checkpoint=checkpoint,
        line_over=line_over,
        time_limit=time_limit,
        recorded=recorded,
    )
    script = CoroutineScript(program)
    transcript = await session.run(script, "user:password")
    return Run(line, script, transcript, checkpoints, line_over_at)
