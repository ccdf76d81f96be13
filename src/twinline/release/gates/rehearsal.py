"""Does every production application behave the same on the candidate as on the build production runs?

Only results of the code that is live now, against the build that production runs now, count.
"""

from twinline.model.rehearsal import ApplicationResult, ApplicationVerdict
from twinline.model.release import GateResult, Verdict
from twinline.release.evidence import Evidence, current_results
from twinline.release.words import listed, plural


def decide(evidence: Evidence) -> GateResult:
    """Rejected by any regression, unknown for one that could not be judged, waiting for one not rehearsed as it is."""
    number, production = evidence.candidate.number, evidence.production
    if production is None:
        return _result(
            Verdict.NOT_APPLICABLE, "Production runs no build yet: there is nothing to compare with", "nobody"
        )
    if not evidence.live:
        return _result(Verdict.NOT_APPLICABLE, "No production application to rehearse", "nobody")
    results = current_results(evidence)
    with_verdict = {verdict: _named(results, verdict) for verdict in ApplicationVerdict}
    missing = sorted(evidence.live.keys() - results.keys())
    data: dict[str, object] = {
        "rehearsal": evidence.rehearsal.rehearsal if evidence.rehearsal else None,
        "not_rehearsed": missing,
        **{verdict.value: [result.application for result in found] for verdict, found in with_verdict.items()},
    }
    if regressed := with_verdict[ApplicationVerdict.REGRESSED]:
        head = f"{len(regressed)} of {plural(len(evidence.live), 'production application')} would behave differently"
        return _result(Verdict.REJECTED, f"{head}: {_sentences(regressed)}", "the owners of these applications", data)
    if undetermined := with_verdict[ApplicationVerdict.UNDETERMINED]:
        head = f"{plural(len(undetermined), 'production application')} could not be judged"
        return _result(Verdict.UNKNOWN, f"{head}: {_sentences(undetermined)}", "the owners of these applications", data)
    if missing:
        sentence = f"{_why_missing(evidence)}: {listed(missing)}; run `twinline rehearse {number}`"
        return _result(Verdict.WAIT, sentence, "anyone who may rehearse", data)
    sessions = plural(sum(result.compared for result in results.values()), "session")
    same = plural(len(results), "production application")
    behaves = "behaves" if len(results) == 1 else "behave"
    sentence = f"Rehearsed: {same} {behaves} as on build {production.number} ({sessions} compared)"
    return _result(Verdict.PASS, sentence, "nobody", data)


def _why_missing(evidence: Evidence) -> str:
    rehearsal = evidence.rehearsal
    assert evidence.production is not None
    if rehearsal is None or rehearsal.candidate != evidence.candidate.number:
        return "Not rehearsed yet"
    if rehearsal.baseline != evidence.production.number:
        return f"Rehearsed against build {rehearsal.baseline}, but production runs build {evidence.production.number}"
    return "Not rehearsed as deployed now"


def _named(results: dict[str, ApplicationResult], verdict: ApplicationVerdict) -> list[ApplicationResult]:
    return [results[name] for name in sorted(results) if results[name].verdict is verdict]


def _sentences(results: list[ApplicationResult]) -> str:
    return listed([f"{result.application} ({result.sentence.rstrip('.')})" for result in results])


def _result(verdict: Verdict, sentence: str, who: str, data: dict[str, object] | None = None) -> GateResult:
    return GateResult("rehearsal", verdict, sentence, who, data or {})
