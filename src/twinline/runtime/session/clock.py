"""A session's time. Live sessions have real time; rehearsed ones have a clock that jumps.

Comes in: how long a verb wants to wait. Goes out: seconds since the session's start, and the waiting itself.
"""

import asyncio
import heapq
import time
from typing import Protocol

SETTLE = 0.002
"""Seconds of real time in which other threads of a script may start to wait, before virtual time jumps past them."""


class Clock(Protocol):
    """What the engine asks of time."""

    def now(self) -> float:
        """Seconds since the session's start."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return when `seconds` of the session's time have passed."""
        ...


class RealClock:
    """Time as it passes. `started_at` is seconds since the epoch; a rebuilt session keeps its first start."""

    def __init__(self, started_at: float) -> None:
        self._offset = time.time() - started_at - time.monotonic()

    def now(self) -> float:
        """Seconds since the session's start."""
        return round(time.monotonic() + self._offset, 6)

    async def sleep(self, seconds: float) -> None:
        """Wait in real time."""
        await asyncio.sleep(seconds)


class VirtualClock:
    """Time that stands still while a script computes and jumps when it waits.

    Several threads of one script may wait at once: the earliest end comes first, as in real time.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._sleepers: list[float] = []

    def now(self) -> float:
        """Seconds that the session believes have passed."""
        return round(self._now, 6)

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once."""
        self._now += max(seconds, 0.0)

    async def sleep(self, seconds: float) -> None:
        """Jump to the end of the wait, after those that end earlier."""
        end = self._now + seconds
        heapq.heappush(self._sleepers, end)
        await asyncio.sleep(0)
        while self._sleepers[0] < end:  # noqa: ASYNC110  # nobody can tell when another thread will start to wait
            await asyncio.sleep(SETTLE)
        heapq.heappop(self._sleepers)
        self._now = max(self._now, end)
