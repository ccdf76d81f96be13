"""The edge as a process: messages in, sessions, replies out, and kill -9 at any moment."""

import asyncio
import random
import socket
from collections import defaultdict
from collections.abc import Callable

import aiohttp
from tests.network.conftest import (
    ADDRESS,
    EdgeProcess,
    FakeCarrier,
    FakeWorker,
    eventually,
    post_message,
    publish_state,
    undeliverable,
)

from twinline.bus import Bus, names


async def test_a_message_reaches_a_session_and_its_reply_the_carrier(
    bus: Bus, edge_process: Callable[..., EdgeProcess], carrier: FakeCarrier, worker: Callable[..., FakeWorker]
) -> None:
    await publish_state(bus, carrier.url)
    busy = worker()
    edge = edge_process()
    edge.start()
    await edge.ready()
    async with aiohttp.ClientSession() as client:
        answer = await post_message(client, edge, "hello", identifier="m1")
        assert answer.status == 202
    await eventually(lambda: len(carrier.posts) == 1)
    (start,) = busy.sessions.values()
    assert (start.caller, start.address, start.text, start.sequence) == ("+15559", ADDRESS, "hello", 1)
    assert carrier.posts[0]["to"] == "+15559"
    assert carrier.posts[0]["text"] == "you said hello"
    assert edge.stop() == 0


async def test_kill_9_loses_no_message_and_breaks_no_order(
    bus: Bus, edge_process: Callable[..., EdgeProcess], carrier: FakeCarrier, worker: Callable[..., FakeWorker]
) -> None:
    """Two hundred conversations of six messages, sessions of two to three, the edge killed five times."""
    await publish_state(bus, carrier.url)
    busy = worker(turns=2, linger=0.02)
    edge = edge_process()
    edge.start()
    await edge.ready()
    chance = random.Random(7)
    accepted: set[str] = set()

    async def talk(client: aiohttp.ClientSession, number: int) -> None:
        for turn in range(6):
            identifier = f"c{number}-{turn}"
            while identifier not in accepted:
                try:
                    answer = await post_message(client, edge, f"{turn}", identifier=identifier, sender=f"+1{number:04}")
                    if answer.status == 202:
                        accepted.add(identifier)
                        continue
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.05)
            await asyncio.sleep(chance.uniform(0, 0.8))

    async def kill_often() -> None:
        for _ in range(5):
            await asyncio.sleep(chance.uniform(0.3, 1.0))
            edge.kill()
            edge.start()
            await edge.ready()

    timeout = aiohttp.ClientTimeout(total=5)
    async with aiohttp.ClientSession(timeout=timeout) as client, asyncio.TaskGroup() as group:
        group.create_task(kill_often())
        for number in range(200):
            group.create_task(talk(client, number))
    await eventually(lambda: sum(map(len, busy.taken.values())) >= 1200, within=30)

    for number in range(200):
        taken = busy.taken[names.conversation_of(ADDRESS, f"+1{number:04}")]
        assert [text for _, _, text in taken] == [f"{turn}" for turn in range(6)]
        sequences = [sequence for sequence, _, _ in taken]
        assert sequences == sorted(set(sequences))
    await eventually(lambda: len(set(carrier.accepted)) == 1200, within=30)
    replies: dict[str, list[str]] = defaultdict(list)
    for post in carrier.posts:
        if post["text"] not in replies[post["to"]]:
            replies[post["to"]].append(post["text"])
    assert all(texts == [f"you said {turn}" for turn in range(6)] for texts in replies.values())
    assert len({post["id"] for post in carrier.posts}) == 1200
    assert await undeliverable(bus) == []


def test_a_token_that_cannot_be_read_ends_the_edge_with_its_place(
    bus: Bus, edge_process: Callable[..., EdgeProcess]
) -> None:
    edge = edge_process()
    edge.token.unlink()
    edge.start()
    assert edge.ended() == 1
    assert f"{edge.token}: the bus's token cannot be read" in edge.log


def test_a_port_in_use_ends_the_edge_with_the_reason(bus: Bus, edge_process: Callable[..., EdgeProcess]) -> None:
    edge = edge_process()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", edge.port))
        taken.listen()
        edge.start()
        assert edge.ended() == 1
    assert "address already in use" in edge.log
