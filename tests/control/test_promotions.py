"""Production moves from build to build: gated, recorded, drained, and back."""

from asyncio import to_thread

import pytest
from tests.control.conftest import eventually
from tests.control.examples import a_route, a_start, a_transcript, add_build, chunks_of

from twinline.bus import Bus, names
from twinline.control.client import Client
from twinline.control.plane import Plane
from twinline.control.schema import OverrideRequest
from twinline.control.store import releases
from twinline.model.builds import BuildState, Cluster, ClusterPointer
from twinline.model.errors import Conflict, Mistake, NotFound, Refused
from twinline.model.messages import WorkerStatus
from twinline.model.release import Promotion, PromotionState, Verdict

SOAK = (OverrideRequest("soak", "a fix that cannot wait"),)


@pytest.fixture
async def two_builds(plane: Plane, api: Client) -> None:
    """Build 1 in production, build 2 on development."""
    await add_build(plane.store)
    await add_build(plane.store, "24.19.0")
    await to_thread(api.place_build, Cluster.PRODUCTION, 1)
    await to_thread(api.place_build, Cluster.DEVELOPMENT, 2)


async def promotion(api: Client) -> Promotion:
    return (await to_thread(api.promotions))[0]


async def finish(bus: Bus, session: str, build: int) -> None:
    """A session ends: its route goes, its transcript comes."""
    start = a_start(session)
    for chunk in chunks_of(start, a_transcript(start, build)):
        await bus.publish(names.transcript_subject(session), chunk)
    await bus.delete(names.CONVERSATIONS, session)


async def test_production_takes_only_its_first_build_without_gates(two_builds: None, api: Client) -> None:
    with pytest.raises(Refused, match="production runs build 1"):
        await to_thread(api.place_build, Cluster.PRODUCTION, 2)


async def test_a_held_promotion_is_refused_naming_the_gate_and_changes_nothing(
    two_builds: None, api: Client, bus: Bus, plane: Plane
) -> None:
    before = await bus.get(names.CLUSTERS, Cluster.PRODUCTION, ClusterPointer)
    with pytest.raises(Refused, match="soak: Too young"):
        await to_thread(api.promote, 2)
    assert await bus.get(names.CLUSTERS, Cluster.PRODUCTION, ClusterPointer) == before
    assert await to_thread(api.promotions) == []


@pytest.mark.parametrize(
    "override", [OverrideRequest("soak", "  "), OverrideRequest("saok", "urgent")], ids=["no reason", "unknown gate"]
)
async def test_an_override_that_says_nothing_is_refused_and_not_recorded(
    two_builds: None, api: Client, plane: Plane, override: OverrideRequest
) -> None:
    with pytest.raises(Mistake, match=r"override|gate"):
        await to_thread(api.promote, 2, (override,))
    assert await plane.store.read(lambda it: releases.overrides(it, 2)) == ()


async def test_an_override_lets_a_build_pass_and_is_in_the_record(
    two_builds: None, api: Client, bus: Bus, plane: Plane
) -> None:
    promoted = await to_thread(api.promote, 2, SOAK)
    assert promoted.excuse is not None
    assert promoted.excuse.verdict is Verdict.PASS_BY_OVERRIDE
    assert [(it.gate, it.by, it.reason) for it in promoted.overrides] == [("soak", "first key", SOAK[0].reason)]
    assert await plane.store.read(lambda it: releases.overrides(it, 2)) == promoted.overrides
    published = await bus.get(names.CLUSTERS, Cluster.PRODUCTION, ClusterPointer)
    assert published is not None
    assert published.current == 2
    assert SOAK[0].reason in (await to_thread(api.changelog))[0].text


async def test_sessions_in_flight_end_on_their_build_and_the_ledger_says_so(
    two_builds: None, api: Client, bus: Bus
) -> None:
    for session in ("s1", "s2"):
        await bus.put(names.CONVERSATIONS, session, a_route(session, 1))
    await bus.put(names.CONVERSATIONS, "s3", a_route("s3", 1, Cluster.DEVELOPMENT))
    assert (await to_thread(api.promote, 2, SOAK)).in_flight == ("s1", "s2")
    await finish(bus, "s1", 1)
    assert (await promotion(api)).state is PromotionState.DRAINING
    await bus.put(names.CONVERSATIONS, "late", a_route("late", 1))

    async def noticed() -> bool:
        return "late" in (await promotion(api)).in_flight

    await eventually(noticed)
    for session in ("s2", "late"):
        await finish(bus, session, 1)

    async def done() -> bool:
        return (await promotion(api)).state is PromotionState.DONE

    await eventually(done)
    assert (await promotion(api)).finished == {"1": 3}
    pointer = await bus.get(names.CLUSTERS, Cluster.PRODUCTION, ClusterPointer)
    assert pointer is not None
    assert pointer.states == {1: BuildState.DRAINED, 2: BuildState.CURRENT}


async def test_a_worker_that_still_has_sessions_keeps_its_build_from_being_drained(
    two_builds: None, api: Client, bus: Bus
) -> None:
    busy = WorkerStatus("production-1-0", Cluster.PRODUCTION, 1, "live", 1, 7, 0.0)
    await bus.put(names.WORKERS, busy.name, busy)
    await to_thread(api.promote, 2, SOAK)
    with pytest.raises(AssertionError, match="still False"):
        await eventually(lambda: is_done(api), seconds=0.6)
    await bus.put(names.WORKERS, busy.name, WorkerStatus(busy.name, busy.cluster, 1, "live", 0, 7, 0.0))
    await eventually(lambda: is_done(api))


async def is_done(api: Client) -> bool:
    return (await promotion(api)).state is PromotionState.DONE


async def test_a_transcript_that_never_comes_is_missing_from_the_ledger(
    two_builds: None, api: Client, bus: Bus
) -> None:
    await bus.put(names.CONVERSATIONS, "lost", a_route("lost", 1))
    await to_thread(api.promote, 2, SOAK)
    await bus.delete(names.CONVERSATIONS, "lost")
    await eventually(lambda: is_done(api))
    assert ((await promotion(api)).in_flight, (await promotion(api)).finished) == (("lost",), {})


async def test_a_second_promotion_waits_until_the_first_has_drained(
    two_builds: None, api: Client, bus: Bus, plane: Plane
) -> None:
    await add_build(plane.store, "26.0.0")
    await bus.put(names.CONVERSATIONS, "s1", a_route("s1", 1))
    await to_thread(api.promote, 2, SOAK)
    with pytest.raises(Conflict, match="build 1 still drains"):
        await to_thread(api.promote, 3, SOAK)


async def test_a_rollback_moves_production_back_even_while_the_promotion_drains(
    two_builds: None, api: Client, bus: Bus
) -> None:
    await bus.put(names.CONVERSATIONS, "s1", a_route("s1", 1))
    await to_thread(api.promote, 2, SOAK)
    await bus.put(names.CONVERSATIONS, "s2", a_route("s2", 2))
    back = await to_thread(api.rollback, "callers hang up")
    assert (back.kind, back.from_build, back.to_build, back.in_flight) == ("rollback", 2, 1, ("s2",))
    assert [it.state for it in await to_thread(api.promotions)][1] is PromotionState.ROLLED_BACK
    pointer = await bus.get(names.CLUSTERS, Cluster.PRODUCTION, ClusterPointer)
    assert pointer is not None
    assert (pointer.current, pointer.states[2]) == (1, BuildState.DRAINING)
    await finish(bus, "s2", 2)
    await eventually(lambda: is_done(api))
    assert "callers hang up" in (await to_thread(api.changelog))[0].text


async def test_a_rollback_needs_a_reason_and_somewhere_to_go(two_builds: None, api: Client) -> None:
    with pytest.raises(Mistake, match="reason"):
        await to_thread(api.rollback, " ")
    with pytest.raises(Conflict, match="no build to go back to"):
        await to_thread(api.rollback, "why not")


async def test_only_a_published_build_is_promoted(two_builds: None, api: Client, plane: Plane) -> None:
    await add_build(plane.store, "26.0.0", published=False)
    with pytest.raises(NotFound, match="no published build 3"):
        await to_thread(api.promote, 3, SOAK)
    with pytest.raises(Mistake, match="already"):
        await to_thread(api.promote, 1)


async def test_the_build_before_drains_on_development_too(two_builds: None, api: Client, bus: Bus) -> None:
    await to_thread(api.place_build, Cluster.DEVELOPMENT, 1)

    async def drained() -> bool:
        pointer = await bus.get(names.CLUSTERS, Cluster.DEVELOPMENT, ClusterPointer)
        return pointer is not None and pointer.states == {1: BuildState.CURRENT, 2: BuildState.DRAINED}

    await eventually(drained)
