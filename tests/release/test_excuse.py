"""The excuse takes the worst of all gates, says why in words, and knows whom a person let past."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.release.samples import NOW, build, evidence, rehearsed, result

from twinline.model.errors import Mistake
from twinline.model.rehearsal import ApplicationVerdict
from twinline.model.release import ALLOWS, Excuse, GateResult, Verdict
from twinline.release import GATES, decide, grant
from twinline.release.evidence import DAY
from twinline.release.overrides import OVERRIDE_LIFE, apply

REGRESSED = rehearsed(result("bank"), result("pizza", ApplicationVerdict.REGRESSED, "it throws"))


def past_soak(**changes: object) -> object:
    return grant(**{"build": 2, "gate": "soak", "by": "ada", "reason": "a known fix", "now": NOW - 1, **changes})  # type: ignore[arg-type]


def test_a_build_that_passes_every_gate_may_go() -> None:
    excuse = decide(evidence())
    assert excuse.verdict is Verdict.PASS
    assert excuse.headline == "Build 2 may be promoted"
    assert excuse.due is None


def test_the_worst_gate_decides_and_is_named_first() -> None:
    excuse = decide(evidence(soak_seconds=DAY, rehearsal=REGRESSED))
    assert excuse.verdict is Verdict.REJECTED
    assert excuse.headline == (
        "Build 2 stays on development. "
        "1 of 2 production applications would behave differently: pizza (it throws). "
        "Too young: 1.0 of 7 healthy days on development (patch build); due 24 November 2026"
    )


def test_it_is_due_when_only_time_is_missing() -> None:
    assert decide(evidence(soak_seconds=DAY)).due == NOW + 6 * DAY


def test_it_has_no_due_time_while_a_person_must_act() -> None:
    assert decide(evidence(soak_seconds=DAY, rehearsal=REGRESSED)).due is None


def test_what_runs_in_production_needs_no_excuse() -> None:
    excuse = decide(evidence(production=build(2)))
    assert excuse.verdict in ALLOWS
    assert excuse.headline == "Build 2 is in production"


def test_an_override_lets_its_gate_past_and_says_whose_it_is() -> None:
    excuse = decide(evidence(soak_seconds=DAY, overrides=(past_soak(),)))
    assert excuse.verdict is Verdict.PASS_BY_OVERRIDE
    soak = next(gate for gate in excuse.gates if gate.gate == "soak")
    assert soak.sentence == (
        "Let past by ada until 25 November 2026: a known fix. Without it: "
        "Too young: 1.0 of 7 healthy days on development (patch build); due 24 November 2026"
    )
    assert soak.data["overridden"] == "wait"


def test_an_override_of_one_gate_leaves_the_others() -> None:
    excuse = decide(evidence(soak_seconds=DAY, rehearsal=REGRESSED, overrides=(past_soak(),)))
    assert excuse.verdict is Verdict.REJECTED


@pytest.mark.parametrize("wrong", [{"build": 3}, {"gate": "rehearsal"}, {"now": NOW - OVERRIDE_LIFE}, {"now": NOW + 1}])
def test_an_override_holds_for_its_build_its_gate_and_its_time_only(wrong: dict[str, object]) -> None:
    assert decide(evidence(soak_seconds=DAY, overrides=(past_soak(**wrong),))).verdict is Verdict.WAIT


def test_a_gate_that_passes_by_itself_needs_no_override() -> None:
    assert decide(evidence(overrides=(past_soak(),))).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"gate": "soack"}, "did you mean 'soak'"),
        ({"reason": " "}, "has no reason"),
        ({"by": ""}, "is nobody's"),
    ],
)
def test_an_override_without_gate_reason_or_name_is_refused(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(Mistake, match=words):
        past_soak(**wrong)


def test_an_excuse_is_json_and_back() -> None:
    excuse = decide(evidence(soak_seconds=DAY, rehearsal=REGRESSED))
    assert msgspec.json.decode(msgspec.json.encode(excuse), type=Excuse) == excuse


def test_the_same_evidence_gives_the_same_excuse() -> None:
    assert decide(evidence(rehearsal=REGRESSED)) == decide(evidence(rehearsal=REGRESSED))


@given(st.sampled_from(list(Verdict)), st.sampled_from(list(GATES)), st.sampled_from(list(GATES)))
def test_an_override_never_makes_a_verdict_worse(verdict: Verdict, gate: str, overridden: str) -> None:
    before = GateResult(gate, verdict, "why", "who")
    after = apply(before, [past_soak(gate=overridden)], build=2, now=NOW)  # type: ignore[list-item]
    if verdict in ALLOWS or gate != overridden:
        assert after == before
    else:
        assert after.verdict is Verdict.PASS_BY_OVERRIDE
