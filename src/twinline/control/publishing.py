"""Published state: what edges, workers and their placement know of the store's decisions.

Comes in: the store. Goes out: the bus's buckets, holding what the store says and nothing else. What is published is
always read from the store at that moment, one publication at a time, so that an older state never overwrites a newer.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing
from pathlib import Path
from typing import TypeVar

import msgspec
import nats.errors
import structlog
from nats.js.errors import NotFoundError, ObjectNotFoundError
from sqlalchemy.orm import Session

from twinline.bus import Bus, names, watch
from twinline.control.store import Store, applications, builds
from twinline.model.errors import Trouble

RETRY_SECONDS = 2.0
"""Between two attempts to publish while the bus does not take it."""

log = structlog.get_logger()

T = TypeVar("T")

Desired = Mapping[str, msgspec.Struct]


def _directory(transaction: Session) -> Desired:
    return {names.address_key(address): entry for address, entry in applications.directory(transaction).items()}


def _builds(transaction: Session) -> Desired:
    return {str(number): entry for number, entry in builds.entries(transaction).items()}


def _clusters(transaction: Session) -> Desired:
    return {cluster.value: pointer for cluster, pointer in builds.pointers(transaction).items()}


_SOURCES: dict[str, Callable[[Session], Desired]] = {
    names.BUILDS: _builds,
    names.APPLICATIONS: applications.entries,
    names.DIRECTORY: _directory,
    names.CLUSTERS: _clusters,
}
"""Each bucket and what it should hold, in the order in which one refers to the other."""


class Publisher:
    """Writes published state. `run` mends in the background what could not be written when it was decided."""

    def __init__(self, bus: Bus, store: Store, bundles: Path) -> None:
        """`bundles` is the folder that keeps every packed bundle by its digest."""
        self._bus = bus
        self._store = store
        self._bundles = bundles
        self._alone = asyncio.Lock()
        self._behind = asyncio.Event()

    async def publish(self, bucket: str, key: str) -> None:
        """Bring one key up to date. Raises Trouble when the bus is away: the decision stands and is published later."""
        try:
            async with self._alone:
                wanted = (await self._store.read(_SOURCES[bucket])).get(key)
                if wanted is None:
                    await self._bus.delete(bucket, key)
                else:
                    await self._bus.put(bucket, key, wanted)
        except nats.errors.Error as error:
            self._behind.set()
            raise Trouble(
                "decided and kept, but the bus is away; it is published as soon as the bus is back",
                where=f"{bucket}/{key}",
                mend="look whether the NATS server runs",
            ) from error

    async def everything(self) -> None:
        """Make every bucket say what the store says, and every live bundle be there. Raises nats.errors.Error."""
        async with self._alone:
            for digest in sorted(await self._store.read(applications.digests)):
                await self._bundle(digest)
            for bucket, source in _SOURCES.items():
                wanted = {key: msgspec.json.encode(value) for key, value in (await self._store.read(source)).items()}
                found = await snapshot(self._bus, bucket, msgspec.Raw)
                kept = await self._bus.bucket(bucket)
                for key, value in wanted.items():
                    if key not in found or bytes(found[key]) != value:
                        await kept.put(key, value)
                for key in found.keys() - wanted.keys():
                    await kept.delete(key)

    async def bundle(self, digest: str) -> None:
        """Put a kept bundle where workers fetch it. Raises Trouble when the bus is away."""
        try:
            await self._bundle(digest)
        except nats.errors.Error as error:
            raise Trouble(
                "the bus is away, so the bundle cannot reach the workers; nothing was deployed",
                where=f"bundle {digest[:12]}",
                mend="deploy again when the NATS server runs",
            ) from error

    async def run(self) -> None:
        """Publish everything whenever something could not be published, until it is."""
        while True:
            await self._behind.wait()
            self._behind.clear()
            try:
                await self.everything()
            except (nats.errors.Error, Trouble) as error:
                log.warning("publishing.behind", error=str(error))
                self._behind.set()
                await asyncio.sleep(RETRY_SECONDS)

    async def _bundle(self, digest: str) -> None:
        bundles = await self._bus.bundles()
        try:
            await bundles.get_info(digest)
        except (NotFoundError, ObjectNotFoundError):
            path = self._bundles / f"{digest}.tar.gz"
            try:
                packed = await asyncio.to_thread(path.read_bytes)
            except OSError as error:
                log.error("publishing.bundle_lost", digest=digest, error=str(error))
                return
            await bundles.put(digest, packed)


async def snapshot(bus: Bus, bucket: str, type_: type[T]) -> dict[str, T]:
    """What a bucket holds at this moment."""
    found: dict[str, T] = {}
    async with aclosing(watch(bus, bucket, type_)) as changes:  # type: ignore[type-var]
        async for change in changes:
            if change is None:
                break
            key, value = change
            if value is not None:
                found[key] = value
    return found
