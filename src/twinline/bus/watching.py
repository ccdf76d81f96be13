"""Published state as it stands and as it changes, across restarts of the bus.

Comes in: a bucket and the type of its values. Goes out: every value that stands, a mark, then every change.
"""

from collections.abc import AsyncIterator
from typing import TypeVar

import msgspec
import structlog
from nats.aio.msg import Msg

from twinline.bus.cancelling import heed
from twinline.bus.connection import Bus
from twinline.bus.following import follow

T = TypeVar("T")

log = structlog.get_logger()


async def watch(bus: Bus, bucket: str, type_: type[T]) -> AsyncIterator[tuple[str, T | None] | None]:
    """Every value of a bucket and then every change, as (key, value or None when deleted).

    A single None marks the point where the values that stood at the start have all been given. A value that cannot be
    read is logged and passed over: what was known before it stands.
    """
    stream = f"KV_{bucket}"
    waiting = (await heed(bus.jetstream.stream_info(stream))).state.messages > 0
    if not waiting:
        yield None
    # A bucket keeps one message a key, so its stream from the beginning is its state.
    async for message in follow(bus, stream, after=0):
        change = _change(message, bucket, type_)
        if change is not None:
            yield change
        if waiting and message.metadata.num_pending == 0:
            waiting = False
            yield None


def _change(message: Msg, bucket: str, type_: type[T]) -> tuple[str, T | None] | None:
    key = message.subject.removeprefix(f"$KV.{bucket}.")
    if message.headers is not None and ("KV-Operation" in message.headers or "Nats-Marker-Reason" in message.headers):
        return key, None
    try:
        return key, msgspec.json.decode(message.data, type=type_)
    except msgspec.MsgspecError as error:
        log.error("state.unreadable", bucket=bucket, key=key, reason=str(error))
        return None
