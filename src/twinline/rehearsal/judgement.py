"""The verdicts of applications over their sessions, of all applications together.

Comes in: unit results. Goes out: each application's verdict with its evidence and the share of its sessions that may
still differ, and the units that should run again because the evidence is not yet enough. `docs/statistics.md` argues
why these are the right numbers.
"""

from collections import Counter
from collections.abc import Sequence
from math import exp, log

import msgspec

from twinline.model.rehearsal import ApplicationResult, ApplicationVerdict, Lane, UnitClass, UnitResult
from twinline.rehearsal.causes import counts
from twinline.rehearsal.statistics import ALPHA, e_bh, exact_upper, log_evidence
from twinline.rehearsal.verdicts import AGREED, needs_retry

UNDETERMINED_LIMIT = 0.02
"""Share of an application's sessions that may stay unjudged before nothing is said of the application."""

MOST_ATTEMPTS = 12
"""Runs of a unit at most: enough to flag one session of one application among ten thousand."""

_COMPARED = AGREED | {UnitClass.FIXED, UnitClass.CHANGED}


class Rehearsed(msgspec.Struct, frozen=True):
    """An application that was rehearsed: the digest of its version, and what came of its units."""

    application: str
    version: str
    units: tuple[UnitResult, ...]


def judge_all(rehearsed: Sequence[Rehearsed]) -> tuple[ApplicationResult, ...]:
    """The verdicts of all applications of a rehearsal: of those called regressed, one in twenty is so by chance at
    most, unless the platform crashed on it, which needs no statistics.
    """
    evidence = [_evidence(each.units) for each in rehearsed]
    flagged = e_bh(evidence)
    needed = len(rehearsed) / ALPHA / (len(flagged) + 1)
    return tuple(
        _verdict(each, evidence[index], needed, index in flagged or _crashed(each.units))
        for index, each in enumerate(rehearsed)
    )


def judge(application: str, version: str, units: Sequence[UnitResult]) -> ApplicationResult:
    """The verdict of an application that was rehearsed alone."""
    return judge_all((Rehearsed(application, version, tuple(units)),))[0]


def unsettled(rehearsed: Sequence[Rehearsed]) -> frozenset[str]:
    """The units that should run again: whatever is not plain agreement once more, and what regressed every time as
    often as it takes to tell it from chance.
    """
    again: set[str] = set()
    needed = log(len(rehearsed) / ALPHA) if rehearsed else 0.0
    for each in rehearsed:
        short = _evidence(each.units) < needed and not _crashed(each.units)
        again.update(unit.unit for unit in each.units if needs_retry(unit) or (short and _repeatable(unit)))
    return frozenset(again)


def difference_bound(clean: int) -> float:
    """The largest share of sessions that may differ and still leave `clean` sessions without one, at 95 %."""
    return exact_upper(0, clean)


def _repeatable(unit: UnitResult) -> bool:
    return unit.verdict is UnitClass.REGRESSED and unit.attempts < MOST_ATTEMPTS


def _evidence(units: Sequence[UnitResult]) -> float:
    odd = Counter(lane for unit in units for lane in unit.odd)
    return log_evidence(odd[Lane.BASELINE], odd[Lane.CONTROL], odd[Lane.CANDIDATE])


def _crashed(units: Sequence[UnitResult]) -> bool:
    return any(unit.crashed for unit in units)


def _verdict(each: Rehearsed, log_e: float, needed: float, regressed: bool) -> ApplicationResult:
    """`needed`: the e-value that would have been enough; `regressed`: this one's was."""
    counted = [unit for unit in each.units if unit.verdict is not UnitClass.SKIPPED]
    concerned = [unit for unit in counted if counts(unit, ApplicationVerdict.REGRESSED)] if regressed else []
    suspected = [] if regressed else [unit for unit in counted if unit.verdict is UnitClass.REGRESSED]
    compared = [unit for unit in counted if _is_compared(unit, regressed)]
    unjudged = [unit for unit in counted if not _is_compared(unit, regressed)]
    bound = None
    if regressed:
        verdict, sentence = ApplicationVerdict.REGRESSED, _regressed(concerned, len(compared))
    elif suspected:
        verdict = ApplicationVerdict.UNDETERMINED
        sentence = f"{len(suspected)} of {_sessions(len(counted))} regressed, which chance may still explain"
        sentence += f" (evidence {exp(log_e):.3g}, {needed:.3g} needed): {suspected[0].reason}"
    elif not compared:
        verdict = ApplicationVerdict.UNDETERMINED
        sentence = (
            f"none of {_sessions(len(counted))} could be judged" if counted else "there is no session to rehearse"
        )
        sentence += f": {unjudged[0].reason}" if unjudged else ""
    elif len(unjudged) > UNDETERMINED_LIMIT * len(counted):
        verdict = ApplicationVerdict.UNDETERMINED
        sentence = f"{len(unjudged)} of {_sessions(len(counted))} could not be judged: {unjudged[0].reason}"
    else:
        once = sum(Lane.CANDIDATE in unit.odd for unit in unjudged)
        bound = exact_upper(once, len(compared) + once)
        verdict, sentence = ApplicationVerdict.UNCHANGED, _unchanged(compared, once, bound)
    return ApplicationResult(
        each.application,
        each.version,
        verdict,
        sentence,
        len(compared),
        bound,
        each.units,
        len(unjudged) / len(counted) if counted else 1.0,
        log_e,
    )


def _is_compared(unit: UnitResult, regressed: bool) -> bool:
    return unit.verdict in _COMPARED or (regressed and counts(unit, ApplicationVerdict.REGRESSED))


def _regressed(concerned: Sequence[UnitResult], compared: int) -> str:
    """The first that did so every time speaks for all; of those that came and went, the number."""
    fleeting = sum(unit.verdict is not UnitClass.REGRESSED for unit in concerned)
    first = next((unit for unit in concerned if unit.verdict is UnitClass.REGRESSED), concerned[0])
    turn = first.divergence.turn if first.divergence else 1
    sentence = f"{len(concerned)} of {_sessions(compared)} regressed"
    sentence += f", {fleeting} of them not every time" if fleeting else ""
    return f"{sentence}; turn {turn}: {first.reason}"


def _unchanged(compared: Sequence[UnitResult], once: int, bound: float) -> str:
    changed = sum(unit.verdict is UnitClass.CHANGED for unit in compared)
    fixed = sum(unit.verdict is UnitClass.FIXED for unit in compared)
    word = "regress" if changed or fixed or once else "differ"
    sentence = f"fewer than {100 * bound:.1f} % of sessions {word} (95 %, {len(compared)} compared)"
    told = ((changed, "differ in detail only"), (fixed, "fixed"), (once, "regressed once and not again"))
    return "; ".join([sentence, *(f"{count} {name}" for count, name in told if count)])


def _sessions(count: int) -> str:
    return f"{count} session" if count == 1 else f"{count} sessions"
