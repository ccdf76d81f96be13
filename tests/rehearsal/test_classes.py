"""The class table: total, and asserted pair by pair."""

from itertools import product

import pytest
from tests.rehearsal.sessions import GOOD, THROWS, error, lane, session

from twinline.model.messages import LaneResult
from twinline.model.rehearsal import Lane, UnitClass
from twinline.model.transcript import Outcome
from twinline.rehearsal.classes import RAN, LaneOutcome, classify, outcome
from twinline.rehearsal.comparison import Difference

PASS, FAIL, DIVERGED, CRASH, BROKEN, TROUBLE, SILENT, WAITING, SKIPPED, ERROR = LaneOutcome
NONE, MINOR, MENDED, MAJOR = Difference
C = UnitClass

PAIRS = {
    (PASS, PASS): (C.SAME, C.CHANGED, C.FIXED, C.REGRESSED),
    (PASS, FAIL): (C.REGRESSED,) * 4,
    (PASS, DIVERGED): (C.REGRESSED,) * 4,
    (PASS, CRASH): (C.REGRESSED,) * 4,
    (PASS, BROKEN): (C.REGRESSED,) * 4,
    (FAIL, PASS): (C.FIXED,) * 4,
    (FAIL, FAIL): (C.SAME_FAILURE, C.CHANGED, C.CHANGED, C.REGRESSED),
    (FAIL, DIVERGED): (C.UNDETERMINED, C.UNDETERMINED, C.FIXED, C.REGRESSED),
    (FAIL, CRASH): (C.REGRESSED,) * 4,
    (FAIL, BROKEN): (C.REGRESSED,) * 4,
    (DIVERGED, PASS): (C.UNDETERMINED, C.UNDETERMINED, C.FIXED, C.REGRESSED),
    (DIVERGED, FAIL): (C.REGRESSED,) * 4,
    (DIVERGED, DIVERGED): (C.UNDETERMINED, C.UNDETERMINED, C.CHANGED, C.REGRESSED),
    (DIVERGED, CRASH): (C.REGRESSED,) * 4,
    (DIVERGED, BROKEN): (C.REGRESSED,) * 4,
    (CRASH, PASS): (C.FIXED,) * 4,
    (CRASH, FAIL): (C.CHANGED, C.CHANGED, C.CHANGED, C.REGRESSED),
    (CRASH, DIVERGED): (C.UNDETERMINED, C.UNDETERMINED, C.FIXED, C.REGRESSED),
    (CRASH, CRASH): (C.SAME_FAILURE,) * 4,
    (CRASH, BROKEN): (C.REGRESSED,) * 4,
    (BROKEN, PASS): (C.FIXED,) * 4,
    (BROKEN, FAIL): (C.FIXED,) * 4,
    (BROKEN, DIVERGED): (C.UNDETERMINED,) * 4,
    (BROKEN, CRASH): (C.REGRESSED,) * 4,
    (BROKEN, BROKEN): (C.BROKEN,) * 4,
}
WITHOUT = {ERROR: C.ERROR, SKIPPED: C.SKIPPED, WAITING: C.PENDING, SILENT: C.UNDETERMINED, TROUBLE: C.SPURIOUS}
"""What one lane that has nothing to compare makes of its unit, the weightiest first."""

EVERY = list(product(LaneOutcome, LaneOutcome, LaneOutcome, Difference, Difference))


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_pair_has_its_class(before: LaneOutcome, after: LaneOutcome) -> None:
    assert tuple(classify(before, before, after, NONE, change) for change in Difference) == PAIRS[before, after]


@pytest.mark.parametrize(("without", "expected"), WITHOUT.items())
def test_lane_with_nothing_to_compare_decides_wherever_it_is(without: LaneOutcome, expected: UnitClass) -> None:
    lanes = (without, PASS, FAIL)
    assert {classify(*(lanes[place] for place in order), NONE, MAJOR) for order in ROTATIONS} == {expected}


ROTATIONS = ((0, 1, 2), (1, 0, 2), (1, 2, 0))


def test_every_combination_has_the_class_that_the_rules_give() -> None:
    for baseline, control, candidate, noise, change in EVERY:
        lanes = (baseline, control, candidate)
        without = [class_ for absent, class_ in WITHOUT.items() if absent in lanes]
        if candidate is CRASH and CRASH not in (baseline, control):
            expected = C.REGRESSED
        elif without:
            expected = without[0]
        elif baseline is not control or noise in (MENDED, MAJOR):
            expected = C.NOISY
        else:
            counted = NONE if noise is change is MINOR else change
            expected = PAIRS[baseline, candidate][list(Difference).index(counted)]
        assert classify(*lanes, noise, change) is expected, (lanes, noise, change)


def test_every_class_is_reached() -> None:
    assert {classify(*each) for each in EVERY} == set(UnitClass)


def test_every_outcome_is_compared_or_decides_by_itself() -> None:
    assert {*RAN, BROKEN, *WITHOUT} == set(LaneOutcome)
    assert set(PAIRS) == set(product({*RAN, BROKEN}, repeat=2))


def test_crash_that_only_the_candidate_has_is_always_a_regression() -> None:
    crashed = {classify(*each) for each in EVERY if each[2] is CRASH and CRASH not in each[:2]}
    assert crashed == {C.REGRESSED}


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


def test_lane_whose_version_could_not_be_set_up_is_broken() -> None:
    assert outcome(LaneResult("r1", "u1", "baseline", 1, 1, (), "not a bundle", broken=True)) is BROKEN


def test_lane_that_sent_something_else_than_a_session_is_an_error() -> None:
    assert outcome(lane(Lane.BASELINE, GOOD[1:])) is ERROR
