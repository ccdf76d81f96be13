"""The dispatcher: brings every accepted message to the session of its conversation, or starts one.

Comes in: the inbound stream, in order. Goes out: starts and further messages on the workers' queues, a record of every
open conversation, and what could not be delivered. `routing` decides and says why nothing is lost; this file does it.

The place up to which everything is done (the cursor) is written from time to time, so a process that comes back after
a kill reads on from there and finds by the records what it had done already. There must be one dispatcher.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import msgspec
import structlog
from nats.aio.msg import Msg
from nats.js.errors import NotFoundError

from twinline.bus import Bus, follow, names
from twinline.model.errors import Trouble
from twinline.model.messages import ConversationClosed, Inbound, InboundMessage, Route, Undeliverable
from twinline.network.directory import Directory
from twinline.network.lanes import Lanes
from twinline.network.patience import insist, pause
from twinline.network.progress import Progress
from twinline.network.routing import (
    Begin,
    Close,
    Send,
    Skip,
    Standing,
    Target,
    conversation_of,
    decide,
    open_route,
    work_item,
)
from twinline.network.settings import EdgeSettings

MARKER_AGE = 3_600
"""Seconds that a closed conversation's marker stays. The cursor is past it within seconds, or within `park` at most."""

CURSOR = "dispatched"

T = TypeVar("T")

log = structlog.get_logger()


class _Cursor(msgspec.Struct, frozen=True):
    """Up to which inbound sequence everything is done."""

    sequence: int
    v: int = 1


class _Marker(msgspec.Struct, frozen=True):
    """What stays of a closed conversation."""

    applied: int


class _Entry(msgspec.Struct, frozen=True):
    sequence: int
    conversation: str
    event: Inbound


_inbound = msgspec.json.Decoder(Inbound)


class Dispatcher:
    """The one reader of the inbound stream."""

    def __init__(self, bus: Bus, directory: Directory, settings: EdgeSettings) -> None:
        self._bus = bus
        self._directory = directory
        self._settings = settings
        self._standings: dict[str, Standing] = {}
        self._slots = asyncio.Semaphore(settings.dispatch_in_flight)
        self._parked = 0
        self._progress = Progress(0)

    @property
    def in_flight(self) -> int:
        """Entries that hold the cursor back at this moment."""
        return self._progress.in_flight

    async def run(self) -> None:
        """Dispatch until cancelled. Raises Trouble when the bus stays away for longer than the settings allow."""
        settings = self._settings
        cursor = await insist(settings.bus, "reading the cursor", self._read_cursor)
        self._progress = Progress(cursor)
        await insist(settings.bus, "reading the open conversations", self._read_standings)
        log.info("dispatcher.ready", after=cursor, conversations=len(self._standings))
        async with asyncio.TaskGroup() as group:
            lanes = Lanes(group, self._handle)
            group.create_task(self._keep_cursor())
            async for message in follow(self._bus, names.INBOUND, after=cursor):
                await self._enter(message, lanes)

    async def _read_cursor(self) -> int:
        cursor = await self._bus.get(names.EDGE, CURSOR, _Cursor)
        return cursor.sequence if cursor else 0

    async def _read_standings(self) -> None:
        """Open routes, and markers that the cursor has not passed."""
        watcher = await (await self._bus.bucket(names.CONVERSATIONS)).watchall()
        try:
            async for entry in watcher:
                if entry is None:
                    return
                if entry.operation is None:
                    route = msgspec.json.decode(entry.value or b"", type=Route)
                    self._standings[entry.key] = Standing(applied=route.applied, route=route)
                elif entry.value:
                    marker = msgspec.json.decode(entry.value, type=_Marker)
                    if marker.applied > self._progress.done:
                        self._standings[entry.key] = Standing(applied=marker.applied)
        finally:
            await watcher.stop()  # type: ignore[no-untyped-call]  # nats-py leaves `stop` unannotated

    async def _enter(self, message: Msg, lanes: Lanes[_Entry]) -> None:
        sequence = message.metadata.sequence.stream
        await self._slots.acquire()
        self._progress.enter(sequence)
        try:
            event = _inbound.decode(message.data)
        except msgspec.MsgspecError as error:
            await self._give_up(sequence, message.data, f"this version cannot read it: {error}")
            self._finish(sequence)
            return
        conversation = conversation_of(event)
        lanes.add(conversation, _Entry(sequence, conversation, event))

    def _finish(self, sequence: int) -> None:
        self._progress.finish(sequence)
        self._slots.release()

    async def _keep_cursor(self) -> None:
        written = self._progress.done
        while True:
            await asyncio.sleep(self._settings.cursor_interval)
            if (done := self._progress.done) != written:
                await self._insist("writing the cursor", partial(self._bus.put, names.EDGE, CURSOR, _Cursor(done)))
                written = done

    async def _insist(self, what: str, make: Callable[[], Awaitable[T]]) -> T:
        return await insist(self._settings.bus, what, make)

    async def _handle(self, entry: _Entry) -> None:
        step = decide(self._standings.get(entry.conversation), entry.sequence, entry.event)
        match step:
            case Send():
                await self._send(entry, step)
            case Begin(sequences=sequences):
                await self._begin(entry, sequences)
            case Close():
                await self._close(entry)
            case Skip():
                pass
        self._forget_marker(entry)
        self._finish(entry.sequence)

    def _forget_marker(self, entry: _Entry) -> None:
        standing = self._standings.get(entry.conversation)
        if standing is not None and standing.route is None and standing.applied <= entry.sequence:
            del self._standings[entry.conversation]

    async def _send(self, entry: _Entry, step: Send) -> None:
        """Write the route and publish its messages; only a start must wait for the route to be written."""
        route = step.route
        self._standings[entry.conversation] = Standing(applied=route.applied, route=route)
        if step.changed and step.starts:
            await self._write_route(route)
        elif step.changed:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._write_route(route))
                group.create_task(self._publish_work(route, step.sequences, entry))
            return
        await self._publish_work(route, step.sequences, entry)

    async def _write_route(self, route: Route) -> None:
        put = partial(self._bus.put, names.CONVERSATIONS, route.conversation, route)
        await self._insist("writing a route", put)

    async def _publish_work(self, route: Route, sequences: tuple[int, ...], entry: _Entry) -> None:
        subject = names.work_subject(route.worker)
        for sequence in sequences:
            message = await self._message(sequence, entry)
            if message is None:
                continue
            once, item = work_item(route, sequence, message)
            await self._insist("handing work to a worker", partial(self._bus.publish, subject, item, once=once))

    async def _message(self, sequence: int, entry: _Entry) -> InboundMessage | None:
        """The message at a sequence: the entry itself, or an older one that its session did not take."""
        if isinstance(entry.event, InboundMessage) and entry.sequence == sequence:
            return entry.event
        try:
            get = partial(self._bus.jetstream.get_msg, names.INBOUND, sequence)
            raw = await self._insist("reading an older message", get)
        except NotFoundError:
            log.error("message.aged", sequence=sequence, conversation=entry.conversation)
            return None
        return msgspec.json.decode(raw.data or b"", type=InboundMessage)

    async def _begin(self, entry: _Entry, sequences: tuple[int, ...]) -> None:
        """A new session for these messages, or the reason why there is none, kept with each of them."""
        target = await self._target(entry, sequences)
        if isinstance(target, Target):
            await self._send(entry, open_route(entry.conversation, entry.sequence, sequences, target))
            return
        for sequence in sequences:
            message = await self._message(sequence, entry)
            if message is not None:
                await self._give_up(sequence, msgspec.json.encode(message), target)
        if isinstance(entry.event, ConversationClosed):
            await self._close(entry)

    async def _target(self, entry: _Entry, sequences: tuple[int, ...]) -> Target | str:
        """What a new session is pinned to, waited for while the settings allow; else the reason why not."""
        message = await self._message(sequences[0], entry)
        if message is None:
            return "it is no longer kept"
        try:
            return self._directory.target(message.address)
        except Trouble as trouble:
            log.warning("message.parked", conversation=entry.conversation, reason=str(trouble))
            if self._parked >= self._settings.parked_limit:
                return f"{trouble}; {self._parked} other messages wait already"
        self._parked += 1
        self._slots.release()
        target = await self._wait_for_target(message.address)
        self._parked -= 1
        await self._slots.acquire()
        return target

    async def _wait_for_target(self, address: str) -> Target | str:
        patience = self._settings.park
        began = time.monotonic()
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._directory.target(address)
            except Trouble as trouble:
                wait = pause(patience, attempt)
                waited = time.monotonic() - began
                if attempt >= patience.attempts or waited + wait > patience.total:
                    return f"{trouble}; waited {waited:.0f} s"
            await asyncio.sleep(wait)

    async def _give_up(self, sequence: int, body: bytes, reason: str) -> None:
        log.error("message.undeliverable", sequence=sequence, reason=reason)
        given_up = Undeliverable(
            direction="inbound",
            sequence=sequence,
            reason=reason,
            body=body.decode(errors="replace"),
            at=time.time(),
        )
        publish = partial(self._bus.publish, names.UNDELIVERABLE_SUBJECT, given_up, once=f"inbound:{sequence}")
        await self._insist("keeping an undeliverable message", publish)

    async def _close(self, entry: _Entry) -> None:
        """Delete the route by a marker that still says how far the conversation was applied."""
        self._standings[entry.conversation] = Standing(applied=entry.sequence)
        marker = msgspec.json.encode(_Marker(entry.sequence))
        headers = {"KV-Operation": "DEL", "Nats-TTL": f"{MARKER_AGE}s"}
        subject = f"$KV.{names.CONVERSATIONS}.{entry.conversation}"
        publish = partial(self._bus.jetstream.publish, subject, marker, headers=headers)
        await self._insist("closing a conversation", publish)
