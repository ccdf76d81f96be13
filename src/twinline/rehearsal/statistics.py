"""The statistics of rehearsals and ramps: evidence that may be looked at as often as one likes, and bounds.

Comes in: counts. Goes out: logarithms of e-values, p-values, intervals and shares. An e-value is a bet against "nothing
differs": on average it stays at 1 or below while that is true, whenever one stops, so that 20 is reached with a
probability of at most 5 %. `docs/statistics.md` says which method answers which question, and from whom it is learnt.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from importlib import import_module
from math import exp, inf, log, log1p, sqrt
from types import ModuleType
from typing import Protocol

import msgspec

ALPHA = 0.05
"""The error that is put up with: of all flagged applications (e-BH), or of one interval."""

REPEATS = 0.98
"""How surely the odd lane of a repeating divergence is the same one again: one exception in fifty is noise."""

ASSIGNMENT_WEIGHT = 100.0
"""Sessions that the expected shares of a ramp are worth before the first is assigned: how sharp the prior is."""

_STEPS = 100
"""Halvings of an interval: more than a double's 53 bits, as its ends may lie orders of magnitude apart."""

_EDGE = 1e-9
"""No proportion nearer to 0 or 1 than this is told apart from it."""

_UNDERFLOW = 1e-290
"""Below this a probability has lost digits; its logarithm is then summed from the series."""


def log_paired(candidate: int, control: int) -> float:
    """Evidence that the candidate differs more often than the control does, from the sessions in which one of the two
    differs from the baseline and the other does not: the uniform mixture over every chance from 1/2 to 1.
    """
    _check_counts(candidate, control)
    total = candidate + control
    tail = _log_incomplete_beta(control + 1, candidate + 1, 0.5)
    return log(2) + total * log(2) + tail


def log_repeated(odd: int, others: int) -> float:
    """Evidence that the candidate is the odd lane of three by its nature. Alike lanes are each the odd one with a
    chance of 1/3; the bet is on `REPEATS`. `others`: how often another lane was the odd one.
    """
    _check_counts(odd, others)
    return odd * log(3 * REPEATS) + others * log(1.5 * (1 - REPEATS))


def log_evidence(baseline: int, control: int, candidate: int) -> float:
    """What speaks for a regression, from how often each lane alone was worse than the two others.

    The mean of two e-values is one: half is bet on a higher rate, half on a divergence that repeats.
    """
    paired, repeated = log_paired(candidate, control), log_repeated(candidate, baseline + control)
    return max(paired, repeated) + log1p(exp(-abs(paired - repeated))) - log(2)


def e_bh(log_values: Sequence[float], alpha: float = ALPHA) -> frozenset[int]:
    """Which of many e-values (by index) are flagged so that at most a share `alpha` of the flagged is false on average,
    however they depend on each other: the largest k with k·E₍k₎ ≥ K/alpha.
    """
    ranked = sorted(range(len(log_values)), key=lambda index: -log_values[index])
    needed = log(len(ranked) / alpha) if ranked else 0.0
    flagged = [rank for rank, index in enumerate(ranked, start=1) if log(rank) + log_values[index] >= needed]
    return frozenset(ranked[: max(flagged, default=0)])


def exact_upper(hits: int, trials: int, alpha: float = ALPHA) -> float:
    """The largest proportion that still leaves `hits` or fewer of `trials` with a chance of `alpha` (Clopper and
    Pearson), for a number of trials that was fixed beforehand.
    """
    _check_hits(hits, trials)
    return 1.0 if hits == trials else float(_special().betaincinv(hits + 1, trials - hits, 1 - alpha))


def anytime_upper(hits: int, trials: int, planned: int, alpha: float = ALPHA) -> float:
    """The same when one looks after every trial and may stop at any; narrowest around `planned` trials."""
    return bernoulli_interval(hits, trials, planned, alpha)[1]


class Mixture(Protocol):
    """A test martingale for a sum `s` with intrinsic time (variance so far) `v`."""

    def log_value(self, s: float, v: float) -> float:
        """The logarithm of the martingale; the smaller the less `s` surprises."""
        ...


class NormalMixture(msgspec.Struct, frozen=True):
    """For sums that spread like a normal variable; narrowest at intrinsic time `v_opt` and error `alpha_opt`."""

    v_opt: float
    alpha_opt: float = ALPHA
    one_sided: bool = False

    @property
    def rho(self) -> float:
        """The precision of the mixing distribution."""
        return _best_rho(self.v_opt, self.alpha_opt, self.one_sided)

    def log_value(self, s: float, v: float) -> float:
        """As `Mixture` says; one-sided: only a positive `s` surprises."""
        spread = v + self.rho
        two_sided = 0.5 * log(self.rho / spread) + s * s / (2 * spread)
        return two_sided + log(2) + float(_special().log_ndtr(s / sqrt(spread))) if self.one_sided else two_sided


class BetaBinomialMixture(msgspec.Struct, frozen=True):
    """For sums of steps that are `g` down or `h` up, such as a Bernoulli variable less its mean."""

    v_opt: float
    g: float
    h: float
    alpha_opt: float = ALPHA
    one_sided: bool = False

    def log_value(self, s: float, v: float) -> float:
        """As `Mixture` says; `s` beyond what steps of this size can add up to is impossible (infinity)."""
        g, h, span = self.g, self.h, self.g + self.h
        if v - g * s < -_EDGE * v or v + h * s < -_EDGE * v:
            return inf
        r = max(_best_rho(self.v_opt, self.alpha_opt, self.one_sided) - g * h, 0.001 * g * h)
        up, down = max(v + h * s, 0.0), max(v - g * s, 0.0)
        edge = h / span if self.one_sided else 1.0
        likelihood = v / (g * h) * log(span) - up / (h * span) * log(g) - down / (g * span) * log(h)
        mixed = _log_incomplete_beta((r + down) / (g * span), (r + up) / (h * span), edge)
        return likelihood + mixed - _log_incomplete_beta(r / (g * span), r / (h * span), edge)


def mixture_bound(mixture: Mixture, v: float, alpha: float = ALPHA) -> float:
    """The sum at intrinsic time `v` from which on the mixture rejects at `alpha`, at whatever time one looks."""
    needed = log(1 / alpha)
    high = sqrt(v) or 1.0
    while mixture.log_value(high, v) < needed:
        high *= 2
    return _crossing(lambda s: mixture.log_value(s, v) - needed, 0.0, high)


def bernoulli_interval(hits: int, trials: int, planned: int, alpha: float = ALPHA) -> tuple[float, float]:
    """The proportions that `hits` of `trials` do not rule out, valid at every look at once; narrowest around
    `planned` trials.
    """
    _check_hits(hits, trials)
    if trials == 0:
        return 0.0, 1.0
    mean = hits / trials
    surplus = partial(_bernoulli_surplus, hits=hits, trials=trials, planned=planned, needed=log(1 / alpha))
    lower = _crossing(surplus, mean, _EDGE) if hits and surplus(_EDGE) > 0 else 0.0
    upper = _crossing(surplus, mean, 1 - _EDGE) if hits < trials and surplus(1 - _EDGE) > 0 else 1.0
    return lower, upper


def quantile_test(
    left: Sequence[float], right: Sequence[float], quantile: float, planned: int, alpha_opt: float = ALPHA
) -> float:
    """The p-value, valid at every look, of two arms having the same quantile (0.95: the 95th percentile).

    For the value that would suit both best it asks how surprising it is in each; sharpest at `planned` per arm.
    """
    if not left or not right:
        return 1.0
    arms = sorted(left), sorted(right)
    mixture = BetaBinomialMixture(quantile * (1 - quantile) * planned, quantile, 1 - quantile, alpha_opt)
    middles = [arm[min(int(quantile * len(arm)), len(arm) - 1)] for arm in arms]
    # Outside the two arms' own quantiles every value suits both arms worse.
    shared = {value for arm in arms for value in arm[bisect_left(arm, min(middles)) : bisect_right(arm, max(middles))]}
    least = min(sum(_surprise(mixture, arm, value, quantile) for arm in arms) for value in shared)
    return min(1.0, exp(-least))


def log_misassigned(counts: Sequence[int], shares: Sequence[float]) -> float:
    """Evidence that sessions are not assigned to arms by the expected `shares` (positive, together 1): a ramp or an
    experiment of which that is so must not be read. Raises ValueError for shares that are none.
    """
    if len(counts) != len(shares) or min(shares) <= 0 or abs(sum(shares) - 1) > _EDGE:
        raise ValueError(f"{len(counts)} arms need as many positive shares that add up to 1, not {list(shares)}")
    _check_counts(*counts)
    prior = [ASSIGNMENT_WEIGHT * share for share in shares]
    seen = [weight + count for weight, count in zip(prior, counts, strict=True)]
    expected = sum(count * log(share) for count, share in zip(counts, shares, strict=True))
    return _log_dirichlet(seen) - _log_dirichlet(prior) - expected


def forecast_coverage(occurrences: Iterable[int]) -> float:
    """The share of coming sessions whose behaviour has been seen, from how often each behaviour was (Good and Turing):
    what was seen once stands for what was not seen yet.
    """
    seen = list(occurrences)
    return 1 - seen.count(1) / sum(seen) if sum(seen) else 0.0


def _best_rho(v_opt: float, alpha_opt: float, one_sided: bool) -> float:
    needed = log(1 / (2 * alpha_opt if one_sided else alpha_opt))
    return v_opt / (2 * needed + log1p(2 * needed))


def _bernoulli_surplus(p: float, hits: int, trials: int, planned: int, needed: float) -> float:
    variance = p * (1 - p)
    return BetaBinomialMixture(variance * planned, p, 1 - p).log_value(hits - trials * p, variance * trials) - needed


def _surprise(mixture: Mixture, arm: Sequence[float], value: float, quantile: float) -> float:
    """How surprising it is that `value` is the quantile of this arm; values equal to it count where they suit best."""
    expected = quantile * len(arm)
    surplus = max(bisect_left(arm, value) - expected, 0.0) + min(bisect_right(arm, value) - expected, 0.0)
    return mixture.log_value(surplus, (1 - quantile) * expected)


def _crossing(function: Callable[[float], float], quiet: float, loud: float) -> float:
    """Where a function that rises from `quiet` to `loud` becomes positive."""
    for _ in range(_STEPS):
        middle = (quiet + loud) / 2
        quiet, loud = (quiet, middle) if function(middle) > 0 else (middle, loud)
    return (quiet + loud) / 2


def _log_incomplete_beta(a: float, b: float, x: float) -> float:
    """The logarithm of the incomplete beta function that is not divided by the complete one."""
    share = float(_special().betainc(a, b, x))
    if share > _UNDERFLOW:
        return float(_special().betaln(a, b)) + log(share)
    # So far out in the tail the terms of the series fall fast: each is the last times a factor below 1.
    term, total, step = 1.0, 1.0, 0
    while term > total * 1e-17:
        term *= (a + b + step) / (a + 1 + step) * x
        total, step = total + term, step + 1
    return a * log(x) + b * log1p(-x) - log(a) + log(total)


def _log_dirichlet(weights: Sequence[float]) -> float:
    special = _special()
    return float(sum(special.gammaln(weight) for weight in weights) - special.gammaln(sum(weights)))


def _check_counts(*counts: int) -> None:
    if min(counts) < 0:
        raise ValueError(f"a count cannot be negative: {list(counts)}")


def _check_hits(hits: int, trials: int) -> None:
    if not 0 <= hits <= trials:
        raise ValueError(f"{hits} of {trials} is no proportion")


@cache
def _special() -> ModuleType:
    """scipy's special functions, loaded with the first verdict: no process starts a third of a second later for them,
    and a build needs none."""
    return import_module("scipy.special")
