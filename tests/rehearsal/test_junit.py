"""JUnit XML: parsed again, in the shape that readers of Surefire's reports expect."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rehearsal.sessions import GOOD, THROWS, judged, log, say, session, tried, unit

from twinline.model.rehearsal import ApplicationResult, ApplicationVerdict, RehearsalResult, UnitClass, UnitResult
from twinline.rehearsal import Rehearsed, combine, judge_all
from twinline.rehearsal.report import junit_xml
from twinline.rehearsal.report.junit import VERDICT


def document(*applications: tuple[str, list[UnitResult]]) -> ET.Element:
    judged = judge_all([Rehearsed(name, "v1", tuple(units)) for name, units in applications])
    return ET.fromstring(junit_xml(RehearsalResult("r1", 1, 2, 1_767_261_600.0, 1_767_261_603.4, 30, judged)))


def case(root: ET.Element, name: str) -> ET.Element:
    return next(each for each in root.iter("testcase") if each.get("name") == name)


def properties(element: ET.Element) -> dict[str, str]:
    found = element.find("properties")
    assert found is not None
    return {each.attrib["name"]: each.attrib["value"] for each in found}


def tags(element: ET.Element) -> list[str]:
    return [child.tag for child in element if child.tag != "properties"]


FLEETING = combine(unit(GOOD, GOOD, THROWS, 1, "flaky"), unit(GOOD, GOOD, GOOD, 2, "flaky"))
ROOT = document(
    ("pharmacy", [tried(1, GOOD, GOOD, f"p{n}") for n in range(3)]),
    ("courier", [tried(3, GOOD, THROWS, "c1"), tried(3, GOOD, THROWS, "c2"), tried(1, GOOD, GOOD, "c3"), FLEETING]),
    ("shop", []),
)


def test_application_is_a_suite_and_session_a_case() -> None:
    assert [suite.get("name") for suite in ROOT] == ["pharmacy", "courier", "shop"]
    assert [each.get("name") for each in ROOT[1].iter("testcase")] == ["c1", "c2", "c3", "flaky", VERDICT]
    assert {each.get("classname") for each in ROOT[1].iter("testcase")} == {"courier"}


def test_counts_are_of_what_is_inside() -> None:
    counted = [[each.get(name) for name in ("tests", "failures", "errors", "skipped")] for each in (ROOT, *ROOT)]
    assert counted == [["10", "3", "1", "0"], ["4", "0", "0", "0"], ["5", "3", "0", "0"], ["1", "0", "1", "0"]]
    assert ROOT.get("time") == "3.400"
    assert ROOT[0].get("timestamp") == "2026-01-01T10:00:00"


def test_suite_has_builds_version_and_verdict_as_properties() -> None:
    found = properties(ROOT[0])
    assert found.items() >= {"baseline": "1", "candidate": "2", "version": "v1", "verdict": "unchanged"}.items()
    assert (found["compared"], found["bound"], found["undetermined"]) == ("3", "0.631597", "0.000000")
    assert "bound" not in properties(ROOT[1])


def test_lanes_are_properties_of_the_case() -> None:
    assert properties(case(ROOT, "c1")) == {
        "class": "regressed",
        "attempts": "3",
        "lane.baseline": "build 1: completed",
        "lane.control": "build 1: completed",
        "lane.candidate": "build 2: failed",
    }


def test_regression_is_a_failure_with_a_rerun_for_each_further_attempt() -> None:
    found = case(ROOT, "c1")
    assert tags(found) == ["failure", "rerunFailure", "rerunFailure"]
    failure = found.find("failure")
    assert failure is not None
    assert failure.text is not None
    assert (failure.get("type"), "build 2 threw TypeError" in failure.get("message", "")) == ("regressed", True)
    assert "Caller: monday\nat turn 2, error, main.js:41\nbaseline, build 1 (completed):\n  called say" in failure.text


def test_difference_that_did_not_repeat_is_flaky_and_passes() -> None:
    assert tags(case(ROOT, "flaky")) == ["flakyFailure"]


def test_agreement_passes_without_a_word_and_a_change_with_one() -> None:
    assert tags(case(ROOT, "c3")) == []
    changed = document(("a", [tried(2, session(log("a")), session(log("b")), "u")]))
    assert tags(case(changed, "u")) == ["system-out"]


def test_nothing_is_green_because_nothing_was_said() -> None:
    verdict = case(ROOT[2], VERDICT)
    assert tags(verdict) == ["error"]
    assert verdict[0].get("message") == "there is no session to rehearse"


@pytest.mark.parametrize(
    ("class_", "expected"),
    [
        (UnitClass.SAME_FAILURE, "system-out"),
        (UnitClass.FIXED, "system-out"),
        (UnitClass.BROKEN, "error"),
        (UnitClass.SPURIOUS, "error"),
        (UnitClass.UNDETERMINED, "error"),
        (UnitClass.ERROR, "error"),
        (UnitClass.PENDING, "skipped"),
        (UnitClass.SKIPPED, "skipped"),
    ],
)
def test_class_has_its_element(class_: UnitClass, expected: str) -> None:
    assert tags(case(document(("a", [judged(class_, "u")])), "u")) == [expected]


@pytest.mark.parametrize("class_", UnitClass)
@pytest.mark.parametrize("verdict", ApplicationVerdict)
def test_every_class_and_verdict_can_be_written(class_: UnitClass, verdict: ApplicationVerdict) -> None:
    application = ApplicationResult("a", "v1", verdict, "sentence", 1, None, (judged(class_, "u"),))
    ET.fromstring(junit_xml(RehearsalResult("r1", 1, 2, 0.0, 1.0, 3, (application,))))


@given(st.text(st.characters(codec="utf-8")))
def test_whatever_people_said_can_be_read_back(said: str) -> None:
    text = junit_xml(RehearsalResult("r1", 1, 2, 0.0, 1.0, 3, judge_all([Rehearsed("a", said, (spoken(said),))])))
    assert case(ET.fromstring(text.encode()), "u").find("failure") is not None


def spoken(said: str) -> UnitResult:
    return tried(2, session(say(1, "Hello.")), session(say(1, f"Hello {said}")), "u")
