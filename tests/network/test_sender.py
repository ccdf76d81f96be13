"""Replies on their way to carriers that misbehave."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from tests.network.conftest import ADDRESS, SECRET, FakeCarrier, eventually, publish_state, undeliverable

from twinline.bus import Bus, names
from twinline.model.messages import OutboundMessage
from twinline.network import EdgeSettings
from twinline.network.directory import Directory
from twinline.network.patience import Patience
from twinline.network.sender import Failed, Refused, Sender, judge, retry_after

SETTINGS = EdgeSettings(
    nats_url="",
    nats_token_file=Path(),
    post_timeout=0.3,
    post_patience=Patience(attempts=6, total=20.0, first=0.05, longest=0.2),
)


@pytest.fixture
async def start_sender(bus: Bus, carrier: FakeCarrier) -> AsyncIterator[Callable[[], asyncio.Task[None]]]:
    await publish_state(bus, carrier.url)
    directory = Directory(bus)
    watching = asyncio.create_task(directory.run())
    await directory.complete.wait()
    running: list[asyncio.Task[None]] = []

    def start() -> asyncio.Task[None]:
        running.append(asyncio.create_task(Sender(bus, directory, SETTINGS).run()))
        return running[-1]

    yield start
    for task in (*running, watching):
        if task.done() and not task.cancelled():
            task.result()
        task.cancel()
    await asyncio.gather(*running, watching, return_exceptions=True)


@pytest.fixture
async def sender(start_sender: Callable[[], asyncio.Task[None]]) -> asyncio.Task[None]:
    return start_sender()


async def reply(bus: Bus, identifier: str, *, to: str = "+2", address: str = ADDRESS) -> None:
    message = OutboundMessage(identifier, "s", "shop", address, address, to, f"text of {identifier}", "SMS")
    await bus.publish(names.OUTBOUND_SUBJECT, message, once=identifier)


async def queue_is_empty(bus: Bus) -> bool:
    return (await bus.jetstream.stream_info(names.OUTBOUND)).state.messages == 0


async def test_a_reply_is_tried_again_until_the_carrier_recovers(
    bus: Bus, carrier: FakeCarrier, sender: object
) -> None:
    carrier.behave = lambda _post: web.Response(status=500 if len(carrier.posts) <= 3 else 202)
    await reply(bus, "r1")
    await eventually(lambda: carrier.accepted == ["r1"])
    assert [post["id"] for post in carrier.posts] == ["r1"] * 4
    await eventually(lambda: queue_is_empty(bus))


async def test_a_hanging_carrier_is_left_and_tried_again(bus: Bus, carrier: FakeCarrier, sender: object) -> None:
    async def hang(_post: dict[str, str]) -> web.StreamResponse:
        if len(carrier.posts) == 1:
            await asyncio.sleep(5)
        return web.Response(status=202)

    carrier.behave = hang
    await reply(bus, "r1")
    await eventually(lambda: carrier.accepted == ["r1"], within=3)


async def test_a_connection_that_is_cut_is_tried_again(bus: Bus, carrier: FakeCarrier, sender: object) -> None:
    cut = web.Response(status=202)
    cut.prepare = _cut  # type: ignore[method-assign]
    carrier.behave = lambda _post: cut if len(carrier.posts) == 1 else web.Response(status=202)
    await reply(bus, "r1")
    await eventually(lambda: len(carrier.posts) == 2)
    await eventually(lambda: queue_is_empty(bus))


async def _cut(request: web.BaseRequest) -> None:
    assert request.transport is not None
    request.transport.abort()


async def test_a_carrier_that_asks_for_time_gets_it(bus: Bus, carrier: FakeCarrier, sender: object) -> None:
    at: list[float] = []

    def busy(_post: dict[str, str]) -> web.StreamResponse:
        at.append(time.monotonic())
        return web.Response(status=429, headers={"Retry-After": "1"}) if len(at) == 1 else web.Response(status=202)

    carrier.behave = busy
    await reply(bus, "r1")
    await eventually(lambda: len(at) == 2)
    assert at[1] - at[0] >= 1.0


async def test_a_refusal_is_final_and_kept_with_its_reason(bus: Bus, carrier: FakeCarrier, sender: object) -> None:
    carrier.behave = lambda _post: web.Response(status=400, text="no such number")
    await reply(bus, "r1")
    await eventually(lambda: queue_is_empty(bus))
    (given_up,) = await undeliverable(bus)
    assert given_up.reason == "the carrier answered 400: no such number"
    assert msgspec.json.decode(given_up.body, type=OutboundMessage).id == "r1"
    assert len(carrier.posts) == 1


async def test_patience_ends_and_the_next_reply_goes(bus: Bus, carrier: FakeCarrier, sender: object) -> None:
    carrier.behave = lambda post: web.Response(status=503 if post["id"] == "r1" else 202)
    await reply(bus, "r1")
    await reply(bus, "r2")
    await eventually(lambda: carrier.accepted == ["r2"])
    (given_up,) = await undeliverable(bus)
    assert given_up.reason == "the carrier answered 503 (6 attempts)"


async def test_order_is_kept_for_a_recipient_and_others_do_not_wait(
    bus: Bus, carrier: FakeCarrier, sender: object
) -> None:
    failed: set[str] = set()

    def stumble(post: dict[str, str]) -> web.StreamResponse:
        if post["to"] == "+2" and post["id"] not in failed:
            failed.add(post["id"])
            return web.Response(status=500)
        return web.Response(status=202)

    carrier.behave = stumble
    for number in range(4):
        await reply(bus, f"slow{number}")
    for number in range(4):
        await reply(bus, f"quick{number}", to="+3")
    await eventually(lambda: len(carrier.accepted) == 8)
    assert [one for one in carrier.accepted if one.startswith("slow")] == [f"slow{number}" for number in range(4)]
    assert carrier.accepted.index("quick3") < carrier.accepted.index("slow3")


async def test_a_carrier_that_hangs_does_not_hold_up_another(bus: Bus, carrier: FakeCarrier, sender: object) -> None:
    async def hang(post: dict[str, str]) -> web.StreamResponse:
        if post["from"] == ADDRESS:
            await asyncio.sleep(30)
        return web.Response(status=202)

    carrier.behave = hang
    await publish_state(bus, carrier.url + "/other", address="+1777")
    for number in range(SETTINGS.posts_per_carrier * 2):
        await reply(bus, f"hung{number}", to=f"+3{number}")
    await reply(bus, "free", address="+1777")
    await eventually(lambda: "free" in carrier.accepted, within=0.3 * 2)


async def test_what_was_in_flight_is_posted_again_in_order_after_a_stop(
    bus: Bus, carrier: FakeCarrier, start_sender: Callable[[], asyncio.Task[None]]
) -> None:
    async def never(_post: dict[str, str]) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response(status=202)

    carrier.behave = never
    first = start_sender()
    await reply(bus, "r1")
    await reply(bus, "r2")
    await eventually(lambda: len(carrier.posts) == 1)
    first.cancel()
    carrier.behave = lambda _post: web.Response(status=202)
    start_sender()
    await eventually(lambda: carrier.accepted == ["r1", "r2"])
    assert [post["id"] for post in carrier.posts] == ["r1", "r1", "r2"]


async def test_a_reply_that_twilio_shaped_carriers_take(bus: Bus, carrier: FakeCarrier, sender: object) -> None:
    url = carrier.url.replace("/replies", "/2010-04-01/Accounts/AC42/Messages.json")
    await publish_state(bus, url, address="+1777", kind="twilio")
    await asyncio.sleep(0.2)
    await reply(bus, "r1", address="+1777")
    await eventually(lambda: carrier.posts == [{"From": "+1777", "To": "+2", "Body": "text of r1"}])
    assert carrier.headers[0]["Authorization"].startswith("Basic ")
    assert SECRET not in str(carrier.headers)


async def test_an_unknown_kind_of_carrier_gives_the_reply_up(bus: Bus, carrier: FakeCarrier, sender: object) -> None:
    await publish_state(bus, carrier.url, address="+1777", kind="pigeon")
    await asyncio.sleep(0.2)
    await reply(bus, "r1", address="+1777")
    await eventually(lambda: queue_is_empty(bus))
    (given_up,) = await undeliverable(bus)
    assert "pigeon" in given_up.reason


async def test_bytes_that_are_no_reply_are_kept_apart(bus: Bus, sender: object) -> None:
    await bus.jetstream.publish(names.OUTBOUND_SUBJECT, b"\xff not json")
    await eventually(lambda: queue_is_empty(bus))
    (given_up,) = await undeliverable(bus)
    assert "cannot read it" in given_up.reason


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 599])
def test_answers_that_may_pass(status: int) -> None:
    assert isinstance(judge(status, {}, "", 0.0), Failed)


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 409, 410, 422])
def test_answers_that_will_not(status: int) -> None:
    assert isinstance(judge(status, {}, "", 0.0), Refused)


def test_a_time_to_wait_is_a_number_or_a_date() -> None:
    assert retry_after("7", 0.0) == 7.0
    assert retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 50.0) == 10.0
    assert retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 500.0) == 0.0
    assert retry_after("soon", 0.0) is None


@given(st.text())
def test_any_retry_after_is_read_or_ignored(value: str) -> None:
    seconds = retry_after(value, 0.0)
    assert seconds is None or seconds >= 0
