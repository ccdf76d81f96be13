"""What the machine gives at best for each step of a session: an empty process, a publish, a request.

Comes in: a running platform. Goes out: repetitions a second of each.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.load import Writers
from twinline.bus import BusAddress, connect, names
from twinline.model.messages import ConversationClosed

_FORKS = """
import os, time
began = time.perf_counter()
for _ in range({repetitions}):
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
print({repetitions} / (time.perf_counter() - began))
"""


def forks(repetitions: int = 1_000) -> float:
    """Empty processes forked by a bare Python and waited for, one after another, a second."""
    program = _FORKS.format(repetitions=repetitions)
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)
    return float(done.stdout)


def node_starts(node: Path, repetitions: int = 100) -> float:
    """Node.js processes that start and end with an empty script, two at a time, a second."""
    began = time.perf_counter()
    with ThreadPoolExecutor(2) as two:
        list(two.map(lambda _: subprocess.run([node, "-e", "0"], check=True), range(repetitions)))
    return repetitions / (time.perf_counter() - began)


async def publishes(address: BusAddress, repetitions: int = 2_000) -> float:
    """Messages published to a stream and acknowledged, one after another, a second."""
    bus = await connect(address, name="floor")
    message = ConversationClosed(conversation="floor", session="floor", consumed=0)

    async def publish() -> None:
        await bus.publish(names.INBOUND_SUBJECT, message)

    try:
        return await _repeated(publish, repetitions)
    finally:
        await bus.close()


async def requests(writers: Writers, repetitions: int = 2_000) -> float:
    """Bare HTTP requests to the edge, one after another, a second."""
    return await _repeated(writers.health, repetitions)


async def _repeated(step: Callable[[], Awaitable[None]], repetitions: int) -> float:
    began = time.perf_counter()
    for _ in range(repetitions):
        await step()
    await asyncio.sleep(0)
    return repetitions / (time.perf_counter() - began)
