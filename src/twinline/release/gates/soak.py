"""Has the candidate been exercised on the development cluster for long enough?

Time is healthy seconds on development, not dates; what is needed follows from how much production would change.
"""

from math import floor

from twinline.model.release import GateResult, Verdict
from twinline.release.evidence import DAY, Evidence, significance_for_production
from twinline.release.words import date


def decide(evidence: Evidence) -> GateResult:
    """Pass when the days are full; otherwise wait, with the day they will be if nothing interrupts them."""
    significance = significance_for_production(evidence)
    needed = evidence.soak_days.of(significance)
    had = evidence.soak_seconds / DAY
    data: dict[str, object] = {
        "seconds": evidence.soak_seconds,
        "required_seconds": needed * DAY,
        "significance": significance.value,
    }
    if evidence.soak_seconds >= needed * DAY:
        sentence = f"Soaked: {_days(had)} of {needed:g} healthy days on development"
        return GateResult("soak", Verdict.PASS, sentence, "nobody", data)
    young = f"Too young: {_days(had)} of {needed:g} healthy days on development"
    stopped = _stopped(evidence)
    if stopped:
        return GateResult(
            "soak", Verdict.WAIT, f"{young}, and the clock stands: {stopped}", "the platform's team", data
        )
    due = evidence.now + needed * DAY - evidence.soak_seconds
    sentence = f"{young} ({significance.value} build); due {date(due)}"
    return GateResult("soak", Verdict.WAIT, sentence, "nobody: it passes with time", {**data, "due": due})


def _stopped(evidence: Evidence) -> str:
    development, candidate = evidence.development, evidence.candidate
    if development is None:
        return "development runs no build"
    if development.number != candidate.number:
        return f"development runs build {development.number}"
    return "" if evidence.healthy else f"no worker of build {candidate.number} is alive on development"


def _days(days: float) -> str:
    """Rounded down, so that a build that waits never reads `14.0 of 14`."""
    return f"{floor(days * 10) / 10:.1f}"
