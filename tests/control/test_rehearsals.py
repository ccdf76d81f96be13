"""Rehearsals over the bus: lane-runs go out, results come back, verdicts are kept. Workers here answer as told."""

import contextlib
import signal
from asyncio import to_thread
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.control.conftest import ControlProcess, eventually, running
from tests.control.examples import a_bundle, a_start, a_transcript, add_build, chunks_of

from twinline.bus import Bus, BusAddress, names
from twinline.control.client import Client
from twinline.control.plane import Plane
from twinline.control.publishing import snapshot
from twinline.control.schema import Job, JobState
from twinline.control.store import open_store, sessions
from twinline.model.applications import Version
from twinline.model.builds import Cluster
from twinline.model.errors import Conflict, Mistake, NotFound, Trouble
from twinline.model.messages import LaneJob, LaneResult, RehearsalDemand
from twinline.model.rehearsal import ApplicationVerdict, UnitClass
from twinline.model.transcript import ErrorRaised, Outcome, ScriptError, SessionEnded, Transcript

Run = Callable[[LaneJob, int], LaneResult | None]


def as_recorded(job: LaneJob, build: int) -> LaneResult:
    return LaneResult(job.rehearsal, job.unit, job.lane, job.attempt, build, job.recorded)


def broken_on_build_2(job: LaneJob, build: int) -> LaneResult:
    if build != 2:
        return as_recorded(job, build)
    thrown = ErrorRaised(1.0, ScriptError("TypeError", "util.isString is not a function", "main.js", 7))
    broken: Transcript = (*job.recorded[:2], thrown, SessionEnded(1.0, Outcome.FAILED))
    return LaneResult(job.rehearsal, job.unit, job.lane, job.attempt, build, broken)


async def work(bus: Bus, run: Run, seen: list[LaneJob]) -> None:
    """A worker for builds 1 and 2."""
    queue = await bus.jetstream.pull_subscribe("rehearsal.*", durable="worker", stream=names.REHEARSAL)
    while True:
        with contextlib.suppress(TimeoutError):
            for message in await queue.fetch(20, timeout=1):
                job = msgspec.json.decode(message.data, type=LaneJob)
                seen.append(job)
                result = run(job, int(message.subject.split(".")[1]))
                if result is not None:
                    await bus.publish(names.results_subject(job.rehearsal), result)
                await message.ack()


@pytest.fixture
async def live(plane: Plane, api: Client) -> Version:
    """Builds 1 (in production) and 2; an application whose live version is newer than its two stored sessions."""
    await add_build(plane.store)
    await add_build(plane.store, "24.19.0")
    await to_thread(api.place_build, Cluster.PRODUCTION, 1)
    await to_thread(api.create_application, "shop", Cluster.PRODUCTION)
    view = await to_thread(api.deploy, "shop", a_bundle({"main.py": "say('hello')"}), "main.py")
    for session in ("s1", "s2"):
        start = a_start(session)
        await plane.store.write(lambda it, of=start: sessions.keep(it, chunks_of(of, a_transcript(of))))  # type: ignore[misc]
    assert view.live is not None
    return view.live


async def rehearsed(api: Client, **asked: object) -> Job:
    return await to_thread(lambda: api.wait(api.rehearse(2, **asked), poll=0.02))  # type: ignore[arg-type]


async def test_sessions_that_run_alike_leave_an_application_unchanged(live: Version, api: Client, bus: Bus) -> None:
    seen: list[LaneJob] = []
    async with running(work(bus, as_recorded, seen)):
        job = await rehearsed(api)
    assert (job.step, job.steps) == (6, 6)
    result = await to_thread(api.rehearsal, job.result)
    (shop,) = result.applications
    assert (shop.verdict, shop.compared, shop.version) == (ApplicationVerdict.UNCHANGED, 2, live.digest)
    assert (result.baseline, result.candidate, result.lane_runs, result.left_out) == (1, 2, 6, 0)
    assert {job.version for job in seen} == {live}
    assert "shop" in await to_thread(api.rehearsal_report, job.result)
    (listed,) = await to_thread(api.rehearsals)
    assert (listed.state, listed.verdicts) == (JobState.DONE, {"shop": ApplicationVerdict.UNCHANGED})


async def test_a_difference_is_run_again_in_all_three_lanes_before_it_is_a_regression(
    live: Version, api: Client, bus: Bus
) -> None:
    seen: list[LaneJob] = []
    async with running(work(bus, broken_on_build_2, seen)):
        result = await to_thread(api.rehearsal, (await rehearsed(api)).result)
    (shop,) = result.applications
    assert shop.verdict is ApplicationVerdict.REGRESSED
    assert {(unit.verdict, unit.attempts) for unit in shop.units} == {(UnitClass.REGRESSED, 2)}
    assert result.lane_runs == len(seen) == 12


async def test_a_lane_that_never_answers_is_undetermined_never_same(live: Version, api: Client, bus: Bus) -> None:
    def silent_on_2(job: LaneJob, build: int) -> LaneResult | None:
        return as_recorded(job, build) if build == 1 else None

    async with running(work(bus, silent_on_2, [])):
        result = await to_thread(api.rehearsal, (await rehearsed(api)).result)
    (shop,) = result.applications
    assert shop.verdict is ApplicationVerdict.UNDETERMINED
    assert {unit.verdict for unit in shop.units} == {UnitClass.UNDETERMINED}


async def test_workers_of_both_builds_are_asked_for_while_it_runs_and_nothing_is_left(
    live: Version, api: Client, bus: Bus
) -> None:
    job = await to_thread(api.rehearse, 2)

    async def asked() -> dict[str, RehearsalDemand]:
        return await snapshot(bus, names.REHEARSALS, RehearsalDemand)

    async def both() -> bool:
        return await asked() == {key: RehearsalDemand(int(key), job.id) for key in ("1", "2")}

    await eventually(both)
    with pytest.raises(Conflict, match="is running"):
        await to_thread(api.rehearse, 2)
    with pytest.raises(Conflict, match="still running"):
        await to_thread(api.rehearsal, job.id)
    await to_thread(api.wait, job)
    assert await asked() == {}
    assert (await bus.jetstream.stream_info(names.REHEARSAL)).state.messages == 0


async def test_a_clean_rehearsal_of_the_live_version_opens_the_gate(live: Version, api: Client, bus: Bus) -> None:
    async with running(work(bus, as_recorded, [])):
        await rehearsed(api)
    gates = {gate.gate: gate.verdict.label for gate in (await to_thread(api.excuse, 2)).gates}
    assert gates["rehearsal"] == "pass"
    await to_thread(api.deploy, "shop", a_bundle({"main.py": "say('newer')"}), "main.py")
    gates = {gate.gate: gate.verdict.label for gate in (await to_thread(api.excuse, 2)).gates}
    assert gates["rehearsal"] == "wait"


async def test_what_cannot_be_rehearsed_is_said_at_once(live: Version, api: Client) -> None:
    with pytest.raises(Mistake, match="is the baseline"):
        await to_thread(api.rehearse, 1)
    with pytest.raises(NotFound, match="nobody"):
        await to_thread(lambda: api.rehearse(2, applications=("nobody",)))
    with pytest.raises(NotFound, match="rehearsal unknown"):
        await to_thread(api.rehearsal, "unknown")
    assert await to_thread(api.rehearsals) == []


async def test_without_a_build_in_production_a_baseline_must_be_named(plane: Plane, api: Client) -> None:
    await add_build(plane.store)
    with pytest.raises(Conflict, match="production runs no build"):
        await to_thread(api.rehearse, 1)


async def test_a_rehearsal_that_a_killed_process_interrupted_has_failed_and_can_be_started_again(
    tmp_path: Path, bus_address: BusAddress
) -> None:
    control = ControlProcess(tmp_path, bus_address)
    control.start()
    store = open_store(tmp_path)
    await add_build(store)
    await add_build(store)
    start = a_start("s1")
    await store.write(lambda it: sessions.keep(it, chunks_of(start, a_transcript(start))))
    store.close()
    with control.client() as client:
        client.place_build(Cluster.PRODUCTION, 1)
        client.create_application("shop", Cluster.PRODUCTION)
        client.deploy("shop", a_bundle({"main.py": "say('hello')"}), "main.py")
        job = client.rehearse(2)
    control.end(signal.SIGKILL)
    control.start()
    with control.client() as client:
        assert client.job(job.id).state is JobState.FAILED
        with pytest.raises(Trouble, match="was restarted while this ran"):
            client.wait(client.job(job.id))
        assert [it.state for it in client.rehearsals()] == [JobState.FAILED]
        assert client.rehearse(2).state is JobState.RUNNING
    assert control.end() == 0
