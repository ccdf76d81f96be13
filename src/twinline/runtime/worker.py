"""A worker: the process that joins a cluster with one build and runs its sessions, or rehearses on that build.

Comes in: the command line that placement gives it. Goes out: running sessions; a heartbeat. Started as
`python -m twinline.runtime.worker` by the build's own Python. It keeps no state: whatever it held is on the bus.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import structlog
import uvloop
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig

from twinline.bus import (
    Bus,
    BusAddress,
    connect,
    end,
    follow_queue,
    heed,
    names,
    wait_until_prepared,
    watch,
)
from twinline.logs import log_as_json
from twinline.model.builds import Cluster
from twinline.model.messages import (
    DeliverMessage,
    LaneJob,
    OpenSession,
    TranscriptChunk,
    WorkerStatus,
    WorkItem,
)
from twinline.runtime.bundles import Bundles
from twinline.runtime.lanes import LANE_TIME_LIMIT, run_lane
from twinline.runtime.languages.sandbox import Interpreters, Limits, Mode, Sandboxes
from twinline.runtime.live import LiveSession
from twinline.runtime.outbound import OutboundProxy, OutboundSettings
from twinline.runtime.parts import WorkerParts

HEARTBEAT = 3.0
"""Seconds between heartbeats; the bucket forgets a worker after five of them."""

ACKNOWLEDGE_WITHIN = 300.0
"""Seconds until the bus offers an unacknowledged item again to a worker that lives; a restarted one gets it at once."""

FAREWELL = 5.0
"""Seconds that running scripts have to reach their next question when the worker is told to stop."""

FINISHED_KEPT = 10_000
"""Sessions whose end is remembered: the bus may offer their items once more when an acknowledgement got lost."""

REBUILD_PATIENCE = 2.0
"""Seconds to wait for a lost session's transcript: one that is listed as open has some."""

log = structlog.get_logger()


class WorkerSettings(msgspec.Struct, frozen=True):
    """What placement tells a worker, in a JSON file of its own.

    `capacity` is sessions at once, `lanes` lane-runs at once; `time_limit` is seconds of one session.
    """

    name: str
    cluster: Cluster
    build: int
    role: str
    data: Path
    bus: BusAddress
    python: Path
    node: Path | None
    components: dict[str, str]
    sandbox: Mode
    allow_outbound: frozenset[str]
    capacity: int
    lanes: int
    time_limit: float


async def run(settings: WorkerSettings) -> None:
    """Serve until told to stop. Everything opened is closed on the way out."""
    bus = await connect(settings.bus, name=settings.name)
    try:
        await wait_until_prepared(bus)
        socket = settings.data / "run" / f"{settings.name}.sock"
        outbound = OutboundProxy(
            socket=socket,
            ca_folder=settings.data / "ca",
            settings=OutboundSettings(allow=settings.allow_outbound),
        )
        async with outbound as proxy:
            sandboxes = Sandboxes(
                Interpreters(python=settings.python, node=settings.node, own=Path(sys.executable)),
                Limits(),
                mode=settings.sandbox,
                outbound_socket=socket,
                ca_file=proxy.ca_file,
                capacity=settings.capacity,
            )
            async with sandboxes:
                parts = WorkerParts(
                    bus=bus,
                    bundles=Bundles(bus, settings.data / "unpacked"),
                    sandboxes=sandboxes,
                    proxy=proxy,
                    build=settings.build,
                    components=settings.components,
                    sandbox=settings.sandbox,
                    secret=settings.bus.token,
                    time_limit=settings.time_limit,
                )
                await _serve(settings, parts)
    finally:
        await bus.close()


async def _serve(settings: WorkerSettings, parts: WorkerParts) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_ in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_, stop.set)
    work = LiveWork(settings, parts) if settings.role == "live" else LaneWork(settings, parts)
    stopping = asyncio.create_task(_set(stop))
    serving = [asyncio.create_task(work.serve()), asyncio.create_task(_heartbeat(settings, parts.bus, work))]
    log.info("worker.ready", worker=settings.name, build=settings.build, role=settings.role)
    try:
        done, _ = await asyncio.wait({*serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        await work.farewell()
    finally:
        await end([*serving, stopping])


async def _set(event: asyncio.Event) -> None:
    await event.wait()


async def _heartbeat(settings: WorkerSettings, bus: Bus, work: "LiveWork | LaneWork") -> None:
    while True:
        status = WorkerStatus(
            name=settings.name,
            cluster=settings.cluster,
            build=settings.build,
            role=settings.role,
            sessions=work.running,
            pid=os.getpid(),
            at=time.time(),
        )
        with contextlib.suppress(NatsTimeoutError, OSError):
            await bus.put(names.WORKERS, settings.name, status)
        await asyncio.sleep(HEARTBEAT)


class LiveWork:
    """A live worker's sessions: those taken up again after a loss, those that start, those that get messages."""

    def __init__(self, settings: WorkerSettings, parts: WorkerParts) -> None:
        self._settings = settings
        self._parts = parts
        self._sessions: dict[str, LiveSession] = {}
        self._finished: dict[str, None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._decoder = msgspec.json.Decoder(WorkItem)

    @property
    def running(self) -> int:
        """Sessions in this worker."""
        return len(self._sessions)

    async def serve(self) -> None:
        """Take up lost sessions, then take work for ever.

        What a lost process had in hand is offered at once and in order, before anything newer.
        """
        lost, ended = await _lost_sessions(self._parts, self._settings.name)
        self._finished.update(dict.fromkeys(ended))
        for session in lost:
            self._begin(session)
        queue = follow_queue(
            self._parts.bus,
            names.WORK,
            durable=self._settings.name,
            ack_wait=ACKNOWLEDGE_WITHIN,
            pending=self._settings.capacity,
            subject=names.work_subject(self._settings.name),
        )
        async for message in queue:
            await self._take(message)

    async def _take(self, message: Msg) -> None:
        item = self._decoder.decode(message.data)
        session = self._sessions.get(item.session)
        if item.session in self._finished:
            await message.ack()
        elif isinstance(item, DeliverMessage):
            if session is None:
                await message.ack()
            else:
                await session.deliver(item, message.ack)
        else:
            if session is None:
                session = LiveSession(self._parts, self._settings.name, item)
                self._begin(session)
            session.hold(item.sequence, message.ack)

    def _begin(self, session: LiveSession) -> None:
        self._sessions[session.start.session] = session
        task = asyncio.create_task(self._run(session))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, session: LiveSession) -> None:
        try:
            await session.run()
        finally:
            del self._sessions[session.start.session]
            self._finished[session.start.session] = None
            while len(self._finished) > FINISHED_KEPT:
                self._finished.pop(next(iter(self._finished)))

    async def farewell(self) -> None:
        """Give running scripts a moment; those that wait are on the bus and go on elsewhere."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL):
                while not all(  # noqa: ASYNC110  # a session comes to rest between two awaits, without an event
                    session.at_rest for session in self._sessions.values()
                ):
                    await asyncio.sleep(0.01)
        await end(self._tasks)


async def _lost_sessions(parts: WorkerParts, worker: str) -> tuple[list[LiveSession], list[str]]:
    """The sessions that this worker had when it was lost, each with its transcript so far; and those that had ended."""
    found = []
    async for entry in watch(parts.bus, names.OPEN_SESSIONS, OpenSession):
        if entry is None:
            break
        if entry[1] is not None and entry[1].worker == worker:
            found.append(entry[1].session)
    lost: list[LiveSession] = []
    ended: list[str] = []
    for session in found:
        chunks = await _chunks(parts.bus, session)
        if any(chunk.final for chunk in chunks):
            ended.append(session)
        if not chunks or session in ended:
            await parts.bus.delete(names.OPEN_SESSIONS, session)
            continue
        recorded = tuple(event for chunk in sorted(chunks, key=lambda chunk: chunk.first) for event in chunk.events)
        lost.append(LiveSession(parts, worker, chunks[0].start, recorded))
    return lost, ended


async def _chunks(bus: Bus, session: str) -> list[TranscriptChunk]:
    """What the bus has of a session's transcript."""
    reader = await bus.jetstream.subscribe(
        names.transcript_subject(session), stream=names.TRANSCRIPTS, ordered_consumer=True
    )
    chunks: list[TranscriptChunk] = []
    try:
        pending = 1
        while pending:
            message = await reader.next_msg(timeout=REBUILD_PATIENCE)
            pending = message.metadata.num_pending or 0
            chunks.append(msgspec.json.decode(message.data, type=TranscriptChunk))
    except NatsTimeoutError:
        log.warning("session.transcript_missing", session=session, chunks=len(chunks))
    finally:
        await reader.unsubscribe()
    return chunks


class LaneWork:
    """A rehearsing worker: lane-runs of its build from a queue that it shares with others of the same build."""

    def __init__(self, settings: WorkerSettings, parts: WorkerParts) -> None:
        self._settings = settings
        self._parts = parts
        self.running = 0

    async def serve(self) -> None:
        """Take lane jobs for ever, `lanes` at once."""
        queue = await self._parts.bus.jetstream.pull_subscribe(
            names.rehearsal_subject(self._settings.build),
            durable=f"rehearsal-{self._settings.build}",
            stream=names.REHEARSAL,
            config=ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, ack_wait=2 * LANE_TIME_LIMIT),
        )
        async with asyncio.TaskGroup() as runners:
            for index in range(self._settings.lanes):
                runners.create_task(self._run_lanes(queue, index))

    async def _run_lanes(self, queue: JetStreamContext.PullSubscription, index: int) -> None:
        while True:
            try:
                (message,) = await heed(queue.fetch(1, timeout=5))
            except (NatsTimeoutError, OSError):
                continue
            job = msgspec.json.decode(message.data, type=LaneJob)
            self.running += 1
            try:
                result = await run_lane(self._parts, job, f"{self._settings.name}-lane-{index}")
            finally:
                self.running -= 1
            await self._parts.bus.publish_surely(
                names.results_subject(job.rehearsal),
                result,
                once=f"{job.rehearsal}:{job.unit}:{job.lane}:{job.attempt}",
            )
            await message.ack()

    async def farewell(self) -> None:
        """A lane-run that is cut off stays in the queue."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The process's entry: read the command line, serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="twinline-worker", description="Runs sessions of one build for one cluster.")
    parser.add_argument("--settings", type=Path, required=True, help="a JSON file with the worker's settings")
    log_as_json()
    settings = read_settings(parser.parse_args(arguments).settings)
    uvloop.run(run(settings))


def read_settings(file: Path) -> WorkerSettings:
    """The settings that placement wrote. Raises msgspec.ValidationError naming the field that is wrong."""
    return msgspec.json.decode(file.read_bytes(), type=WorkerSettings, dec_hook=lambda type_, value: type_(value))


def settings_document(settings: WorkerSettings) -> bytes:
    """The settings as `read_settings` reads them. They hold the bus's token: for our eyes only."""
    return msgspec.json.encode(settings, enc_hook=str)


if __name__ == "__main__":
    main()
