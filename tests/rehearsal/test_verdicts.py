"""Verdicts of a session over its lanes and attempts, and of an application over its sessions."""

import pytest
from tests.rehearsal.sessions import GOOD, THROWS, error, lane, log, say, sent, session

from twinline.model.rehearsal import ApplicationVerdict, Lane, UnitClass, UnitResult
from twinline.model.transcript import Outcome, Transcript
from twinline.rehearsal import combine, compare_unit, difference_bound, judge, needs_retry

C = UnitClass
CRASHES = session(error("segmentation fault", platform=True), outcome=Outcome.FAILED, build=2)


def unit(baseline: Transcript, control: Transcript, candidate: Transcript, attempt: int = 1) -> UnitResult:
    lanes = [lane(which, events) for which, events in zip(Lane, (baseline, control, candidate), strict=True)]
    return compare_unit("u1", *lanes, attempt=attempt)


def judged(verdict: UnitClass, name: str = "u", attempts: int = 2) -> UnitResult:
    return UnitResult(name, attempts, verdict, f"because {verdict.value}")


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
    expected = verdict not in (C.SAME, C.SAME_FAILURE, C.SKIPPED)
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
    combined = combine(unit(GOOD, GOOD, CRASHES), unit(GOOD, GOOD, GOOD, attempt=2))
    assert (combined.verdict, combined.attempts) == (C.REGRESSED, 2)


def test_retry_decides_what_could_not_be_judged_at_first() -> None:
    assert combine(judged(C.SPURIOUS, attempts=1), judged(C.SAME)).verdict is C.SAME
    assert combine(judged(C.UNDETERMINED, attempts=1), judged(C.REGRESSED)).verdict is C.REGRESSED
    assert combine(judged(C.REGRESSED, attempts=1), judged(C.SPURIOUS)).verdict is C.SPURIOUS


@pytest.mark.parametrize(
    ("clean", "share"), [(1, 0.95), (12, 0.2209), (59, 0.0495), (149, 0.0199), (300, 0.00994), (3000, 0.000998)]
)
def test_bound_is_the_exact_one(clean: int, share: float) -> None:
    """Figures of the binomial: 59 clean sessions leave less than 5 %, 149 less than 2 %, 300 less than 1 %."""
    assert difference_bound(clean) == pytest.approx(share, rel=0.01)


def test_application_without_a_difference_is_unchanged_within_a_bound() -> None:
    found = judge("pharmacy", "v1", [judged(C.SAME)] * 11 + [judged(C.SAME_FAILURE)])
    assert found.verdict is ApplicationVerdict.UNCHANGED
    assert found.sentence == "fewer than 22.1 % of sessions differ (95 %, 12 compared)"
    assert found.compared == 12
    assert found.bound == pytest.approx(0.2209, rel=0.001)


def test_changes_and_mended_failures_do_not_make_a_regression_but_are_told() -> None:
    found = judge("pharmacy", "v1", [judged(C.SAME)] * 9 + [judged(C.CHANGED)] * 2 + [judged(C.FIXED)])
    assert found.verdict is ApplicationVerdict.UNCHANGED
    assert found.sentence == (
        "fewer than 22.1 % of sessions regress (95 %, 12 compared); 2 differ in detail only; 1 fixed"
    )


def test_one_regression_outweighs_any_number_of_fixes() -> None:
    found = judge(
        "courier", "v1", [judged(C.FIXED)] * 5 + [combine(unit(GOOD, GOOD, THROWS), unit(GOOD, GOOD, THROWS))]
    )
    assert found.verdict is ApplicationVerdict.REGRESSED
    assert found.bound is None
    assert found.sentence.startswith("1 of 6 sessions regressed; turn 2: build 2 threw TypeError: util.isString")


def test_regression_that_was_seen_once_and_not_tried_again_leaves_the_application_undetermined() -> None:
    found = judge("courier", "v1", [judged(C.REGRESSED, attempts=1)])
    assert found.verdict is ApplicationVerdict.UNDETERMINED


def test_application_with_more_than_two_percent_unjudged_is_undetermined() -> None:
    two_percent = judge("a", "v1", [judged(C.SAME)] * 98 + [judged(C.NOISY), judged(C.SPURIOUS)])
    more = judge("a", "v1", [judged(C.SAME)] * 97 + [judged(C.NOISY), judged(C.SPURIOUS), judged(C.UNDETERMINED)])
    assert two_percent.verdict is ApplicationVerdict.UNCHANGED
    assert more.verdict is ApplicationVerdict.UNDETERMINED
    assert more.sentence == "3 of 100 sessions could not be judged: because noisy"


def test_application_of_which_nothing_could_be_judged_is_undetermined() -> None:
    assert judge("a", "v1", []).sentence == "there is no session to rehearse"
    found = judge("a", "v1", [judged(C.SPURIOUS)])
    assert found.verdict is ApplicationVerdict.UNDETERMINED
    assert found.sentence == "none of 1 session could be judged: because spurious"


def test_skipped_sessions_count_for_nothing() -> None:
    assert judge("a", "v1", [judged(C.SAME)] + [judged(C.SKIPPED)] * 9).compared == 1
