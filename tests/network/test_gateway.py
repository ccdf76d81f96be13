"""The gateway's answers, on a real bus."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer
from tests.network.conftest import ADDRESS, SECRET, now, publish_state

from twinline.bus import Bus, names
from twinline.model.messages import TEXT_LIMIT, InboundMessage
from twinline.network import EdgeSettings
from twinline.network.carriers import generic, twilio
from twinline.network.directory import Directory
from twinline.network.gateway import BODY_LIMIT, Gateway

SETTINGS = EdgeSettings(
    nats_url="", nats_token_file=Path(), public_url="https://edge.example/", sender_rate=1.0, sender_burst=5.0
)


@pytest.fixture
async def client(bus: Bus) -> AsyncIterator[TestClient]:
    await publish_state(bus, "http://carrier.example")
    directory = Directory(bus)
    watching = asyncio.create_task(directory.run())
    await directory.complete.wait()
    async with TestClient(TestServer(Gateway(bus, directory, SETTINGS).application())) as client:
        yield client
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)


async def send(client: TestClient, secret: str = SECRET, **changes: object) -> aiohttp.ClientResponse:
    fields = {"to": ADDRESS, "from": "+2", "text": "hello", "id": "m1"} | changes
    return await send_body(client, msgspec.json.encode({k: v for k, v in fields.items() if v is not None}), secret)


async def send_body(client: TestClient, body: bytes, secret: str = SECRET) -> aiohttp.ClientResponse:
    headers = {"Content-Type": "application/json", generic.SIGNATURE_HEADER: generic.sign(secret, body, now())}
    return await client.post("/messages", data=body, headers=headers)


async def kept(bus: Bus) -> list[InboundMessage]:
    info = await bus.jetstream.stream_info(names.INBOUND)
    raw = [await bus.jetstream.get_msg(names.INBOUND, one) for one in range(1, info.state.last_seq + 1)]
    return [msgspec.json.decode(one.data or b"", type=InboundMessage) for one in raw]


async def test_an_accepted_message_is_on_the_bus(bus: Bus, client: TestClient) -> None:
    answer = await send(client)
    assert answer.status == 202
    (message,) = await kept(bus)
    assert (await answer.json())["id"] == message.id
    assert (message.address, message.sender, message.text, message.carrier_id) == (ADDRESS, "+2", "hello", "m1")


async def test_a_repetition_is_accepted_and_changes_nothing(bus: Bus, client: TestClient) -> None:
    first, second = await send(client), await send(client)
    assert (first.status, second.status) == (202, 202)
    assert await first.json() == await second.json()
    assert len(await kept(bus)) == 1


@pytest.mark.parametrize(
    ("changes", "status", "where"),
    [
        ({"to": "+1999"}, 404, "to"),
        ({"secret": "guessed"}, 403, generic.SIGNATURE_HEADER),
        ({"text": None}, 400, "text"),
        ({"id": ""}, 400, "id"),
        ({"from": 15550001}, 400, "from"),
        ({"from": "+" * 257}, 400, "from"),
        ({"text": "x" * (TEXT_LIMIT + 1)}, 413, "text"),
        ({"text": "x" * BODY_LIMIT}, 400, "body"),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_kept(
    bus: Bus, client: TestClient, changes: dict[str, str], status: int, where: str
) -> None:
    answer = await send(client, **changes)
    problem = await answer.json()
    assert (answer.status, problem["status"], problem["where"]) == (status, status, where)
    assert answer.content_type == "application/problem+json"
    assert problem["title"]
    assert problem["detail"]
    assert problem["mend"]
    assert await kept(bus) == []


async def test_a_body_that_is_no_json_is_answered_with_a_problem(bus: Bus, client: TestClient) -> None:
    answer = await send_body(client, b"{not json")
    assert (answer.status, (await answer.json())["where"]) == (400, "body")


async def test_a_text_of_the_longest_allowed_length_is_accepted(client: TestClient) -> None:
    assert (await send(client, text="é" * TEXT_LIMIT)).status == 202


async def test_a_sender_that_sends_too_fast_is_told_when_to_go_on(bus: Bus, client: TestClient) -> None:
    statuses = [(await send(client, id=f"m{number}")).status for number in range(6)]
    assert statuses == [202, 202, 202, 202, 202, 429]
    refused = await send(client, id="m7")
    assert 1 <= int(refused.headers["Retry-After"]) <= 2
    other = await send(client, **{"id": "m8", "from": "+3"})
    assert other.status == 202


async def test_the_carrier_of_another_dialect_is_refused(bus: Bus, client: TestClient) -> None:
    await publish_state(bus, "http://x/Accounts/AC1/Messages.json", address="+1777", kind="twilio")
    await asyncio.sleep(0.2)
    answer = await send(client, to="+1777")
    assert (answer.status, (await answer.json())["where"]) == (403, "to")


async def test_twilios_webhook_is_answered_with_empty_twiml(bus: Bus, client: TestClient) -> None:
    await publish_state(bus, "http://x/Accounts/AC1/Messages.json", address="+1777", kind="twilio")
    await asyncio.sleep(0.2)
    fields = {"To": "+1777", "From": "+2", "Body": "hi", "MessageSid": "SM1", "NumMedia": "0"}
    signature = twilio.sign(SECRET, "https://edge.example/carriers/twilio", list(fields.items()))
    headers = {"Content-Type": "application/x-www-form-urlencoded", twilio.SIGNATURE_HEADER: signature}
    answer = await client.post("/carriers/twilio", data=urlencode(fields), headers=headers)
    assert (answer.status, answer.content_type) == (200, "text/xml")
    assert (await answer.text()).endswith("<Response/>")
    assert [message.text for message in await kept(bus)] == ["hi"]


async def test_an_unknown_path_and_method_are_problems_too(client: TestClient) -> None:
    assert (await (await client.get("/nowhere")).json())["status"] == 404
    assert (await (await client.get("/messages")).json())["status"] == 405


async def test_health_is_told(client: TestClient) -> None:
    answer = await client.get("/healthz")
    assert (answer.status, (await answer.json())["healthy"]) == (200, True)
