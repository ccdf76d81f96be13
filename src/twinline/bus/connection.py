"""One way to the bus: connect, make sure the streams and buckets stand, publish and read typed messages.

Comes in: the address and credentials of a NATS server with JetStream. Goes out: a `Bus` that the runtime, the network
and the control plane share. Messages are JSON by msgspec; whoever reads names the type it expects.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import msgspec
import nats
import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, KeyValueConfig, ObjectStoreConfig, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import BucketNotFoundError, NotFoundError
from nats.js.kv import KeyValue
from nats.js.object_store import ObjectStore

from twinline.bus import names

DUPLICATE_WINDOW = 24 * 3600.0
"""Seconds in which a carrier's repetition of a message is recognised. Twilio retries within minutes."""

TRANSCRIPT_AGE = 30 * 24 * 3600.0
"""Seconds that transcripts stay on the bus beside the store, for the recovery of long sessions."""

HEARTBEAT_AGE = 15.0
"""Seconds after which a silent worker is gone from its bucket."""

LEAVING = 2
"""Seconds to send what is buffered."""

T = TypeVar("T")


@dataclass(frozen=True)
class BusAddress:
    """Where the bus is: `nats://…` and the token that the platform made for itself."""

    url: str
    token: str


_STREAMS = (
    StreamConfig(
        name=names.INBOUND,
        subjects=[names.INBOUND_SUBJECT],
        retention=RetentionPolicy.LIMITS,
        max_age=TRANSCRIPT_AGE,
        duplicate_window=DUPLICATE_WINDOW,
    ),
    StreamConfig(
        name=names.WORK, subjects=["work.*"], retention=RetentionPolicy.WORK_QUEUE, duplicate_window=DUPLICATE_WINDOW
    ),
    StreamConfig(
        name=names.OUTBOUND,
        subjects=[names.OUTBOUND_SUBJECT],
        retention=RetentionPolicy.WORK_QUEUE,
        duplicate_window=DUPLICATE_WINDOW,
    ),
    StreamConfig(
        name=names.UNDELIVERABLE,
        subjects=[names.UNDELIVERABLE_SUBJECT],
        max_age=TRANSCRIPT_AGE,
        duplicate_window=DUPLICATE_WINDOW,
    ),
    StreamConfig(
        name=names.TRANSCRIPTS,
        subjects=["transcripts.*"],
        max_age=TRANSCRIPT_AGE,
        duplicate_window=DUPLICATE_WINDOW,
    ),
    StreamConfig(name=names.REHEARSAL, subjects=["rehearsal.*"], retention=RetentionPolicy.WORK_QUEUE),
    StreamConfig(name=names.RESULTS, subjects=["results.*"], max_age=3600.0 * 24),
)

_BUCKETS = (
    names.DIRECTORY,
    names.APPLICATIONS,
    names.CLUSTERS,
    names.BUILDS,
    names.CONVERSATIONS,
    names.EDGE,
    names.OPEN_SESSIONS,
    names.REHEARSALS,
)


class Bus:
    """A connection with typed publishing and reading. Made by `connect`; closed once by its owner."""

    def __init__(self, client: Client, jetstream: JetStreamContext) -> None:
        self.client = client
        self.jetstream = jetstream
        self._buckets: dict[str, KeyValue] = {}

    async def publish(self, subject: str, message: msgspec.Struct, *, once: str = "") -> int:
        """Put a message on a stream and wait until the server has it. `once` names it for deduplication.

        Returns its sequence in the stream. Raises nats.errors.Error when the bus does not take it.
        """
        headers = {"Nats-Msg-Id": once} if once else None
        acknowledged = await self.jetstream.publish(subject, msgspec.json.encode(message), headers=headers)
        return acknowledged.seq

    async def publish_surely(self, subject: str, message: msgspec.Struct, *, once: str) -> int:
        """Like `publish`, tried again until the bus is back: `once` makes the repetitions harmless."""
        pause = 0.05
        while True:
            try:
                return await self.publish(subject, message, once=once)
            except (nats.errors.Error, OSError):
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2.0)

    async def bucket(self, name: str) -> KeyValue:
        """A key-value bucket that `prepare` made."""
        if name not in self._buckets:
            self._buckets[name] = await self.jetstream.key_value(name)
        return self._buckets[name]

    async def put(self, bucket: str, key: str, value: msgspec.Struct) -> int:
        """Write published state; returns the key's new revision."""
        return await (await self.bucket(bucket)).put(key, msgspec.json.encode(value))

    async def get(self, bucket: str, key: str, type_: type[T]) -> T | None:
        """Read published state; None when there is none."""
        try:
            entry = await (await self.bucket(bucket)).get(key)
        except NotFoundError:
            return None
        return msgspec.json.decode(entry.value or b"null", type=type_)

    async def delete(self, bucket: str, key: str) -> None:
        """Remove published state."""
        await (await self.bucket(bucket)).delete(key)

    async def bundles(self) -> ObjectStore:
        """The store of packed bundles, by digest."""
        return await self.jetstream.object_store(names.BUNDLES)

    async def close(self) -> None:
        """Send what is buffered and leave.

        Not by the client's own drain, which waits half a minute for subscriptions that are idle.
        """
        if self.client.is_connected:
            await self.client.flush(timeout=LEAVING)
        await self.client.close()


async def connect(address: BusAddress, *, name: str, closed: Callable[[], Awaitable[None]] | None = None) -> Bus:
    """Join the bus as `name`, trying for as long as it takes to come up and to come back.

    A wrong token is tried again like a server that is away: whoever calls sets the patience.
    """
    client = await nats.connect(
        address.url,
        token=address.token,
        name=name,
        connect_timeout=2,
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.1,
        ping_interval=5,
        closed_cb=closed,
        error_cb=_ignore,
        allow_reconnect=True,
    )
    return Bus(client, client.jetstream(timeout=10))


async def _ignore(_error: Exception) -> None:
    """Disconnections are ended by the client itself; requests that fail raise where they are made."""


async def prepare(bus: Bus) -> None:
    """Make the streams and buckets that are not there yet. Safe to repeat, and from several processes at once."""
    existing = {info.config.name for info in await bus.jetstream.streams_info()}
    for stream in _STREAMS:
        if stream.name not in existing:
            await bus.jetstream.add_stream(stream.evolve(storage=StorageType.FILE, discard=DiscardPolicy.NEW))
    for bucket in _BUCKETS:
        if f"KV_{bucket}" not in existing:
            await bus.jetstream.create_key_value(KeyValueConfig(bucket=bucket, history=1))
    if f"KV_{names.WORKERS}" not in existing:
        await bus.jetstream.create_key_value(KeyValueConfig(bucket=names.WORKERS, history=1, ttl=HEARTBEAT_AGE))
    if f"OBJ_{names.BUNDLES}" not in existing:
        await bus.jetstream.create_object_store(names.BUNDLES, ObjectStoreConfig(bucket=names.BUNDLES))


async def wait_until_prepared(bus: Bus, *, patience: float = 30.0) -> None:
    """Wait until the control plane has made the streams and buckets. Raises TimeoutError after `patience` seconds."""
    async with asyncio.timeout(patience):
        while True:
            try:
                await bus.jetstream.object_store(names.BUNDLES)
            except (BucketNotFoundError, NotFoundError):
                await asyncio.sleep(0.05)
            else:
                return
