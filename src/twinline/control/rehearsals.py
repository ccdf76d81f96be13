"""Rehearsals: lane-runs onto the bus, results back, verdicts into the store.

Comes in: a candidate, a baseline, and the store's finished production sessions. Goes out: a `RehearsalResult`. What is
chosen, compared and judged is decided in `twinline.rehearsal`; here is only the traffic. An older session is rehearsed
on its application's live version: that is the one which would run on the candidate.
"""

import random
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import count

import msgspec
import nats.errors
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from sqlalchemy.orm import Session

from twinline.bus import Bus, names
from twinline.control.jobs import Jobs, Report
from twinline.control.publishing import snapshot
from twinline.control.schema import Job, RehearsalRequest
from twinline.control.store import Store, applications, builds, releases, sessions
from twinline.model.applications import Version
from twinline.model.builds import Cluster
from twinline.model.errors import Conflict, Mistake, NotFound, Trouble
from twinline.model.messages import LaneJob, LaneResult, RehearsalDemand
from twinline.model.rehearsal import Lane, RehearsalResult, UnitResult
from twinline.rehearsal import (
    Rehearsed,
    StoredSession,
    combine,
    compare_unit,
    grouped,
    judge_all,
    select,
    signature,
    unsettled,
)

HISTORY = 2_000
"""Newest finished sessions of an application that a rehearsal chooses from."""

ANSWERS_AT_ONCE = 50
"""Results read at a time: each holds a whole transcript, and progress is told between."""

Answers = dict[Lane, LaneResult]


class Unit(msgspec.Struct, frozen=True):
    """A session to be rehearsed, on the version that would run it."""

    session: str
    application: str
    version: Version


class Plan(msgspec.Struct, frozen=True):
    """What a rehearsal will do. `versions`: every application asked for, with its live version."""

    rehearsal: str
    baseline: int
    candidate: int
    versions: dict[str, Version]
    units: tuple[Unit, ...]
    left_out: int


class Rehearsals:
    """The rehearsals of one control plane, each a job."""

    def __init__(self, bus: Bus, store: Store, jobs: Jobs, *, budget: int, patience: float) -> None:
        """`budget`: most sessions of an application; `patience`: seconds without an answer until lanes are given up."""
        self._bus = bus
        self._store = store
        self._jobs = jobs
        self._budget = budget
        self._patience = patience
        self._demands: Counter[int] = Counter()

    async def clear(self) -> None:
        """Forget what an earlier process left: its rehearsals failed with it."""
        await self._store.write(releases.fail_running_rehearsals)
        kept = await self._bus.bucket(names.REHEARSALS)
        for key in await snapshot(self._bus, names.REHEARSALS, RehearsalDemand):
            await kept.delete(key)
        await self._bus.jetstream.purge_stream(names.REHEARSAL)

    async def start(self, request: RehearsalRequest, by: str) -> Job:
        """Begin a rehearsal. Raises NotFound, Mistake, or Conflict when one of this candidate runs."""
        rehearsal = secrets.token_hex(8)

        def begin(transaction: Session) -> tuple[int, dict[str, Version]]:
            baseline, versions = _checked(transaction, request)
            releases.begin_rehearsal(transaction, rehearsal, baseline, request.candidate, by)
            return baseline, versions

        baseline, versions = await self._store.write(begin)

        async def work(report: Report) -> str:
            result: RehearsalResult | None = None
            try:
                report(0, 0, "choosing sessions")
                units, left_out = await self._store.read(
                    lambda transaction: _chosen(transaction, versions, self._budget)
                )
                plan = Plan(rehearsal, baseline, request.candidate, versions, units, left_out)
                result = await self._run(plan, report)
            finally:
                await self._store.write(lambda transaction: releases.finish_rehearsal(transaction, rehearsal, result))
            return rehearsal

        return await self._jobs.start("rehearsal", "choosing sessions", work, name=rehearsal)

    async def _run(self, plan: Plan, report: Report) -> RehearsalResult:
        began = time.time()
        progress = _Progress(report, len(plan.units) * len(Lane))
        async with self._workers(plan):
            try:
                results = await self._attempt(plan, plan.units, 1, progress)
                for attempt in count(2):
                    unsure = unsettled(_rehearsed(plan, results))
                    again = [unit for unit in plan.units if unit.session in unsure]
                    if not again:
                        break
                    progress.more(len(again) * len(Lane))
                    retried = await self._attempt(plan, again, attempt, progress)
                    results |= {name: combine(results[name], retry) for name, retry in retried.items()}
            except nats.errors.Error as error:
                raise Trouble(
                    f"the bus failed ({error or type(error).__name__})", where="rehearsal", mend="rehearse again"
                ) from error
        judged = judge_all(_rehearsed(plan, results))
        return RehearsalResult(
            rehearsal=plan.rehearsal,
            baseline=plan.baseline,
            candidate=plan.candidate,
            started_at=began,
            finished_at=time.time(),
            lane_runs=progress.done,
            applications=judged,
            left_out=plan.left_out,
            groups=grouped(judged),
        )

    async def _attempt(
        self, plan: Plan, units: Sequence[Unit], attempt: int, progress: "_Progress"
    ) -> dict[str, UnitResult]:
        """Run three lanes of each unit and compare them as they come; what does not come is undetermined."""
        waiting: dict[str, Answers] = {unit.session: {} for unit in units}
        results: dict[str, UnitResult] = {}
        before = (await self._bus.jetstream.stream_info(names.RESULTS)).state.last_seq
        await self._publish(plan, units, attempt)
        async with self._answers(plan.rehearsal, before + 1) as answers:
            while waiting and (batch := await answers()):
                for answer in batch:
                    got, lane = waiting.get(answer.unit), Lane(answer.lane)
                    if got is None or answer.attempt != attempt or lane in got:
                        continue
                    got[lane] = answer
                    progress.step()
                    if len(got) == len(Lane):
                        results[answer.unit] = _compared(answer.unit, got, attempt)
                        del waiting[answer.unit]
        return results | {unit: _compared(unit, got, attempt) for unit, got in waiting.items()}

    async def _publish(self, plan: Plan, units: Sequence[Unit], attempt: int) -> None:
        """Put the lane-runs on the queues of their builds, lanes in random order so that none is always first."""
        for unit in units:
            recorded = await self._store.read(partial(sessions.transcript, session=unit.session))
            for lane in random.sample(list(Lane), len(Lane)):
                build = plan.candidate if lane is Lane.CANDIDATE else plan.baseline
                job = LaneJob(plan.rehearsal, unit.session, lane.value, attempt, unit.version, recorded)
                try:
                    await self._bus.publish(names.rehearsal_subject(build), job)
                except nats.errors.MaxPayloadError:
                    trouble = "the recorded session is too large for the bus"
                    refused = LaneResult(plan.rehearsal, unit.session, lane.value, attempt, build, (), trouble)
                    await self._bus.publish(names.results_subject(plan.rehearsal), refused)

    @asynccontextmanager
    async def _answers(self, rehearsal: str, first: int) -> AsyncIterator[Callable[[], Awaitable[list[LaneResult]]]]:
        """The results of a rehearsal from the stream's sequence `first` on, some at each call; none when none came for
        the patience."""
        subscription = await self._bus.jetstream.pull_subscribe(
            names.results_subject(rehearsal),
            stream=names.RESULTS,
            config=ConsumerConfig(
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=first,
                ack_policy=AckPolicy.NONE,
                inactive_threshold=4 * self._patience,
            ),
        )

        async def read() -> list[LaneResult]:
            try:
                messages = await subscription.fetch(ANSWERS_AT_ONCE, timeout=self._patience)
            except TimeoutError:
                return []
            return [msgspec.json.decode(message.data, type=LaneResult) for message in messages]

        try:
            yield read
        finally:
            await subscription.unsubscribe()

    @asynccontextmanager
    async def _workers(self, plan: Plan) -> AsyncIterator[None]:
        """Ask for workers of both builds; afterwards take back what nobody else asks for, lane-runs included."""
        asked = {plan.baseline, plan.candidate}
        self._demands.update(asked)
        try:
            for build in sorted(asked):
                await self._bus.put(names.REHEARSALS, str(build), RehearsalDemand(build, plan.rehearsal))
            yield
        finally:
            self._demands.subtract(asked)
            for build in sorted(asked):
                if not self._demands[build]:
                    await self._bus.jetstream.purge_stream(names.REHEARSAL, subject=names.rehearsal_subject(build))
                    await self._bus.delete(names.REHEARSALS, str(build))


class _Progress:
    """Lane-runs done, told to a job."""

    def __init__(self, report: Report, total: int) -> None:
        self.done = 0
        self._report = report
        self._total = total
        self._tell()

    def step(self) -> None:
        self.done += 1
        self._tell()

    def more(self, count: int) -> None:
        self._total += count
        self._tell()

    def _tell(self) -> None:
        self._report(self.done, self._total, f"{self.done} of {self._total} lane-runs done")


def _checked(transaction: Session, request: RehearsalRequest) -> tuple[int, dict[str, Version]]:
    """The baseline, and each application to rehearse with its live version."""
    candidate = builds.get(transaction, request.candidate)
    production = builds.pointer(transaction, Cluster.PRODUCTION).current
    if request.baseline is None and production is None:
        raise Conflict("production runs no build to compare with", where="cluster production", mend="name a baseline")
    baseline = builds.get(transaction, production or 0 if request.baseline is None else request.baseline)
    if baseline.number == candidate.number:
        raise Mistake("the candidate is the baseline", where=f"build {candidate.number}", mend="rehearse another build")
    known = {
        entry.name: entry.live
        for entry in applications.entries(transaction).values()
        if entry.mode is Cluster.PRODUCTION and entry.live is not None
    }
    for name in request.applications:
        if name not in known:
            raise NotFound("no production application of this name has code", where=name, mend="deploy it first")
    chosen = {
        name: version for name, version in known.items() if name in request.applications or not request.applications
    }
    return baseline.number, chosen


def _chosen(transaction: Session, versions: dict[str, Version], budget: int) -> tuple[tuple[Unit, ...], int]:
    """The sessions to rehearse, and how many stored ones are left out."""
    stored = [
        StoredSession(
            view.id, name, view.started_at, view.outcome, signature(sessions.transcript(transaction, view.id))
        )
        for name in versions
        for view in sessions.finished(transaction, name, HISTORY)
        if view.outcome is not None
    ]
    chosen, _ = select(stored, budget)
    total = sum(sessions.count_finished(transaction, name) for name in versions)
    units = tuple(Unit(session.session, session.application, versions[session.application]) for session in chosen)
    return units, total - len(units)


def _compared(unit: str, answers: Answers, attempt: int) -> UnitResult:
    return compare_unit(
        unit, answers.get(Lane.BASELINE), answers.get(Lane.CONTROL), answers.get(Lane.CANDIDATE), attempt
    )


def _rehearsed(plan: Plan, results: dict[str, UnitResult]) -> list[Rehearsed]:
    """Every application that was asked for, by name, with what came of its sessions so far."""
    units: dict[str, list[UnitResult]] = {name: [] for name in sorted(plan.versions)}
    for unit in plan.units:
        units[unit.application].append(results[unit.session])
    return [Rehearsed(name, plan.versions[name].digest, tuple(found)) for name, found in units.items()]
