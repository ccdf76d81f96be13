"""Draining: noticing that the last session of a build has ended on a cluster.

Comes in: open conversations and heartbeats from the bus, stored sessions. Goes out: completed ledgers of promotions and
pointers on which the build is `drained`. Its workers stay as the way back; the next move retires it.
"""

import asyncio
import time
from collections.abc import Mapping
from functools import partial

import msgspec
import nats.errors
import structlog
from sqlalchemy.orm import Session

from twinline.bus import Bus, names
from twinline.control.clusters import in_flight
from twinline.control.publishing import Publisher, snapshot
from twinline.control.settings import Settings
from twinline.control.store import Store, builds, releases, sessions
from twinline.model.builds import BuildState, Cluster
from twinline.model.errors import Conflict, Trouble
from twinline.model.messages import Route, WorkerStatus
from twinline.model.release import Promotion, PromotionState
from twinline.release import drained, settle, unfinished

log = structlog.get_logger()


class Draining:
    """Watches the builds that drain."""

    def __init__(self, bus: Bus, store: Store, publisher: Publisher, settings: Settings) -> None:
        """It looks every `settings.drain_interval` seconds."""
        self._bus = bus
        self._store = store
        self._publisher = publisher
        self._settings = settings
        self._empty_since: dict[tuple[Cluster, int], float] = {}

    async def run(self) -> None:
        """Look for ever."""
        while True:
            try:
                await self._look()
            except Conflict as error:
                log.info("draining.overtaken", error=str(error))
            except (nats.errors.Error, Trouble) as error:
                log.warning("draining.not_seen", error=str(error))
            await asyncio.sleep(self._settings.drain_interval)

    async def _look(self) -> None:
        pointers = await self._store.read(builds.pointers)
        waiting = {
            (pointer.cluster, number)
            for pointer in pointers.values()
            for number, state in pointer.states.items()
            if state is BuildState.DRAINING
        }
        self._empty_since = {place: since for place, since in self._empty_since.items() if place in waiting}
        if not waiting:
            return
        routes = await snapshot(self._bus, names.CONVERSATIONS, Route)
        workers = await snapshot(self._bus, names.WORKERS, WorkerStatus)
        for cluster, number in sorted(waiting):
            still = in_flight(routes, cluster, number)
            empty_for = self._empty_for(cluster, number, not still and not _is_busy(workers, cluster, number))
            record = partial(
                _record,
                cluster=cluster,
                number=number,
                still=still,
                empty_for=empty_for,
                patience=self._settings.ledger_patience,
            )
            if await self._store.write(record):
                await self._publisher.publish(names.CLUSTERS, cluster.value)
                log.info("build.drained", cluster=cluster.value, build=number)

    def _empty_for(self, cluster: Cluster, number: int, empty: bool) -> float:
        """Seconds since a build was first seen without sessions; 0 at that first look, so that one never decides."""
        if not empty:
            self._empty_since.pop((cluster, number), None)
            return 0.0
        now = time.monotonic()
        return now - self._empty_since.setdefault((cluster, number), now)


def _record(
    transaction: Session, *, cluster: Cluster, number: int, still: set[str], empty_for: float, patience: float
) -> bool:
    """Bring the ledgers of a draining build up to date; True when it has drained with this."""
    pointer = builds.pointer(transaction, cluster)
    if pointer.states.get(number) is not BuildState.DRAINING:
        return False
    settled = True
    for promotion in releases.draining(transaction):
        if (promotion.cluster, promotion.from_build) == (cluster, number):
            seen = _settled(transaction, promotion, still, empty_for, patience)
            if seen != promotion:
                releases.update_promotion(transaction, seen)
            settled = settled and seen.state is PromotionState.DONE
    if not settled or not empty_for:
        return False
    builds.move(transaction, drained(pointer, number))
    return True


def _settled(
    transaction: Session, promotion: Promotion, still: set[str], empty_for: float, patience: float
) -> Promotion:
    """A ledger as it stands. Sessions that began on the old build while the move spread are in it, too.

    The last transcripts take a moment to be stored; what has not come after `patience` seconds stays missing, visibly.
    """
    now = time.time()
    everyone = tuple(sorted({*promotion.in_flight, *still}))
    ended = sessions.ended_on(transaction, everyone)
    seen = settle(msgspec.structs.replace(promotion, in_flight=everyone), ended, now=now)
    if not empty_for:
        return msgspec.structs.replace(seen, state=PromotionState.DRAINING, done_at=None)
    if seen.state is PromotionState.DRAINING and empty_for >= patience:
        log.error("promotion.ledger_incomplete", promotion=promotion.id, missing=unfinished(seen))
        return msgspec.structs.replace(seen, state=PromotionState.DONE, done_at=now)
    return seen


def _is_busy(workers: Mapping[str, WorkerStatus], cluster: Cluster, number: int) -> bool:
    return any(
        worker.cluster is cluster and worker.build == number and worker.role == "live" and worker.sessions
        for worker in workers.values()
    )
