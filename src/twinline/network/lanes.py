"""Work that keeps its order per key while other keys go on.

Comes in: items with a key. Goes out: calls of one handler, never two of the same key at once, in the order of arrival.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Lanes(Generic[T]):
    """A lane for each key that has work. Tasks belong to `group`: an error of the handler ends the group."""

    def __init__(self, group: asyncio.TaskGroup, handle: Callable[[T], Awaitable[None]]) -> None:
        self._group = group
        self._handle = handle
        self._waiting: dict[str, deque[T]] = {}

    def add(self, key: str, item: T) -> None:
        """Put an item at the end of its lane."""
        if (lane := self._waiting.get(key)) is not None:
            lane.append(item)
            return
        self._waiting[key] = deque((item,))
        self._group.create_task(self._run(key))

    async def _run(self, key: str) -> None:
        lane = self._waiting[key]
        while lane:
            await self._handle(lane[0])
            lane.popleft()
        del self._waiting[key]
