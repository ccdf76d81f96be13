"""Examples of releases, as short as a test wants them."""

from twinline.model.builds import Build, ComponentName, Significance
from twinline.model.rehearsal import (
    ApplicationResult,
    ApplicationVerdict,
    RehearsalResult,
    UnitClass,
    UnitResult,
)
from twinline.release import Evidence
from twinline.release.evidence import DAY

NOW = 1_795_000_000.0
"""18 November 2026, 11:06:40 UTC."""


def build(number: int, node: str = "22.20.0", significance: Significance = Significance.PATCH) -> Build:
    components = {
        ComponentName.RUNTIME: "0.1.0",
        ComponentName.PYTHON: "3.11.7",
        ComponentName.JAVASCRIPT: node,
    }
    return Build(number, f"{number:064x}", f"/builds/{number}", components, (), significance, NOW - DAY, NOW - DAY)


def unit(name: str, verdict: UnitClass = UnitClass.SAME) -> UnitResult:
    return UnitResult(name, 1, verdict, "")


def result(
    application: str,
    verdict: ApplicationVerdict = ApplicationVerdict.UNCHANGED,
    sentence: str = "all the same",
    units: tuple[UnitResult, ...] = (unit("s1"), unit("s2")),
    version: str = "",
) -> ApplicationResult:
    return ApplicationResult(application, version or f"{application}-v1", verdict, sentence, len(units), 0.1, units)


def rehearsed(*results: ApplicationResult, baseline: int = 1, candidate: int = 2) -> RehearsalResult:
    return RehearsalResult("r1", baseline, candidate, NOW - 60, NOW - 30, 12, results)


def evidence(**changes: object) -> Evidence:
    """Build 2 has soaked long enough for a patch, is healthy on development, and changes neither application."""
    ordinary: dict[str, object] = {
        "candidate": build(2),
        "production": build(1),
        "development": build(2),
        "soak_seconds": 7 * DAY,
        "healthy": True,
        "rehearsal": rehearsed(result("bank"), result("pizza")),
        "live": {"bank": "bank-v1", "pizza": "pizza-v1"},
        "overrides": (),
        "now": NOW,
    }
    return Evidence(**{**ordinary, **changes})  # type: ignore[arg-type]
