"""Builds, what the clusters run, and healthy soak seconds in the store.

Comes in: a transaction, and what was decided. Goes out: builds and cluster pointers; Mistakes that name the build.
"""

import time

import msgspec
from sqlalchemy import func, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from twinline.control.store.tables import BuildRow, ClusterRow
from twinline.model.builds import Build, BuildEntry, Cluster, ClusterPointer, Significance
from twinline.model.errors import Conflict, NotFound
from twinline.release.soak import Soak


def add(transaction: Session, build: Build) -> Build:
    """Keep a build that was made, under the next number; the number it came with is not looked at."""
    number = (transaction.scalar(select(func.max(BuildRow.number))) or 0) + 1
    transaction.add(
        BuildRow(
            number=number,
            digest=build.digest,
            path=build.path,
            components=build.components,
            changes=build.changes,
            significance=build.significance,
            made_at=build.made_at,
        )
    )
    return msgspec.structs.replace(build, number=number)


def get(transaction: Session, number: int) -> Build:
    """One build. Raises NotFound."""
    return _build(_row(transaction, number))


def latest(transaction: Session) -> Build | None:
    """The build made last."""
    row = transaction.scalar(select(BuildRow).order_by(BuildRow.number.desc()).limit(1))
    return None if row is None else _build(row)


def every(transaction: Session) -> list[Build]:
    """Every build, oldest first."""
    return [_build(row) for row in transaction.scalars(select(BuildRow).order_by(BuildRow.number))]


def entries(transaction: Session) -> dict[int, BuildEntry]:
    """Published state of every build, by its number."""
    return {
        row.number: BuildEntry(row.number, row.digest, row.path, row.components)
        for row in transaction.scalars(select(BuildRow))
    }


def publish(transaction: Session, number: int) -> Build:
    """Note that a build is announced. Raises Conflict when it was before."""
    row = _row(transaction, number)
    if row.published_at is not None:
        raise Conflict("the build is published already", where=f"build {number}")
    row.published_at = time.time()
    return _build(row)


def set_significance(transaction: Session, number: int, significance: Significance) -> Build:
    """Write down how much a build changes."""
    row = _row(transaction, number)
    row.significance = significance
    return _build(row)


def soak(transaction: Session, number: int) -> Soak:
    """What a build has gathered on the development cluster."""
    return _row(transaction, number).soak or Soak(number)


def set_soak(transaction: Session, gathered: Soak) -> None:
    """Write down what a build has gathered."""
    _row(transaction, gathered.build).soak = gathered


def pointer(transaction: Session, cluster: Cluster) -> ClusterPointer:
    """What a cluster runs; nothing, at generation 0, when it was never told."""
    row = transaction.get(ClusterRow, cluster)
    if row is None:
        return ClusterPointer(cluster, None, 0, {})
    return ClusterPointer(cluster, row.current, row.generation, row.states)


def pointers(transaction: Session) -> dict[Cluster, ClusterPointer]:
    """What every cluster runs."""
    return {cluster: pointer(transaction, cluster) for cluster in Cluster}


def move(transaction: Session, new: ClusterPointer) -> None:
    """Replace a cluster's pointer by its successor. Raises Conflict when somebody else has moved it meanwhile."""
    if new.generation == 1:
        if transaction.get(ClusterRow, new.cluster) is not None:
            raise _moved(new)
        transaction.add(ClusterRow(cluster=new.cluster, current=new.current, generation=1, states=new.states))
        return
    done = transaction.execute(
        update(ClusterRow)
        .where(ClusterRow.cluster == new.cluster, ClusterRow.generation == new.generation - 1)
        .values(current=new.current, generation=new.generation, states=new.states)
    )
    if not isinstance(done, CursorResult) or done.rowcount != 1:
        raise _moved(new)


def _moved(new: ClusterPointer) -> Conflict:
    return Conflict(
        "somebody else moved this cluster in the meantime", where=f"cluster {new.cluster}", mend="look and decide again"
    )


def _row(transaction: Session, number: int) -> BuildRow:
    # SQLite's integers end at 64 bits; a larger number is no build either.
    row = transaction.get(BuildRow, number) if 0 < number < 2**63 else None
    if row is None:
        raise NotFound("there is no such build", where=f"build {number}", mend="look at the list of builds")
    return row


def _build(row: BuildRow) -> Build:
    return Build(
        row.number, row.digest, row.path, row.components, row.changes, row.significance, row.made_at, row.published_at
    )
