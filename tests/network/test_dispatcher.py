"""The dispatcher on a real bus: what waits, what is given up, and what happens around a session's end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest
from tests.network.conftest import ADDRESS, VERSION, FakeWorker, eventually, publish_state, undeliverable

from twinline.bus import Bus, names
from twinline.model.builds import Cluster
from twinline.model.messages import ConversationClosed, DeliverMessage, InboundMessage, Route, StartSession, WorkItem
from twinline.network import EdgeSettings
from twinline.network.directory import Directory
from twinline.network.dispatcher import Dispatcher
from twinline.network.patience import Patience

SETTINGS = EdgeSettings(
    nats_url="",
    nats_token_file=Path(),
    cursor_interval=0.05,
    park=Patience(attempts=1_000, total=1.0, first=0.02, longest=0.1),
)
TALK = names.conversation_of(ADDRESS, "+2")


class Dispatching:
    """A directory with a dispatcher that can be stopped and started again."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        directory = Directory(self._bus)
        self._tasks.append(asyncio.create_task(directory.run()))
        await directory.complete.wait()
        self._tasks.append(asyncio.create_task(Dispatcher(self._bus, directory, SETTINGS).run()))

    async def stop(self) -> None:
        for task in self._tasks:
            if task.done() and not task.cancelled():
                task.result()
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()


@pytest.fixture
async def dispatching(bus: Bus) -> AsyncIterator[Dispatching]:
    made = Dispatching(bus)
    yield made
    await made.stop()


async def arrive(bus: Bus, number: int, *, sender: str = "+2", address: str = ADDRESS) -> int:
    message = InboundMessage(f"m{number}", address, sender, f"text {number}", "SMS", f"{number}", 0.0)
    return await bus.publish(names.INBOUND_SUBJECT, message, once=f"generic:{sender}{number}")


async def work(bus: Bus) -> list[WorkItem]:
    """Everything handed to workers so far, in order (no worker takes it)."""
    info = await bus.jetstream.stream_info(names.WORK)
    raw = [await bus.jetstream.get_msg(names.WORK, one) for one in range(1, info.state.last_seq + 1)]
    return [msgspec.json.decode(one.data or b"", type=WorkItem) for one in raw]


def has_work(bus: Bus, count: int) -> Callable[[], object]:
    async def enough() -> bool:
        return len(await work(bus)) >= count

    return enough


async def test_a_conversation_goes_to_one_session_pinned_to_version_and_build(
    bus: Bus, dispatching: Dispatching
) -> None:
    await publish_state(bus, "http://x", build=7)
    await dispatching.start()
    await arrive(bus, 1)
    await arrive(bus, 2)
    await eventually(has_work(bus, 2))
    start, further = await work(bus)
    assert isinstance(start, StartSession)
    assert (start.mode, start.version, start.sequence, start.text) == (Cluster.PRODUCTION, VERSION, 1, "text 1")
    assert further == DeliverMessage(start.session, "text 2", "m2", 2)
    route = await bus.get(names.CONVERSATIONS, TALK, Route)
    assert route is not None
    assert (route.worker, route.build, route.forwarded) == ("production-7-0", 7, (1, 2))


async def test_what_a_session_did_not_take_starts_the_next_before_anything_newer(
    bus: Bus, dispatching: Dispatching
) -> None:
    await publish_state(bus, "http://x")
    await dispatching.start()
    for number in (1, 2, 3):
        await arrive(bus, number)
    await eventually(has_work(bus, 3))
    first = (await work(bus))[0]
    await bus.publish(names.INBOUND_SUBJECT, ConversationClosed(TALK, first.session, 1))
    await arrive(bus, 4)
    await eventually(has_work(bus, 6))
    again = (await work(bus))[3:]
    assert [item.sequence for item in again] == [2, 3, 5]
    assert isinstance(again[0], StartSession)
    assert {item.session for item in again} == {again[0].session}
    assert again[0].session != first.session


async def test_open_conversations_stay_on_their_build_when_the_pointer_moves(
    bus: Bus, dispatching: Dispatching
) -> None:
    await publish_state(bus, "http://x", build=1)
    await dispatching.start()
    await arrive(bus, 1)
    await eventually(has_work(bus, 1))
    await publish_state(bus, "http://x", build=2)
    await asyncio.sleep(0.2)
    await arrive(bus, 2)
    await arrive(bus, 3, sender="+3")
    await eventually(has_work(bus, 3))
    old = await bus.get(names.CONVERSATIONS, TALK, Route)
    new = await bus.get(names.CONVERSATIONS, names.conversation_of(ADDRESS, "+3"), Route)
    assert old is not None
    assert new is not None
    assert (old.build, new.build) == (1, 2)


async def test_a_message_waits_for_a_version_and_then_goes(bus: Bus, dispatching: Dispatching) -> None:
    await publish_state(bus, "http://x", live=False)
    await dispatching.start()
    await arrive(bus, 1)
    await arrive(bus, 2)
    await asyncio.sleep(0.3)
    assert await work(bus) == []
    await publish_state(bus, "http://x")
    await eventually(has_work(bus, 2))
    assert [item.sequence for item in await work(bus)] == [1, 2]


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ({"live": False}, "nothing is deployed"),
        ({"build": None}, "no build runs"),
        ({"address": "+1"}, "no application"),
    ],
)
async def test_a_message_that_waited_too_long_is_kept_with_the_reason(
    bus: Bus, dispatching: Dispatching, missing: dict[str, object], reason: str
) -> None:
    await publish_state(bus, "http://x", **missing)
    await dispatching.start()
    await arrive(bus, 1)
    await eventually(lambda: given_up(bus, 1), within=5)
    (kept,) = await undeliverable(bus)
    assert reason in kept.reason
    assert (kept.direction, kept.sequence) == ("inbound", 1)
    assert msgspec.json.decode(kept.body, type=InboundMessage).text == "text 1"


async def given_up(bus: Bus, count: int) -> bool:
    return len(await undeliverable(bus)) == count


async def test_others_do_not_wait_for_one_that_waits(bus: Bus, dispatching: Dispatching) -> None:
    await publish_state(bus, "http://x")
    await dispatching.start()
    await arrive(bus, 1, address="+1999")
    await arrive(bus, 2)
    await eventually(has_work(bus, 1), within=0.9)


async def test_an_entry_that_cannot_be_read_is_kept_apart(bus: Bus, dispatching: Dispatching) -> None:
    await publish_state(bus, "http://x")
    await dispatching.start()
    await bus.jetstream.publish(names.INBOUND_SUBJECT, b'{"type": "from the future"}')
    await arrive(bus, 1)
    await eventually(has_work(bus, 1))
    (kept,) = await undeliverable(bus)
    assert "cannot read it" in kept.reason


async def test_a_dispatcher_that_comes_back_repeats_nothing(
    bus: Bus, dispatching: Dispatching, worker: Callable[..., FakeWorker]
) -> None:
    await publish_state(bus, "http://x")
    busy = worker(turns=2)
    await dispatching.start()
    for number in range(1, 5):
        await arrive(bus, number)
    await eventually(lambda: len(busy.taken[TALK]) == 4)
    await bus.jetstream.purge_stream("KV_edge")
    await dispatching.stop()
    await publish_state(bus, "http://x", build=2)
    await dispatching.start()
    await arrive(bus, 5)
    await eventually(lambda: has_route(bus))
    route = await bus.get(names.CONVERSATIONS, TALK, Route)
    assert route is not None
    assert (route.build, len(route.forwarded)) == (2, 1)
    assert [text for _, _, text in busy.taken[TALK]] == [f"text {number}" for number in range(1, 5)]
    assert len(busy.sessions) == 2


async def has_route(bus: Bus) -> bool:
    return await bus.get(names.CONVERSATIONS, TALK, Route) is not None


async def test_a_closed_conversation_leaves_no_route(
    bus: Bus, dispatching: Dispatching, worker: Callable[..., FakeWorker]
) -> None:
    await publish_state(bus, "http://x")
    await dispatching.start()
    await arrive(bus, 1)
    await eventually(lambda: has_route(bus))
    worker(turns=1)

    async def gone() -> bool:
        return not await has_route(bus)

    await eventually(gone)
