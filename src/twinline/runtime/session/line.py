"""What a session talks through: the engine does not know if a telephone, a conversation or a recording is behind it.

Comes in: what the session wants to say or hear. Goes out: what the caller answered.
"""

from typing import Protocol

import msgspec

from twinline.model.transcript import MessageSent, VerbStarted


class Input(msgspec.Struct, frozen=True):
    """What a caller gave: the text, its message identifier, its place in the inbound stream."""

    text: str
    message: str
    sequence: int = 0


class Line(Protocol):
    """One session's connection to its caller and, for messages, to the world."""

    @property
    def channel(self) -> str:
        """`TEXT` or `VOICE`."""
        ...

    async def send(self, message: MessageSent) -> None:
        """Hand a message over for delivery; returns when it cannot be lost any more."""
        ...

    async def receive(self, asked: VerbStarted, timeout: float) -> Input | None:
        """The caller's next message for this ask, or None when `timeout` seconds of session time passed without one.

        Raises Diverged when a recording has no answer to what is asked.
        """
        ...

    async def end(self) -> None:
        """The session leaves the line: the caller's next message is no longer for it."""
        ...


class Diverged(Exception):
    """A rehearsed session asks what the recording has no answer to."""
