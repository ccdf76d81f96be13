"""Verdicts: of one session over its three lanes, and of an application over its sessions.

Comes in: lane results. Goes out: unit results, whether to run one again, and an application's verdict with the share of
its sessions that may still differ. Retries are symmetric: all three lanes run again, and only what repeats counts.
"""

from collections.abc import Sequence

import msgspec

from twinline.model.messages import LaneResult
from twinline.model.rehearsal import (
    ApplicationResult,
    ApplicationVerdict,
    Lane,
    LaneExcerpt,
    UnitClass,
    UnitResult,
)
from twinline.model.transcript import ErrorRaised, SessionEnded, SessionStarted
from twinline.rehearsal.classes import LaneOutcome, classify, outcome
from twinline.rehearsal.comparison import SAME, Comparison, Difference, compare
from twinline.rehearsal.words import conversation

ATTEMPTS = 2
"""How often a unit is run at most."""

UNDETERMINED_LIMIT = 0.02
"""Share of an application's sessions that may stay unjudged before nothing is said of the application."""

CONFIDENCE = 0.95

EXCERPT = 6
"""Events of a lane that are shown from the divergence on."""

_AGREED = frozenset({UnitClass.SAME, UnitClass.SAME_FAILURE})
_UNJUDGED = frozenset({UnitClass.SPURIOUS, UnitClass.UNDETERMINED})
_COMPARED = _AGREED | {UnitClass.REGRESSED, UnitClass.FIXED, UnitClass.CHANGED}


def compare_unit(
    unit: str,
    baseline: LaneResult | None,
    control: LaneResult | None,
    candidate: LaneResult | None,
    attempt: int = 1,
) -> UnitResult:
    """What came of one attempt at a unit. A lane that never answered (None) makes it undetermined."""
    if baseline is None or control is None or candidate is None:
        absent = [lane for lane, result in zip(Lane, (baseline, control, candidate), strict=True) if result is None]
        return UnitResult(unit, attempt, UnitClass.UNDETERMINED, f"no result in time from {_listed(absent)}")
    lanes = (baseline, control, candidate)
    outcomes = outcome(baseline), outcome(control), outcome(candidate)
    noise = change = SAME
    if LaneOutcome.TROUBLE not in (outcomes[0], outcomes[1]):
        noise = compare(baseline.transcript, control.transcript, *_names(baseline, control))
    if LaneOutcome.TROUBLE not in (outcomes[0], outcomes[2]):
        change = compare(baseline.transcript, candidate.transcript, *_names(baseline, candidate))
    verdict = classify(*outcomes, noise.difference, change.difference)
    finding = noise if verdict is UnitClass.NOISY else change
    if finding.divergence is None or verdict in _AGREED or verdict is UnitClass.SPURIOUS:
        return UnitResult(unit, attempt, verdict, _reason(verdict, lanes, finding))
    return UnitResult(
        unit,
        attempt,
        verdict,
        _reason(verdict, lanes, finding),
        finding.divergence,
        _trail(baseline, finding.left),
        _excerpts(lanes, noise, finding),
    )


def needs_retry(result: UnitResult) -> bool:
    """Whether all three lanes should run again: anything that is not plain agreement is tried once more."""
    return result.verdict not in _AGREED and result.verdict is not UnitClass.SKIPPED and result.attempts < ATTEMPTS


def combine(previous: UnitResult, retry: UnitResult) -> UnitResult:
    """One result of two attempts: what repeats stands, and what does not repeat is noise.

    The retry decides where one of the two could not be judged. A crash of the platform need not repeat.
    """
    total = previous.attempts + 1
    if _crashed(previous):
        return _with(previous, total)
    if retry.verdict is previous.verdict or not {previous.verdict, retry.verdict}.isdisjoint(_UNJUDGED):
        return _with(retry, total)
    differing = previous if retry.verdict in _AGREED else retry
    return UnitResult(
        previous.unit,
        total,
        UnitClass.NOISY,
        f"{previous.verdict.value} at first, {retry.verdict.value} when run again: {differing.reason}",
        differing.divergence,
        differing.trail,
        differing.lanes,
    )


def judge(application: str, version: str, units: Sequence[UnitResult]) -> ApplicationResult:
    """The verdict of an application over its units."""
    regressed = [unit for unit in units if _is_regression(unit)]
    compared = [unit for unit in units if unit.verdict in _COMPARED and not _unproven(unit)]
    counted = [unit for unit in units if unit.verdict is not UnitClass.SKIPPED]
    unjudged = [unit for unit in counted if unit.verdict not in _COMPARED or _unproven(unit)]
    if regressed:
        verdict, bound = ApplicationVerdict.REGRESSED, None
        sentence = f"{len(regressed)} of {_sessions(len(compared))} regressed; turn {_turn(regressed[0])}"
        sentence += f": {regressed[0].reason}"
    elif not compared:
        verdict, bound = ApplicationVerdict.UNDETERMINED, None
        sentence = (
            f"none of {_sessions(len(counted))} could be judged" if counted else "there is no session to rehearse"
        )
        sentence += f": {unjudged[0].reason}" if unjudged else ""
    elif len(unjudged) > UNDETERMINED_LIMIT * len(counted):
        verdict, bound = ApplicationVerdict.UNDETERMINED, None
        sentence = f"{len(unjudged)} of {_sessions(len(counted))} could not be judged: {unjudged[0].reason}"
    else:
        verdict, bound = ApplicationVerdict.UNCHANGED, difference_bound(len(compared))
        sentence = _unchanged(compared, bound)
    return ApplicationResult(application, version, verdict, sentence, len(compared), bound, tuple(units))


def difference_bound(clean: int) -> float:
    """The largest share of sessions that may differ and still leave `clean` sessions without one, at 95 %."""
    return float(1 - (1 - CONFIDENCE) ** (1 / clean))


def _unchanged(compared: Sequence[UnitResult], bound: float) -> str:
    changed = sum(unit.verdict is UnitClass.CHANGED for unit in compared)
    fixed = sum(unit.verdict is UnitClass.FIXED for unit in compared)
    word = "regress" if changed or fixed else "differ"
    sentence = f"fewer than {100 * bound:.1f} % of sessions {word} (95 %, {len(compared)} compared)"
    beside = [f"{count} {name}" for count, name in ((changed, "differ in detail only"), (fixed, "fixed")) if count]
    return "; ".join([sentence, *beside])


def _is_regression(unit: UnitResult) -> bool:
    return unit.verdict is UnitClass.REGRESSED and not _unproven(unit)


def _unproven(unit: UnitResult) -> bool:
    """A regression seen once: it must repeat, except a crash of the platform."""
    return unit.verdict is UnitClass.REGRESSED and unit.attempts < ATTEMPTS and not _crashed(unit)


def _crashed(unit: UnitResult) -> bool:
    right = unit.divergence.right if unit.divergence else None
    return unit.verdict is UnitClass.REGRESSED and isinstance(right, ErrorRaised) and right.platform


def _reason(verdict: UnitClass, lanes: Sequence[LaneResult], finding: Comparison) -> str:
    if verdict is UnitClass.SPURIOUS:
        return "; ".join(
            f"the {lane.lane} lane could not run: {lane.trouble or 'its transcript has no end'}"
            for lane in lanes
            if outcome(lane) is LaneOutcome.TROUBLE
        )
    if verdict is UnitClass.UNDETERMINED:
        return "the session's recorded answers no longer fit this version"
    if finding.divergence is not None and verdict not in _AGREED:
        return finding.divergence.sentence
    if verdict is UnitClass.REGRESSED:
        return f"build {lanes[2].build} failed in the platform: {_failure(lanes[2])}"
    if verdict is UnitClass.SAME_FAILURE:
        return f"fails on both builds: {_failure(lanes[0])}"
    return "all three lanes agree"


def _failure(lane: LaneResult) -> str:
    errors = [event for event in lane.transcript if isinstance(event, ErrorRaised)]
    if errors:
        return f"{errors[-1].error.type}: {errors[-1].error.message}"
    ended = lane.transcript[-1]
    return ended.reason or ended.outcome.value if isinstance(ended, SessionEnded) else ""


def _names(left: LaneResult, right: LaneResult) -> tuple[str, str]:
    again = " again" if left.build == right.build else ""
    return f"build {left.build}", f"build {right.build}{again}"


def _trail(lane: LaneResult, place: int) -> tuple[str, ...]:
    started = lane.transcript[0] if lane.transcript else None
    caller = started.caller if isinstance(started, SessionStarted) else ""
    return conversation(lane.transcript[:place], caller)


def _excerpts(lanes: Sequence[LaneResult], noise: Comparison, finding: Comparison) -> tuple[LaneExcerpt, ...]:
    """Each lane from the place where it parts. The control stands where it parts from the baseline, else beside it."""
    control = noise.right if finding is noise or noise.difference > Difference.MINOR else finding.left
    candidate = finding.left if finding is noise else finding.right
    return tuple(
        LaneExcerpt(lane, result.build, _ended(result), result.transcript[place : place + EXCERPT])
        for lane, result, place in zip(Lane, lanes, (finding.left, control, candidate), strict=True)
    )


def _ended(lane: LaneResult) -> str:
    ended = lane.transcript[-1] if lane.transcript else None
    return ended.outcome.value if isinstance(ended, SessionEnded) else lane.trouble or "without an end"


def _with(result: UnitResult, attempts: int) -> UnitResult:
    return msgspec.structs.replace(result, attempts=attempts)


def _turn(unit: UnitResult) -> int:
    return unit.divergence.turn if unit.divergence else 1


def _sessions(count: int) -> str:
    return f"{count} session" if count == 1 else f"{count} sessions"


def _listed(lanes: Sequence[Lane]) -> str:
    return " and ".join(f"the {lane.value} lane" for lane in lanes)
