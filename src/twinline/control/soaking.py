"""The soak clock's hand: looks at development every few seconds and writes down what the build there has gathered.

Comes in: heartbeats of workers, and what development runs. Goes out: each build's `Soak` in the store. What counts is
decided in `twinline.release.soak`.
"""

import asyncio
import time

import nats.errors
import structlog

from twinline.bus import Bus, names
from twinline.control.publishing import snapshot
from twinline.control.store import Store, builds
from twinline.model.builds import Cluster
from twinline.model.errors import Trouble
from twinline.model.messages import WorkerStatus
from twinline.release import Observation, observe

log = structlog.get_logger()


async def run(bus: Bus, store: Store, interval: float) -> None:
    """Observe every `interval` seconds, for ever. What cannot be seen is not counted."""
    before = time.monotonic()
    while True:
        await asyncio.sleep(interval)
        now = time.monotonic()
        elapsed, before = now - before, now
        try:
            await _look(bus, store, elapsed)
        except (nats.errors.Error, Trouble) as error:
            log.warning("soak.not_seen", error=str(error))


async def _look(bus: Bus, store: Store, elapsed: float) -> None:
    pointer = await store.read(lambda transaction: builds.pointer(transaction, Cluster.DEVELOPMENT))
    number = pointer.current
    if number is None:
        return
    seen = Observation(elapsed, number, await healthy(bus, number))
    await store.write(lambda transaction: builds.set_soak(transaction, observe(builds.soak(transaction, number), seen)))


async def healthy(bus: Bus, build: int) -> bool:
    """Whether a live worker of `build` beats on development. Heartbeats vanish from the bus by themselves."""
    workers = await snapshot(bus, names.WORKERS, WorkerStatus)
    return any(
        worker.cluster is Cluster.DEVELOPMENT and worker.build == build and worker.role == "live"
        for worker in workers.values()
    )
