"""Verdicts of applications over their sessions, and which sessions run again until the verdict can be told."""

from functools import reduce

import pytest
from tests.rehearsal.sessions import GOOD, THROWS, error, judged, say, session, tried, unit

from twinline.model.rehearsal import ApplicationResult, ApplicationVerdict, Lane, UnitClass, UnitResult
from twinline.model.transcript import Outcome, Transcript
from twinline.rehearsal import Rehearsed, combine, difference_bound, judge, judge_all, unsettled
from twinline.rehearsal.judgement import MOST_ATTEMPTS

C = UnitClass
REGRESSED, UNCHANGED, UNDETERMINED = (
    ApplicationVerdict.REGRESSED,
    ApplicationVerdict.UNCHANGED,
    ApplicationVerdict.UNDETERMINED,
)
CRASHES = session(error("segmentation fault", platform=True), outcome=Outcome.FAILED, build=2)
HM = session(say(1, "Hm"))


def fleeting(name: str) -> UnitResult:
    """Regressed at first and not again: half of the runs of a script that fails half of the time."""
    return combine(unit(GOOD, GOOD, THROWS, 1, name), unit(GOOD, GOOD, GOOD, 2, name))


def noisy(name: str) -> UnitResult:
    return combine(unit(GOOD, HM, GOOD, 1, name), unit(HM, GOOD, GOOD, 2, name))


def quiet(count: int) -> list[UnitResult]:
    return [judged(C.SAME, f"q{n}", attempts=1) for n in range(count)]


def rehearsed(units: dict[str, tuple[Transcript, Transcript]], others: int = 0) -> tuple[int, ApplicationResult]:
    """A rehearsal as it goes: units run again until nothing is unsettled. Gives the rounds, and the verdict on the
    application of these units among `others` that agree."""
    results = {name: unit(before, before, after, 1, name) for name, (before, after) in units.items()}
    calm = [Rehearsed(f"other-{n}", "v1", tuple(quiet(5))) for n in range(others)]
    rounds = 1
    while again := unsettled([app := Rehearsed("courier", "v1", tuple(results.values())), *calm]):
        rounds += 1
        for name in again:
            before, after = units[name]
            results[name] = combine(results[name], unit(before, before, after, rounds, name))
    return rounds, judge_all([app, *calm])[0]


@pytest.mark.parametrize(
    ("clean", "share"), [(1, 0.95), (12, 0.2209), (59, 0.0495), (149, 0.0199), (300, 0.00994), (3000, 0.000998)]
)
def test_bound_is_the_exact_one(clean: int, share: float) -> None:
    """Figures of the binomial: 59 clean sessions leave less than 5 %, 149 less than 2 %, 300 less than 1 %."""
    assert difference_bound(clean) == pytest.approx(share, rel=0.01)


def test_application_without_a_difference_is_unchanged_within_a_bound() -> None:
    found = judge("pharmacy", "v1", [judged(C.SAME)] * 11 + [judged(C.SAME_FAILURE)])
    assert found.verdict is UNCHANGED
    assert found.sentence == "fewer than 22.1 % of sessions differ (95 %, 12 compared)"
    assert (found.compared, found.undetermined, found.log_e) == (12, 0.0, pytest.approx(0))
    assert found.bound == pytest.approx(0.2209, rel=0.001)


def test_changes_and_mended_failures_do_not_make_a_regression_but_are_told() -> None:
    found = judge("pharmacy", "v1", [judged(C.SAME)] * 9 + [judged(C.CHANGED)] * 2 + [judged(C.FIXED)])
    assert found.verdict is UNCHANGED
    assert found.sentence == (
        "fewer than 22.1 % of sessions regress (95 %, 12 compared); 2 differ in detail only; 1 fixed"
    )


def test_one_regression_outweighs_any_number_of_fixes() -> None:
    found = judge("courier", "v1", [judged(C.FIXED)] * 5 + [tried(4, GOOD, THROWS)])
    assert found.verdict is REGRESSED
    assert found.bound is None
    assert found.sentence.startswith("1 of 6 sessions regressed; turn 2: build 2 threw TypeError: util.isString")


def test_regression_that_was_seen_once_and_not_tried_again_leaves_the_application_undetermined() -> None:
    assert judge("courier", "v1", [judged(C.REGRESSED, attempts=1)]).verdict is UNDETERMINED


def test_regression_that_chance_may_explain_is_told_as_such_and_never_unchanged() -> None:
    found = judge("courier", "v1", [*quiet(200), tried(2, GOOD, THROWS)])
    assert found.verdict is UNDETERMINED
    assert found.sentence.startswith(
        "1 of 201 sessions regressed, which chance may still explain (evidence 5.49, 20 needed): build 2 threw"
    )


class TestRunningAgain:
    """Three lanes of a session that diverges run again until chance is out of the question."""

    @pytest.mark.parametrize(
        ("broken", "others", "rounds"), [(1, 0, 4), (2, 0, 2), (3, 0, 2), (1, 999, 10), (5, 999, 2)]
    )
    def test_deterministic_divergence_is_flagged_with_very_few_sessions(
        self, broken: int, others: int, rounds: int
    ) -> None:
        units = {f"b{n}": (GOOD, THROWS) for n in range(broken)} | {f"q{n}": (GOOD, GOOD) for n in range(3)}
        taken, found = rehearsed(units, others)
        assert (taken, found.verdict) == (rounds, REGRESSED)

    def test_one_session_of_one_application_among_ten_thousand_is_flagged_within_the_limit(self) -> None:
        assert rehearsed({"b": (GOOD, THROWS)}, others=9_999)[1].verdict is REGRESSED

    def test_agreement_is_never_run_again(self) -> None:
        assert rehearsed({f"q{n}": (GOOD, GOOD) for n in range(3)})[0] == 1

    def test_crash_of_the_platform_needs_no_more_than_the_one_retry(self) -> None:
        taken, found = rehearsed({"c": (GOOD, CRASHES)}, others=999)
        assert (taken, found.verdict) == (2, REGRESSED)

    def test_regression_that_did_not_repeat_is_not_run_for_ever(self) -> None:
        assert unsettled([Rehearsed("a", "v1", (fleeting("f"),))]) == frozenset()

    def test_attempts_have_a_limit(self) -> None:
        spoilt = [unit(GOOD, THROWS, GOOD, 1, f"n{n}") for n in range(9)]
        spoilt = [combine(each, unit(GOOD, THROWS, GOOD, 2, each.unit)) for each in spoilt]
        for attempts in (MOST_ATTEMPTS - 1, MOST_ATTEMPTS):
            again = unsettled([Rehearsed("a", "v1", (tried(attempts, GOOD, THROWS), *spoilt))])
            assert again == (frozenset({"u1"}) if attempts < MOST_ATTEMPTS else frozenset())

    def test_nothing_is_unsettled_in_an_empty_rehearsal(self) -> None:
        assert unsettled([]) == frozenset()
        assert judge_all([]) == ()


class TestRates:
    """What comes and goes is judged by how often the candidate alone has it."""

    def test_regression_that_comes_and_goes_is_found_by_its_rate(self) -> None:
        found = judge("courier", "v1", [*quiet(30), *(fleeting(f"f{n}") for n in range(7))])
        assert found.verdict is REGRESSED
        assert found.sentence.startswith("7 of 37 sessions regressed, 7 of them not every time; turn 2: regressed at")

    def test_noise_of_production_takes_evidence_away(self) -> None:
        units = [*quiet(30), *(fleeting(f"f{n}") for n in range(7)), *(noisy(f"n{n}") for n in range(4))]
        assert judge("courier", "v1", units).verdict is UNDETERMINED

    def test_noise_alone_is_no_regression(self) -> None:
        found = judge("courier", "v1", [*quiet(400), *(noisy(f"n{n}") for n in range(8))])
        assert found.verdict is UNCHANGED
        assert found.log_e < 0

    def test_session_that_regressed_once_widens_the_bound(self) -> None:
        found = judge("courier", "v1", [*quiet(99), fleeting("f")])
        assert found.sentence == (
            "fewer than 4.7 % of sessions regress (95 %, 99 compared); 1 regressed once and not again"
        )


class TestManyApplications:
    def test_same_evidence_that_suffices_alone_does_not_among_many(self) -> None:
        suspect = Rehearsed("courier", "v1", (tried(4, GOOD, THROWS),))
        calm = [Rehearsed(f"o{n}", "v1", tuple(quiet(5))) for n in range(9)]
        assert judge_all([suspect])[0].verdict is REGRESSED
        alone = judge_all([suspect, *calm])[0]
        assert alone.verdict is UNDETERMINED
        assert "200 needed" in alone.sentence

    def test_many_with_the_same_evidence_support_each_other(self) -> None:
        suspects = [Rehearsed(f"s{n}", "v1", (tried(4, GOOD, THROWS),)) for n in range(5)]
        calm = [Rehearsed(f"o{n}", "v1", tuple(quiet(5))) for n in range(5)]
        verdicts = [each.verdict for each in judge_all([*suspects, *calm])]
        assert verdicts == [REGRESSED] * 5 + [UNCHANGED] * 5

    def test_results_keep_their_order_and_their_names(self) -> None:
        results = judge_all([Rehearsed(name, f"version of {name}", tuple(quiet(1))) for name in "zab"])
        assert [(each.application, each.version) for each in results] == [
            (name, f"version of {name}") for name in "zab"
        ]


def test_application_with_more_than_two_percent_unjudged_is_undetermined() -> None:
    two_percent = judge("a", "v1", [judged(C.SAME)] * 98 + [judged(C.NOISY), judged(C.SPURIOUS)])
    more = judge("a", "v1", [judged(C.SAME)] * 97 + [judged(C.NOISY), judged(C.SPURIOUS), judged(C.UNDETERMINED)])
    assert (two_percent.verdict, two_percent.undetermined) == (UNCHANGED, 0.02)
    assert (more.verdict, more.undetermined) == (UNDETERMINED, 0.03)
    assert more.sentence == "3 of 100 sessions could not be judged: because noisy"


@pytest.mark.parametrize("verdict", [C.NOISY, C.SPURIOUS, C.BROKEN, C.PENDING, C.UNDETERMINED, C.ERROR])
def test_what_could_not_be_judged_counts_as_such(verdict: UnitClass) -> None:
    found = judge("a", "v1", [*quiet(9), judged(verdict)])
    assert (found.verdict, found.compared, found.undetermined) == (UNDETERMINED, 9, 0.1)


def test_application_of_which_nothing_could_be_judged_is_undetermined() -> None:
    nothing = judge("a", "v1", [])
    assert (nothing.sentence, nothing.undetermined) == ("there is no session to rehearse", 1.0)
    found = judge("a", "v1", [judged(C.SPURIOUS)])
    assert found.verdict is UNDETERMINED
    assert found.sentence == "none of 1 session could be judged: because spurious"


def test_skipped_sessions_count_for_nothing() -> None:
    found = judge("a", "v1", [judged(C.SAME)] + [judged(C.SKIPPED)] * 9)
    assert (found.compared, found.undetermined) == (1, 0.0)


def test_evidence_counts_every_attempt_of_every_lane() -> None:
    one = reduce(combine, [unit(GOOD, GOOD, THROWS), unit(GOOD, THROWS, GOOD), unit(THROWS, GOOD, GOOD)])
    assert one.odd == (Lane.CANDIDATE, Lane.CONTROL, Lane.BASELINE)
    assert judge("a", "v1", [one]).log_e < judge("a", "v1", [tried(1, GOOD, THROWS)]).log_e
