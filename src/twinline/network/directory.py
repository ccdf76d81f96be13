"""Which address reaches which application, on which build: a view of the published state, kept by watching it.

Comes in: the buckets that the control plane writes. Goes out: look-ups that need no network, and go on with the last
known state while the control plane is away.
"""

import asyncio
from typing import TypeVar

import msgspec
import structlog
from nats.aio.msg import Msg

from twinline.bus import Bus, names
from twinline.model.applications import AddressEntry, ApplicationEntry
from twinline.model.builds import ClusterPointer
from twinline.model.errors import Trouble
from twinline.network.following import follow
from twinline.network.patience import heed
from twinline.network.routing import Target

T = TypeVar("T", bound=msgspec.Struct)

log = structlog.get_logger()


class Directory:
    """The three buckets in memory. `run` keeps it current; `complete` is set when it first holds all that stood."""

    def __init__(self, bus: Bus) -> None:
        self.complete = asyncio.Event()
        self._bus = bus
        self._addresses: dict[str, AddressEntry] = {}
        self._applications: dict[str, ApplicationEntry] = {}
        self._clusters: dict[str, ClusterPointer] = {}

    async def run(self) -> None:
        """Watch until cancelled."""
        loaded = asyncio.Barrier(3)
        async with asyncio.TaskGroup() as watches:
            watches.create_task(self._watch(names.DIRECTORY, AddressEntry, self._addresses, loaded))
            watches.create_task(self._watch(names.APPLICATIONS, ApplicationEntry, self._applications, loaded))
            watches.create_task(self._watch(names.CLUSTERS, ClusterPointer, self._clusters, loaded))

    async def _watch(self, bucket: str, kind: type[T], view: dict[str, T], loaded: asyncio.Barrier) -> None:
        stream = f"KV_{bucket}"
        waiting = (await heed(self._bus.jetstream.stream_info(stream))).state.messages > 0
        if not waiting:
            await self._loaded(loaded)
        # A bucket keeps one message a key, so its stream from the beginning is its state.
        async for change in follow(self._bus, stream, after=0):
            _apply(change, bucket, kind, view)
            if waiting and change.metadata.num_pending == 0:
                waiting = False
                await self._loaded(loaded)

    async def _loaded(self, loaded: asyncio.Barrier) -> None:
        await loaded.wait()
        self.complete.set()

    def address(self, address: str) -> AddressEntry | None:
        """The entry of an address, None when nobody has it."""
        return self._addresses.get(names.address_key(address))

    def target(self, address: str) -> Target:
        """What a new session at an address is pinned to now. Raises Trouble that says what is missing."""
        entry = self.address(address)
        if entry is None:
            raise Trouble("no application has this address", where=address)
        application = self._applications.get(entry.application)
        if application is None or application.live is None:
            raise Trouble("nothing is deployed", where=f"application {entry.application}")
        pointer = self._clusters.get(application.mode)
        if pointer is None or pointer.current is None:
            raise Trouble("no build runs", where=f"cluster {application.mode}")
        return Target(
            application=application.name,
            mode=application.mode,
            version=application.live,
            build=pointer.current,
            worker=names.worker_name(application.mode, pointer.current),
        )


def _apply(change: Msg, bucket: str, kind: type[T], view: dict[str, T]) -> None:
    """Take a change into a view. One that cannot be read is logged, and what was known before it stands."""
    key = change.subject.removeprefix(f"$KV.{bucket}.")
    if change.headers is not None and ("KV-Operation" in change.headers or "Nats-Marker-Reason" in change.headers):
        view.pop(key, None)
        return
    try:
        view[key] = msgspec.json.decode(change.data, type=kind)
    except msgspec.MsgspecError as error:
        log.error("directory.unreadable", bucket=bucket, key=key, reason=str(error))
