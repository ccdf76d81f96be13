"""Moving a cluster from one build to another: a state machine without I/O.

Comes in: a cluster's pointer, and what is asked of it. Goes out: the pointer afterwards, or an error.

Theory of operation. A pointer names the build that takes new sessions (`current`) and the state of every build that has
workers on the cluster. A move makes its target current and lets the build before drain: sessions that run there end
there. When the last has ended the build is `drained`; its workers stay, warm, as the way back, until the next move
retires it. So production has at most one build besides the current one, and a rollback knows where to go: to the build
that the last promotion came from. A rollback needs no gate and may interrupt a promotion that still drains; a promotion
waits until nothing drains.

All that decides which state follows which is in `_MOVES`. Each move raises the pointer's generation by one, by which
the store's compare-and-swap tells two movers apart.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from enum import Enum

import msgspec

from twinline.model.builds import BuildState, Cluster, ClusterPointer
from twinline.model.errors import Conflict, Mistake, NotFound, Refused
from twinline.model.release import ALLOWS, Excuse, Promotion, PromotionState
from twinline.release.excuse import holds

PROMOTION = "promotion"
ROLLBACK = "rollback"
"""The two kinds of a `Promotion`."""


class _Move(Enum):
    TAKE = "take new sessions"
    YIELD = "take none any more"
    EMPTY = "the last session ended"
    REMOVE = "no longer the way back"


_MOVES: dict[_Move, dict[BuildState, BuildState]] = {
    _Move.TAKE: dict.fromkeys(set(BuildState) - {BuildState.CURRENT}, BuildState.CURRENT),
    _Move.YIELD: {BuildState.CURRENT: BuildState.DRAINING},
    _Move.EMPTY: {BuildState.DRAINING: BuildState.DRAINED},
    _Move.REMOVE: {BuildState.DRAINED: BuildState.RETIRED},
}


def empty(cluster: Cluster) -> ClusterPointer:
    """The pointer of a cluster that never ran anything."""
    return ClusterPointer(cluster, None, 0, {})


def place(pointer: ClusterPointer, build: int, *, published: Collection[int]) -> ClusterPointer:
    """Put a published build on a cluster without gates: any on development, on production only the very first.

    Raises NotFound for a build that is not published, Mistake when it is there already, Refused for production.
    """
    _check_target(pointer, build, published)
    if pointer.cluster is Cluster.PRODUCTION and pointer.current is not None:
        raise Refused(
            f"production runs build {pointer.current}",
            where=f"build {build}",
            mend=f"promote it: `twinline promote {build}`",
        )
    return _moved(pointer, build)


def promote(pointer: ClusterPointer, build: int, *, excuse: Excuse, published: Collection[int]) -> ClusterPointer:
    """Move the pointer to a build that its excuse lets go.

    Raises NotFound, Mistake (the same build), Conflict while a build drains, Refused with the sentence of each gate
    that holds.
    """
    _check_target(pointer, build, published)
    draining = [number for number, state in pointer.states.items() if state is BuildState.DRAINING]
    if draining:
        raise Conflict(
            f"build {draining[0]} still drains on {pointer.cluster}",
            where=f"build {build}",
            mend="wait until its last session has ended, or roll back",
        )
    if excuse.build != build or excuse.target is not pointer.cluster:
        raise Mistake(
            f"the excuse is of build {excuse.build} for {excuse.target}", where=f"build {build}", mend="decide it anew"
        )
    if excuse.verdict not in ALLOWS:
        raise Refused(
            "; ".join(f"{gate.gate}: {gate.sentence}" for gate in holds(excuse.gates)) or excuse.headline,
            where=f"build {build}",
            mend='wait, mend, or override a gate by name: `--override GATE --reason "…"`',
        )
    return _moved(pointer, build)


def rollback(pointer: ClusterPointer, last: Promotion | None) -> ClusterPointer:
    """Move the pointer back to where the last promotion came from, at once and without gates.

    `last` is the cluster's latest move. Raises Conflict when there is nothing to go back to.
    """
    where = str(pointer.cluster)
    if last is None or last.from_build is None:
        raise Conflict("there is no build to go back to", where=where, mend="promote another build")
    if last.kind == ROLLBACK:
        raise Conflict(
            f"the last move was already a rollback, to build {last.to_build}",
            where=where,
            mend=f"promote another build, or build {last.from_build} again",
        )
    if last.to_build != pointer.current:
        raise Conflict(
            f"{where} runs build {pointer.current}, but the last promotion was to build {last.to_build}",
            where=where,
            mend="look at `twinline status` and try again",
        )
    return _moved(pointer, last.from_build)


def drained(pointer: ClusterPointer, build: int) -> ClusterPointer:
    """The last session of `build` has ended. Raises NotFound, or Mistake when it was not draining."""
    if build not in pointer.states:
        raise NotFound(f"build {build} has no workers on {pointer.cluster}", where=f"build {build}")
    states = {**pointer.states, build: _next(pointer, build, _Move.EMPTY)}
    return ClusterPointer(pointer.cluster, pointer.current, pointer.generation + 1, states)


def settle(promotion: Promotion, ended_on: Mapping[str, int], *, now: float) -> Promotion:
    """The promotion with its ledger: of the sessions that were in flight, how many ended on which build.

    `ended_on` maps each ended session to the build that finished it. It is done when none is left.
    """
    endings = [ended_on[session] for session in promotion.in_flight if session in ended_on]
    finished = {str(build): count for build, count in sorted(Counter(endings).items())}
    complete = len(endings) == len(promotion.in_flight) and promotion.state is PromotionState.DRAINING
    return msgspec.structs.replace(
        promotion,
        finished=finished,
        state=PromotionState.DONE if complete else promotion.state,
        done_at=now if complete else promotion.done_at,
    )


def undone(promotion: Promotion, *, now: float) -> Promotion:
    """A promotion that a rollback took back."""
    return msgspec.structs.replace(promotion, state=PromotionState.ROLLED_BACK, done_at=promotion.done_at or now)


def unfinished(promotion: Promotion) -> int:
    """Sessions in flight that no build has finished. Of a promotion that is done: dropped, so never but zero."""
    return len(promotion.in_flight) - sum(promotion.finished.values())


def _check_target(pointer: ClusterPointer, build: int, published: Collection[int]) -> None:
    if build not in published:
        known = ", ".join(map(str, sorted(published))) or "none"
        raise NotFound(
            f"there is no published build {build}", where=f"build {build}", mend=f"published builds: {known}"
        )
    if build == pointer.current:
        raise Mistake(f"{pointer.cluster} runs build {build} already", where=f"build {build}")


def _moved(pointer: ClusterPointer, build: int) -> ClusterPointer:
    states = dict(pointer.states)
    for number, state in pointer.states.items():
        if state is BuildState.DRAINED and number != build:
            states[number] = _next(pointer, number, _Move.REMOVE)
    if pointer.current is not None:
        states[pointer.current] = _next(pointer, pointer.current, _Move.YIELD)
    states[build] = _next(pointer, build, _Move.TAKE)
    return ClusterPointer(pointer.cluster, build, pointer.generation + 1, states)


def _next(pointer: ClusterPointer, build: int, move: _Move) -> BuildState:
    state = pointer.states.get(build, BuildState.INACTIVE)
    if state not in _MOVES[move]:
        raise Mistake(
            f"build {build} is {state} on {pointer.cluster}: {move.value!r} does not apply", where=f"build {build}"
        )
    return _MOVES[move][state]
