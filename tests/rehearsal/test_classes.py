"""The class table: total, and asserted pair by pair."""

from itertools import product

import pytest
from tests.rehearsal.sessions import GOOD, THROWS, error, lane, session

from twinline.model.rehearsal import Lane, UnitClass
from twinline.model.transcript import Outcome
from twinline.rehearsal.classes import LaneOutcome, classify, outcome
from twinline.rehearsal.comparison import Difference

PASS, FAIL, DIVERGED, CRASH, TROUBLE = LaneOutcome
NONE, MINOR, MENDED, MAJOR = Difference
C = UnitClass


@pytest.mark.parametrize(
    ("before", "after", "classes"),
    [
        (PASS, PASS, (C.SAME, C.CHANGED, C.FIXED, C.REGRESSED)),
        (PASS, FAIL, (C.REGRESSED,) * 4),
        (PASS, DIVERGED, (C.REGRESSED,) * 4),
        (PASS, CRASH, (C.REGRESSED,) * 4),
        (FAIL, PASS, (C.FIXED,) * 4),
        (FAIL, FAIL, (C.SAME_FAILURE, C.CHANGED, C.CHANGED, C.REGRESSED)),
        (FAIL, DIVERGED, (C.UNDETERMINED, C.UNDETERMINED, C.FIXED, C.REGRESSED)),
        (FAIL, CRASH, (C.REGRESSED,) * 4),
        (DIVERGED, PASS, (C.UNDETERMINED, C.UNDETERMINED, C.FIXED, C.REGRESSED)),
        (DIVERGED, FAIL, (C.REGRESSED,) * 4),
        (DIVERGED, DIVERGED, (C.UNDETERMINED, C.UNDETERMINED, C.CHANGED, C.REGRESSED)),
        (DIVERGED, CRASH, (C.REGRESSED,) * 4),
        (CRASH, PASS, (C.FIXED,) * 4),
        (CRASH, FAIL, (C.CHANGED, C.CHANGED, C.CHANGED, C.REGRESSED)),
        (CRASH, DIVERGED, (C.UNDETERMINED, C.UNDETERMINED, C.FIXED, C.REGRESSED)),
        (CRASH, CRASH, (C.SAME_FAILURE,) * 4),
    ],
)
def test_pair_has_its_class(before: LaneOutcome, after: LaneOutcome, classes: tuple[UnitClass, ...]) -> None:
    assert tuple(classify(before, before, after, NONE, change) for change in Difference) == classes


EVERY = list(product(LaneOutcome, LaneOutcome, LaneOutcome, Difference, Difference))


def test_every_combination_has_a_class_and_keeps_the_rules() -> None:
    for baseline, control, candidate, noise, change in EVERY:
        verdict = classify(baseline, control, candidate, noise, change)
        lanes = (baseline, control, candidate)
        if candidate is CRASH and CRASH not in (baseline, control):
            assert verdict is C.REGRESSED
        elif TROUBLE in lanes:
            assert verdict is C.SPURIOUS
        elif baseline is not control or noise in (MENDED, MAJOR):
            assert verdict is C.NOISY
        else:
            assert verdict not in (C.SPURIOUS, C.NOISY)


def test_nothing_but_agreement_is_the_same() -> None:
    same = {each for each in EVERY if classify(*each) is C.SAME}
    assert same == {(PASS, PASS, PASS, noise, NONE) for noise in (NONE, MINOR)} | {(PASS, PASS, PASS, MINOR, MINOR)}


def test_logs_that_differ_on_production_itself_may_differ_on_the_candidate() -> None:
    assert classify(PASS, PASS, PASS, MINOR, MINOR) is C.SAME
    assert classify(PASS, PASS, PASS, MINOR, MAJOR) is C.REGRESSED


@pytest.mark.parametrize(
    ("ended", "expected"),
    [
        (Outcome.COMPLETED, PASS),
        (Outcome.FAILED, FAIL),
        (Outcome.TIMED_OUT, FAIL),
        (Outcome.KILLED, FAIL),
        (Outcome.DIVERGED, DIVERGED),
        (Outcome.LOST, CRASH),
    ],
)
def test_lane_comes_to_what_its_session_ended_as(ended: Outcome, expected: LaneOutcome) -> None:
    assert outcome(lane(Lane.CANDIDATE, session(outcome=ended))) is expected


def test_lane_with_an_error_of_the_platform_is_a_crash() -> None:
    assert outcome(lane(Lane.CANDIDATE, session(error(platform=True), outcome=Outcome.FAILED))) is CRASH
    assert outcome(lane(Lane.CANDIDATE, THROWS)) is FAIL


def test_lane_that_could_not_run_or_has_no_end_is_trouble() -> None:
    assert outcome(lane(Lane.BASELINE, (), "no sandbox")) is TROUBLE
    assert outcome(lane(Lane.BASELINE, GOOD, "no sandbox")) is TROUBLE
    assert outcome(lane(Lane.BASELINE, GOOD[:-1])) is TROUBLE
    assert outcome(lane(Lane.BASELINE, ())) is TROUBLE
