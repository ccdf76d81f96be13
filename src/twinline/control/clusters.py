"""What the clusters run, and moving them: placing, promoting, rolling back.

Comes in: requests of named people, evidence from the store and the bus. Goes out: pointers moved in the store by
compare-and-swap, then published. Whether a move is allowed is decided in `twinline.release`.
"""

import time
from collections.abc import Mapping

import msgspec
from sqlalchemy.orm import Session

from twinline.bus import names
from twinline.control.plane import Plane
from twinline.control.publishing import snapshot
from twinline.control.schema import ClusterView, OverrideRequest
from twinline.control.settings import Settings
from twinline.control.soaking import healthy
from twinline.control.store import applications, builds, releases, sessions
from twinline.model.builds import Build, Cluster, ClusterPointer
from twinline.model.messages import Route, WorkerStatus
from twinline.model.rehearsal import ApplicationResult, RehearsalResult
from twinline.model.release import Excuse, Override, Promotion
from twinline.release import PROMOTION, ROLLBACK, Evidence, decide, grant, promote, rollback, settle, undone
from twinline.release import place as placed

RESULTS_LOOKED_AT = 20
"""Latest rehearsals of a candidate among which each application's newest result is found."""


async def views(plane: Plane) -> list[ClusterView]:
    """Both clusters with their live workers."""
    pointers = await plane.store.read(builds.pointers)
    workers = await snapshot(plane.bus, names.WORKERS, WorkerStatus)
    found = []
    for cluster, pointer in pointers.items():
        here = {name: it for name, it in workers.items() if it.cluster is cluster and it.role == "live"}
        count = sum(worker.sessions for worker in here.values())
        found.append(ClusterView(cluster, pointer.current, pointer.states, tuple(sorted(here)), count))
    return found


async def place(plane: Plane, cluster: Cluster, number: int) -> ClusterPointer:
    """Put a published build on development, or the very first on production.

    Raises NotFound, Mistake, Refused; Conflict when the cluster was moved meanwhile.
    """

    def move(transaction: Session) -> ClusterPointer:
        builds.get(transaction, number)
        pointer = placed(builds.pointer(transaction, cluster), number, published=_published(transaction))
        builds.move(transaction, pointer)
        title = f"Build {number} runs on {cluster}"
        releases.announce(transaction, f"on-{cluster}", builds.get(transaction, number), title, "")
        return pointer

    pointer = await plane.store.write(move)
    await plane.publisher.publish(names.CLUSTERS, cluster.value)
    return pointer


async def excuse(plane: Plane, number: int) -> Excuse:
    """Why a build is not in production yet, decided now. Raises NotFound."""
    alive = await healthy(plane.bus, number)
    return await plane.store.read(lambda it: decide(_evidence(it, number, (), alive, plane.settings)))


async def move_production(plane: Plane, number: int, asked: tuple[OverrideRequest, ...], by: str) -> Promotion:
    """Promote a build to production. Raises Refused, naming each gate that holds; nothing is changed then.

    Also NotFound, Mistake, and Conflict while a build still drains.
    """
    alive, routes = await healthy(plane.bus, number), await snapshot(plane.bus, names.CONVERSATIONS, Route)

    def move(transaction: Session) -> Promotion:
        now = time.time()
        build = builds.get(transaction, number)
        given = tuple(
            grant(build=number, gate=override.gate, by=by, reason=override.reason, now=now) for override in asked
        )
        before = builds.pointer(transaction, Cluster.PRODUCTION)
        decided = decide(_evidence(transaction, number, given, alive, plane.settings))
        after = promote(before, number, excuse=decided, published=_published(transaction))
        releases.add_overrides(transaction, given)
        text = " ".join(f"{it.by} let it past the gate {it.gate}: {it.reason}." for it in given)
        releases.announce(transaction, "promoted", build, f"Build {number} runs in production", text)
        return _moved(transaction, before, after, routes, kind=PROMOTION, by=by, decided=decided, given=given)

    promotion = await plane.store.write(move)
    await plane.publisher.publish(names.CLUSTERS, Cluster.PRODUCTION.value)
    return promotion


async def move_back(plane: Plane, reason: str, by: str) -> Promotion:
    """Move production back to where its last promotion came from. Raises Conflict when there is nothing to go to."""
    routes = await snapshot(plane.bus, names.CONVERSATIONS, Route)

    def move(transaction: Session) -> Promotion:
        before = builds.pointer(transaction, Cluster.PRODUCTION)
        last = next(iter(releases.promotions(transaction)), None)
        after = rollback(before, last)
        if last is not None:
            now = time.time()
            ended = sessions.ended_on(transaction, last.in_flight)
            releases.update_promotion(transaction, undone(settle(last, ended, now=now), now=now))
        build = builds.get(transaction, after.current or 0)
        title = f"Production is back on build {build.number}"
        releases.announce(transaction, "rolled-back", build, title, f"{by}: {reason}")
        return _moved(transaction, before, after, routes, kind=ROLLBACK, by=by)

    promotion = await plane.store.write(move)
    await plane.publisher.publish(names.CLUSTERS, Cluster.PRODUCTION.value)
    return promotion


def in_flight(routes: Mapping[str, Route], cluster: Cluster, build: int | None) -> set[str]:
    """The open sessions of a build on a cluster."""
    return {route.session for route in routes.values() if route.mode is cluster and route.build == build}


def _moved(
    transaction: Session,
    before: ClusterPointer,
    after: ClusterPointer,
    routes: Mapping[str, Route],
    *,
    kind: str,
    by: str,
    decided: Excuse | None = None,
    given: tuple[Override, ...] = (),
) -> Promotion:
    builds.move(transaction, after)
    promotion = releases.add_promotion(
        transaction,
        cluster=after.cluster,
        from_build=before.current,
        to_build=after.current or 0,
        kind=kind,
        by=by,
        excuse=decided,
        overrides=given,
        in_flight=tuple(sorted(in_flight(routes, after.cluster, before.current))),
    )
    if before.current is None:
        # Nothing ran there, so nothing drains.
        promotion = releases.update_promotion(transaction, settle(promotion, {}, now=time.time()))
    return promotion


def _published(transaction: Session) -> set[int]:
    return {build.number for build in builds.every(transaction) if build.published_at is not None}


def _evidence(
    transaction: Session, number: int, given: tuple[Override, ...], alive: bool, settings: Settings
) -> Evidence:
    candidate = builds.get(transaction, number)
    current = builds.pointers(transaction)
    production = _build(transaction, current[Cluster.PRODUCTION].current)
    return Evidence(
        candidate=candidate,
        production=production,
        development=_build(transaction, current[Cluster.DEVELOPMENT].current),
        soak_seconds=builds.soak(transaction, number).seconds,
        healthy=alive,
        rehearsal=_rehearsed(releases.results_for(transaction, number, RESULTS_LOOKED_AT), production),
        live={
            entry.name: entry.live.digest
            for entry in applications.entries(transaction).values()
            if entry.mode is Cluster.PRODUCTION and entry.live is not None
        },
        overrides=(*releases.overrides(transaction, number), *given),
        now=time.time(),
        soak_days=settings.soak_days,
    )


def _build(transaction: Session, number: int | None) -> Build | None:
    return None if number is None else builds.get(transaction, number)


def _rehearsed(results: list[RehearsalResult], production: Build | None) -> RehearsalResult | None:
    """The latest rehearsal against production's build, with what earlier ones say of applications it left out."""
    fitting = [result for result in results if production is None or result.baseline == production.number]
    if not fitting:
        return next(iter(results), None)
    newest: dict[str, ApplicationResult] = {}
    for result in fitting:
        for application in result.applications:
            newest.setdefault(application.application, application)
    return msgspec.structs.replace(fitting[0], applications=tuple(newest.values()))
