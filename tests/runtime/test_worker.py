"""A worker as a real process: it takes work from a real bus and runs scripts in real sandboxes."""

import asyncio
import io
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from twinline.bus import Bus, BusAddress, names
from twinline.model.applications import Language, Version
from twinline.model.builds import Cluster
from twinline.model.messages import (
    ConversationClosed,
    DeliverMessage,
    LaneJob,
    LaneResult,
    OutboundMessage,
    StartSession,
    TranscriptChunk,
)
from twinline.model.transcript import Event, MessageSent, Outcome, SessionEnded
from twinline.runtime.worker import WorkerSettings, settings_document

QUESTION = """
result = ask("Red or blue?", {"choices": "red, blue", "attempts": 3, "timeout": 60})
say("You chose " + result.value)
name = ask("And your name?", {"choices": "[ANY]", "timeout": 60})
say("Thank you, " + name.value)
"""


def packed(**files: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return stream.getvalue()


class Station:
    """A bus with one worker on it, and what a dispatcher would say to it."""

    def __init__(self, bus: Bus, settings: WorkerSettings, file: Path) -> None:
        self.bus = bus
        self.settings = settings
        self._file = file
        self._process: subprocess.Popen[bytes] | None = None
        self._sequence = 0

    def up(self) -> None:
        self._process = subprocess.Popen([sys.executable, "-m", "twinline.runtime.worker", "--settings", self._file])

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def down(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(20)

    async def deploy(self, script: str, entry: str = "main.py", language: Language = Language.PYTHON) -> Version:
        bundle = packed(**{entry: script})
        digest = sha256(bundle).hexdigest()
        await (await self.bus.bundles()).put(digest, bundle)
        return Version(digest, entry, language)

    async def start(self, version: Version, text: str, session: str = "s1") -> None:
        self._sequence += 1
        item = StartSession(
            session=session, conversation=f"c-{session}", application="test", mode=Cluster.PRODUCTION, version=version,
            address="+14155550100", caller="+14155550111", network="SMS", text=text, message=f"m{self._sequence}",
            sequence=self._sequence,
        )  # fmt: skip
        await self.bus.publish(names.work_subject(self.settings.name), item, once=f"start:{session}")

    async def deliver(self, text: str, session: str = "s1") -> None:
        self._sequence += 1
        item = DeliverMessage(session=session, text=text, message=f"m{self._sequence}", sequence=self._sequence)
        await self.bus.publish(names.work_subject(self.settings.name), item, once=f"deliver:{self._sequence}")

    async def sent(self, count: int) -> list[str]:
        """The texts of the first messages that left, by the order they were accepted in."""
        async with asyncio.timeout(20):
            while await self.outbound_count() < count:  # noqa: ASYNC110  # the bus is asked, it does not tell
                await asyncio.sleep(0.02)
        stored = [await self.bus.jetstream.get_msg(names.OUTBOUND, seq=1 + index) for index in range(count)]
        return [msgspec.json.decode(message.data or b"", type=OutboundMessage).text for message in stored]

    async def transcript(self, session: str = "s1") -> tuple[Event, ...]:
        """The whole transcript, when the session has ended."""
        reader = await self.bus.jetstream.subscribe(names.transcript_subject(session), ordered_consumer=True)
        events: list[Event] = []
        while True:
            chunk = msgspec.json.decode((await reader.next_msg(timeout=20)).data, type=TranscriptChunk)
            assert chunk.first == len(events)
            events.extend(chunk.events)
            if chunk.final:
                await reader.unsubscribe()
                return tuple(events)

    async def outbound_count(self) -> int:
        return (await self.bus.jetstream.stream_info(names.OUTBOUND)).state.messages


@pytest.fixture
async def station(bus: Bus, bus_address: BusAddress, tmp_path: Path, node22: Path) -> AsyncIterator[Station]:
    station = make_station(bus, bus_address, tmp_path, node22, role="live")
    station.up()
    yield station
    station.down()


def make_station(bus: Bus, address: BusAddress, tmp_path: Path, node: Path, role: str) -> Station:
    settings = WorkerSettings(
        name="production-1-0", cluster=Cluster.PRODUCTION, build=1, role=role, data=tmp_path / "d", bus=address,
        python=Path(sys.executable), node=node, components={"python": "3.11"}, sandbox="bubblewrap",
        allow_outbound=frozenset(), capacity=100, lanes=4, time_limit=60.0,
    )  # fmt: skip
    file = tmp_path / "settings.json"
    file.write_bytes(settings_document(settings))
    return Station(bus, settings, file)


async def test_a_conversation_is_held_and_its_transcript_is_on_the_bus(station: Station) -> None:
    await station.start(await station.deploy(QUESTION), "red")
    assert await station.sent(2) == ["You chose red", "And your name?"]
    await station.deliver("Anna")
    assert await station.sent(3) == ["You chose red", "And your name?", "Thank you, Anna"]
    ended = (await station.transcript())[-1]
    assert isinstance(ended, SessionEnded)
    assert ended.outcome is Outcome.COMPLETED


async def test_a_javascript_application_is_served_alike(station: Station) -> None:
    script = 'var r = ask("Red or blue?", {choices: "red, blue"});\nsay("You chose " + r.value);\n'
    await station.start(await station.deploy(script, "main.js", Language.JAVASCRIPT), "blue")
    assert await station.sent(1) == ["You chose blue"]


async def test_a_script_that_throws_ends_with_its_line(station: Station) -> None:
    await station.start(await station.deploy("say('hello')\nx = 1 / 0\n"), "hi")
    transcript = await station.transcript()
    (error,) = [event.error for event in transcript if event.__struct_config__.tag == "error"]  # type: ignore[union-attr]
    assert (error.type, error.file, error.line) == ("ZeroDivisionError", "main.py", 2)
    assert transcript[-1].outcome is Outcome.FAILED


async def test_a_killed_worker_goes_on_where_it_was_and_repeats_nothing(station: Station) -> None:
    await station.start(await station.deploy(QUESTION), "red")
    await station.sent(2)
    await asyncio.sleep(0.3)
    station.kill()
    await station.deliver("Anna")
    station.up()
    assert await station.sent(3) == ["You chose red", "And your name?", "Thank you, Anna"]
    transcript = await station.transcript()
    assert [event.text for event in transcript if isinstance(event, MessageSent)] == [
        "You chose red", "And your name?", "Thank you, Anna"
    ]  # fmt: skip
    assert await station.outbound_count() == 3


async def test_a_worker_killed_at_any_moment_loses_and_repeats_nothing(station: Station) -> None:
    waits = "ask('?', {'choices': '[ANY]'})\nask('more?', {'choices': '[ANY]'})\nsay('end')\n"
    version = await station.deploy("for i in range(8):\n    say(str(i))\n" + waits)
    sessions = [f"s{index}" for index in range(12)]
    for session in sessions:
        await station.start(version, "hi", session)
    for pause in (0.6, 0.9, 1.2):
        await asyncio.sleep(pause)
        station.kill()
        station.up()
    for session in sessions:
        await station.deliver("more", session)
    for session in sessions:
        transcript = await station.transcript(session)
        texts = [event.text for event in transcript if isinstance(event, MessageSent)]
        assert texts == [*map(str, range(8)), "more?", "end"]
    assert await station.outbound_count() == sum([
        sum(isinstance(event, MessageSent) for event in await station.transcript(session)) for session in sessions
    ])  # fmt: skip


async def test_a_message_that_comes_too_late_is_left_for_the_next_session(station: Station) -> None:
    await station.start(await station.deploy("say('bye')\n"), "hi")
    await station.transcript()
    await station.deliver("too late")
    await asyncio.sleep(0.5)
    assert (await station.bus.jetstream.stream_info(names.WORK)).state.messages == 0
    closed = await station.bus.jetstream.get_msg(names.INBOUND, seq=1)
    assert msgspec.json.decode(closed.data or b"", type=ConversationClosed).consumed == 1


async def test_a_worker_that_is_told_to_stop_leaves_its_conversations_to_the_next(station: Station) -> None:
    await station.start(await station.deploy(QUESTION), "red")
    await station.sent(2)
    station.down()
    station.up()
    await station.deliver("Anna")
    assert await station.sent(3) == ["You chose red", "And your name?", "Thank you, Anna"]


async def test_a_bundle_that_is_not_there_ends_the_session_with_the_reason(station: Station) -> None:
    await station.start(Version("0" * 64, "main.py", Language.PYTHON), "hi")
    ended = (await station.transcript())[-1]
    assert isinstance(ended, SessionEnded)
    assert ended.outcome is Outcome.KILLED
    assert "bundle" in ended.reason


async def test_a_recorded_session_is_rehearsed_without_waiting_and_without_sending(
    station: Station, bus: Bus, bus_address: BusAddress, tmp_path: Path, node22: Path
) -> None:
    slow = "ask('?', {'choices': '[ANY]'})\nwait(1500)\nsay('late')\n"
    version = await station.deploy(slow)
    await station.start(version, "hi")
    recorded = await station.transcript()
    station.down()
    folder = tmp_path / "r"
    folder.mkdir()
    rehearsing = make_station(bus, bus_address, folder, node22, role="rehearsal")
    rehearsing.up()
    results = await bus.jetstream.subscribe(names.results_subject("r1"), ordered_consumer=True)
    job = LaneJob(rehearsal="r1", unit="s1", lane="baseline", attempt=1, version=version, recorded=recorded)
    await bus.publish(names.rehearsal_subject(1), job)
    result = msgspec.json.decode((await results.next_msg(timeout=20)).data, type=LaneResult)
    began = time.monotonic()
    for lane in ("control", "candidate"):
        await bus.publish(names.rehearsal_subject(1), msgspec.structs.replace(job, lane=lane))
    for _ in range(2):
        await results.next_msg(timeout=20)
    assert time.monotonic() - began < 1.5
    rehearsing.down()
    assert result.trouble == ""
    assert [event.text for event in result.transcript if isinstance(event, MessageSent)] == ["late"]
    assert await station.outbound_count() == 1
