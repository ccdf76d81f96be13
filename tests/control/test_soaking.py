"""The soak clock runs while a live worker of development's build beats, and only then."""

import asyncio

from tests.control.conftest import eventually, running
from tests.control.examples import add_build

from twinline.bus import Bus, names
from twinline.control import clusters, soaking
from twinline.control.plane import Plane
from twinline.control.store import builds
from twinline.model.builds import Cluster
from twinline.model.messages import WorkerStatus
from twinline.release import Soak


async def soak(plane: Plane, number: int) -> Soak:
    return await plane.store.read(lambda it: builds.soak(it, number))


async def test_time_counts_while_a_worker_beats_and_stands_still_otherwise(plane: Plane, bus: Bus) -> None:
    number = await add_build(plane.store)
    await clusters.place(plane, Cluster.DEVELOPMENT, number)
    async with running(soaking.run(plane.bus, plane.store, 0.05)):

        async def paused() -> bool:
            return "no worker of it was alive" in (await soak(plane, number)).pauses

        await eventually(paused)
        assert (await soak(plane, number)).seconds == 0
        beat = WorkerStatus("development-1-0", Cluster.DEVELOPMENT, number, "live", 0, 7, 0.0)
        await bus.put(names.WORKERS, beat.name, beat)

        async def counted() -> bool:
            return (await soak(plane, number)).seconds > 0.2

        await eventually(counted)
        await bus.delete(names.WORKERS, beat.name)
        await asyncio.sleep(0.2)
        stood = (await soak(plane, number)).seconds
        await asyncio.sleep(0.2)
        assert (await soak(plane, number)).seconds == stood


async def test_neither_a_rehearsal_worker_nor_one_in_production_makes_a_build_healthy(plane: Plane, bus: Bus) -> None:
    for cluster, role in ((Cluster.DEVELOPMENT, "rehearsal"), (Cluster.PRODUCTION, "live")):
        beat = WorkerStatus(f"{cluster}-{role}", cluster, 1, role, 0, 7, 0.0)
        await bus.put(names.WORKERS, beat.name, beat)
    assert not await soaking.healthy(bus, 1)
