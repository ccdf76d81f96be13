"""The control plane's process: `python -m twinline.control.main --data DIR --nats-url URL --nats-token-file FILE`.

Comes in: the command line. Goes out: a running control plane: streams and buckets made, published state true to the
store, services at work, the API listening. It ends with SIGTERM or SIGINT, or with the first service that breaks.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import structlog
import uvicorn
import uvloop

from twinline.bus import BusAddress, connect, end, prepare
from twinline.control import ingestion, soaking
from twinline.control.api import make_api
from twinline.control.draining import Draining
from twinline.control.jobs import Jobs
from twinline.control.plane import Plane
from twinline.control.publishing import Publisher
from twinline.control.rehearsals import Rehearsals
from twinline.control.settings import Settings
from twinline.control.store import Store, keys, open_store
from twinline.logs import log_as_json
from twinline.model.errors import TwinlineError

FIRST_KEY_NAME = "first key"

GRACE_SECONDS = 5
"""Given to requests that run when the process is told to end."""

log = structlog.get_logger()


async def run(settings: Settings) -> None:
    """Run until told to stop. Raises TwinlineError when the data folder cannot be used."""
    stop = asyncio.Event()
    for signal_ in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_, stop.set)
    async with control_plane(settings) as plane:
        await serve(plane, stop)


async def serve(plane: Plane, stop: asyncio.Event) -> None:
    """Answer requests and run the services until `stop` is set. Raises what breaks one of them."""
    server = _Server(_serving(plane))
    draining = Draining(plane.bus, plane.store, plane.publisher, plane.settings)
    answering = asyncio.create_task(server.serve(), name="api")
    services = {
        answering,
        asyncio.create_task(plane.publisher.run(), name="publishing"),
        asyncio.create_task(ingestion.run(plane.bus, plane.store), name="transcripts"),
        asyncio.create_task(soaking.run(plane.bus, plane.store, plane.settings.soak_interval), name="soak"),
        asyncio.create_task(draining.run(), name="draining"),
    }
    stopping = asyncio.create_task(_until(stop), name="stopping")
    try:
        await asyncio.wait({stopping, *services}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await asyncio.wait({answering}, timeout=2 * GRACE_SECONDS)
    finally:
        broken = [task for task in services if task.done()]
        await end({stopping, *services})
    for task in broken:
        task.result()


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()


@contextlib.asynccontextmanager
async def control_plane(settings: Settings) -> AsyncIterator[Plane]:
    """The parts of a control plane, with published state as the store says. Nothing runs by itself yet."""
    settings.bundles.mkdir(parents=True, exist_ok=True)
    bus = await connect(settings.bus, name="control")
    try:
        await prepare(bus)
        store = await asyncio.to_thread(open_store, settings.data)
        try:
            await _first_key(store, settings.first_key)
            publisher = Publisher(bus, store, settings.bundles)
            await publisher.everything()
            async with Jobs(store) as jobs:
                rehearsals = Rehearsals(
                    bus, store, jobs, budget=settings.rehearsal_budget, patience=settings.lane_patience
                )
                await rehearsals.clear()
                yield Plane(settings, bus, store, publisher, jobs, rehearsals)
        finally:
            await asyncio.to_thread(store.close)
    finally:
        await bus.close()


async def _first_key(store: Store, file: Path) -> None:
    """Make the first key where there is none, into a file that only its owner can read."""
    if await store.read(keys.every):
        return
    key = await store.write(lambda transaction: keys.create(transaction, FIRST_KEY_NAME))
    await asyncio.to_thread(_write_private, file, f"{key.secret}\n")


def _write_private(file: Path, text: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        os.fchmod(descriptor, 0o600)
        opened.write(text)


class _Server(uvicorn.Server):
    """Leaves signals to `run`, which has more than the server to end."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _serving(plane: Plane) -> uvicorn.Config:
    return uvicorn.Config(
        make_api(plane),
        host=plane.settings.host,
        port=plane.settings.port,
        http="httptools",
        loop="none",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def _settings(arguments: list[str]) -> Settings:
    parser = argparse.ArgumentParser(prog="python -m twinline.control.main", description="Twinline's control plane.")
    parser.add_argument("--data", type=Path, required=True, help="folder of the store, bundles and builds")
    parser.add_argument("--nats-url", required=True, help="the bus, such as nats://127.0.0.1:4222")
    parser.add_argument("--nats-token-file", type=Path, required=True, help="file that holds the bus's token")
    parser.add_argument("--host", default=Settings.__struct_defaults__[0], help="where the API listens")
    parser.add_argument("--port", type=int, default=Settings.__struct_defaults__[1], help="where the API listens")
    parser.add_argument("--wheel", type=Path, help="the runtime's wheel for builds (default: built from our own tree)")
    given = parser.parse_args(arguments)
    try:
        token = given.nats_token_file.read_text().strip()
    except OSError as error:
        parser.error(f"--nats-token-file: {error}")
    return Settings(
        data=given.data.resolve(),
        bus=BusAddress(given.nats_url, token),
        host=given.host,
        port=given.port,
        wheel=given.wheel,
    )


def main() -> None:
    """Run the control plane that the command line describes."""
    settings = _settings(sys.argv[1:])
    log_as_json()
    try:
        uvloop.run(run(settings))
    except TwinlineError as error:
        log.error("control.cannot_start", what=error.what, where=error.where, mend=error.mend)
        sys.exit(1)


if __name__ == "__main__":
    main()
