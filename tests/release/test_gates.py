"""Each gate gives one verdict and one sentence that names the cause."""

from tests.release.samples import NOW, build, evidence, rehearsed, result, unit

from twinline.model.builds import Significance
from twinline.model.rehearsal import ApplicationVerdict, UnitClass
from twinline.model.release import Verdict
from twinline.release import GATES, SoakDays
from twinline.release.evidence import DAY
from twinline.release.gates import rehearsal, soak, undetermined


def test_the_gates_are_the_files_of_their_folder() -> None:
    assert list(GATES) == ["rehearsal", "soak", "undetermined"]


def test_each_gate_signs_its_result_with_its_name() -> None:
    for name, gate in GATES.items():
        assert gate(evidence()).gate == name


class TestSoak:
    def test_passes_when_the_days_are_full(self) -> None:
        decided = soak.decide(evidence(soak_seconds=7 * DAY))
        assert decided.verdict is Verdict.PASS
        assert decided.sentence == "Soaked: 7.0 of 7 healthy days on development"

    def test_waits_with_the_day_it_will_be_due(self) -> None:
        candidate = build(2, node="24.19.0", significance=Significance.SIGNIFICANT)
        decided = soak.decide(evidence(candidate=candidate, development=candidate, soak_seconds=0.2 * DAY))
        assert decided.verdict is Verdict.WAIT
        assert decided.sentence == (
            "Too young: 0.2 of 14 healthy days on development (significant build); due 2 December 2026"
        )
        assert decided.data["due"] == NOW + 13.8 * DAY

    def test_waits_as_long_as_its_significance_asks(self) -> None:
        for significance, days in ((Significance.PATCH, 7), (Significance.FEATURE, 10), (Significance.SIGNIFICANT, 14)):
            candidate = build(2, significance=significance)
            enough = evidence(candidate=candidate, soak_seconds=days * DAY)
            short = evidence(candidate=candidate, soak_seconds=days * DAY - 1)
            assert soak.decide(enough).verdict is Verdict.PASS
            assert soak.decide(short).verdict is Verdict.WAIT

    def test_never_reads_as_full_while_it_waits(self) -> None:
        assert "6.9 of 7" in soak.decide(evidence(soak_seconds=7 * DAY - 1)).sentence

    def test_the_days_are_a_setting_with_a_floor(self) -> None:
        days = SoakDays(patch=1, floor=3)
        assert soak.decide(evidence(soak_seconds=2 * DAY, soak_days=days)).verdict is Verdict.WAIT
        assert soak.decide(evidence(soak_seconds=3 * DAY, soak_days=days)).verdict is Verdict.PASS

    def test_a_patch_upon_a_significant_build_is_significant_for_production(self) -> None:
        candidate = build(3, node="24.19.0", significance=Significance.PATCH)
        decided = soak.decide(evidence(candidate=candidate, development=candidate, soak_seconds=7 * DAY))
        assert decided.verdict is Verdict.WAIT
        assert "of 14 healthy days" in decided.sentence

    def test_names_what_stops_the_clock(self) -> None:
        young = {"soak_seconds": 0.0}
        assert "runs build 3" in soak.decide(evidence(development=build(3), **young)).sentence
        assert "runs no build" in soak.decide(evidence(development=None, **young)).sentence
        stopped = soak.decide(evidence(healthy=False, **young))
        assert "no worker of build 2 is alive" in stopped.sentence
        assert "due" not in stopped.data


class TestRehearsal:
    def test_passes_when_every_application_is_unchanged(self) -> None:
        decided = rehearsal.decide(evidence())
        assert decided.verdict is Verdict.PASS
        assert decided.sentence == ("Rehearsed: 2 production applications behave as on build 1 (4 sessions compared)")

    def test_rejects_naming_the_application_and_how_it_differs(self) -> None:
        regressed = result("pizza", ApplicationVerdict.REGRESSED, "turn 2 throws in main.js, line 7.")
        decided = rehearsal.decide(evidence(rehearsal=rehearsed(result("bank"), regressed)))
        assert decided.verdict is Verdict.REJECTED
        assert decided.sentence == (
            "1 of 2 production applications would behave differently: pizza (turn 2 throws in main.js, line 7)"
        )

    def test_an_application_that_could_not_be_judged_is_unknown(self) -> None:
        unjudged = result("pizza", ApplicationVerdict.UNDETERMINED, "no session to compare")
        decided = rehearsal.decide(evidence(rehearsal=rehearsed(result("bank"), unjudged)))
        assert decided.verdict is Verdict.UNKNOWN
        assert "pizza (no session to compare)" in decided.sentence

    def test_waits_before_there_is_one(self) -> None:
        decided = rehearsal.decide(evidence(rehearsal=None))
        assert decided.verdict is Verdict.WAIT
        assert decided.sentence == "Not rehearsed yet: bank, pizza; run `twinline rehearse 2`"

    def test_a_rehearsal_of_another_build_does_not_count(self) -> None:
        other = rehearsed(result("bank"), result("pizza"), candidate=3)
        assert rehearsal.decide(evidence(rehearsal=other)).sentence.startswith("Not rehearsed yet: ")

    def test_waits_when_an_application_was_deployed_since(self) -> None:
        decided = rehearsal.decide(evidence(live={"bank": "bank-v1", "pizza": "pizza-v2"}))
        assert decided.verdict is Verdict.WAIT
        assert "Not rehearsed as deployed now: pizza" in decided.sentence

    def test_a_regression_of_code_that_is_gone_does_not_count(self) -> None:
        old = result("pizza", ApplicationVerdict.REGRESSED)
        decided = rehearsal.decide(
            evidence(rehearsal=rehearsed(result("bank"), old), live={"bank": "bank-v1", "pizza": "pizza-v2"})
        )
        assert decided.verdict is Verdict.WAIT

    def test_waits_when_production_moved_since(self) -> None:
        decided = rehearsal.decide(evidence(production=build(4), candidate=build(2)))
        assert decided.verdict is Verdict.WAIT
        assert "Rehearsed against build 1, but production runs build 4" in decided.sentence

    def test_an_application_that_is_gone_is_not_asked_for(self) -> None:
        decided = rehearsal.decide(evidence(live={"bank": "bank-v1"}))
        assert decided.verdict is Verdict.PASS
        assert "1 production application behaves" in decided.sentence

    def test_does_not_apply_where_there_is_nothing_to_compare(self) -> None:
        assert rehearsal.decide(evidence(production=None)).verdict is Verdict.NOT_APPLICABLE
        assert rehearsal.decide(evidence(live={})).verdict is Verdict.NOT_APPLICABLE


class TestUndetermined:
    def test_passes_while_the_share_is_small(self) -> None:
        units = (unit("lost", UnitClass.UNDETERMINED), *(unit(f"s{n}") for n in range(49)))
        decided = undetermined.decide(evidence(rehearsal=rehearsed(result("bank", units=units))))
        assert decided.verdict is Verdict.PASS
        assert decided.sentence == "1 of 50 rehearsed sessions could not be judged"

    def test_is_unknown_when_too_many_could_not_be_judged(self) -> None:
        for verdict in (
            UnitClass.UNDETERMINED,
            UnitClass.SPURIOUS,
            UnitClass.BROKEN,
            UnitClass.ERROR,
            UnitClass.SKIPPED,
        ):
            units = (unit("lost", verdict), *(unit(f"s{n}") for n in range(9)))
            decided = undetermined.decide(evidence(rehearsal=rehearsed(result("bank", units=units))))
            assert decided.verdict is Verdict.UNKNOWN
            assert decided.sentence == ("1 of 10 rehearsed sessions could not be judged (10.0%, at most 2.0% allowed)")

    def test_does_not_apply_before_a_rehearsal(self) -> None:
        assert undetermined.decide(evidence(rehearsal=None)).verdict is Verdict.NOT_APPLICABLE
