"""The bus dies, comes back, or has a full disk under it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest
from tests.conftest import connect_when_up
from tests.network.conftest import (
    ADDRESS,
    BusServer,
    EdgeProcess,
    FakeCarrier,
    FakeWorker,
    eventually,
    post_message,
    publish_state,
)

from twinline.bus import Bus, names, prepare


@pytest.fixture
async def join() -> AsyncIterator[Callable[[BusServer], object]]:
    joined: list[Bus] = []

    async def to(server: BusServer) -> Bus:
        bus = await connect_when_up(server.address)
        await prepare(bus)
        joined.append(bus)
        return bus

    yield to
    for bus in joined:
        await bus.client.close()


@pytest.fixture
def edge_on(tmp_path: Path) -> AsyncIterator[Callable[[BusServer], EdgeProcess]]:
    made: list[EdgeProcess] = []

    def start(server: BusServer) -> EdgeProcess:
        made.append(EdgeProcess(server.address, tmp_path))
        made[-1].start()
        return made[-1]

    yield start
    for edge in made:
        edge.kill()


async def test_a_killed_bus_costs_a_503_and_no_message(
    bus_server: Callable[..., BusServer],
    join: Callable[[BusServer], object],
    edge_on: Callable[[BusServer], EdgeProcess],
    carrier: FakeCarrier,
    start_worker: Callable[..., FakeWorker],
) -> None:
    server = bus_server()
    bus = await join(server)
    await publish_state(bus, carrier.url)
    edge = edge_on(server)
    await edge.ready()
    async with aiohttp.ClientSession() as client:
        assert (await post_message(client, edge, "0", identifier="m0")).status == 202
        server.kill()
        await asyncio.sleep(0.1)
        refused = await post_message(client, edge, "1", identifier="m1")
        assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
        server.start()
        busy = start_worker(bus, turns=100)

        async def accepted() -> bool:
            return (await post_message(client, edge, "1", identifier="m1")).status == 202

        await eventually(accepted)
        taken = busy.taken[names.conversation_of(ADDRESS, "+15559")]
        await eventually(lambda: [text for _, _, text in taken] == ["0", "1"])
        await eventually(lambda: len(set(carrier.accepted)) == 2)
        # What is published after the restart is seen too: the directory's watches have come back.
        await publish_state(bus, carrier.url, address="+1777")

        async def known() -> bool:
            return (await post_message(client, edge, "x", identifier="m3", address="+1777")).status == 202

        await eventually(known)


async def test_a_full_disk_costs_a_503_until_there_is_room(
    bus_server: Callable[..., BusServer],
    join: Callable[[BusServer], object],
    edge_on: Callable[[BusServer], EdgeProcess],
) -> None:
    server = bus_server(disk="1MB")
    bus = await join(server)
    await publish_state(bus, "http://127.0.0.1:1")
    edge = edge_on(server)
    await edge.ready()
    async with aiohttp.ClientSession() as client:
        assert (await post_message(client, edge, "first", identifier="m0")).status == 202
        statuses = [
            (await post_message(client, edge, "x" * 9_000, identifier=f"big{number}")).status for number in range(120)
        ]
        assert set(statuses) == {202, 503}
        assert statuses[-1] == 503
        assert edge_log_says_why(edge), edge.log[-1500:]
        await bus.jetstream.purge_stream(names.WORK)

        async def accepted() -> bool:
            return (await post_message(client, edge, "after", identifier="m1")).status == 202

        await eventually(accepted)


def edge_log_says_why(edge: EdgeProcess) -> bool:
    return "insufficient storage" in edge.log or "insufficient resources" in edge.log
