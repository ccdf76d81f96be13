"""The class of a unit from what its three lanes came to.

Comes in: three lane outcomes, how the control differs from the baseline (the noise) and how the candidate does (the
change). Goes out: one class. The table is total: every combination has its class.
"""

from collections.abc import Sequence
from enum import StrEnum

from twinline.model.messages import LaneResult
from twinline.model.rehearsal import UnitClass
from twinline.model.transcript import ErrorRaised, Outcome, SessionEnded
from twinline.rehearsal.comparison import Difference


class LaneOutcome(StrEnum):
    """What one lane came to."""

    PASS = "pass"
    FAIL = "fail"
    DIVERGED = "diverged"
    CRASH = "crash"
    TROUBLE = "trouble"


def outcome(lane: LaneResult) -> LaneOutcome:
    """What a lane came to: a transcript without an end is the platform's trouble, never the script's."""
    ended = lane.transcript[-1] if lane.transcript else None
    if lane.trouble or not isinstance(ended, SessionEnded):
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


def _row(none: UnitClass, minor: UnitClass, mended: UnitClass, major: UnitClass) -> dict[Difference, UnitClass]:
    return dict(zip(Difference, (none, minor, mended, major), strict=True))


def _always(class_: UnitClass) -> dict[Difference, UnitClass]:
    return dict.fromkeys(Difference, class_)


_SAME, _SAME_FAILURE, _REGRESSED = UnitClass.SAME, UnitClass.SAME_FAILURE, UnitClass.REGRESSED
_FIXED, _CHANGED, _UNDETERMINED = UnitClass.FIXED, UnitClass.CHANGED, UnitClass.UNDETERMINED

_P, _F, _D, _C = LaneOutcome.PASS, LaneOutcome.FAIL, LaneOutcome.DIVERGED, LaneOutcome.CRASH

# Production's outcome, the candidate's, and how they differ: none, minor, mended, major.
_TABLE: dict[tuple[LaneOutcome, LaneOutcome], dict[Difference, UnitClass]] = {
    (_P, _P): _row(_SAME, _CHANGED, _FIXED, _REGRESSED),
    (_P, _F): _always(_REGRESSED),
    (_P, _D): _always(_REGRESSED),
    (_P, _C): _always(_REGRESSED),
    (_F, _P): _always(_FIXED),
    # A failure in another place: later is a change, elsewhere is worse, because what came before it differs too.
    (_F, _F): _row(_SAME_FAILURE, _CHANGED, _CHANGED, _REGRESSED),
    # A session that failed when it was recorded has no answers beyond that place.
    (_F, _D): _row(_UNDETERMINED, _UNDETERMINED, _FIXED, _REGRESSED),
    (_F, _C): _always(_REGRESSED),
    (_D, _P): _row(_UNDETERMINED, _UNDETERMINED, _FIXED, _REGRESSED),
    (_D, _F): _always(_REGRESSED),
    # All lanes left the recording at the same place: it says nothing about this version any more.
    (_D, _D): _row(_UNDETERMINED, _UNDETERMINED, _CHANGED, _REGRESSED),
    (_D, _C): _always(_REGRESSED),
    (_C, _P): _always(_FIXED),
    (_C, _F): _row(_CHANGED, _CHANGED, _CHANGED, _REGRESSED),
    (_C, _D): _row(_UNDETERMINED, _UNDETERMINED, _FIXED, _REGRESSED),
    (_C, _C): _always(_SAME_FAILURE),
}


def classify(
    baseline: LaneOutcome, control: LaneOutcome, candidate: LaneOutcome, noise: Difference, change: Difference
) -> UnitClass:
    """The class of a unit. The first of these rules that applies decides:

    a platform crash that only the candidate has is a regression, whatever else happened; a lane that could not run
    makes the unit spurious; production that disagrees with itself is noise; else the table. Where production's own logs
    differ, the candidate's may.
    """
    lanes: Sequence[LaneOutcome] = (baseline, control, candidate)
    if candidate is LaneOutcome.CRASH and LaneOutcome.CRASH not in (baseline, control):
        return UnitClass.REGRESSED
    if LaneOutcome.TROUBLE in lanes:
        return UnitClass.SPURIOUS
    if baseline is not control or noise > Difference.MINOR:
        return UnitClass.NOISY
    if noise is Difference.MINOR and change is Difference.MINOR:
        change = Difference.NONE
    return _TABLE[baseline, candidate][change]
