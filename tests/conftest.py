"""What every test may use: a real bus in a folder of its own."""

import asyncio
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.nodes import node
from twinline.bus import Bus, BusAddress, connect, prepare

NATS_SERVER = Path(__file__).parents[1] / ".venv/bin/nats-server"


def free_port() -> int:
    """A TCP port on loopback that nobody uses at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def bus_address(tmp_path: Path) -> Iterator[BusAddress]:
    """A NATS server with JetStream, for one test."""
    port = free_port()
    folder = tmp_path / "nats"
    folder.mkdir()
    server = subprocess.Popen(
        [
            NATS_SERVER, "--jetstream", "--store_dir", folder, "--addr", "127.0.0.1",
            "--port", str(port), "--auth", "secret", "--log", folder / "nats.log",
        ]
    )  # fmt: skip
    yield BusAddress(f"nats://127.0.0.1:{port}", "secret")
    server.terminate()
    server.wait()


async def connect_when_up(address: BusAddress, name: str = "test") -> Bus:
    """Join a bus that may still be starting."""
    for _ in range(200):
        try:
            return await connect(address, name=name)
        except OSError:
            await asyncio.sleep(0.02)
    raise TimeoutError(f"no NATS server at {address.url}")


@pytest.fixture
async def bus(bus_address: BusAddress) -> AsyncIterator[Bus]:
    """A prepared bus with nobody else on it."""
    bus = await connect_when_up(bus_address)
    await prepare(bus)
    yield bus
    await bus.close()


@pytest.fixture(scope="session")
def node22() -> Path:
    """Node.js 22."""
    return node("22")


@pytest.fixture(scope="session")
def node24() -> Path:
    """Node.js 24."""
    return node("24")
