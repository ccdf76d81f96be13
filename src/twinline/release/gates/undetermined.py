"""Could enough of the rehearsed sessions be judged? Silence is not agreement.

A session that stayed undetermined, broken, spurious, skipped or in error says nothing about the candidate. Too
many of those, and neither does the rehearsal.
"""

from twinline.model.rehearsal import UnitClass
from twinline.model.release import GateResult, Verdict
from twinline.release.evidence import Evidence, current_results
from twinline.release.words import plural

_JUDGED = frozenset(
    {UnitClass.SAME, UnitClass.SAME_FAILURE, UnitClass.REGRESSED, UnitClass.FIXED, UnitClass.CHANGED, UnitClass.NOISY}
)


def decide(evidence: Evidence) -> GateResult:
    """Unknown when too large a share of sessions could not be judged; not applicable before there is a rehearsal."""
    units = [unit for result in current_results(evidence).values() for unit in result.units]
    if not units:
        return GateResult("undetermined", Verdict.NOT_APPLICABLE, "No rehearsed session to count", "nobody")
    unjudged = [unit.unit for unit in units if unit.verdict not in _JUDGED]
    share = len(unjudged) / len(units)
    allowed = evidence.undetermined_share
    data: dict[str, object] = {"share": share, "allowed": allowed, "units": unjudged}
    sentence = f"{len(unjudged)} of {plural(len(units), 'rehearsed session')} could not be judged"
    if share <= allowed:
        return GateResult("undetermined", Verdict.PASS, sentence, "nobody", data)
    sentence = f"{sentence} ({share:.1%}, at most {allowed:.1%} allowed)"
    return GateResult("undetermined", Verdict.UNKNOWN, sentence, "the platform's team", data)
