"""What a release decision is made from: everything the gates may look at, gathered once, so that they stay pure.

Comes in: what the store holds at one moment. Goes out: a frozen `Evidence`, and the part of it that is still current.
"""

import msgspec

from twinline.model.builds import Build, Significance
from twinline.model.rehearsal import ApplicationResult, RehearsalResult
from twinline.model.release import Override
from twinline.release.significance import Contents, compute, most

DAY = 86_400.0
"""Seconds of soak in a day of it: 24 hours of health, not a date of a calendar."""


class SoakDays(msgspec.Struct, frozen=True):
    """Healthy days on development that a build needs, by significance; never fewer than `floor`."""

    patch: float = 7
    feature: float = 10
    significant: float = 14
    floor: float = 7

    def of(self, significance: Significance) -> float:
        """The days for this significance."""
        days = {
            Significance.PATCH: self.patch,
            Significance.FEATURE: self.feature,
            Significance.SIGNIFICANT: self.significant,
        }
        return max(self.floor, days[significance])


class Evidence(msgspec.Struct, frozen=True):
    """The state of the world when a candidate is judged. Times are seconds since the epoch (UTC).

    `production` and `development` are the builds those clusters run now. `soak_seconds` is what the candidate has
    gathered; `healthy` says that a worker runs it on development now. `rehearsal` is the latest finished one of the
    candidate; `live` maps each production application that has code to the digest of its live version.
    `undetermined_share` is the highest share (0 to 1) of rehearsed sessions that may remain unjudged.
    """

    candidate: Build
    production: Build | None
    development: Build | None
    soak_seconds: float
    healthy: bool
    rehearsal: RehearsalResult | None
    live: dict[str, str]
    overrides: tuple[Override, ...]
    now: float
    soak_days: SoakDays = SoakDays()
    undetermined_share: float = 0.02


def significance_for_production(evidence: Evidence) -> Significance:
    """How much production would change: builds in between may have been skipped, so the candidate's own significance
    (against the build before it) can say too little."""
    if evidence.production is None:
        return evidence.candidate.significance
    before, after = Contents(evidence.production.components), Contents(evidence.candidate.components)
    return most(evidence.candidate.significance, compute(before, after))


def current_results(evidence: Evidence) -> dict[str, ApplicationResult]:
    """What the rehearsal says of applications as they are live now, against the build production runs now."""
    rehearsal, production = evidence.rehearsal, evidence.production
    if rehearsal is None or production is None:
        return {}
    if (rehearsal.baseline, rehearsal.candidate) != (production.number, evidence.candidate.number):
        return {}
    return {
        result.application: result
        for result in rehearsal.applications
        if evidence.live.get(result.application) == result.version
    }
