"""Overrides: a named person lets one build past one gate, with a reason, for a while.

Comes in: who, which gate, why, when. Goes out: an `Override` for the record, and gate results as they stand with it.
"""

from collections.abc import Iterable
from difflib import get_close_matches

from twinline.model.errors import Mistake
from twinline.model.release import ALLOWS, GateResult, Override, Verdict
from twinline.release.gates import GATES
from twinline.release.words import date

OVERRIDE_LIFE = 7 * 86_400.0
"""Seconds an override holds unless said otherwise: long enough for a weekend, too short to be forgotten."""


def grant(*, build: int, gate: str, by: str, reason: str, now: float, life: float | None = OVERRIDE_LIFE) -> Override:
    """An override from now on, for `life` seconds (None: until the build is promoted or given up).

    Raises Mistake for an unknown gate or an empty reason.
    """
    if gate not in GATES:
        near = get_close_matches(gate, GATES, 1, 0)[0]
        raise Mistake(
            f"unknown gate {gate!r}", where="override", mend=f"did you mean {near!r}? Known: {', '.join(GATES)}"
        )
    if not reason.strip():
        raise Mistake(f"the override of {gate} has no reason", where="override", mend="say why: the record shows it")
    if not by.strip():
        raise Mistake(f"the override of {gate} is nobody's", where="override", mend="an override is by a named person")
    expires_at = None if life is None else now + life
    return Override(build, gate, by.strip(), " ".join(reason.split()), now, expires_at)


def apply(result: GateResult, overrides: Iterable[Override], *, build: int, now: float) -> GateResult:
    """The result as it stands with the overrides: one that holds makes any refusal a pass that says whose it is."""
    if result.verdict in ALLOWS:
        return result
    holding = [override for override in overrides if _holds(override, result.gate, build, now)]
    if not holding:
        return result
    override = max(holding, key=lambda override: override.at)
    until = f" until {date(override.expires_at)}" if override.expires_at is not None else ""
    sentence = f"Let past by {override.by}{until}: {override.reason}. Without it: {result.sentence}"
    data = {**result.data, "overridden": result.verdict.label}
    return GateResult(result.gate, Verdict.PASS_BY_OVERRIDE, sentence, result.who, data)


def _holds(override: Override, gate: str, build: int, now: float) -> bool:
    lasts = override.expires_at is None or now < override.expires_at
    return override.gate == gate and override.build == build and override.at <= now and lasts
