"""The excuse: why a build is not in production, gate by gate, in sentences that each name their cause.

Comes in: the evidence of this moment. Goes out: an `Excuse`; the worst verdict of all gates is its verdict. Nothing is
remembered between two decisions.
"""

from twinline.model.builds import Cluster
from twinline.model.release import ALLOWS, Excuse, GateResult, Verdict
from twinline.release.evidence import Evidence
from twinline.release.gates import GATES
from twinline.release.overrides import apply


def decide(evidence: Evidence) -> Excuse:
    """Ask every gate, let overrides speak, and take the worst."""
    number = evidence.candidate.number
    if evidence.production is not None and evidence.production.number == number:
        headline = f"Build {number} is in production"
        return Excuse(number, Cluster.PRODUCTION, Verdict.NOT_APPLICABLE, headline, (), None, evidence.now)
    results = (gate(evidence) for gate in GATES.values())
    gates = tuple(apply(result, evidence.overrides, build=number, now=evidence.now) for result in results)
    holding = holds(gates)
    return Excuse(
        build=number,
        target=Cluster.PRODUCTION,
        verdict=max(gate.verdict for gate in gates),
        headline=_headline(number, holding),
        gates=gates,
        due=_due(holding),
        decided_at=evidence.now,
    )


def holds(gates: tuple[GateResult, ...]) -> list[GateResult]:
    """The gates that hold the build back, worst first."""
    return sorted((gate for gate in gates if gate.verdict not in ALLOWS), key=lambda gate: gate.verdict, reverse=True)


def _headline(number: int, holding: list[GateResult]) -> str:
    if not holding:
        return f"Build {number} may be promoted"
    return f"Build {number} stays on development. " + ". ".join(gate.sentence for gate in holding)


def _due(holding: list[GateResult]) -> float | None:
    """The latest time that a waiting gate names; None when one of them does not pass with time."""
    if any(gate.verdict > Verdict.WAIT for gate in holding):
        return None
    times = [due for gate in holding if isinstance(due := gate.data.get("due"), float)]
    return max(times, default=None)
