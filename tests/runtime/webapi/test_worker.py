"""Applications elsewhere in real workers, on a real bus: served, taken up again after a kill, rehearsed."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from tests.runtime.test_worker import Station, make_station
from tests.runtime.webapi.house import Application, House, exchanges
from twinline.bus import Bus, BusAddress, names
from twinline.model.applications import Language, Version
from twinline.model.messages import LaneJob, LaneResult
from twinline.model.transcript import Outcome, SessionEnded
from twinline.runtime.worker import settings_document

WELCOME = [
    {"say": "Welcome"},
    {"ask": {"name": "cake", "choices": {"value": "apple, cherry"}, "say": "Which cake?", "timeout": 60}},
    {"ask": {"name": "size", "choices": {"value": "[DIGITS]"}, "say": "How many?", "timeout": 60}},
    {"on": {"event": "continue", "next": "/order"}},
]
ORDER = [{"say": "Ordered."}]


@pytest.fixture
async def station(
    bus: Bus,
    bus_address: BusAddress,
    tmp_path: Path,
    node22: Path,
    application: Application,
    request: pytest.FixtureRequest,
) -> AsyncIterator[Station]:
    application.answers = {"/": WELCOME, "/order": ORDER}
    made = make_station(bus, bus_address, tmp_path, node22, role=getattr(request, "param", "live"))
    settings = msgspec.structs.replace(made.settings, allow_outbound=frozenset({application.authority}))
    file = tmp_path / "settings.json"
    file.write_bytes(settings_document(settings))
    station = Station(bus, settings, file)
    station.up()
    yield station
    station.down()


async def deployed(station: Station, application: Application) -> Version:
    place = json.dumps({"url": f"{application.url}/"})
    return await station.deploy(place, "webapi.json", Language.WEB)


async def test_a_worker_serves_it_and_takes_it_up_again_after_a_kill(
    station: Station, application: Application
) -> None:
    await station.start(await deployed(station, application), "cherry")
    assert await station.sent(2) == ["Welcome", "How many?"]
    await _until_the_transcript_is_on_the_bus(station.bus)
    station.kill()
    await station.deliver("12")
    station.up()
    assert await station.sent(3) == ["Welcome", "How many?", "Ordered."]
    end = (await station.transcript())[-1]
    assert isinstance(end, SessionEnded)
    assert end.outcome is Outcome.COMPLETED
    assert await station.outbound_count() == 3
    assert [path for path, _ in application.told] == ["/", "/order"]
    actions = application.told[1][1]["actions"]
    assert isinstance(actions, list)
    assert [action["value"] for action in actions] == ["cherry", "12"]


@pytest.mark.parametrize("station", ["rehearsal"], indirect=True)
async def test_a_rehearsing_worker_plays_it_without_asking_it(
    station: Station, application: Application, house: House
) -> None:
    _, recorded = await house.hold("12", initial="cherry")
    application.told.clear()
    job = LaneJob("r1", "u1", "candidate", 1, await deployed(station, application), recorded)
    await station.bus.publish(names.rehearsal_subject(1), job)
    reader = await station.bus.jetstream.subscribe(names.results_subject("r1"), ordered_consumer=True)
    result = msgspec.json.decode((await reader.next_msg(timeout=20)).data, type=LaneResult)
    await reader.unsubscribe()
    assert (result.trouble, application.told) == ("", [])
    end = result.transcript[-1]
    assert isinstance(end, SessionEnded)
    assert end.outcome is Outcome.COMPLETED
    assert len(exchanges(result.transcript)) == 2


async def _until_the_transcript_is_on_the_bus(bus: Bus) -> None:
    async with asyncio.timeout(20):
        while not (await bus.jetstream.stream_info(names.TRANSCRIPTS)).state.messages:  # noqa: ASYNC110  # see `sent`
            await asyncio.sleep(0.02)
