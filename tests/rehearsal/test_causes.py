"""What regressions have in common: the cause without the data, told once for all applications."""

import msgspec
from tests.rehearsal.sessions import GOOD, THROWS, ask, error, http, lane, say, session, tried, unit

from twinline.model.messages import LaneResult
from twinline.model.rehearsal import Cause, CauseGroup, Lane, UnitResult
from twinline.model.transcript import Logged, Outcome, SessionStarted, Transcript
from twinline.rehearsal import Rehearsed, combine, compare_unit, grouped, judge_all

OLD = {"javascript": "22.20.0", "python": "3.11.9", "runtime": "0.1.0"}
NEW = {"javascript": "24.19.0", "python": "3.12.1", "runtime": "0.1.0"}


def on(transcript: Transcript, components: dict[str, str]) -> Transcript:
    """The session on a build of these components."""
    started = transcript[0]
    assert isinstance(started, SessionStarted)
    return (msgspec.structs.replace(started, components=components), *transcript[1:])


def cause(before: Transcript, after: Transcript) -> Cause:
    found = unit(before, before, after).cause
    assert found is not None
    return found


def groups(**applications: list[UnitResult]) -> tuple[CauseGroup, ...]:
    return grouped(judge_all([Rehearsed(name, "v1", tuple(units)) for name, units in applications.items()]))


def test_cause_is_component_error_and_kind() -> None:
    assert cause(on(GOOD, OLD), on(THROWS, NEW)) == Cause(
        "javascript 22.20.0 → 24.19.0", "TypeError: util.isString is not a function", "error", "error"
    )


def test_other_languages_than_the_script_s_are_no_suspects() -> None:
    assert "python" not in cause(on(GOOD, OLD), on(THROWS, NEW)).component
    runtime = cause(on(GOOD, OLD), on(THROWS, {**NEW, "runtime": "0.2.0"}))
    assert runtime.component == "javascript 22.20.0 → 24.19.0, runtime 0.1.0 → 0.2.0"


def test_component_that_came_or_went_is_named_so() -> None:
    assert cause(on(GOOD, {}), on(THROWS, {"runtime": "1"})).component == "runtime none → 1"


def test_numbers_in_an_error_are_data() -> None:
    one, two = (session(error(f"no parcel {number}"), outcome=Outcome.FAILED) for number in (482913, 7))
    assert cause(GOOD, one) == cause(GOOD, two)
    assert cause(GOOD, one).error == "TypeError: no parcel #"


def test_error_that_comes_after_the_parting_is_the_cause() -> None:
    after = session(say(1, "Hm"), error(), outcome=Outcome.FAILED)
    assert cause(session(say(1, "Hello")), after).error == "TypeError: util.isString is not a function"


def test_error_that_the_baseline_has_too_is_not_the_cause() -> None:
    before = session(say(1, "You owe $5."), error(), outcome=Outcome.FAILED)
    after = session(say(1, "You owe $5.00."), error(), outcome=Outcome.FAILED)
    assert cause(before, after) == Cause("", "", "verb", "arguments.text")


def test_error_of_a_handler_is_a_cause() -> None:
    after = session(Logged(at=1.0, text=" ---- Callback Error : util.isString is not a function", line=17))
    assert cause(session(), after).error == "util.isString is not a function"


def test_version_that_cannot_be_set_up_is_a_cause() -> None:
    broken = LaneResult("r1", "u1", "candidate", 1, 2, (), "bundle: not a bundle", broken=True)
    found = compare_unit("u1", lane(Lane.BASELINE, GOOD), lane(Lane.CONTROL, GOOD), broken)
    assert found.cause == Cause("", "bundle: not a bundle", "set-up", "")


def test_what_did_not_regress_has_no_cause() -> None:
    for before, control, after in ((GOOD, GOOD, GOOD), (THROWS, THROWS, GOOD), (GOOD, THROWS, GOOD)):
        assert unit(before, control, after).cause is None


def test_group_is_shown_once_with_its_applications() -> None:
    before, after = on(GOOD, OLD), on(THROWS, NEW)
    other = on(session(error(line=7), outcome=Outcome.FAILED), NEW)
    (group,) = groups(
        courier=[tried(3, before, after, "c1"), tried(3, before, after, "c2"), tried(3, GOOD, GOOD, "c3")],
        shop=[tried(3, before, other, "s1"), tried(3, before, other, "s2")],
    )
    assert group.applications == {"courier": ("c1", "c2"), "shop": ("s1", "s2")}
    assert group.sentence == "TypeError: util.isString is not a function, with javascript 22.20.0 → 24.19.0"


def test_group_of_most_applications_comes_first() -> None:
    worded = session(ask(1, "Which day, please?", "monday"))
    told, thrown = [tried(3, GOOD, worded, f"t{n}") for n in range(5)], [tried(5, GOOD, THROWS, "e")]
    first, second = groups(a=thrown, b=[*thrown, *told])
    assert first.sentence == "TypeError: util.isString is not a function"
    assert second.sentence == "another text (verb)"
    assert second.applications == {"b": ("t0", "t1", "t2", "t3", "t4")}


def test_session_that_regressed_now_and_then_belongs_to_its_group_when_the_rate_tells() -> None:
    fleeting = [combine(unit(GOOD, GOOD, THROWS, 1, f"f{n}"), unit(GOOD, GOOD, GOOD, 2, f"f{n}")) for n in range(8)]
    (group,) = groups(courier=fleeting)
    assert len(group.applications["courier"]) == 8
    assert groups(courier=fleeting[:2]) == ()


def test_missing_look_up_is_a_cause_of_its_own() -> None:
    found = cause(GOOD, session(ask(1, "Which day?", "monday", "monday, friday"), say(2, "See you on monday.")))
    assert (found.kind, found.field) == ("verb", "kind")
    assert groups(a=[tried(4, GOOD, session(say(1, "Closed.")), "u")])[0].sentence == "another verb (verb)"
    assert cause(session(http(), say(1, "x")), session(http("http://other/"), say(1, "x"))).field == "url"
