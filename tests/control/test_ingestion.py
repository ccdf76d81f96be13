"""Transcripts reach the store: all of them, once, whatever is killed or full."""

import asyncio
import contextlib
import resource
import signal
import sqlite3
from asyncio import to_thread
from pathlib import Path

from tests.conftest import connect_when_up
from tests.control.conftest import ControlProcess, eventually, running
from tests.control.examples import a_start, a_transcript, chunks_of

from twinline.bus import Bus, BusAddress, names
from twinline.control import ingestion
from twinline.control.plane import Plane
from twinline.control.store import sessions
from twinline.control.store.database import STORE_FILE
from twinline.model.transcript import Outcome, Transcript

ROOM = 700_000
"""Bytes that a file may have: more than the store of a fresh start, less than with the test's transcripts."""


async def publish(bus: Bus, session: str, *, turns: int = 2) -> Transcript:
    start = a_start(session)
    transcript = a_transcript(start, turns=turns)
    for chunk in chunks_of(start, transcript):
        await bus.publish(names.transcript_subject(session), chunk)
    return transcript


def stored_chunks(data: Path) -> int:
    with contextlib.closing(sqlite3.connect(data / STORE_FILE)) as store:
        return int(store.execute("SELECT count(*) FROM chunks").fetchone()[0])


async def waiting(bus: Bus) -> tuple[int, int]:
    """Chunks not given out yet, and given out but not acknowledged."""
    info = await bus.jetstream.consumer_info(names.TRANSCRIPTS, ingestion.CONSUMER)
    return info.num_pending or 0, info.num_ack_pending or 0


async def test_a_session_is_stored_and_acknowledged(plane: Plane, bus: Bus) -> None:
    transcript = await publish(bus, "s1")
    async with running(ingestion.run(plane.bus, plane.store)):

        async def stored() -> bool:
            return bool(await plane.store.read(sessions.count)) and await waiting(bus) == (0, 0)

        await eventually(stored)
    detail = await plane.store.read(lambda it: sessions.detail(it, "s1"))
    assert detail.transcript == transcript
    assert (detail.session.outcome, detail.session.turns) == (Outcome.COMPLETED, 2)


async def test_what_cannot_be_read_is_given_up_and_stops_nothing(plane: Plane, bus: Bus) -> None:
    await bus.jetstream.publish("transcripts.bad", b"{not a chunk")
    await publish(bus, "s1")
    async with running(ingestion.run(plane.bus, plane.store)):

        async def stored() -> bool:
            return bool(await plane.store.read(sessions.count)) and await waiting(bus) == (0, 0)

        await eventually(stored)


async def test_a_control_plane_killed_while_it_stores_loses_nothing(tmp_path: Path, bus_address: BusAddress) -> None:
    control = ControlProcess(tmp_path, bus_address)
    await to_thread(control.start)
    bus = await connect_when_up(bus_address)
    for kill in range(2):
        await asyncio.gather(*(publish(bus, f"s{kill}-{number}", turns=6) for number in range(60)))
        await to_thread(control.end, signal.SIGKILL)
        await to_thread(control.start)
    with control.client() as client:

        async def all_ended() -> bool:
            listed = await to_thread(lambda: client.sessions(limit=1000))
            return len([it for it in listed if it.outcome is not None]) == 120 and await waiting(bus) == (0, 0)

        await eventually(all_ended, seconds=40)
        assert {it.turns for it in client.sessions(limit=1000)} == {6}
        start = a_start("s0-0")
        assert client.session("s0-0").transcript == a_transcript(start, turns=6)
    await bus.close()
    assert await to_thread(control.end) == 0


async def test_a_full_disk_is_said_clearly_and_acknowledges_nothing_until_there_is_room(
    tmp_path: Path, bus_address: BusAddress
) -> None:
    control = ControlProcess(tmp_path, bus_address)
    await to_thread(control.start)
    bus = await connect_when_up(bus_address)
    assert control.pid is not None
    resource.prlimit(control.pid, resource.RLIMIT_FSIZE, (ROOM, resource.RLIM_INFINITY))
    await asyncio.gather(*(publish(bus, f"s{number}", turns=40) for number in range(40)))

    async def complained() -> bool:
        return "disk is full" in await to_thread(lambda: control.log)

    await eventually(complained)
    with control.client() as client:
        published = (await bus.jetstream.stream_info(names.TRANSCRIPTS)).state.messages
        acknowledged = published - sum(await waiting(bus))
        assert acknowledged <= await to_thread(stored_chunks, tmp_path) < published
        resource.prlimit(control.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

        async def all_stored() -> bool:
            return len(await to_thread(lambda: client.sessions(limit=1000))) == 40 and await waiting(bus) == (0, 0)

        await eventually(all_stored, seconds=40)
    await bus.close()
    assert await to_thread(control.end) == 0
