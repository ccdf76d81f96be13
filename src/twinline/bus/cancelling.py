"""Cancellation beside a client that loses it.

Comes in: calls of the bus's client, and tasks that make them. Goes out: calls that heed a cancellation, tasks that have
ended. On Python 3.11 `asyncio.wait_for` swallows a cancellation that arrives as its inner result does
(python/cpython#86296; mended in 3.12), and the client waits so everywhere: one `cancel` is a request that may be lost.
"""

import asyncio
from collections.abc import Awaitable, Collection
from typing import TypeVar

T = TypeVar("T")

AGAIN_SECONDS = 0.5
"""Until a task that is still there is cancelled once more."""


async def heed(call: Awaitable[T]) -> T:
    """Await a call of the bus's client, and heed a cancellation that came with its result.

    A loop that goes on after a lost one would never end.
    """
    result = await call
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
    return result


async def end(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel tasks until they have ended. What they raise stays in them."""
    waiting = {task for task in tasks if not task.done()}
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=AGAIN_SECONDS)
