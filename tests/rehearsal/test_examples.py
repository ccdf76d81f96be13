"""The examples, live on one build and rehearsed on the next: real scripts, real sandboxes, a real service."""

import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.rehearsal.sessions import CALLER
from tests.rehearsal.theatre import Theatre, theatre

from twinline.bus import Bus
from twinline.model.rehearsal import UnitClass
from twinline.model.transcript import ErrorRaised, HttpExchange, MessageSent, Outcome, SessionEnded, Transcript


@pytest.fixture
async def stage(tmp_path: Path, bus: Bus, node22: Path, node24: Path) -> AsyncIterator[Theatre]:
    async with theatre(tmp_path, bus, {1: node22, 2: node24}) as opened:
        yield opened


def said(transcript: Transcript, to: str = CALLER) -> list[str]:
    return [event.text for event in transcript if isinstance(event, MessageSent) and event.recipient == to]


def outcome(transcript: Transcript) -> Outcome:
    ended = transcript[-1]
    assert isinstance(ended, SessionEnded)
    return ended.outcome


async def test_pharmacy_holds_its_conversations_and_is_the_same_on_the_next_build(stage: Theatre) -> None:
    pharmacy = stage.deploy("pharmacy")
    refill = await stage.hold(pharmacy, "refill", "it's 4071", "Yes please!", "yes")
    assert said(refill) == [
        "What is the four-digit number on the label?",
        "Refill Levothyroxine 50 mcg? YES or NO.",
        "Refill Levothyroxine 50 mcg? YES or NO.",
        "Done. It is ready tomorrow after 10.",
    ]
    assert said(refill, "+15550142") == ["Refill 4071, Levothyroxine 50 mcg, for 15550100"]
    unknown = await stage.hold(pharmacy, "hello", "refill", "what?", "9999")
    assert said(unknown)[-3:] == [
        "That is not a four-digit number.",
        "What is the four-digit number on the label?",
        "We have no prescription 9999. Please call us on 555 0142.",
    ]
    used_up = await stage.hold(pharmacy, "renew", "4073")
    status = await stage.hold(pharmacy, "2", "4072")
    stop = await stage.hold(pharmacy, "STOP")
    silent = await stage.hold(pharmacy, "refill")
    assert said(status)[-1] == "Ramipril 5 mg: ready on Thursday after 2, 1 refills left."
    for session in (refill, unknown, used_up, status, stop, silent):
        assert outcome(session) is Outcome.COMPLETED
        assert (await stage.rehearse(pharmacy, session)).verdict is UnitClass.SAME


async def test_courier_breaks_where_it_calls_what_the_next_node_has_not(stage: Theatre) -> None:
    courier = stage.deploy("courier")
    session = await stage.hold(courier, "my parcel is late", "482913", "friday")
    assert outcome(session) is Outcome.COMPLETED
    assert said(session)[-1] == "Thank you. Your parcel comes on Friday between 9 and 12."
    assert said(session, "+15550163") == ["parcel: 482913; day: Friday; to: 12 Harbour Lane; kilograms: 4.2"]
    found = await stage.rehearse(courier, session)
    assert found.verdict is UnitClass.REGRESSED, found.reason
    assert found.divergence is not None
    assert isinstance(found.divergence.right, ErrorRaised)
    assert found.divergence.right.error.message == "util.isString is not a function"
    script = (Path(__file__).parents[2] / "examples/courier/main.js").read_text().splitlines()
    assert (found.divergence.file, found.divergence.turn) == ("main.js", 3)
    assert "util.isString(" in script[found.divergence.line - 1]


async def test_courier_is_the_same_where_it_does_not_get_that_far(stage: Theatre) -> None:
    courier = stage.deploy("courier")
    for texts in (("482913", "cancel"), ("700001",), ("123456",), ("482913", "sunday", "monday"), ("hello",)):
        session = await stage.hold(courier, *texts)
        expected = UnitClass.REGRESSED if texts[-1] == "monday" else UnitClass.SAME
        assert (await stage.rehearse(courier, session)).verdict is expected, texts


async def test_mended_courier_is_the_same_on_the_sessions_of_the_old_one(stage: Theatre) -> None:
    courier, mended = stage.deploy("courier"), stage.deploy("courier-mended")
    session = await stage.hold(courier, "hello", "551204", "2")
    found = await stage.rehearse(mended, session)
    assert found.verdict is UnitClass.SAME


async def test_rehearsing_asks_the_service_nothing(stage: Theatre, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = threading.Event()
    courier = stage.deploy("courier")
    session = await stage.hold(courier, "482913", "cancel")
    assert any(isinstance(event, HttpExchange) for event in session)
    monkeypatch.setattr("examples.lookup_service.answer", lambda path: (asked.set(), (500, {}))[1])
    assert (await stage.rehearse(courier, session)).verdict is UnitClass.SAME
    assert not asked.is_set()
    await stage.hold(courier, "482913")
    assert asked.is_set()
