"""Ending tasks for certain.

Comes in: tasks. Goes out: the same tasks, ended. On Python 3.11 `asyncio.wait_for` swallows a cancellation that arrives
as its inner result does (python/cpython#86296; mended in 3.12), and the bus's client waits so everywhere: one `cancel`
is a request that may be lost.
"""

import asyncio
from collections.abc import Collection

AGAIN_SECONDS = 0.5
"""Until a task that is still there is cancelled once more."""


async def end(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel tasks until they have ended. What they raise stays in them."""
    waiting = {task for task in tasks if not task.done()}
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=AGAIN_SECONDS)
