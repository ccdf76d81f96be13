"""Which address reaches which application, on which build: a view of the published state, kept by watching it.

Comes in: the buckets that the control plane writes. Goes out: look-ups that need no network, and go on with the last
known state while the control plane is away.
"""

import asyncio
from typing import TypeVar

import msgspec

from twinline.bus import Bus, names, watch
from twinline.model.applications import AddressEntry, ApplicationEntry
from twinline.model.builds import ClusterPointer
from twinline.model.errors import Trouble
from twinline.network.routing import Target

T = TypeVar("T", bound=msgspec.Struct)


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
        async for change in watch(self._bus, bucket, kind):
            if change is None:
                await self._loaded(loaded)
                continue
            key, value = change
            if value is None:
                view.pop(key, None)
            else:
                view[key] = value

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
