"""The verdict of a session over its lanes and its attempts."""

from functools import reduce

import pytest
from tests.rehearsal.sessions import GOOD, THROWS, error, judged, lane, log, say, sent, session, unit

from twinline.model.messages import LaneResult
from twinline.model.rehearsal import Lane, UnitClass, UnitResult
from twinline.model.transcript import Outcome, Transcript
from twinline.rehearsal import LaneOutcome, combine, compare_unit, needs_retry

C = UnitClass
CRASHES = session(error("segmentation fault", platform=True), outcome=Outcome.FAILED, build=2)


def test_three_lanes_that_agree_are_the_same() -> None:
    assert unit(GOOD, GOOD, GOOD) == UnitResult("u1", 1, C.SAME, "all three lanes agree")


def test_candidate_that_throws_is_a_regression_with_the_talk_before_it() -> None:
    found = unit(GOOD, GOOD, THROWS)
    assert found.verdict is C.REGRESSED
    assert found.divergence is not None
    assert (found.divergence.turn, found.divergence.line) == (2, 41)
    assert found.reason == found.divergence.sentence
    assert found.trail == ("Caller: hello", "Application: Which day?", "Caller: monday")


def test_three_lanes_are_shown_at_the_divergence() -> None:
    found = unit(GOOD, GOOD, THROWS)
    assert [(shown.lane, shown.build, shown.ended) for shown in found.lanes] == [
        (Lane.BASELINE, 1, "completed"),
        (Lane.CONTROL, 1, "completed"),
        (Lane.CANDIDATE, 2, "failed"),
    ]
    assert found.divergence is not None
    assert [shown.events[0] for shown in found.lanes] == [found.divergence.left] * 2 + [found.divergence.right]


def test_message_to_somebody_else_is_named_in_the_talk() -> None:
    before, other = (session(sent("Refill for you", "+15550123"), say(2, text)) for text in ("Done.", "Failed."))
    assert unit(before, before, other).trail == ("Caller: hello", "Application to +15550123: Refill for you")


def test_production_that_disagrees_with_itself_is_noise() -> None:
    found = unit(GOOD, session(say(1, "Hm")), THROWS)
    assert found.verdict is C.NOISY
    assert "build 1 again" in found.reason


def test_failure_on_all_builds_is_the_same_failure() -> None:
    found = unit(THROWS, THROWS, THROWS)
    assert found.verdict is C.SAME_FAILURE
    assert "util.isString" in found.reason


def test_failure_that_is_gone_is_fixed() -> None:
    assert unit(THROWS, THROWS, GOOD).verdict is C.FIXED


def test_log_that_differs_is_a_change() -> None:
    assert unit(session(log("a")), session(log("a")), session(log("b"))).verdict is C.CHANGED


def test_recording_that_no_lane_could_follow_says_nothing() -> None:
    diverged = session(say(1, "Something new"), outcome=Outcome.DIVERGED)
    found = unit(diverged, diverged, diverged)
    assert found.verdict is C.UNDETERMINED
    assert found.reason == "the session's recorded answers no longer fit this version"


def test_lane_that_could_not_run_is_spurious_with_its_reason() -> None:
    lanes = [lane(Lane.BASELINE, GOOD), lane(Lane.CONTROL, GOOD), lane(Lane.CANDIDATE, (), "no room on the disk")]
    found = compare_unit("u1", *lanes)
    assert found.verdict is C.SPURIOUS
    assert found.reason == "the candidate lane could not run: no room on the disk"


def test_crash_of_the_candidate_is_a_regression_even_without_a_baseline() -> None:
    lanes = [lane(Lane.BASELINE, (), "no room"), lane(Lane.CONTROL, GOOD), lane(Lane.CANDIDATE, CRASHES)]
    found = compare_unit("u1", *lanes)
    assert found.verdict is C.REGRESSED
    assert found.reason == "build 2 failed in the platform: TypeError: segmentation fault"


def test_lane_that_never_answered_is_never_the_same() -> None:
    found = compare_unit("u1", lane(Lane.BASELINE, GOOD), None, None)
    assert found.verdict is C.UNDETERMINED
    assert found.reason == "no result in time from the control lane and the candidate lane"


@pytest.mark.parametrize("verdict", UnitClass)
def test_everything_but_agreement_is_run_once_more(verdict: UnitClass) -> None:
    expected = verdict not in (C.SAME, C.SAME_FAILURE, C.SKIPPED, C.PENDING)
    assert needs_retry(judged(verdict, attempts=1)) is expected
    assert not needs_retry(judged(verdict, attempts=2))


def test_regression_that_repeats_stands() -> None:
    first, again = unit(GOOD, GOOD, THROWS), unit(GOOD, GOOD, THROWS, attempt=2)
    combined = combine(first, again)
    assert (combined.verdict, combined.attempts) == (C.REGRESSED, 2)
    assert combined.divergence == first.divergence


def test_regression_that_does_not_repeat_is_noise_with_what_was_seen() -> None:
    combined = combine(unit(GOOD, GOOD, THROWS), unit(GOOD, GOOD, GOOD, attempt=2))
    assert (combined.verdict, combined.attempts) == (C.NOISY, 2)
    assert combined.reason.startswith("regressed at first, same when run again: build 2 threw TypeError")
    assert combined.divergence is not None


def test_crash_of_the_candidate_need_not_repeat() -> None:
    for attempts in ((CRASHES, GOOD), (THROWS, CRASHES), (GOOD, CRASHES)):
        first, again = (unit(GOOD, GOOD, candidate) for candidate in attempts)
        combined = combine(first, again)
        assert (combined.verdict, combined.attempts, combined.crashed) == (C.REGRESSED, 2, True)


def test_session_that_the_candidate_lost_is_a_crash_of_it() -> None:
    lost = unit(GOOD, GOOD, session(say(1, "Which day?"), outcome=Outcome.LOST))
    assert (lost.verdict, lost.crashed) == (C.REGRESSED, True)


def test_crash_on_all_builds_is_none_of_the_candidate() -> None:
    assert not unit(CRASHES, CRASHES, CRASHES).crashed
    assert not unit(GOOD, GOOD, THROWS).crashed


def test_retry_decides_what_could_not_be_judged_at_first() -> None:
    assert combine(judged(C.SPURIOUS, attempts=1), judged(C.SAME)).verdict is C.SAME
    assert combine(judged(C.UNDETERMINED, attempts=1), judged(C.REGRESSED)).verdict is C.REGRESSED
    assert combine(judged(C.REGRESSED, attempts=1), judged(C.SPURIOUS)).verdict is C.SPURIOUS


def test_lane_that_has_not_answered_yet_leaves_its_unit_pending() -> None:
    lanes = (lane(Lane.BASELINE, GOOD), lane(Lane.CONTROL, GOOD), None)
    waiting = compare_unit("u1", *lanes, absent=LaneOutcome.WAITING)
    assert (waiting.verdict, waiting.reason) == (C.PENDING, "the candidate lane has not answered yet")
    crashed = compare_unit("u1", None, None, lane(Lane.CANDIDATE, CRASHES), absent=LaneOutcome.WAITING)
    assert (crashed.verdict, crashed.crashed) == (C.REGRESSED, True)


def test_unit_that_is_not_to_be_run_is_skipped() -> None:
    assert compare_unit("u1", None, None, None, absent=LaneOutcome.SKIPPED).verdict is C.SKIPPED


def test_lanes_of_other_builds_than_they_should_be_are_an_error() -> None:
    control = LaneResult("r1", "u1", "control", 1, 7, GOOD)
    found = compare_unit("u1", lane(Lane.BASELINE, GOOD), control, lane(Lane.CANDIDATE, GOOD))
    assert (found.verdict, found.reason) == (
        C.ERROR,
        "what came back from the control lane is not a run of this session",
    )


def broken(which: Lane) -> LaneResult:
    build = 2 if which is Lane.CANDIDATE else 1
    return LaneResult("r1", "u1", which.value, 1, build, GOOD[:2], "bundle: not a bundle", broken=True)


def test_version_that_no_build_can_set_up_is_broken() -> None:
    found = compare_unit("u1", *(broken(which) for which in Lane))
    assert (found.verdict, found.divergence) == (C.BROKEN, None)
    assert found.reason == "the version cannot be set up on either build: bundle: not a bundle"


def test_version_that_only_the_candidate_cannot_set_up_is_regressed() -> None:
    found = compare_unit("u1", lane(Lane.BASELINE, GOOD), lane(Lane.CONTROL, GOOD), broken(Lane.CANDIDATE))
    assert (found.verdict, found.odd) == (C.REGRESSED, (Lane.CANDIDATE,))
    assert found.reason == "build 2 could not set the version up: bundle: not a bundle"


class TestOddLane:
    """Which lane alone was worse: the same question for each of the three."""

    ORDERS = (
        ((THROWS, GOOD, GOOD), (Lane.BASELINE,)),
        ((GOOD, THROWS, GOOD), (Lane.CONTROL,)),
        ((GOOD, GOOD, THROWS), (Lane.CANDIDATE,)),
    )

    @pytest.mark.parametrize(("lanes", "odd"), ORDERS)
    def test_it_is_named_wherever_it_stands(
        self, lanes: tuple[Transcript, Transcript, Transcript], odd: tuple[Lane, ...]
    ) -> None:
        assert unit(*lanes).odd == odd

    @pytest.mark.parametrize("better", [(GOOD, THROWS, THROWS), (THROWS, GOOD, THROWS), (THROWS, THROWS, GOOD)])
    def test_lane_that_alone_was_better_is_not_odd(self, better: tuple[Transcript, Transcript, Transcript]) -> None:
        assert unit(*better).odd == ()

    def test_it_is_none_where_all_differ_or_all_agree(self) -> None:
        assert unit(GOOD, session(say(1, "Hm")), session(say(1, "Hem"))).odd == ()
        assert unit(GOOD, GOOD, GOOD).odd == ()
        assert unit(session(log("a")), session(log("a")), session(log("b"))).odd == ()

    def test_it_is_remembered_over_attempts(self) -> None:
        attempts = [unit(GOOD, GOOD, THROWS), unit(GOOD, THROWS, GOOD), unit(GOOD, GOOD, GOOD)]
        assert reduce(combine, attempts).odd == (Lane.CANDIDATE, Lane.CONTROL)
