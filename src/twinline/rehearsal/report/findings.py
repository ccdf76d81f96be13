"""What a reader wants to see first: applications in the order of their trouble, and units of the same cause together.

Comes in: a result. Goes out: the same units, grouped and sorted; nothing is decided anew.
"""

from collections import Counter

import msgspec

from twinline.model.rehearsal import (
    ApplicationResult,
    ApplicationVerdict,
    CauseGroup,
    RehearsalResult,
    UnitClass,
    UnitResult,
)
from twinline.model.transcript import ErrorRaised, Event, kind

VERDICT_ORDER = (ApplicationVerdict.REGRESSED, ApplicationVerdict.UNDETERMINED, ApplicationVerdict.UNCHANGED)

CLASS_ORDER = (
    UnitClass.REGRESSED,
    UnitClass.BROKEN,
    UnitClass.ERROR,
    UnitClass.UNDETERMINED,
    UnitClass.PENDING,
    UnitClass.SPURIOUS,
    UnitClass.NOISY,
    UnitClass.CHANGED,
    UnitClass.FIXED,
    UnitClass.SAME_FAILURE,
    UnitClass.SAME,
    UnitClass.SKIPPED,
)
"""From what needs a reader most to what needs none."""


class Finding(msgspec.Struct, frozen=True):
    """Units of one application that part in the same way; `example` is the first of them."""

    verdict: UnitClass
    example: UnitResult
    units: tuple[UnitResult, ...]


class Section(msgspec.Struct, frozen=True):
    """An application with its findings, and how many of its units are of each class."""

    application: ApplicationResult
    findings: tuple[Finding, ...]
    classes: tuple[tuple[UnitClass, int], ...]


def sections(result: RehearsalResult) -> tuple[Section, ...]:
    """Regressed applications first, then the undetermined; among equals the one with more units concerned."""
    found = [_section(application) for application in result.applications]
    return tuple(
        sorted(
            found,
            key=lambda section: (
                VERDICT_ORDER.index(section.application.verdict),
                -sum(len(finding.units) for finding in section.findings),
                -len(section.application.units),
                section.application.application,
            ),
        )
    )


def headline(result: RehearsalResult) -> str:
    """The result in one sentence."""
    verdicts = Counter(application.verdict for application in result.applications)
    total = len(result.applications)
    if not total:
        return "There was no application to rehearse."
    parts = []
    if regressed := verdicts[ApplicationVerdict.REGRESSED]:
        parts.append(f"{regressed} of {_applications(total)} would behave differently on build {result.candidate}")
    if undetermined := verdicts[ApplicationVerdict.UNDETERMINED]:
        parts.append(
            f"{undetermined if regressed else f'{undetermined} of {_applications(total)}'} could not be judged"
        )
    if not parts:
        subject = "The application behaves" if total == 1 else f"All {total} applications behave"
        return f"{subject} on build {result.candidate} as on build {result.baseline}."
    return ", ".join(parts) + "."


def unjudged_share(result: RehearsalResult) -> float:
    """The share (0 to 1) of all sessions of which nothing could be said."""
    counted = [sum(unit.verdict is not UnitClass.SKIPPED for unit in each.units) for each in result.applications]
    unjudged = sum(count * each.undetermined for count, each in zip(counted, result.applications, strict=True))
    return unjudged / sum(counted) if sum(counted) else 0.0


def extent(group: CauseGroup) -> str:
    """How far a cause reaches, such as `5 sessions of 2 applications`."""
    sessions = sum(len(units) for units in group.applications.values())
    words = "1 session" if sessions == 1 else f"{sessions} sessions"
    return f"{words} of {_applications(len(group.applications))}"


def _section(application: ApplicationResult) -> Section:
    groups: dict[tuple[object, ...], list[UnitResult]] = {}
    for unit in application.units:
        if unit.verdict is not UnitClass.SAME:
            groups.setdefault(_cause(unit), []).append(unit)
    findings = [Finding(units[0].verdict, units[0], tuple(units)) for units in groups.values()]
    findings.sort(key=lambda finding: (CLASS_ORDER.index(finding.verdict), -len(finding.units)))
    counted = Counter(unit.verdict for unit in application.units)
    return Section(application, tuple(findings), tuple((each, counted[each]) for each in CLASS_ORDER if counted[each]))


def _cause(unit: UnitResult) -> tuple[object, ...]:
    """What units of one finding have in common: the kind of both events and what was thrown, not the data in them."""
    if unit.divergence is None:
        return (unit.verdict, unit.reason)
    found = unit.divergence
    return (unit.verdict, found.field, found.file, found.line, _kind(found.left), _kind(found.right))


def _kind(event: Event | None) -> str:
    if isinstance(event, ErrorRaised):
        return f"{event.error.type}: {event.error.message}"
    return kind(event) if event else ""


def _applications(count: int) -> str:
    return f"{count} application" if count == 1 else f"{count} applications"
