"""The verdict of one session over its three lanes, and over its attempts.

Comes in: lane results. Goes out: unit results, and whether to run one again. Retries are symmetric: all three lanes run
again, and only what repeats counts.
"""

from collections.abc import Sequence

import msgspec

from twinline.model.messages import LaneResult
from twinline.model.rehearsal import Lane, LaneExcerpt, UnitClass, UnitResult
from twinline.model.transcript import ErrorRaised, SessionEnded, SessionStarted
from twinline.rehearsal.causes import cause
from twinline.rehearsal.classes import RAN, LaneOutcome, classify, outcome
from twinline.rehearsal.comparison import SAME, Comparison, Difference, compare
from twinline.rehearsal.words import conversation

ATTEMPTS = 2
"""How often a unit that is not plain agreement is run at least."""

EXCERPT = 6
"""Events of a lane that are shown from the divergence on."""

AGREED = frozenset({UnitClass.SAME, UnitClass.SAME_FAILURE})
_UNJUDGED = frozenset(
    {UnitClass.SPURIOUS, UnitClass.UNDETERMINED, UnitClass.BROKEN, UnitClass.PENDING, UnitClass.ERROR}
)
_NOT_RUN = frozenset({UnitClass.SKIPPED, UnitClass.PENDING})
_UNSHOWN = AGREED | {UnitClass.SPURIOUS, UnitClass.ERROR}

_Lanes = tuple[LaneResult | None, LaneResult | None, LaneResult | None]


def compare_unit(
    unit: str,
    baseline: LaneResult | None,
    control: LaneResult | None,
    candidate: LaneResult | None,
    attempt: int = 1,
    *,
    absent: LaneOutcome = LaneOutcome.SILENT,
) -> UnitResult:
    """What came of one attempt at a unit. `absent` says why a lane that is None has no result: it never answered, or it
    still may (`WAITING`), or it was not to be run (`SKIPPED`).
    """
    lanes: _Lanes = (baseline, control, candidate)
    first, second, third = (absent if lane is None else outcome(lane) for lane in lanes)
    if baseline and control and baseline.build != control.build:
        second = LaneOutcome.ERROR
    noise, change = _compared(baseline, control), _compared(baseline, candidate)
    verdict = classify(first, second, third, noise.difference, change.difference)
    finding = noise if verdict is UnitClass.NOISY else change
    found = UnitResult(unit, attempt, verdict, _reason(verdict, lanes, (first, second, third), finding))
    if verdict in AGREED:
        return found
    odd = _odd(lanes, (first, second, third), noise, change)
    why = cause(baseline, candidate, change) if candidate and odd is Lane.CANDIDATE else None
    crashed = odd is Lane.CANDIDATE and third is LaneOutcome.CRASH
    found = msgspec.structs.replace(found, odd=(odd,) if odd else (), cause=why, crashed=crashed)
    if baseline is None or finding.divergence is None or verdict in _UNSHOWN:
        return found
    return msgspec.structs.replace(
        found,
        divergence=finding.divergence,
        trail=_trail(baseline, finding.left),
        lanes=_excerpts(lanes, noise, finding),
    )


def needs_retry(result: UnitResult) -> bool:
    """Whether all three lanes should run again: anything that is not plain agreement is tried once more."""
    return result.verdict not in AGREED | _NOT_RUN and result.attempts < ATTEMPTS


def combine(previous: UnitResult, retry: UnitResult) -> UnitResult:
    """One result of all attempts so far and one more: what repeats stands, and what does not repeat is noise.

    The retry decides where one of the two could not be judged. A crash of the platform need not repeat.
    """
    total, odd = previous.attempts + 1, previous.odd + retry.odd
    why = previous.cause or retry.cause
    if previous.crashed:
        return msgspec.structs.replace(previous, attempts=total, odd=odd)
    if retry.verdict is previous.verdict or not {previous.verdict, retry.verdict}.isdisjoint(_UNJUDGED):
        return msgspec.structs.replace(retry, attempts=total, odd=odd, cause=why)
    if retry.crashed:
        return msgspec.structs.replace(retry, attempts=total, odd=odd)
    differing = previous if retry.verdict in AGREED else retry
    return UnitResult(
        previous.unit,
        total,
        UnitClass.NOISY,
        f"{previous.verdict.value} at first, {retry.verdict.value} when run again: {differing.reason}",
        differing.divergence,
        differing.trail,
        differing.lanes,
        odd,
        why,
    )


def _compared(left: LaneResult | None, right: LaneResult | None) -> Comparison:
    if left is None or right is None or outcome(left) not in RAN or outcome(right) not in RAN:
        return SAME
    again = " again" if left.build == right.build else ""
    return compare(left.transcript, right.transcript, f"build {left.build}", f"build {right.build}{again}")


def _odd(
    lanes: _Lanes, outcomes: tuple[LaneOutcome, LaneOutcome, LaneOutcome], noise: Comparison, change: Comparison
) -> Lane | None:
    """The lane that alone is worse than the two others: the one which, were it the candidate, would have regressed.

    The same question is put to each lane, so that by chance alone each is as likely to be the odd one.
    """
    baseline, control, candidate = outcomes
    if classify(baseline, control, candidate, noise.difference, change.difference) is UnitClass.REGRESSED:
        return Lane.CANDIDATE
    if classify(baseline, candidate, control, change.difference, noise.difference) is UnitClass.REGRESSED:
        return Lane.CONTROL
    among, against = _compared(lanes[1], lanes[2]).difference, _compared(lanes[1], lanes[0]).difference
    return Lane.BASELINE if classify(control, candidate, baseline, among, against) is UnitClass.REGRESSED else None


def _reason(  # noqa: PLR0911 - one return for each class is the clearest table
    verdict: UnitClass,
    lanes: _Lanes,
    outcomes: tuple[LaneOutcome, LaneOutcome, LaneOutcome],
    finding: Comparison,
) -> str:
    by_outcome = {each: [lane for lane, it in zip(Lane, outcomes, strict=True) if it is each] for each in outcomes}
    broken = next((lane for lane in lanes if lane and lane.broken), None)
    match verdict:
        case UnitClass.SPURIOUS:
            return "; ".join(
                f"the {lane.lane} lane could not run: {lane.trouble or 'its transcript has no end'}"
                for lane in lanes
                if lane and outcome(lane) is LaneOutcome.TROUBLE
            )
        case UnitClass.ERROR:
            return f"what came back from {_listed(by_outcome[LaneOutcome.ERROR])} is not a run of this session"
        case UnitClass.SKIPPED:
            return "it was not to be run"
        case UnitClass.PENDING:
            return f"{_listed(by_outcome[LaneOutcome.WAITING])} has not answered yet"
        case UnitClass.UNDETERMINED if LaneOutcome.SILENT in by_outcome:
            return f"no result in time from {_listed(by_outcome[LaneOutcome.SILENT])}"
        case UnitClass.UNDETERMINED:
            return "the session's recorded answers no longer fit this version"
        case UnitClass.BROKEN if broken:
            return f"the version cannot be set up on either build: {broken.trouble}"
        case _ if finding.divergence is not None and verdict not in AGREED:
            return finding.divergence.sentence
        case _ if broken:
            return f"build {broken.build} could not set the version up: {broken.trouble}"
        case UnitClass.REGRESSED if lanes[2]:
            return f"build {lanes[2].build} failed in the platform: {_failure(lanes[2])}"
        case UnitClass.SAME_FAILURE if lanes[0]:
            return f"fails on both builds: {_failure(lanes[0])}"
        case _:
            return "all three lanes agree"


def _failure(lane: LaneResult) -> str:
    errors = [event for event in lane.transcript if isinstance(event, ErrorRaised)]
    if errors:
        return f"{errors[-1].error.type}: {errors[-1].error.message}"
    ended = lane.transcript[-1]
    return ended.reason or ended.outcome.value if isinstance(ended, SessionEnded) else ""


def _trail(lane: LaneResult, place: int) -> tuple[str, ...]:
    started = lane.transcript[0] if lane.transcript else None
    caller = started.caller if isinstance(started, SessionStarted) else ""
    return conversation(lane.transcript[:place], caller)


def _excerpts(lanes: _Lanes, noise: Comparison, finding: Comparison) -> tuple[LaneExcerpt, ...]:
    """Each lane from the place where it parts. The control stands where it parts from the baseline, else beside it."""
    control = noise.right if finding is noise or noise.difference > Difference.MINOR else finding.left
    candidate = finding.left if finding is noise else finding.right
    return tuple(
        LaneExcerpt(lane, result.build, _ended(result), result.transcript[place : place + EXCERPT])
        for lane, result, place in zip(Lane, lanes, (finding.left, control, candidate), strict=True)
        if result is not None
    )


def _ended(lane: LaneResult) -> str:
    ended = lane.transcript[-1] if lane.transcript else None
    return ended.outcome.value if isinstance(ended, SessionEnded) else lane.trouble or "without an end"


def _listed(lanes: Sequence[Lane]) -> str:
    return " and ".join(f"the {lane.value} lane" for lane in lanes)
