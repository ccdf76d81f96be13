"""The edge process: gateway, dispatcher and sender around one directory.

Comes in: settings from the command line. Goes out: an HTTP server and work on the bus, until it is told to stop.
Run it with `python -m twinline.network.main --help`.
"""

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress

import nats.errors
import structlog
import uvloop
from aiohttp import web

from twinline.bus import Bus, BusAddress, connect, wait_until_prepared
from twinline.logs import log_as_json
from twinline.model.errors import Trouble, TwinlineError
from twinline.network.directory import Directory
from twinline.network.dispatcher import Dispatcher
from twinline.network.gateway import Gateway
from twinline.network.sender import Sender
from twinline.network.settings import EdgeSettings, read_settings

STARTING = 30.0
"""Seconds that the bus may take to come up."""

LEAVING = 5.0
"""Seconds for requests in hand, and then for leaving the bus, when the process is told to stop."""

log = structlog.get_logger()


class _Stop(Exception):
    """The process was told to stop."""


async def run(settings: EdgeSettings) -> None:
    """Be the edge until the process is told to stop (SIGTERM, SIGINT).

    Raises Mistake when the settings cannot work, Trouble when the bus stays away.
    """
    bus = await _join(settings)
    directory = Directory(bus)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        async with asyncio.TaskGroup() as parts:
            parts.create_task(directory.run())
            parts.create_task(_leave(stop))
            await directory.complete.wait()
            parts.create_task(Dispatcher(bus, directory, settings).run())
            parts.create_task(Sender(bus, directory, settings).run())
            parts.create_task(_serve(Gateway(bus, directory, settings), settings))
    except* _Stop:
        log.info("edge.stopped")
    finally:
        with suppress(nats.errors.Error, TimeoutError):
            async with asyncio.timeout(LEAVING):
                await bus.close()


async def _leave(stop: asyncio.Event) -> None:
    await stop.wait()
    raise _Stop


async def _join(settings: EdgeSettings) -> Bus:
    address = BusAddress(settings.nats_url, settings.token())
    try:
        async with asyncio.timeout(STARTING):
            bus = await _connect(address)
        await wait_until_prepared(bus, patience=STARTING)
    except TimeoutError as error:
        raise Trouble(
            f"no bus within {STARTING:.0f} s, or it refuses the token",
            where=settings.nats_url,
            mend="start it, or check --nats-url and --nats-token-file",
        ) from error
    return bus


async def _connect(address: BusAddress) -> Bus:
    while True:
        try:
            return await connect(address, name="edge")
        except (OSError, nats.errors.NoServersError):
            await asyncio.sleep(0.05)


async def _serve(gateway: Gateway, settings: EdgeSettings) -> None:
    runner = web.AppRunner(gateway.application(), access_log=None, shutdown_timeout=LEAVING)
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port, backlog=1024).start()
        log.info("edge.ready", host=settings.host, port=settings.port, public=settings.public)
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors themselves, out of the groups that their tasks wrapped them in."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def main() -> None:
    """The process: settings, logs, run; exit code 1 with the reason when it cannot go on."""
    log_as_json()
    settings = read_settings(sys.argv[1:])
    try:
        uvloop.run(run(settings))
    except* (TwinlineError, OSError) as group:
        for error in _leaves(group):
            log.error("edge.failed", reason=str(error))
        sys.exit(1)


if __name__ == "__main__":
    main()
