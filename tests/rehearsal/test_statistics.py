"""The statistics against published figures, against their definitions, and against chance."""

import subprocess
import sys
from functools import cache
from math import exp, inf, log

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from twinline.rehearsal.statistics import (
    BetaBinomialMixture,
    Mixture,
    NormalMixture,
    anytime_upper,
    bernoulli_interval,
    e_bh,
    exact_upper,
    forecast_coverage,
    log_evidence,
    log_misassigned,
    log_paired,
    log_repeated,
    mixture_bound,
    quantile_test,
)

NORMAL, NORMAL_ONE_SIDED = NormalMixture(100), NormalMixture(100, one_sided=True)
BETA, BETA_ONE_SIDED = BetaBinomialMixture(100, 0.2, 0.8), BetaBinomialMixture(100, 0.2, 0.8, one_sided=True)
COUNTS = st.integers(0, 400)


class TestMixtures:
    """Values of the published unit tests of confseq (Howard, Ramdas, McAuliffe, Sekhon)."""

    def test_rho_is_the_published_one(self) -> None:
        assert NORMAL.rho == pytest.approx(12.60056, abs=1e-5)

    @pytest.mark.parametrize(
        ("mixture", "value"),
        [
            (NORMAL, -0.6510052),
            (NORMAL_ONE_SIDED, -0.06502391),
            (BETA, -0.6941012),
            (BETA_ONE_SIDED, -0.07134019),
        ],
    )
    def test_value_is_the_published_one(self, mixture: Mixture, value: float) -> None:
        assert mixture.log_value(10, 100) == pytest.approx(value, abs=1e-6)

    @pytest.mark.parametrize(
        ("mixture", "bound"),
        [(NORMAL, 30.35209), (NORMAL_ONE_SIDED, 27.66071), (BETA, 31.4308), (BETA_ONE_SIDED, 28.41238)],
    )
    def test_bound_is_the_published_one(self, mixture: Mixture, bound: float) -> None:
        assert mixture_bound(mixture, 100) == pytest.approx(bound, abs=1e-5)

    def test_sum_that_cannot_be_is_beyond_all_bounds(self) -> None:
        assert BETA.log_value(501, 100) == inf
        assert BETA.log_value(-126, 100) == inf


class TestProportions:
    @pytest.mark.parametrize(
        ("hits", "trials", "planned", "lower", "upper"),
        [
            (700, 1000, 100, 0.651629, 0.745949),
            (15, 50, 50, 0.129556, 0.511896),
            (5, 50, 50, 0.013021, 0.269264),
            (1, 50, 50, 0.0, 0.13489),
            (100, 200, 1, 0.328923, 0.671076),
        ],
    )
    def test_interval_is_the_published_one(
        self, hits: int, trials: int, planned: int, lower: float, upper: float
    ) -> None:
        assert bernoulli_interval(hits, trials, planned) == pytest.approx((lower, upper), abs=2e-6)

    @pytest.mark.parametrize(
        ("clean", "exact", "anytime"),
        [(59, 0.05, 0.066), (149, 0.02, 0.027), (300, 0.01, 0.0136), (3000, 0.001, 0.0014)],
    )
    def test_clean_sessions_bound_the_rate_of_differences(self, clean: int, exact: float, anytime: float) -> None:
        assert exact_upper(0, clean) < exact < exact_upper(0, clean - 1) + exact / 50
        assert anytime_upper(0, clean, clean) == pytest.approx(anytime, rel=0.02)

    @given(st.integers(0, 60), st.integers(1, 60), st.integers(1, 200))
    def test_interval_holds_the_mean_and_is_wider_than_the_exact_bound(
        self, hits: int, more: int, planned: int
    ) -> None:
        trials = hits + more
        lower, upper = bernoulli_interval(hits, trials, planned)
        assert 0 <= lower <= hits / trials <= upper <= 1
        assert upper >= exact_upper(hits, trials)

    @given(st.integers(0, 60), st.integers(1, 60))
    def test_exact_bound_leaves_a_chance_of_five_percent(self, hits: int, more: int) -> None:
        trials = hits + more
        assert stats.binom.cdf(hits, trials, exact_upper(hits, trials)) == pytest.approx(0.05)

    def test_nothing_seen_rules_nothing_out(self) -> None:
        assert bernoulli_interval(0, 0, 50) == (0.0, 1.0)
        assert exact_upper(0, 0) == 1.0
        assert exact_upper(7, 7) == 1.0
        assert bernoulli_interval(7, 7, 7)[1] == 1.0

    def test_impossible_counts_are_refused(self) -> None:
        with pytest.raises(ValueError, match="8 of 7"):
            exact_upper(8, 7)
        with pytest.raises(ValueError, match="-1 of 7"):
            bernoulli_interval(-1, 7, 7)
        with pytest.raises(ValueError, match="negative"):
            log_paired(-1, 0)


class TestQuantiles:
    @pytest.mark.parametrize(
        ("quantile", "offset", "value"),
        [(0.5, 70, 0.814704), (0.5, 85, 0.0838055), (0.5, 100, 0.0054947), (0.9, 55, 0.0340463)],
    )
    def test_p_value_is_the_published_one(self, quantile: float, offset: int, value: float) -> None:
        arm = range(1, 1001)
        assert quantile_test(arm, [each + offset for each in arm], quantile, 100) == pytest.approx(value, rel=1e-5)

    def test_order_of_observations_and_of_arms_does_not_matter(self) -> None:
        left, right = [5.0, 1.0, 3.0] * 40, [6.0, 9.0, 2.0] * 50
        assert quantile_test(left, right, 0.5, 100) == quantile_test(right[::-1], sorted(left), 0.5, 100)

    def test_same_values_are_no_evidence(self) -> None:
        assert quantile_test([200.0] * 500, [200.0] * 900, 0.95, 100) == 1.0

    def test_silence_is_no_evidence(self) -> None:
        assert quantile_test([], [1.0], 0.5, 100) == 1.0

    @given(
        st.sampled_from((0.1, 0.5, 0.95)),
        st.lists(st.integers(0, 30), min_size=1),
        st.lists(st.integers(9, 40), min_size=1),
    )
    def test_it_asks_for_the_value_that_surprises_least(
        self, quantile: float, left: list[int], right: list[int]
    ) -> None:
        mixture = BetaBinomialMixture(quantile * (1 - quantile) * 50, quantile, 1 - quantile)

        def surprise(arm: list[int], value: int) -> float:
            below, until = (sum(each < value for each in arm), sum(each <= value for each in arm))
            expected = quantile * len(arm)
            nearest = min(max(expected, below), until) - expected
            return mixture.log_value(nearest, (1 - quantile) * expected)

        least = min(surprise(left, value) + surprise(right, value) for value in range(41))
        assert quantile_test(left, right, quantile, 50) == pytest.approx(min(1.0, exp(-least)))


class TestEvidence:
    @given(st.integers(0, 60), st.integers(0, 60))
    def test_paired_evidence_is_its_mixture(self, candidate: int, control: int) -> None:
        mixed, _ = integrate.quad(lambda u: (1 + u) ** candidate * (1 - u) ** control, 0, 1)
        assert exp(log_paired(candidate, control)) == pytest.approx(mixed)

    @given(st.integers(0, 5000))
    def test_paired_evidence_of_one_side_has_a_closed_form(self, count: int) -> None:
        assert log_paired(0, count) == pytest.approx(-log(count + 1), abs=1e-7)
        halves = log((1 - 2.0 ** -(count + 1)) / (count + 1))
        assert log_paired(count, 0) == pytest.approx((count + 1) * log(2) + halves, abs=1e-7)

    @given(COUNTS, COUNTS)
    def test_paired_evidence_does_not_grow_on_average_while_nothing_differs(self, candidate: int, control: int) -> None:
        now = log_paired(candidate, control)
        after = (log_paired(candidate + 1, control), log_paired(candidate, control + 1))
        assert sum(exp(each - now) for each in after) / 2 == pytest.approx(1, abs=1e-6)

    @given(COUNTS, COUNTS, COUNTS)
    def test_evidence_does_not_grow_on_average_while_the_odd_lane_is_chance(self, a: int, b: int, c: int) -> None:
        now = log_evidence(a, b, c)
        after = (log_evidence(a + 1, b, c), log_evidence(a, b + 1, c), log_evidence(a, b, c + 1))
        assert sum(exp(each - now) for each in after) / 3 == pytest.approx(1, abs=1e-6)

    def test_nothing_seen_is_worth_nothing(self) -> None:
        assert log_paired(0, 0) == pytest.approx(0)
        assert log_repeated(0, 0) == 0
        assert log_evidence(0, 0, 0) == pytest.approx(0)

    def test_seven_clear_differences_flag_by_rate_and_four_by_repetition(self) -> None:
        assert exp(log_paired(6, 0)) < 20 < exp(log_paired(7, 0))
        assert exp(log_evidence(0, 0, 3)) < 20 < exp(log_evidence(0, 0, 4))

    def test_differences_of_other_lanes_take_evidence_away(self) -> None:
        assert log_evidence(0, 1, 4) < log_evidence(0, 0, 4)
        assert log_evidence(1, 0, 4) < log_evidence(0, 0, 4)

    @pytest.mark.parametrize(
        ("hit", "noise", "median"),
        [(0.2, 0.0, 33), (0.2, 0.005, 34), (0.2, 0.02, 36), (0.05, 0.0, 131), (0.05, 0.005, 140), (0.05, 0.02, 186),
         (0.01, 0.0, 681)],
    )  # fmt: skip
    def test_sessions_until_a_regression_is_flagged(self, hit: float, noise: float, median: int) -> None:
        first = first_flags(300, 10 * median, hit, noise)
        assert np.median(first) == pytest.approx(median, rel=0.12)

    @pytest.mark.parametrize("noise", [0.0, 0.005, 0.02, 0.1])
    def test_false_alarms_are_rarer_than_one_in_twenty_however_often_one_looks(self, noise: float) -> None:
        assert np.mean(first_flags(400, 2000, 0.0, noise) <= 2000) < 0.05


class TestManyApplications:
    @given(st.lists(st.floats(-3, 12), max_size=12))
    def test_flagged_are_the_largest_for_which_the_rule_holds(self, values: list[float]) -> None:
        flagged = e_bh(values)
        ranked = sorted(values, reverse=True)
        holds = [k for k in range(1, len(values) + 1) if k * exp(ranked[k - 1]) / len(values) >= 20 * (1 - 1e-12)]
        assert len(flagged) == max(holds, default=0)
        assert all(values[one] >= values[other] for one in flagged for other in set(range(len(values))) - flagged)

    def test_nobody_is_flagged_where_there_is_nobody(self) -> None:
        assert e_bh([]) == frozenset()

    @pytest.mark.parametrize(("sessions", "hit", "found"), [(50, 1.0, 20), (50, 0.3, 9), (100, 0.3, 19.8)])
    def test_twenty_regressed_of_a_thousand_are_found_without_a_false_flag(
        self, sessions: int, hit: float, found: float
    ) -> None:
        paired = cache(log_paired)
        random = np.random.default_rng(7)
        true, false = [], []
        for _ in range(10):
            candidate = random.random((1000, sessions)) < 0.02
            candidate[:20] |= random.random((20, sessions)) < hit
            control = random.random((1000, sessions)) < 0.02
            alone, beside = (candidate & ~control).sum(1).tolist(), (control & ~candidate).sum(1).tolist()
            flagged = e_bh([paired(b, c) for b, c in zip(alone, beside, strict=True)])
            true.append(sum(index < 20 for index in flagged))
            false.append(sum(index >= 20 for index in flagged))
        assert np.mean(true) == pytest.approx(found, abs=1)
        assert sum(false) == 0


class TestAssignment:
    def test_two_arms_are_the_beta_binomial(self) -> None:
        expected = stats.betabinom.logpmf(130, 1000, 10, 90) - stats.binom.logpmf(130, 1000, 0.1)
        assert log_misassigned([130, 870], [0.1, 0.9]) == pytest.approx(expected)

    @given(st.lists(st.integers(0, 300), min_size=3, max_size=3))
    def test_it_does_not_grow_on_average_while_shares_are_kept(self, counts: list[int]) -> None:
        shares = [0.5, 0.3, 0.2]
        now = log_misassigned(counts, shares)
        after = [log_misassigned([n + (i == arm) for i, n in enumerate(counts)], shares) for arm in range(3)]
        assert sum(p * exp(each - now) for p, each in zip(shares, after, strict=True)) == pytest.approx(1)

    def test_a_ramp_of_twelve_percent_instead_of_ten_is_found_and_a_right_one_is_left_alone(self) -> None:
        low, high = assignment_limits(20_000)
        random = np.random.default_rng(11)

        def firsts(share: float) -> npt.NDArray[np.int64]:
            ramped = np.cumsum(random.random((200, 20_000)) < share, axis=1, dtype=np.int32)
            outside = (ramped <= low) | (ramped >= high)
            return np.where(outside.any(axis=1), outside.argmax(axis=1) + 1, 10**6)

        assert np.median(firsts(0.12)) == pytest.approx(1713, rel=0.15)
        assert np.mean(firsts(0.1) <= 20_000) < 0.08

    @pytest.mark.parametrize("shares", [[1.0], [0.5, 0.6], [1.0, 0.0]])
    def test_shares_that_are_none_are_refused(self, shares: list[float]) -> None:
        with pytest.raises(ValueError, match="shares that add up to 1"):
            log_misassigned([1, 1], shares)


class TestCoverage:
    def test_what_was_seen_once_stands_for_what_was_not_seen(self) -> None:
        assert forecast_coverage([5, 3, 1, 1]) == pytest.approx(0.8)
        assert forecast_coverage([1, 1]) == 0
        assert forecast_coverage([]) == 0

    def test_forecast_is_near_what_comes(self) -> None:
        random = np.random.default_rng(5)
        drawn = np.minimum(random.zipf(1.4, 8000), 10**6)
        for n in (500, 2000, 4000):
            seen, counts = np.unique(drawn[:n], return_counts=True)
            assert forecast_coverage(counts.tolist()) == pytest.approx(np.isin(drawn[n:], seen).mean(), abs=0.03)


def test_scipy_is_loaded_by_the_first_verdict_and_never_by_a_worker() -> None:
    program = "import sys, twinline.runtime.worker, twinline.rehearsal; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 0


def first_flags(runs: int, sessions: int, hit: float, noise: float) -> npt.NDArray[np.int64]:
    """The session at which each run is first flagged, when one looks after every session."""
    random = np.random.default_rng(int(1000 * (hit + noise)))
    candidate = (random.random((runs, sessions)) < hit) | (random.random((runs, sessions)) < noise)
    control = random.random((runs, sessions)) < noise
    alone, beside = np.cumsum(candidate & ~control, axis=1), np.cumsum(control & ~candidate, axis=1)
    needed, count = [], 0
    for other in range(int(beside.max()) + 1):
        while log_paired(count, other) < log(20):
            count += 1
        needed.append(count)
    flagged = alone >= np.array(needed)[beside]
    return np.where(flagged.any(axis=1), flagged.argmax(axis=1) + 1, 10**6)


def assignment_limits(sessions: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """After each session, the counts of the ramped arm (of 10 %) at or beyond which the assignment is doubted."""
    lows, highs, low, high = [], [], -1, 0
    for n in range(1, sessions + 1):
        while high <= n and (high < 0.1 * n or log_misassigned([high, n - high], [0.1, 0.9]) < log(20)):
            high += 1
        while low + 1 < 0.1 * n and log_misassigned([low + 1, n - low - 1], [0.1, 0.9]) >= log(20):
            low += 1
        lows.append(low)
        highs.append(high)
    return np.array(lows, np.int32), np.array(highs, np.int32)
