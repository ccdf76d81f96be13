"""A cluster's pointer moves as the table says; what is not allowed changes nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.release.samples import NOW, build, evidence, rehearsed, result

from twinline.model.builds import BuildState, Cluster, ClusterPointer
from twinline.model.errors import Conflict, Mistake, NotFound, Refused
from twinline.model.rehearsal import ApplicationVerdict
from twinline.model.release import Excuse, Promotion, PromotionState
from twinline.release import (
    PROMOTION,
    ROLLBACK,
    decide,
    drained,
    empty,
    place,
    promote,
    rollback,
    settle,
    undone,
    unfinished,
)
from twinline.release.evidence import DAY

CURRENT, DRAINING = BuildState.CURRENT, BuildState.DRAINING
DRAINED, RETIRED = BuildState.DRAINED, BuildState.RETIRED
PUBLISHED = {1, 2, 3}


def production(current: int | None = 1, **states: BuildState) -> ClusterPointer:
    others = {int(name.removeprefix("b")): state for name, state in states.items()}
    own = {} if current is None else {current: CURRENT}
    return ClusterPointer(Cluster.PRODUCTION, current, 5, {**own, **others})


def allowed(number: int = 2) -> Excuse:
    candidate = build(number)
    return decide(
        evidence(
            candidate=candidate,
            development=candidate,
            rehearsal=rehearsed(result("bank"), result("pizza"), candidate=number),
        )
    )


def held() -> Excuse:
    regressed = result("pizza", ApplicationVerdict.REGRESSED, "it throws")
    return decide(evidence(soak_seconds=DAY, rehearsal=rehearsed(result("bank"), regressed)))


def move(from_build: int | None, to_build: int, kind: str = PROMOTION, in_flight: tuple[str, ...] = ()) -> Promotion:
    return Promotion(
        1, Cluster.PRODUCTION, from_build, to_build, kind, PromotionState.DRAINING, "ada", NOW, None, (), in_flight, {}
    )


def test_a_promotion_moves_new_sessions_and_lets_the_old_build_drain() -> None:
    after = promote(production(), 2, excuse=allowed(), published=PUBLISHED)
    assert after == ClusterPointer(Cluster.PRODUCTION, 2, 6, {1: DRAINING, 2: CURRENT})


def test_a_drained_build_stays_as_the_way_back_until_the_next_move() -> None:
    after = drained(production(2, b1=DRAINING), 1)
    assert after.states == {1: DRAINED, 2: CURRENT}
    assert promote(after, 3, excuse=allowed(3), published=PUBLISHED).states == {1: RETIRED, 2: DRAINING, 3: CURRENT}


def test_a_build_that_its_gates_hold_is_refused_with_every_reason() -> None:
    with pytest.raises(Refused) as caught:
        promote(production(), 2, excuse=held(), published=PUBLISHED)
    assert "rehearsal: 1 of 2 production applications would behave differently: pizza" in caught.value.what
    assert "soak: Too young: 1.0 of 7 healthy days" in caught.value.what
    assert "--override" in caught.value.mend


def test_a_second_promotion_waits_until_the_first_has_drained() -> None:
    with pytest.raises(Conflict, match="build 1 still drains on production"):
        promote(production(2, b1=DRAINING), 3, excuse=allowed(3), published=PUBLISHED)


def test_an_unknown_build_is_not_found() -> None:
    with pytest.raises(NotFound, match=r"no published build 9.*published builds: 1, 2, 3"):
        promote(production(), 9, excuse=allowed(), published=PUBLISHED)


def test_the_build_that_runs_cannot_be_promoted() -> None:
    with pytest.raises(Mistake, match="production runs build 1 already"):
        promote(production(), 1, excuse=allowed(), published=PUBLISHED)


def test_an_excuse_of_another_build_lets_nothing_go() -> None:
    with pytest.raises(Mistake, match="the excuse is of build 2"):
        promote(production(), 3, excuse=allowed(2), published=PUBLISHED)


def test_a_rollback_goes_back_even_while_the_promotion_drains() -> None:
    after = rollback(production(2, b1=DRAINING), move(1, 2))
    assert after == ClusterPointer(Cluster.PRODUCTION, 1, 6, {1: CURRENT, 2: DRAINING})


def test_a_rollback_goes_back_after_the_promotion_has_drained() -> None:
    assert rollback(production(2, b1=DRAINED), move(1, 2)).states == {1: CURRENT, 2: DRAINING}


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (None, "no build to go back to"),
        (move(None, 2), "no build to go back to"),
        (move(2, 1, kind=ROLLBACK), "already a rollback"),
        (move(2, 3), "the last promotion was to build 3"),
    ],
)
def test_there_is_not_always_a_way_back(last: Promotion | None, words: str) -> None:
    with pytest.raises(Conflict, match=words):
        rollback(production(2, b1=DRAINED), last)


def test_development_takes_any_published_build() -> None:
    first = place(empty(Cluster.DEVELOPMENT), 1, published=PUBLISHED)
    second = place(first, 2, published=PUBLISHED)
    assert second == ClusterPointer(Cluster.DEVELOPMENT, 2, 2, {1: DRAINING, 2: CURRENT})
    assert place(second, 1, published=PUBLISHED).states == {1: CURRENT, 2: DRAINING}


def test_production_takes_only_its_first_build_without_gates() -> None:
    first = place(empty(Cluster.PRODUCTION), 1, published=PUBLISHED)
    assert first.current == 1
    with pytest.raises(Refused, match="twinline promote 2"):
        place(first, 2, published=PUBLISHED)


def test_only_what_drains_can_be_drained() -> None:
    with pytest.raises(Mistake, match="build 1 is current"):
        drained(production(), 1)
    with pytest.raises(NotFound, match="build 7 has no workers"):
        drained(production(), 7)


class TestLedger:
    def test_counts_the_sessions_by_the_build_that_finished_them(self) -> None:
        promotion = settle(move(1, 2, in_flight=("a", "b", "c")), {"a": 1, "b": 1, "x": 2}, now=NOW)
        assert promotion.finished == {"1": 2}
        assert promotion.state is PromotionState.DRAINING
        assert promotion.done_at is None
        assert unfinished(promotion) == 1

    def test_is_done_with_the_last_one(self) -> None:
        promotion = settle(move(1, 2, in_flight=("a", "b")), {"a": 1, "b": 2}, now=NOW)
        assert promotion.finished == {"1": 1, "2": 1}
        assert (promotion.state, promotion.done_at) == (PromotionState.DONE, NOW)
        assert unfinished(promotion) == 0

    def test_is_done_at_once_when_nothing_was_in_flight(self) -> None:
        assert settle(move(1, 2), {}, now=NOW).state is PromotionState.DONE

    def test_goes_on_counting_after_a_rollback(self) -> None:
        promotion = undone(move(1, 2, in_flight=("a",)), now=NOW)
        assert promotion.state is PromotionState.ROLLED_BACK
        assert settle(promotion, {"a": 1}, now=NOW + 9).finished == {"1": 1}
        assert settle(promotion, {"a": 1}, now=NOW + 9).state is PromotionState.ROLLED_BACK

    def test_the_time_it_was_done_is_not_moved(self) -> None:
        done = settle(move(1, 2, in_flight=("a",)), {"a": 1}, now=NOW)
        assert settle(done, {"a": 1}, now=NOW + 9) == done


actions = st.tuples(st.sampled_from(["place", "promote", "rollback", "drained"]), st.integers(0, 4))


@given(st.sampled_from(list(Cluster)), st.lists(actions, max_size=30))
def test_whatever_is_asked_the_pointer_stays_whole(cluster: Cluster, asked: list[tuple[str, int]]) -> None:
    """One current build at most, a generation that grows by one with each move, and at most one way back to go to."""
    pointer, last = empty(cluster), None
    for action, number in asked:
        before = pointer
        try:
            match action:
                case "place":
                    pointer = place(pointer, number, published=PUBLISHED)
                case "promote":
                    pointer = promote(pointer, number, excuse=allowed(number), published=PUBLISHED)
                    last = move(before.current, number)
                case "rollback":
                    pointer = rollback(pointer, last)
                    assert last is not None
                    assert last.from_build is not None
                    last = move(last.to_build, last.from_build, kind=ROLLBACK)
                case "drained":
                    pointer = drained(pointer, number)
        except Mistake:
            assert pointer is before
            continue
        assert pointer.generation == before.generation + 1
        current = [build for build, state in pointer.states.items() if state is CURRENT]
        assert current == [pointer.current]
        assert before.states.keys() <= pointer.states.keys()
        if cluster is Cluster.PRODUCTION:
            others = [state for state in pointer.states.values() if state in (DRAINING, DRAINED)]
            assert len(others) <= 1
