"""The sender: brings every reply to its carrier.

Comes in: the outbound queue. Goes out: HTTP requests in the carrier's dialect, tried again while that may help, in
order for each pair of address and recipient and side by side for others; what cannot be sent is kept with the reason.

A message leaves the queue only when its carrier has taken it or it was given up. After a kill it is posted again under
the same identifier, which is how the carrier knows it. Messages in flight are recognised when the bus gives them again
(a long retry outlasts any acknowledgement wait), so this process never sends one twice by itself.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus

import aiohttp
import msgspec
import structlog
from nats.aio.msg import Msg

from twinline.bus import Bus, follow_queue, names
from twinline.model.errors import Mistake
from twinline.model.messages import OutboundMessage, Undeliverable
from twinline.network.carriers import Post, dialect_of
from twinline.network.directory import Directory
from twinline.network.lanes import Lanes
from twinline.network.patience import insist, pause
from twinline.network.settings import EdgeSettings

CONSUMER = "sender"

ACK_WAIT = 60.0
"""Seconds until the bus gives a message again. Repetitions are recognised; this only finds lost acknowledgements."""

REMEMBERED = 50_000
"""Sequences kept to recognise a repetition whose acknowledgement was lost."""

REASON_LIMIT = 300
"""Characters of a carrier's answer kept in the reason."""

log = structlog.get_logger()


class Sent(msgspec.Struct, frozen=True):
    """The carrier has it."""


class Refused(msgspec.Struct, frozen=True):
    """The carrier, or its entry, will never take it."""

    reason: str


class Failed(msgspec.Struct, frozen=True):
    """It may go later: after `retry_after` seconds if the carrier said so."""

    reason: str
    retry_after: float | None = None


Outcome = Sent | Refused | Failed


class Sender:
    """The one reader of the outbound queue."""

    def __init__(self, bus: Bus, directory: Directory, settings: EdgeSettings) -> None:
        self._bus = bus
        self._directory = directory
        self._settings = settings
        self._handles: dict[int, Msg] = {}
        self._done: OrderedDict[int, None] = OrderedDict()
        self._at_once = asyncio.Semaphore(settings.posts_at_once)
        self._per_carrier: dict[str, asyncio.Semaphore] = {}

    async def run(self) -> None:
        """Send until cancelled. Raises Trouble when the bus stays away for longer than the settings allow."""
        timeout = aiohttp.ClientTimeout(total=self._settings.post_timeout)
        connector = aiohttp.TCPConnector(limit=self._settings.posts_at_once)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as client, asyncio.TaskGroup() as group:
            lanes = Lanes[tuple[int, OutboundMessage]](group, lambda item: self._deliver(client, *item))
            waiting = follow_queue(
                self._bus, names.OUTBOUND, durable=CONSUMER, ack_wait=ACK_WAIT, pending=self._settings.unsent_limit
            )
            async for entry in waiting:
                await self._enter(entry, lanes)

    async def _enter(self, entry: Msg, lanes: Lanes[tuple[int, OutboundMessage]]) -> None:
        sequence = entry.metadata.sequence.stream
        if sequence in self._done:
            await entry.ack()
            return
        known = sequence in self._handles
        self._handles[sequence] = entry
        if known:
            return
        try:
            message = msgspec.json.decode(entry.data, type=OutboundMessage)
        except msgspec.MsgspecError as error:
            await self._give_up(sequence, entry.data, f"this version cannot read it: {error}")
            await self._finish(sequence)
            return
        lanes.add(f"{message.address}\n{message.recipient}", (sequence, message))

    async def _finish(self, sequence: int) -> None:
        """Acknowledge by the newest delivery: an older one may belong to a consumer that is gone."""
        self._done[sequence] = None
        if len(self._done) > REMEMBERED:
            self._done.popitem(last=False)
        entry = self._handles.pop(sequence)
        await insist(self._settings.bus, "acknowledging a reply", entry.ack)

    async def _deliver(self, client: aiohttp.ClientSession, sequence: int, message: OutboundMessage) -> None:
        """Send one message, or give it up; in either case it is done."""
        patience = self._settings.post_patience
        deadline = time.monotonic() + patience.total
        attempt = 0
        while True:
            attempt += 1
            outcome = await self._post(client, message)
            if isinstance(outcome, Sent):
                break
            if isinstance(outcome, Refused):
                await self._give_up(sequence, msgspec.json.encode(message), outcome.reason)
                break
            wait = max(pause(patience, attempt), outcome.retry_after or 0.0)
            if attempt >= patience.attempts or time.monotonic() + wait > deadline:
                reason = f"{outcome.reason} ({attempt} attempts)"
                await self._give_up(sequence, msgspec.json.encode(message), reason)
                break
            log.info("reply.again", message=message.id, attempt=attempt, wait=round(wait, 2), reason=outcome.reason)
            await asyncio.sleep(wait)
        await self._finish(sequence)

    async def _post(self, client: aiohttp.ClientSession, message: OutboundMessage) -> Outcome:
        entry = self._directory.address(message.address)
        if entry is None:
            return Failed(f"no carrier: nobody has the address {message.address}")
        try:
            post = dialect_of(entry.carrier).write(message, entry.carrier, time.time())
        except Mistake as mistake:
            return Refused(str(mistake))
        slots = self._per_carrier.setdefault(post.url, asyncio.Semaphore(self._settings.posts_per_carrier))
        async with slots, self._at_once:
            return await _attempt(client, post)

    async def _give_up(self, sequence: int, body: bytes, reason: str) -> None:
        log.error("reply.undeliverable", sequence=sequence, reason=reason)
        given_up = Undeliverable(
            direction="outbound",
            sequence=sequence,
            reason=reason,
            body=body.decode(errors="replace"),
            at=time.time(),
        )
        publish = partial(self._bus.publish, names.UNDELIVERABLE_SUBJECT, given_up, once=f"outbound:{sequence}")
        await insist(self._settings.bus, "keeping an undeliverable reply", publish)


async def _attempt(client: aiohttp.ClientSession, post: Post) -> Outcome:
    try:
        async with client.post(post.url, data=post.body, headers=post.headers, allow_redirects=False) as response:
            if response.ok:
                return Sent()
            said = (await response.content.read(REASON_LIMIT)).decode(errors="replace")
            return judge(response.status, response.headers, said, time.time())
    except aiohttp.InvalidURL as error:
        return Refused(f"the carrier's URL is none: {error}")
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return Failed(f"no answer from the carrier: {error!r}")


def judge(status: int, headers: Mapping[str, str], said: str, now: float) -> Refused | Failed:
    """What an answer that is no success means: 408, 425, 429 and 5xx may pass, anything else will not."""
    reason = f"the carrier answered {status}: {said}" if said else f"the carrier answered {status}"
    passing = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)
    if status in passing or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Failed(reason, retry_after(headers.get("Retry-After", ""), now))
    return Refused(reason)


def retry_after(value: str, now: float) -> float | None:
    """Seconds that a Retry-After header asks for, given as a number or a date; None when it says neither."""
    if value.isascii() and value.isdigit() and len(value) <= 9:
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (ValueError, OverflowError):
        return None
