"""A real control plane for the tests: one process for those that only ask, one in this process for those that watch."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from tests.conftest import NATS_SERVER, free_port

from twinline.bus import Bus, BusAddress, end
from twinline.control.client import Client
from twinline.control.main import control_plane, serve
from twinline.control.plane import Plane
from twinline.control.settings import Settings
from twinline.control.store import Store, open_store
from twinline.model.errors import Trouble

T = TypeVar("T")


class ControlProcess:
    """`python -m twinline.control.main` on a data folder, restarted at will."""

    def __init__(self, data: Path, bus: BusAddress, wrapper: tuple[str, ...] = ()) -> None:
        self.data, self.bus, self.port = data, bus, free_port()
        self._wrapper = wrapper
        self._process: subprocess.Popen[bytes] | None = None
        (data / "token").write_text(bus.token)

    def start(self) -> None:
        with (self.data / "control.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *self._wrapper, sys.executable, "-m", "twinline.control.main", "--data", self.data,
                    "--nats-url", self.bus.url, "--nats-token-file", self.data / "token", "--port", str(self.port),
                ],
                stderr=log,
            )  # fmt: skip
        deadline = time.monotonic() + 30
        while True:
            try:
                with self.client() as client:
                    client.status()
                return
            except (Trouble, FileNotFoundError):
                assert self._process.poll() is None, self.log
                assert time.monotonic() < deadline, self.log
                time.sleep(0.05)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self._process is not None
        if self._process.poll() is None:
            os.kill(self._process.pid, how)
        return self._process.wait(20)

    def client(self) -> Client:
        return Client(f"http://127.0.0.1:{self.port}", (self.data / "api-key").read_text().strip())

    @property
    def pid(self) -> int | None:
        return self._process and self._process.pid

    @property
    def log(self) -> str:
        return (self.data / "control.log").read_text()


@contextlib.contextmanager
def nats_server(folder: Path) -> Iterator[BusAddress]:
    folder.mkdir()
    port = free_port()
    server = subprocess.Popen(
        [
            NATS_SERVER, "--jetstream", "--store_dir", folder, "--addr", "127.0.0.1",
            "--port", str(port), "--auth", "secret", "--log", folder / "nats.log",
        ]
    )  # fmt: skip
    try:
        yield BusAddress(f"nats://127.0.0.1:{port}", "secret")
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(scope="session")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlProcess]:
    """A control plane that all tests of the API share: each uses names of its own."""
    data = tmp_path_factory.mktemp("control")
    with nats_server(data / "nats") as address:
        process = ControlProcess(data, address)
        process.start()
        yield process
        assert process.end() == 0, process.log


@pytest.fixture(scope="session")
def client(control: ControlProcess) -> Iterator[Client]:
    with control.client() as client:
        yield client


@pytest.fixture(scope="session")
def records(control: ControlProcess) -> Iterator[Store]:
    """The shared control plane's own store, for what no endpoint can make quickly."""
    store = open_store(control.data)
    yield store
    store.close()


@pytest.fixture
def settings(tmp_path: Path, bus_address: BusAddress) -> Settings:
    """Impatient settings, so that tests are quick."""
    return Settings(
        data=tmp_path,
        bus=bus_address,
        port=free_port(),
        soak_interval=0.05,
        drain_interval=0.05,
        lane_patience=1.0,
        ledger_patience=0.5,
    )


@pytest.fixture
async def plane(settings: Settings, bus: Bus) -> AsyncIterator[Plane]:
    """The parts of a control plane of the test's own, without its services."""
    async with control_plane(settings) as plane:
        yield plane


@pytest.fixture
async def api(plane: Plane) -> AsyncIterator[Client]:
    """The control plane of the test's own, at work. Ask it in a thread: it answers in the test's loop."""
    stop = asyncio.Event()
    serving = asyncio.create_task(serve(plane, stop))
    with Client(f"http://127.0.0.1:{plane.settings.port}", plane.settings.first_key.read_text().strip()) as client:

        async def answers() -> bool:
            with contextlib.suppress(Trouble):
                return bool(await asyncio.to_thread(client.status))
            return False

        await eventually(answers)
        yield client
        stop.set()
        await serving


@contextlib.asynccontextmanager
async def running(service: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """A service at work for the length of a block; what breaks it breaks the test."""
    task = asyncio.create_task(service)
    try:
        yield
        assert not task.done(), task
    finally:
        await end({task})


async def eventually(look: Callable[[], Awaitable[T]], *, seconds: float = 10.0) -> T:
    """What `look` gives as soon as it is true."""
    deadline = time.monotonic() + seconds
    while not (seen := await look()):
        assert time.monotonic() < deadline, f"still {seen!r}"
        await asyncio.sleep(0.02)
    return seen
