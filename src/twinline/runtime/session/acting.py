"""What a verb may do with the session it is performed in: the engine offers it, the verbs need no more.

Comes in: nothing. Goes out: one protocol, kept by `engine.Session`.
"""

from typing import Protocol

from twinline.model.transcript import Event, VerbResult
from twinline.runtime.session.clock import Clock
from twinline.runtime.session.line import Line


class Acting(Protocol):
    """A session as its verbs see it. `consumed` is the inbound sequence of the last message that was taken."""

    line: Line
    clock: Clock
    consumed: int

    @property
    def network(self) -> str:
        """The network that the session's line belongs to, such as SMS."""
        ...

    @property
    def line_ended(self) -> bool:
        """Whether the session has left its line."""
        ...

    def require_line(self, verb: str) -> None:
        """Raises VerbError when the session has left its line."""
        ...

    def take_initial_text(self) -> str | None:
        """The text that started the session, once."""
        ...

    def attempts_made(self, verb_id: int) -> int:
        """How many attempts of a verb have ended before this process took it up."""
        ...

    def record(self, event: Event) -> None:
        """Append to the transcript."""
        ...

    def warn(self, text: str) -> None:
        """A line in the session's log about something tolerated."""
        ...

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
        ...

    async def attempt_ended(self, verb_id: int, result: VerbResult) -> None:
        """An attempt that is not the last ended: the script's handlers run."""
        ...

    async def checkpoint(self) -> None:
        """Make the transcript durable before the session waits."""
        ...

    async def end_line(self, state: str) -> None:
        """The script leaves its line."""
        ...
