"""Rehearsals, promotions, overrides and the changelog in the store.

Comes in: a transaction and decisions. Goes out: what was decided, as the model's structs; Mistakes naming the record.
"""

import time
from collections.abc import Iterable

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from twinline.control.schema import JobState, RehearsalView
from twinline.control.store.tables import ChangelogRow, OverrideRow, PromotionRow, RehearsalRow
from twinline.model.builds import Build, Cluster
from twinline.model.errors import Conflict, NotFound
from twinline.model.rehearsal import RehearsalResult
from twinline.model.release import ChangelogEntry, Excuse, Override, Promotion, PromotionState


def begin_rehearsal(transaction: Session, rehearsal: str, baseline: int, candidate: int, by: str) -> None:
    """Note that a rehearsal runs. Raises Conflict when one of the same candidate does."""
    running = transaction.scalar(
        select(RehearsalRow).where(RehearsalRow.candidate == candidate, RehearsalRow.state == JobState.RUNNING)
    )
    if running is not None:
        raise Conflict(
            f"rehearsal {running.id} of this build is running", where=f"build {candidate}", mend="wait until it is done"
        )
    transaction.add(
        RehearsalRow(
            id=rehearsal,
            baseline=baseline,
            candidate=candidate,
            state=JobState.RUNNING,
            by=by,
            started_at=time.time(),
            verdicts={},
        )
    )


def finish_rehearsal(transaction: Session, rehearsal: str, result: RehearsalResult | None) -> None:
    """Keep a rehearsal's result; None: it failed."""
    row = transaction.get_one(RehearsalRow, rehearsal)
    row.finished_at = time.time()
    if result is None:
        row.state = JobState.FAILED
        return
    row.state = JobState.DONE
    row.verdicts = {application.application: application.verdict for application in result.applications}
    row.result = msgspec.json.encode(result)


def rehearsals(transaction: Session) -> list[RehearsalView]:
    """Every rehearsal, newest first, without results."""
    columns = (
        RehearsalRow.id,
        RehearsalRow.baseline,
        RehearsalRow.candidate,
        RehearsalRow.state,
        RehearsalRow.started_at,
        RehearsalRow.finished_at,
        RehearsalRow.verdicts,
    )
    found = transaction.execute(select(*columns).order_by(RehearsalRow.started_at.desc()))
    return [RehearsalView(*row) for row in found]


def rehearsal(transaction: Session, name: str) -> RehearsalResult:
    """The result of a rehearsal. Raises NotFound when there is no such, Conflict while it runs or when it failed."""
    row = transaction.get(RehearsalRow, name)
    if row is None:
        raise NotFound("there is no such rehearsal", where=f"rehearsal {name}", mend="look at the list of rehearsals")
    if row.result is None:
        state = "is still running" if row.state is JobState.RUNNING else "failed and has no result"
        raise Conflict(f"the rehearsal {state}", where=f"rehearsal {name}", mend="look at its job")
    return msgspec.json.decode(row.result, type=RehearsalResult)


def results_for(transaction: Session, candidate: int, limit: int) -> list[RehearsalResult]:
    """The latest results for a candidate, newest first."""
    found = transaction.scalars(
        select(RehearsalRow.result)
        .where(RehearsalRow.candidate == candidate, RehearsalRow.state == JobState.DONE)
        .order_by(RehearsalRow.finished_at.desc())
        .limit(limit)
    )
    return [msgspec.json.decode(result, type=RehearsalResult) for result in found if result is not None]


def fail_running_rehearsals(transaction: Session) -> None:
    """What ran when the process ended will not come to an end."""
    for row in transaction.scalars(select(RehearsalRow).where(RehearsalRow.state == JobState.RUNNING)):
        row.state, row.finished_at = JobState.FAILED, time.time()


def add_promotion(
    transaction: Session,
    *,
    cluster: Cluster,
    from_build: int | None,
    to_build: int,
    kind: str,
    by: str,
    excuse: Excuse | None,
    overrides: tuple[Override, ...],
    in_flight: tuple[str, ...],
) -> Promotion:
    """Record a move of a cluster's pointer; it drains until every session of the old build has ended."""
    row = PromotionRow(
        cluster=cluster,
        from_build=from_build,
        to_build=to_build,
        kind=kind,
        state=PromotionState.DRAINING,
        by=by,
        at=time.time(),
        excuse=excuse,
        overrides=overrides,
        in_flight=in_flight,
        finished={},
    )
    transaction.add(row)
    transaction.flush()
    return _promotion(row)


def update_promotion(transaction: Session, promotion: Promotion) -> Promotion:
    """Write down how a promotion's ledger and state have gone on."""
    row = transaction.get_one(PromotionRow, promotion.id)
    row.state, row.done_at = promotion.state, promotion.done_at
    row.in_flight, row.finished = promotion.in_flight, promotion.finished
    return promotion


def promotions(transaction: Session) -> list[Promotion]:
    """Every promotion and rollback, newest first."""
    return [_promotion(row) for row in transaction.scalars(select(PromotionRow).order_by(PromotionRow.id.desc()))]


def draining(transaction: Session) -> list[Promotion]:
    """Those that still run, oldest first."""
    return [
        _promotion(row)
        for row in transaction.scalars(
            select(PromotionRow).where(PromotionRow.state == PromotionState.DRAINING).order_by(PromotionRow.id)
        )
    ]


def add_overrides(transaction: Session, overrides: Iterable[Override]) -> None:
    """Append to the record."""
    for override in overrides:
        transaction.add(OverrideRow(**msgspec.structs.asdict(override)))


def overrides(transaction: Session, build: int) -> tuple[Override, ...]:
    """What was let pass for a build, in the order it was said."""
    return tuple(
        Override(row.build, row.gate, row.by, row.reason, row.at, row.expires_at)
        for row in transaction.scalars(select(OverrideRow).where(OverrideRow.build == build).order_by(OverrideRow.id))
    )


def announce(transaction: Session, kind: str, build: Build, title: str, text: str) -> ChangelogEntry:
    """Write an entry of the changelog."""
    row = ChangelogRow(
        kind=kind,
        build=build.number,
        title=title,
        text=text,
        changes=build.changes,
        significance=build.significance,
        at=time.time(),
    )
    transaction.add(row)
    transaction.flush()
    return _entry(row)


def changelog(transaction: Session) -> list[ChangelogEntry]:
    """Every announcement, newest first."""
    return [_entry(row) for row in transaction.scalars(select(ChangelogRow).order_by(ChangelogRow.id.desc()))]


def _promotion(row: PromotionRow) -> Promotion:
    return Promotion(
        row.id,
        row.cluster,
        row.from_build,
        row.to_build,
        row.kind,
        row.state,
        row.by,
        row.at,
        row.excuse,
        row.overrides,
        row.in_flight,
        row.finished,
        row.done_at,
    )


def _entry(row: ChangelogRow) -> ChangelogEntry:
    return ChangelogEntry(row.id, row.kind, row.build, row.title, row.text, row.changes, row.significance, row.at)
