"""What the engine needs of a script's process, whatever language it is in and however it is kept apart.

Comes in: what the platform tells the script. Goes out: what the script asks of the platform, and how it ended.
"""

from collections.abc import AsyncIterator
from typing import Protocol

import msgspec

from twinline.runtime.languages.protocol import HostMessage


class Ended(Protocol):
    """How a script's process ended; `cause` is a sentence for people."""

    @property
    def cause(self) -> str:
        """Why it ended, for people."""
        ...


class Script(Protocol):
    """A script's process, ready to be started."""

    async def start(self, message: dict[str, object]) -> None:
        """Hand over what the session is; the script runs from here on."""
        ...

    def __aiter__(self) -> AsyncIterator[HostMessage]:
        """What the script asks and says, until its process ends."""
        ...

    def send(self, message: msgspec.Struct) -> None:
        """Tell the script something; buffered."""
        ...

    async def kill(self, cause: str) -> None:
        """End the process and all it started."""
        ...

    async def wait(self) -> Ended:
        """Wait for the end of the process."""
        ...
