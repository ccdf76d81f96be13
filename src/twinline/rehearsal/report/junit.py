"""The result as JUnit XML, for continuous integration: a suite for each application, a case for each session.

Comes in: a result. Goes out: XML text. Each suite closes with a case for the application's verdict, so that nothing is
green because nothing was said. What differed once and not again is flaky: a passing case that says so.
"""

import re
from collections import Counter
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from twinline.model.rehearsal import ApplicationResult, ApplicationVerdict, RehearsalResult, UnitClass, UnitResult
from twinline.rehearsal.words import told

_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 has no way to write."""

_KINDS = {
    UnitClass.SAME: "",
    UnitClass.SAME_FAILURE: "system-out",
    UnitClass.FIXED: "system-out",
    UnitClass.CHANGED: "system-out",
    UnitClass.NOISY: "flakyFailure",
    UnitClass.REGRESSED: "failure",
    UnitClass.BROKEN: "error",
    UnitClass.SPURIOUS: "error",
    UnitClass.UNDETERMINED: "error",
    UnitClass.ERROR: "error",
    UnitClass.PENDING: "skipped",
    UnitClass.SKIPPED: "skipped",
}
"""The element that tells of a unit of this class."""

_VERDICTS = {
    ApplicationVerdict.UNCHANGED: "system-out",
    ApplicationVerdict.REGRESSED: "failure",
    ApplicationVerdict.UNDETERMINED: "error",
}

VERDICT = "the application as a whole"
"""The name of the case that has an application's verdict."""


def junit_xml(result: RehearsalResult) -> str:
    """The rehearsal as a JUnit document."""
    root = Element("testsuites", name=f"Build {result.candidate} against build {result.baseline}")
    root.set("time", f"{result.finished_at - result.started_at:.3f}")
    suites = [_suite(root, result, application) for application in result.applications]
    _count(root, [case for suite in suites for case in suite.iter("testcase")])
    indent(root)
    return tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(root: Element, result: RehearsalResult, application: ApplicationResult) -> Element:
    started = datetime.fromtimestamp(result.started_at, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    suite = SubElement(root, "testsuite", name=_plain(application.application), timestamp=started)
    bound = {} if application.bound is None else {"bound": f"{application.bound:.6f}"}
    _properties(
        suite,
        {
            "rehearsal": result.rehearsal,
            "baseline": str(result.baseline),
            "candidate": str(result.candidate),
            "version": application.version,
            "verdict": application.verdict.value,
            "compared": str(application.compared),
            "undetermined": f"{application.undetermined:.6f}",
            "log-e": f"{application.log_e:.6f}",
            **bound,
        },
    )
    for unit in application.units:
        _case(suite, application, unit)
    case = SubElement(suite, "testcase", classname=_plain(application.application), name=VERDICT)
    _outcome(case, _VERDICTS[application.verdict], application.verdict.value, application.sentence, "")
    _count(suite, list(suite.iter("testcase")))
    return suite


def _case(suite: Element, application: ApplicationResult, unit: UnitResult) -> None:
    case = SubElement(suite, "testcase", classname=_plain(application.application), name=_plain(unit.unit))
    lanes = {f"lane.{lane.lane.value}": f"build {lane.build}: {lane.ended}" for lane in unit.lanes}
    _properties(case, {"class": unit.verdict.value, "attempts": str(unit.attempts), **lanes})
    kind, details = _KINDS[unit.verdict], _details(unit)
    if not kind:
        return
    _outcome(case, kind, unit.verdict.value, unit.reason, details)
    if kind == "failure":
        for _ in range(unit.attempts - 1):
            _outcome(case, "rerunFailure", unit.verdict.value, unit.reason, details)


def _outcome(case: Element, kind: str, type_: str, message: str, details: str) -> None:
    if kind == "system-out":
        SubElement(case, kind).text = _plain(f"{type_}: {message}")
        return
    told_of = SubElement(case, kind, message=_plain(message))
    if kind != "skipped":
        told_of.set("type", type_)
        told_of.text = _plain(details or message)


def _details(unit: UnitResult) -> str:
    """The talk before the lanes part, where that is, and what each lane did then."""
    found = unit.divergence
    lines = [unit.reason, *unit.trail]
    if found is not None:
        place = f", {found.file or 'line'}{':' if found.file else ' '}{found.line}" if found.line else ""
        lines.append(f"at turn {found.turn}, {found.field}{place}")
    for lane in unit.lanes:
        lines.append(f"{lane.lane.value}, build {lane.build} ({lane.ended}):")
        lines += [f"  {told(event)}" for event in lane.events]
    return "\n".join(lines)


def _properties(parent: Element, values: dict[str, str]) -> None:
    properties = SubElement(parent, "properties")
    for name, value in values.items():
        SubElement(properties, "property", name=name, value=_plain(value))


def _count(parent: Element, cases: list[Element]) -> None:
    found = Counter(kind for case in cases for kind in {child.tag for child in case})
    parent.set("tests", str(len(cases)))
    for attribute, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        parent.set(attribute, str(found[kind]))


def _plain(words: str) -> str:
    return _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", words)
