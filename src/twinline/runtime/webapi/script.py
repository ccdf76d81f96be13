"""An application that is a URL, as a script: the engine tells it as little from a process as a telephone from a text.

Comes in: what the engine tells a script. Goes out: the verbs that the application's documents ask for. It has no task
of its own: it goes on while the engine waits for its next message.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec

from twinline.model.transcript import ScriptError, VerbResult
from twinline.runtime.languages import protocol
from twinline.runtime.outbound.wire import Request, Response
from twinline.runtime.session.clock import Clock
from twinline.runtime.webapi.dialogue import Commands, Dialogue, End, Perform, Post, Warn
from twinline.runtime.webapi.fetching import Fetching, Unanswered, WebSettings
from twinline.runtime.webapi.opening import facts_of

FAILED = "WebApiError"
"""The type of the error that a session ends with when its application cannot be gone on with."""

AskFor = Callable[[str, Request], Awaitable[Response]]
"""The worker's way out: credentials of a session and a request."""


class WebEnded(msgspec.Struct, frozen=True):
    """How it ended."""

    cause: str


class WebScript:
    """One session of an application at `url`. `warn` writes to the session's log, `ask` is the worker's way out."""

    def __init__(
        self,
        url: str,
        *,
        application: str,
        clock: Clock,
        warn: Callable[[str], None],
        ask: AskFor,
        settings: WebSettings | None = None,
    ) -> None:
        self._url = url
        self._application = application
        self._clock = clock
        self._warn = warn
        self._ask = ask
        self._settings = settings or WebSettings()
        self._dialogue: Dialogue | None = None
        self._fetching: Fetching | None = None
        self._result: asyncio.Future[VerbResult] | None = None
        self._verbs = 0
        self._killed = ""

    async def start(self, message: dict[str, object]) -> None:
        """Hand over what the session is."""
        credentials = str(message["proxy"])
        self._dialogue = Dialogue(facts_of(message, self._application), self._url)
        self._fetching = Fetching(lambda request: self._ask(credentials, request), self._settings)

    async def __aiter__(self) -> AsyncIterator[protocol.HostMessage]:
        """The application's verbs one after the other, and its end."""
        dialogue = self._dialogue
        if dialogue is None:
            raise RuntimeError("a script is started before it is listened to")
        commands = dialogue.begin()
        while not self._killed:
            match self._told(commands):
                case Post(url, body):
                    commands = await self._post(dialogue, url, body)
                case Perform() as wanted:
                    self._verbs += 1
                    self._result = asyncio.get_running_loop().create_future()
                    yield protocol.VerbMessage(
                        self._verbs, wanted.verb, wanted.arguments, file=wanted.url, line=wanted.place
                    )
                    commands = dialogue.performed(await self._result, self._clock.now())
                case End(failure=""):
                    yield protocol.DoneMessage()
                    return
                case End(failure=failure, url=url):
                    yield protocol.FailedMessage(ScriptError(FAILED, f"{failure} [url={url}]", file=url))
                    return

    def send(self, message: msgspec.Struct) -> None:
        """Tell it what its verb came to, or how its line is."""
        match message:
            case protocol.ResultMessage(result=result, error=refused):
                if self._result is not None and not self._result.done():
                    text = refused.message if refused else "the verb came to nothing"
                    self._result.set_result(result or VerbResult(name="error", message=text))
            case protocol.StateMessage(call=call) if self._dialogue is not None:
                self._dialogue.line(str(call.get("state")), str(call.get("id") or ""))
            case _:  # attempts and the like are for handlers, and a document has none
                pass

    async def kill(self, cause: str) -> None:
        """Ask nothing more. An exchange under way is the way out's to end."""
        self._killed = self._killed or cause
        if self._result is not None and not self._result.done():
            self._result.set_result(VerbResult(name="error", message=cause))

    async def wait(self) -> WebEnded:
        """It has ended when it says nothing more."""
        return WebEnded(self._killed or "the application's documents were at their end")

    def _told(self, commands: Commands) -> Post | Perform | End:
        """The command to wait for, after the warnings before it are written."""
        for command in commands:
            if not isinstance(command, Warn):
                return command
            self._warn(command.text)
        raise AssertionError("commands end with one to wait for")

    async def _post(self, dialogue: Dialogue, url: str, body: bytes) -> Commands:
        assert self._fetching is not None, "made when the dialogue is"
        try:
            answer = await self._fetching.post(url, body)
        except Unanswered as unanswered:
            return dialogue.failed(unanswered.reason, unanswered.url, self._clock.now())
        return dialogue.answered(answer.url, answer.document, self._clock.now())
