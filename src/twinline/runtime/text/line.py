"""A conversation over messages as a session's line.

Comes in: messages of the caller, put here by the worker in their order. Goes out: messages for the carrier, on the bus
before `send` returns.
"""

import asyncio

from twinline.bus import Bus, names
from twinline.model.messages import OutboundMessage
from twinline.model.transcript import MessageSent, VerbStarted
from twinline.runtime.session.line import Input


class TextLine:
    """The line of one live text session."""

    channel = "TEXT"

    def __init__(self, bus: Bus, *, session: str, application: str, address: str) -> None:
        self._bus = bus
        self._session = session
        self._application = application
        self._address = address
        self._inbox: asyncio.Queue[Input | None] = asyncio.Queue()

    def put(self, given: Input) -> None:
        """The caller wrote: kept until an ask takes it."""
        self._inbox.put_nowait(given)

    async def send(self, message: MessageSent) -> None:
        """Hand a message to the carriers' queue; returns when the bus has it."""
        await self._bus.publish_surely(
            names.OUTBOUND_SUBJECT,
            OutboundMessage(
                id=message.message,
                session=self._session,
                application=self._application,
                address=self._address,
                sender=message.sender,
                recipient=message.recipient,
                text=message.text,
                network=message.network,
            ),
            once=message.message,
        )

    async def receive(self, asked: VerbStarted, timeout: float) -> Input | None:
        """The caller's next message, in the order they arrived."""
        try:
            given = await asyncio.wait_for(self._inbox.get(), timeout)
        except TimeoutError:
            return None
        if given is None:
            self._inbox.put_nowait(None)
        return given

    async def end(self) -> None:
        """Wake every ask that still listens; they see that the line has ended."""
        self._inbox.put_nowait(None)
