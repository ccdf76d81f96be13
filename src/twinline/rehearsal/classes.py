"""The class of a unit from what its three lanes came to.

Comes in: three lane outcomes, how the control differs from the baseline (the noise) and how the candidate does (the
change). Goes out: one class. The table is total: every combination has its class.
"""

from collections.abc import Sequence
from enum import StrEnum

from twinline.model.messages import LaneResult
from twinline.model.rehearsal import UnitClass
from twinline.model.transcript import ErrorRaised, Outcome, SessionEnded, SessionStarted
from twinline.rehearsal.comparison import Difference


class LaneOutcome(StrEnum):
    """What one lane came to."""

    PASS = "pass"
    FAIL = "fail"
    DIVERGED = "diverged"
    CRASH = "crash"
    BROKEN = "broken"
    """The version itself could not be set up."""
    TROUBLE = "trouble"
    """It could not be run for want of something: room, a worker, time."""
    SILENT = "silent"
    """It never answered."""
    WAITING = "waiting"
    """It has not answered yet, and still may."""
    SKIPPED = "skipped"
    """It was not to be run."""
    ERROR = "error"
    """What came back is not a run of this session: the rehearsal's own fault."""


RAN = frozenset({LaneOutcome.PASS, LaneOutcome.FAIL, LaneOutcome.DIVERGED, LaneOutcome.CRASH})
"""Outcomes of lanes that have a session to compare."""


def outcome(lane: LaneResult) -> LaneOutcome:
    """What a lane came to: a transcript without an end is the platform's trouble, never the script's."""
    if lane.trouble:
        return LaneOutcome.BROKEN if lane.broken else LaneOutcome.TROUBLE
    if lane.transcript and not isinstance(lane.transcript[0], SessionStarted):
        return LaneOutcome.ERROR
    ended = lane.transcript[-1] if lane.transcript else None
    if not isinstance(ended, SessionEnded):
        return LaneOutcome.TROUBLE
    if any(isinstance(event, ErrorRaised) and event.platform for event in lane.transcript):
        return LaneOutcome.CRASH
    return _ENDINGS[ended.outcome]


_ENDINGS = {
    Outcome.COMPLETED: LaneOutcome.PASS,
    Outcome.FAILED: LaneOutcome.FAIL,
    Outcome.TIMED_OUT: LaneOutcome.FAIL,
    Outcome.KILLED: LaneOutcome.FAIL,
    Outcome.DIVERGED: LaneOutcome.DIVERGED,
    Outcome.LOST: LaneOutcome.CRASH,
}

_WITHOUT = {
    LaneOutcome.ERROR: UnitClass.ERROR,
    LaneOutcome.SKIPPED: UnitClass.SKIPPED,
    LaneOutcome.WAITING: UnitClass.PENDING,
    LaneOutcome.SILENT: UnitClass.UNDETERMINED,
    LaneOutcome.TROUBLE: UnitClass.SPURIOUS,
}
"""The class of a unit with such a lane, the first of these that one of its lanes has: there is nothing to compare."""


def _row(none: UnitClass, minor: UnitClass, mended: UnitClass, major: UnitClass) -> dict[Difference, UnitClass]:
    return dict(zip(Difference, (none, minor, mended, major), strict=True))


def _always(class_: UnitClass) -> dict[Difference, UnitClass]:
    return dict.fromkeys(Difference, class_)


_SAME, _SAME_FAILURE, _REGRESSED = UnitClass.SAME, UnitClass.SAME_FAILURE, UnitClass.REGRESSED
_FIXED, _CHANGED, _UNDETERMINED = UnitClass.FIXED, UnitClass.CHANGED, UnitClass.UNDETERMINED

_P, _F, _D, _C = LaneOutcome.PASS, LaneOutcome.FAIL, LaneOutcome.DIVERGED, LaneOutcome.CRASH
_B = LaneOutcome.BROKEN

# Production's outcome, the candidate's, and how they differ: none, minor, mended, major.
_TABLE: dict[tuple[LaneOutcome, LaneOutcome], dict[Difference, UnitClass]] = {
    (_P, _P): _row(_SAME, _CHANGED, _FIXED, _REGRESSED),
    (_P, _F): _always(_REGRESSED),
    (_P, _D): _always(_REGRESSED),
    (_P, _C): _always(_REGRESSED),
    (_P, _B): _always(_REGRESSED),
    (_F, _P): _always(_FIXED),
    # A failure in another place: later is a change, elsewhere is worse, because what came before it differs too.
    (_F, _F): _row(_SAME_FAILURE, _CHANGED, _CHANGED, _REGRESSED),
    # A session that failed when it was recorded has no answers beyond that place.
    (_F, _D): _row(_UNDETERMINED, _UNDETERMINED, _FIXED, _REGRESSED),
    (_F, _C): _always(_REGRESSED),
    (_F, _B): _always(_REGRESSED),
    (_D, _P): _row(_UNDETERMINED, _UNDETERMINED, _FIXED, _REGRESSED),
    (_D, _F): _always(_REGRESSED),
    # All lanes left the recording at the same place: it says nothing about this version any more.
    (_D, _D): _row(_UNDETERMINED, _UNDETERMINED, _CHANGED, _REGRESSED),
    (_D, _C): _always(_REGRESSED),
    (_D, _B): _always(_REGRESSED),
    (_C, _P): _always(_FIXED),
    (_C, _F): _row(_CHANGED, _CHANGED, _CHANGED, _REGRESSED),
    (_C, _D): _row(_UNDETERMINED, _UNDETERMINED, _FIXED, _REGRESSED),
    (_C, _C): _always(_SAME_FAILURE),
    (_C, _B): _always(_REGRESSED),
    # A version that can be set up again is mended, however it fares then; but it has to follow the recording.
    (_B, _P): _always(_FIXED),
    (_B, _F): _always(_FIXED),
    (_B, _D): _always(_UNDETERMINED),
    (_B, _C): _always(_REGRESSED),
    (_B, _B): _always(UnitClass.BROKEN),
}


def classify(
    baseline: LaneOutcome, control: LaneOutcome, candidate: LaneOutcome, noise: Difference, change: Difference
) -> UnitClass:
    """The class of a unit. The first of these rules that applies decides:

    a platform crash that only the candidate has is a regression, whatever else happened; a lane with no session to
    compare decides by `_WITHOUT`; production that disagrees with itself is noise; else the table. Where production's
    own logs differ, the candidate's may.
    """
    lanes: Sequence[LaneOutcome] = (baseline, control, candidate)
    if candidate is LaneOutcome.CRASH and LaneOutcome.CRASH not in (baseline, control):
        return UnitClass.REGRESSED
    for without, class_ in _WITHOUT.items():
        if without in lanes:
            return class_
    if baseline is not control or noise > Difference.MINOR:
        return UnitClass.NOISY
    if noise is Difference.MINOR and change is Difference.MINOR:
        change = Difference.NONE
    return _TABLE[baseline, candidate][change]
