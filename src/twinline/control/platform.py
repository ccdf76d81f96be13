"""The platform on one machine: what `twinline up` runs.

Comes in: a data folder and ports. Goes out: a NATS server, the control plane, the edge and a worker for each build
that a cluster needs, kept running until told to stop; `platform.json` in the data folder says where everything is.

Placement follows what is published on the bus: this process decides nothing about releases, it only runs what the
clusters' pointers and the rehearsals ask for.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import secrets
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec
import structlog

from twinline.bus import Bus, BusAddress, connect, end, names, prepare, watch
from twinline.control.supervisor import Command, Supervisor
from twinline.model.builds import BuildEntry, BuildState, Cluster, ClusterPointer
from twinline.model.errors import Conflict, Refused, Trouble
from twinline.model.messages import RehearsalDemand
from twinline.release import interpreters, verify
from twinline.runtime.languages.sandbox import Interpreters, Mode, check_sandbox
from twinline.runtime.worker import WorkerSettings, settings_document

log = structlog.get_logger()

T = TypeVar("T")

BUS_PATIENCE = 30.0
"""Seconds that the bus may take to come up, with streams to restore."""

STATES_WITH_WORKERS = frozenset({BuildState.CURRENT, BuildState.RAMPING, BuildState.DRAINING, BuildState.DRAINED})
"""A drained build keeps its worker warm for a rollback until it is retired."""


class PlatformSettings(msgspec.Struct, frozen=True):
    """How the platform runs on this machine. Port 0 picks a free one; times are seconds."""

    data: Path
    host: str = "127.0.0.1"
    edge_port: int = 8080
    api_port: int = 8081
    sandbox: Mode = "bubblewrap"
    allow_outbound: frozenset[str] = frozenset()
    public_url: str = ""
    session_time_limit: float = 24 * 3600.0
    sessions_per_worker: int = 500
    lanes_per_worker: int = 12
    rehearsal_idle: float = 60.0


async def run(settings: PlatformSettings) -> None:
    """Run the platform until SIGINT or SIGTERM.

    Raises Conflict when another platform uses the data folder, Refused when the sandbox cannot be had.
    """
    settings.data.mkdir(parents=True, exist_ok=True)
    with _only_one(settings.data):
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for signal_ in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signal_, stop.set)
        own, places = Path(sys.executable), _places(settings)
        async with Supervisor() as children:
            children.start("nats", _nats(settings, places))
            await check_sandbox(Interpreters(python=own, node=None, own=own), mode=settings.sandbox)
            bus = await _join(places)
            try:
                # What was published stands on the bus: calls and messages flow before the control plane is there.
                await prepare(bus)
                children.start("edge", _edge(settings, places))
                children.start("control", _control(settings, places))
                (settings.data / "platform.json").write_bytes(msgspec.json.encode(places.public()))
                placement = Placement(settings, places, bus, children)
                placing = asyncio.create_task(placement.follow())
                stopping = asyncio.create_task(_set(stop))
                log.info("platform.up", **places.public())
                try:
                    done, _ = await asyncio.wait({placing, stopping}, return_when=asyncio.FIRST_COMPLETED)
                    if placing in done:
                        placing.result()
                finally:
                    await end([placing, stopping])
            finally:
                await bus.close()


class Places(msgspec.Struct, frozen=True):
    """Where this platform's parts listen, and the token that opens its bus."""

    host: str
    edge_port: int
    api_port: int
    nats_port: int
    token: str

    @property
    def bus(self) -> BusAddress:
        """The bus that all parts meet on."""
        return BusAddress(f"nats://127.0.0.1:{self.nats_port}", self.token)

    def public(self) -> dict[str, str]:
        """What `platform.json` tells: the token is not in it."""
        return {
            "api": f"http://{self.host}:{self.api_port}",
            "edge": f"http://{self.host}:{self.edge_port}",
            "nats": self.bus.url,
        }


def _places(settings: PlatformSettings) -> Places:
    """Ports as asked for; the bus's port and token as last time, so that a worker that outlived us would find it."""
    file = settings.data / "bus.json"
    known = json.loads(file.read_text()) if file.exists() else {}
    token = known.get("token") or secrets.token_urlsafe(24)
    nats_port = known.get("port") or 0
    if not nats_port or not _is_free(nats_port):
        nats_port = _free_port()
    _write_private(file, json.dumps({"port": nats_port, "token": token}).encode())
    return Places(
        host=settings.host,
        edge_port=settings.edge_port or _free_port(),
        api_port=settings.api_port or _free_port(),
        nats_port=nats_port,
        token=token,
    )


def _nats(settings: PlatformSettings, places: Places) -> Command:
    """The embedded bus, its token in a file that only we can read: command lines are visible to everybody."""
    folder = settings.data / "nats"
    folder.mkdir(exist_ok=True)
    _write_private(
        folder / "nats.conf",
        (
            f'host: "127.0.0.1"\nport: {places.nats_port}\nserver_name: twinline\nmax_payload: 8MB\n'
            f'authorization {{ token: "{places.token}" }}\n'
            f'jetstream {{ store_dir: "{folder.resolve()}" }}\n'
        ).encode(),
    )
    executable = Path(sys.executable).parent / "nats-server"
    if not executable.exists():
        raise Trouble("the NATS server is missing", where=str(executable), mend="install twinline[platform]")
    return Command([str(executable), "--config", str(folder / "nats.conf")], _log_file(settings, "nats"))


def _control(settings: PlatformSettings, places: Places) -> Command:
    return Command(
        [
            *_module("twinline.control.main"),
            *("--data", str(settings.data)),
            *("--host", places.host, "--port", str(places.api_port)),
            *("--nats-url", places.bus.url, "--nats-token-file", str(_token_file(settings, places))),
        ],
        _log_file(settings, "control"),
    )


def _edge(settings: PlatformSettings, places: Places) -> Command:
    return Command(
        [
            *_module("twinline.network.main"),
            *("--host", places.host, "--port", str(places.edge_port)),
            *("--nats-url", places.bus.url, "--nats-token-file", str(_token_file(settings, places))),
            *("--public-url", settings.public_url or f"http://{places.host}:{places.edge_port}"),
        ],
        _log_file(settings, "edge"),
    )


class Placement:
    """Which workers run here: one for each build that a cluster needs, and one for each build that is rehearsed on."""

    def __init__(self, settings: PlatformSettings, places: Places, bus: Bus, children: Supervisor) -> None:
        self._settings = settings
        self._places = places
        self._bus = bus
        self._children = children
        self._pointers: dict[str, ClusterPointer] = {}
        self._builds: dict[str, BuildEntry] = {}
        self._demands: dict[str, RehearsalDemand] = {}
        self._verified: set[str] = set()
        self._leaving: dict[str, float] = {}
        self._changed = asyncio.Event()

    async def follow(self) -> None:
        """Keep the workers as the published state asks, for ever."""
        async with asyncio.TaskGroup() as watches:
            watches.create_task(self._watch(names.CLUSTERS, ClusterPointer, self._pointers))
            watches.create_task(self._watch(names.BUILDS, BuildEntry, self._builds))
            watches.create_task(self._watch(names.REHEARSALS, RehearsalDemand, self._demands))
            while True:
                self._changed.clear()
                await self._place()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), 1.0)

    async def _watch(self, bucket: str, type_: type[T], into: dict[str, T]) -> None:
        async for entry in watch(self._bus, bucket, type_):
            if entry is None:
                continue
            key, value = entry
            if value is None:
                into.pop(key, None)
            else:
                into[key] = value
            self._changed.set()

    def _wanted(self) -> dict[str, tuple[Cluster, int, str]]:
        wanted: dict[str, tuple[Cluster, int, str]] = {}
        for pointer in self._pointers.values():
            for build, state in pointer.states.items():
                if state in STATES_WITH_WORKERS:
                    wanted[names.worker_name(pointer.cluster, build)] = (pointer.cluster, build, "live")
        for demand in self._demands.values():
            wanted[names.rehearsal_worker_name(demand.build)] = (Cluster.DEVELOPMENT, demand.build, "rehearsal")
        return wanted

    async def _place(self) -> None:
        wanted = self._wanted()
        for name, (cluster, build, role) in wanted.items():
            self._leaving.pop(name, None)
            entry = self._builds.get(str(build))
            if entry is not None and name not in self._children.names and await self._is_sound(entry):
                self._children.start(name, self._worker(name, cluster, entry, role))
        loop = asyncio.get_running_loop()
        for name in self._children.names:
            if name in wanted or name in ("nats", "control", "edge"):
                continue
            keep_for = self._settings.rehearsal_idle if name.startswith("rehearsal-") else 0.0
            if loop.time() >= self._leaving.setdefault(name, loop.time() + keep_for):
                del self._leaving[name]
                await self._children.stop(name)

    async def _is_sound(self, entry: BuildEntry) -> bool:
        """Whether the build's folder is as it was made; a changed one gets no worker, and the log names the file."""
        if entry.digest not in self._verified:
            try:
                await asyncio.to_thread(verify, Path(entry.path))
            except Refused as refusal:
                log.error("build.refused", build=entry.number, reason=str(refusal))
                return False
            self._verified.add(entry.digest)
        return True

    def _worker(self, name: str, cluster: Cluster, build: BuildEntry, role: str) -> Command:
        paths = interpreters(Path(build.path))
        folder = self._settings.data / "workers" / name
        folder.mkdir(parents=True, exist_ok=True)
        settings = WorkerSettings(
            name=name,
            cluster=cluster,
            build=build.number,
            role=role,
            data=self._settings.data.resolve(),
            bus=self._places.bus,
            python=paths.python,
            node=paths.node,
            components={component.value: version for component, version in build.components.items()},
            sandbox=self._settings.sandbox,
            allow_outbound=self._settings.allow_outbound,
            capacity=self._settings.sessions_per_worker,
            lanes=self._settings.lanes_per_worker,
            time_limit=self._settings.session_time_limit,
        )
        file = folder / "settings.json"
        _write_private(file, settings_document(settings))
        return Command(
            [str(paths.own), "-B", "-m", "twinline.runtime.worker", "--settings", str(file)],
            _log_file(self._settings, name),
            {"PYTHONPATH": ""},
        )


async def _set(event: asyncio.Event) -> None:
    await event.wait()


@contextlib.contextmanager
def _only_one(data: Path) -> Iterator[None]:
    """Hold the data folder. Raises Conflict when another platform has it."""
    with (data / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Conflict(
                "another platform runs on this data folder", where=str(data), mend="stop it, or give another --data"
            ) from error
        yield


async def _join(places: Places) -> Bus:
    """Join the bus that was just started. Raises Trouble when it does not come up."""
    try:
        async with asyncio.timeout(BUS_PATIENCE):
            return await connect(places.bus, name="placement")
    except TimeoutError as error:
        raise Trouble(
            "the bus did not come up", where=places.bus.url, mend="see logs/nats.log in the data folder"
        ) from error


def _module(name: str) -> list[str]:
    return [sys.executable, "-m", name]


def _log_file(settings: PlatformSettings, name: str) -> Path:
    return settings.data / "logs" / f"{name}.log"


def _token_file(settings: PlatformSettings, places: Places) -> Path:
    file = settings.data / "nats" / "token"
    _write_private(file, places.token.encode())
    return file


def _write_private(file: Path, content: bytes) -> None:
    """Write a file that only we can read."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        stream.write(content)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
