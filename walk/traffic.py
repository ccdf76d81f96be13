"""Traffic: people who go on writing while builds change under them.

Comes in: people and a conversation. Goes out: whole conversations, one after the other, until told to stop; what goes
wrong in one is raised at the end.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from walk.cast import Cast
from walk.people import People

LANES = 3
"""Conversations at the same time: enough that some are always open, few enough for a small machine."""

PAUSE = 0.3
"""Seconds between two conversations of a lane, so that the machine has time for the walk itself."""


@contextmanager
def traffic(people: People, cast: Cast) -> Iterator[None]:
    """Hold conversations in the background for as long as the block runs, and finish those that are open at its end."""
    stop = threading.Event()

    def lane() -> None:
        while not stop.is_set():
            people.hold(people.somebody(), cast.address, cast.conversations[0], quiet=True)
            stop.wait(PAUSE)

    with ThreadPoolExecutor(LANES) as pool:
        lanes = [pool.submit(lane) for _ in range(LANES)]
        try:
            yield
        finally:
            stop.set()
        for each in lanes:
            each.result()
