"""Reading a stream in order, without a gap, across restarts of the bus.

Comes in: a stream and where to begin. Goes out: its messages, in order. The server pushes them with flow control and
heartbeats; a message that went to a dead connection shows as a gap in the consumer's own count, in a message or in a
heartbeat, and the reading begins again where it was.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from twinline.bus.cancelling import heed
from twinline.bus.connection import Bus

HEARTBEAT = 1.0
"""Seconds between the server's signs of life. nats.go's ordered consumer uses 5; a second finds a restart sooner."""

RETRY = 0.2
"""Seconds between attempts to begin again."""

log = structlog.get_logger()


class _Gap(Exception):
    """The server sent something that did not arrive, or nothing for too long."""


async def follow(bus: Bus, stream: str, *, after: int) -> AsyncIterator[Msg]:
    """Every message of a stream after a sequence, and every one to come. Nothing is acknowledged."""
    while True:
        config = ConsumerConfig(
            ack_policy=AckPolicy.NONE,
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=after + 1,
            max_deliver=1,
            mem_storage=True,
            num_replicas=1,
        )
        try:
            async for message in _consume(bus, stream, config):
                after = message.metadata.sequence.stream
                yield message
        except (_Gap, nats.errors.Error, OSError) as trouble:
            log.info("stream.again", stream=stream, after=after, reason=str(trouble) or repr(trouble))
            await asyncio.sleep(RETRY)


async def follow_queue(
    bus: Bus, stream: str, *, durable: str, ack_wait: float, pending: int, subject: str | None = None
) -> AsyncIterator[Msg]:
    """Every message of a work queue that is not acknowledged, in order, and every one to come.

    Each time the reading begins (a restart of this process, of the bus) the consumer is made anew, so that what was in
    flight comes again before what is newer. A caller still busy with a message must therefore recognise it by its
    sequence. `ack_wait` is in seconds; `pending` is how many messages may be unacknowledged; `subject` takes a part
    of the stream.
    """
    while True:
        config = ConsumerConfig(
            durable_name=durable,
            ack_policy=AckPolicy.EXPLICIT,
            deliver_policy=DeliverPolicy.ALL,
            ack_wait=ack_wait,
            max_ack_pending=pending,
            filter_subject=subject,
        )
        try:
            await _forget(bus, stream, durable)
            async for message in _consume(bus, stream, config):
                yield message
        except (_Gap, nats.errors.Error, OSError) as trouble:
            log.info("stream.again", stream=stream, reason=str(trouble) or repr(trouble))
            await asyncio.sleep(RETRY)


async def _forget(bus: Bus, stream: str, durable: str) -> None:
    try:
        await heed(bus.jetstream.delete_consumer(stream, durable))
    except NotFoundError:
        return


async def _consume(bus: Bus, stream: str, config: ConsumerConfig) -> AsyncIterator[Msg]:
    """The messages of one consumer until something is missing (`_Gap`)."""
    inbox = bus.client.new_inbox()
    async with _arrivals(bus, inbox) as arrivals:
        made = bus.jetstream.add_consumer(
            stream, config, deliver_subject=inbox, flow_control=True, idle_heartbeat=HEARTBEAT
        )
        await heed(made)
        last = 0
        while True:
            message = await arrivals.next()
            if message.headers is not None and "Status" in message.headers:
                await _answer_status(bus, message, last)
                continue
            place = message.metadata.sequence.consumer
            if place != last + 1:
                raise _Gap(f"message {place} came after {last}")
            last = place
            yield message


async def _answer_status(bus: Bus, message: Msg, last: int) -> None:
    """Flow control is answered when all before it has been dealt with; a heartbeat must know of nothing unseen."""
    headers = message.headers or {}
    if message.reply:
        await bus.client.publish(message.reply)
    if stalled := headers.get("Nats-Consumer-Stalled"):
        await bus.client.publish(stalled)
    sent = headers.get("Nats-Last-Consumer")
    if sent is not None and int(sent) != last:
        raise _Gap(f"{sent} messages were sent, {last} arrived")


class _Arrivals:
    """Messages between the connection and the reader; waiting costs nothing while there are some."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._reconnects = client.stats["reconnects"]
        self._messages: deque[Msg] = deque()
        self._arrived = asyncio.Event()

    async def put(self, message: Msg) -> None:
        self._messages.append(message)
        self._arrived.set()

    async def next(self) -> Msg:
        """The next message. Raises _Gap after three heartbeats' silence, or one over a new connection."""
        silent = 0
        while not self._messages:
            self._arrived.clear()
            try:
                async with asyncio.timeout(HEARTBEAT * 1.1):
                    await self._arrived.wait()
            except TimeoutError:
                silent += 1
                if silent == 3 or self._client.stats["reconnects"] != self._reconnects:
                    raise _Gap("no sign of life") from None
        return self._messages.popleft()


@asynccontextmanager
async def _arrivals(bus: Bus, inbox: str) -> AsyncIterator[_Arrivals]:
    arrivals = _Arrivals(bus.client)
    subscription = await bus.client.subscribe(inbox, cb=arrivals.put)
    try:
        yield arrivals
    finally:
        if not bus.client.is_closed and not bus.client.is_draining:
            await subscription.unsubscribe()
