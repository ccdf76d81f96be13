"""The example of an application that is a web service, in whole conversations."""

import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from examples.webapi.bookings import PORT, serve

from tests.runtime.webapi.house import Application, House, log, outcome
from twinline.model.transcript import Outcome
from twinline.model.webapi import read_place
from twinline.runtime.outbound import OutboundProxy, OutboundSettings

FOLDER = Path(__file__).parents[3] / "examples" / "webapi"


@pytest.fixture
async def restaurant(authority: Path, tmp_path: Path) -> AsyncIterator[House]:
    with serve(port=0) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        application = Application(url=f"http://127.0.0.1:{server.server_address[1]}")
        settings = OutboundSettings(allow=frozenset({application.authority}))
        async with OutboundProxy(socket=tmp_path / "out.sock", ca_folder=authority, settings=settings) as proxy:
            yield House(proxy, application)
        server.shutdown()
        serving.join()


async def test_a_table_is_booked_and_the_kitchen_knows(restaurant: House) -> None:
    texts, transcript = await restaurant.hold("four", "4", "Fri", initial="Hello")
    assert texts == [
        "A table at Lena's. For how many?",
        "A number, please. A table at Lena's. For how many?",
        "Friday, Saturday or Sunday?",
        "A table for 4 on Friday. See you!",
        "Table for 4 on Friday",
    ]
    assert (outcome(transcript)[0], log(transcript)) == (Outcome.COMPLETED, [])


async def test_there_is_no_such_table(restaurant: House) -> None:
    texts, _ = await restaurant.hold("12", "saturday", initial="Hello")
    assert texts[-1] == "We have no table for 12 on Saturday."


def test_the_bundle_says_where_the_example_listens() -> None:
    assert read_place((FOLDER / "webapi.json").read_bytes(), "webapi.json").url == f"http://127.0.0.1:{PORT}/"
