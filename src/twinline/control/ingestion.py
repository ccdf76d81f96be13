"""Transcripts from the bus into the store.

Comes in: the stream of transcripts, read through a durable consumer. Goes out: rows. A batch is one transaction, and is
acknowledged after its commit: what a killed process or a full disk keeps from being stored comes again, and what was
stored before is known by its session and first index.
"""

import asyncio

import msgspec
import nats.errors
import structlog
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig

from twinline.bus import Bus, names
from twinline.control.store import Store, sessions
from twinline.model.errors import Trouble
from twinline.model.messages import TranscriptChunk

CONSUMER = "store"

BATCH = 500
"""Chunks of one transaction: its flush to disk then costs each less than its own parsing."""

LINGER_SECONDS = 0.2
"""Wait after a batch that was not full, so that a busy platform is stored in few transactions; nobody waits for it."""

ACKNOWLEDGE_SECONDS = 5.0
"""After this the bus gives unacknowledged chunks out again."""

RETRY_SECONDS = 2.0
"""Pause when the store or the bus fails. Chunks wait on the bus meanwhile."""

log = structlog.get_logger()

_decoder = msgspec.json.Decoder(TranscriptChunk)


async def run(bus: Bus, store: Store) -> None:
    """Store transcripts as they come, for ever."""
    subscription = await bus.jetstream.pull_subscribe(
        "transcripts.*",
        durable=CONSUMER,
        stream=names.TRANSCRIPTS,
        config=ConsumerConfig(ack_policy=AckPolicy.EXPLICIT, ack_wait=ACKNOWLEDGE_SECONDS, max_ack_pending=4 * BATCH),
    )
    while True:
        try:
            taken = await _take(subscription, store)
        except (nats.errors.Error, Trouble) as error:
            log.error("transcripts.not_stored", error=str(error), again_in=RETRY_SECONDS)
            await asyncio.sleep(RETRY_SECONDS)
        else:
            if taken < BATCH:
                await asyncio.sleep(LINGER_SECONDS)


async def _take(subscription: JetStreamContext.PullSubscription, store: Store) -> int:
    try:
        messages = await subscription.fetch(BATCH, timeout=5)
    except TimeoutError:
        return 0
    chunks = [chunk for message in messages if (chunk := await _decoded(message)) is not None]
    await store.write(lambda transaction: sessions.keep(transaction, chunks))
    for message in messages:
        if not message.is_acked:
            await message.ack()
    return len(messages)


async def _decoded(message: Msg) -> TranscriptChunk | None:
    """A chunk that cannot be read never will be: it is given up, stays in the stream, and the log says where."""
    try:
        return _decoder.decode(message.data)
    except msgspec.MsgspecError as error:
        sequence = message.metadata.sequence.stream
        log.error("transcripts.unreadable", subject=message.subject, sequence=sequence, error=str(error))
        await message.term()
        return None
